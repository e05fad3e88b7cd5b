"""llm's later tables: turns over a tree of messages that threads share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sessiondb.importers import llm as llm_logs
from sessiondb.importers.base import MessageRecord, Record, SessionRecord, ToolCallRecord, ToolResult
from sessiondb.importers.files.source import Problem, Source
from tests.helpers.llm_databases import CLASSIC, LATER, chain, make, ulid

AT = "2026-03-01T09:00:00.000Z"
THREAD = {"id": ulid(1), "name": "Reefs", "tip_message_hash": "b2:4"}
TALK = chain(
    ("b2:0", "system", "You dive."),
    ("b2:1", "user", "What grows?"),
    ("b2:2", "assistant", "Corals."),
    ("b2:3", "user", "And how fast?"),
    ("b2:4", "assistant", "Slowly."),
)


def turn(number: int, thread: int, parent: str | None, tip: str, **more: Any) -> dict[str, Any]:
    row = {
        "id": ulid(number),
        "thread_id": ulid(thread),
        "parent_message_hash": parent,
        "tip_message_hash": tip,
    }
    return {**row, "model": "m", "datetime_utc": "2026-03-01T09:00:00+00:00", **more}


TURNS = [turn(2, 1, "b2:1", "b2:2"), turn(3, 1, "b2:3", "b2:4")]


def read(folder: Path, **rows: Any) -> tuple[list[Record], list[Problem]]:
    source = Source(make(folder / "logs.db", CLASSIC | LATER, rows))
    return list(llm_logs.read(source)), source.problems


def said(records: list[Record]) -> list[tuple[str, str, str | None]]:
    return [
        (record.session, record.role, record.content)
        for record in records
        if isinstance(record, MessageRecord)
    ]


def test_a_thread_is_walked_turn_by_turn(tmp_path: Path) -> None:
    records, problems = read(tmp_path, threads=[THREAD], turns=TURNS, **TALK)
    assert problems == []
    assert records == [
        SessionRecord(ulid(1), "llm", ulid(1), title="Reefs"),
        MessageRecord(ulid(1), "system", "You dive.", "b2:0", AT, metadata={"kind": "instructions"}),
        MessageRecord(ulid(1), "user", "What grows?", "b2:1", AT),
        MessageRecord(ulid(1), "assistant", "Corals.", "b2:2", AT, model="m"),
        MessageRecord(ulid(1), "user", "And how fast?", "b2:3", AT),
        MessageRecord(ulid(1), "assistant", "Slowly.", "b2:4", AT, model="m"),
    ]


def test_a_fork_leaves_what_it_shares_with_its_parent(tmp_path: Path) -> None:
    branch = chain(("b2:5", "user", "Where?"), ("b2:6", "assistant", "Far out."), start="b2:2")
    fork = {"id": ulid(4), "name": "Fork", "tip_message_hash": "b2:6", "forked_from": ulid(1)}
    rows = {table: TALK[table] + branch[table] for table in TALK}
    records, _ = read(tmp_path, threads=[THREAD, fork], turns=[*TURNS, turn(5, 4, "b2:5", "b2:6")], **rows)
    assert records[6] == SessionRecord(
        ulid(4), "llm", ulid(4), parent_id=ulid(1), relation="fork", title="Fork"
    )
    assert said(records)[5:] == [(ulid(4), "user", "Where?"), (ulid(4), "assistant", "Far out.")]


def test_threads_that_happen_to_begin_alike_are_both_whole(tmp_path: Path) -> None:
    other = {"id": ulid(4), "tip_message_hash": "b2:2"}
    records, _ = read(tmp_path, threads=[THREAD, other], turns=[*TURNS, turn(5, 4, "b2:1", "b2:2")], **TALK)
    assert [text for session, _, text in said(records) if session == ulid(4)] == [
        "You dive.",
        "What grows?",
        "Corals.",
    ]


def test_history_that_a_program_sent_along_is_part_of_the_thread(tmp_path: Path) -> None:
    records, _ = read(tmp_path, threads=[THREAD], turns=TURNS[1:], **TALK)
    assert [(role, text) for _, role, text in said(records)] == [
        ("system", "You dive."),
        ("user", "What grows?"),
        ("assistant", "Corals."),
        ("user", "And how fast?"),
        ("assistant", "Slowly."),
    ]
    models = [record.model for record in records if isinstance(record, MessageRecord)]
    assert models == [None, None, None, None, "m"]


def test_messages_without_a_turn_have_no_time_but_the_threads(tmp_path: Path) -> None:
    records, _ = read(
        tmp_path, threads=[{**THREAD, "datetime_utc": "2026-03-01 09:00:00.000000+00:00"}], **TALK
    )
    assert records[0] == SessionRecord(ulid(1), "llm", ulid(1), title="Reefs", started_at=AT)
    assert len(said(records)) == 5
    assert not any(record.created_at for record in records if isinstance(record, MessageRecord))


def test_parts_of_all_types_are_read(tmp_path: Path) -> None:
    messages = chain(
        ("b2:1", "user", ""), ("b2:2", "assistant", ""), ("b2:3", "tool", ""), ("b2:4", "assistant", "1.")
    )
    parts = [
        ("b2:1", "text", None, {"text_ref": [{"fragment": 1}, {"literal": "\nSum it up"}, {"fragment": 9}]}),
        ("b2:1", "attachment", None, {"attachment": {"id": "ab12"}}),
        ("b2:2", "reasoning", "I ask.", {"provider_metadata": {"anthropic": {"signature": "xyz"}}}),
        ("b2:2", "text", "Let me ", None),
        ("b2:2", "text", "see.", None),
        ("b2:2", "tool_call", None, {"name": "version", "arguments": {"of": "日"}, "tool_call_id": "tc1"}),
        ("b2:2", "hologram", None, {"depth": 3}),
        (
            "b2:3",
            "tool_result",
            None,
            {"name": "version", "output": "1", "tool_call_id": "tc1", "attachments": [{"id": "ab12"}]},
        ),
    ]
    numbers = dict.fromkeys(("b2:1", "b2:2", "b2:3"), 0)
    rows = messages["parts"]
    for name, kind, text, payload in parts:
        numbers[name] += 1
        row = {"message_hash": name, "position": numbers[name], "type": kind, "text": text}
        rows.append({**row, "payload": None if payload is None else json.dumps(payload)})
    records, _ = read(
        tmp_path,
        turns=[turn(2, 1, "b2:1", "b2:2", duration_ms=9), turn(3, 1, "b2:3", "b2:4")],
        messages=messages["messages"],
        parts=rows,
        fragments=[{"id": 1, "content": "about zymurgy"}],
        attachments=[{"id": "ab12", "type": "image/png", "content": b"12345"}],
    )
    picture = {"type": "attachment", "sha256": "ab12", "media_type": "image/png", "bytes": 5}
    assert records[1:] == [
        MessageRecord(ulid(1), "user", "about zymurgy\nSum it up", "b2:1", AT, parts=[picture]),
        MessageRecord(
            ulid(1),
            "assistant",
            "Let me see.",
            "b2:2",
            AT,
            "I ask.",
            [{"depth": 3, "type": "hologram"}],
            "m",
            metadata={"duration_ms": 9},
            tool_calls=(ToolCallRecord("tc1", "version", '{"of":"日"}'),),
        ),
        ToolResult(ulid(1), "tc1", "1", False, AT, "version", "b2:3:0", [picture]),
        MessageRecord(ulid(1), "assistant", "1.", "b2:4", AT, model="m"),
    ]


def test_a_tool_that_the_provider_ran_answers_in_the_message_that_asks(tmp_path: Path) -> None:
    talk = chain(("b2:1", "user", "Search"), ("b2:2", "assistant", "Found."))
    found = {"name": "web", "output": "a page", "tool_call_id": "s1", "exception": None}
    asked = {"name": "web", "arguments": {}, "tool_call_id": "s1", "server_executed": True}
    for position, (kind, payload) in enumerate((("tool_call", asked), ("tool_result", found)), 1):
        talk["parts"].append(
            {"message_hash": "b2:2", "position": position, "type": kind, "payload": json.dumps(payload)}
        )
    records, _ = read(tmp_path, turns=[turn(2, 1, "b2:1", "b2:2")], **talk)
    assert isinstance(records[2], MessageRecord)
    assert records[2].tool_calls == (ToolCallRecord("s1", "web", "{}"),)
    assert records[3] == ToolResult(ulid(1), "s1", "a page", False, AT, "web", "b2:2:2")


def test_a_message_that_is_gone_is_reported(tmp_path: Path) -> None:
    rows = {**TALK, "messages": TALK["messages"][2:]}
    records, problems = read(tmp_path, threads=[THREAD], turns=TURNS[1:], **rows)
    assert [text for _, _, text in said(records)] == ["Corals.", "And how fast?", "Slowly."]
    assert [problem.reason for problem in problems] == [
        "message b2:1 is missing, and what was said before it"
    ]


def test_a_circle_of_messages_does_not_hang(tmp_path: Path) -> None:
    rows = {**TALK, "messages": [{**TALK["messages"][0], "parent_hash": "b2:4"}, *TALK["messages"][1:]]}
    records, _ = read(tmp_path, threads=[THREAD], turns=TURNS, **rows)
    assert len(said(records)) == 5


def test_a_reply_to_nothing_is_a_reply(tmp_path: Path) -> None:
    records, _ = read(tmp_path, turns=[turn(2, 1, None, "b2:1")], **chain(("b2:1", "assistant", "Hello.")))
    assert records[1:] == [MessageRecord(ulid(1), "assistant", "Hello.", "b2:1", AT, model="m")]
