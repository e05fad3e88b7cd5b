"""AgentLoop's session documents."""

from __future__ import annotations

import json
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from sessiondb.errors import ImportFailed
from sessiondb.importers import agentloop
from sessiondb.importers.base import (
    MessageRecord,
    Record,
    SessionRecord,
    TokenRecord,
    ToolCallRecord,
    ToolResult,
)
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Problem, Source

STATE: dict[str, Any] = {
    "version": 1,
    "session_id": "0123456789ab_20260401_101500",
    "created_at": "2026-04-01T10:15:00.123456+00:00",
    "updated_at": "2026-04-01T10:18:09.654321+00:00",
    "model": "m-1",
    "workspace_root": "/home/ann/reef",
    "messages": [
        {"role": "user", "content": "Which corals?"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "ls", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "staghorn.md"}]},
        {"role": "assistant", "content": "Staghorn."},
    ],
    "token_usage": {"input_tokens": 120, "output_tokens": 30},
}


def write(folder: Path, state: Any, name: str = "state.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(state, indent=2), encoding="utf-8")
    return path


def read(path: Path, **options: Any) -> tuple[list[Record], list[Problem]]:
    source = Source(path, **options)
    return list(agentloop.read(source)), source.problems


def test_a_document_becomes_a_session_its_messages_and_one_token_total(tmp_path: Path) -> None:
    records, problems = read(write(tmp_path, STATE))
    session = records[0].id if isinstance(records[0], SessionRecord) else ""
    ids = [record.external_id for record in records if isinstance(record, MessageRecord | ToolResult)]
    assert problems == []
    assert records == [
        SessionRecord(
            session,
            "agentloop",
            "0123456789ab_20260401_101500",
            project="/home/ann/reef",
            model="m-1",
            started_at="2026-04-01T10:15:00.123Z",
            last_active_at="2026-04-01T10:18:09.654Z",
        ),
        MessageRecord(session, "user", "Which corals?", ids[0]),
        MessageRecord(session, "assistant", None, ids[1], tool_calls=(ToolCallRecord("t1", "ls", "{}"),)),
        ToolResult(session, "t1", "staghorn.md", external_id=ids[2]),
        MessageRecord(session, "assistant", "Staghorn.", ids[3]),
        TokenRecord(
            session,
            f"session-total:{session}",
            input=120,
            output=30,
            model="m-1",
            counted_at="2026-04-01T10:18:09.654Z",
        ),
    ]


def test_the_same_id_in_another_folder_is_another_session(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = (read(write(tmp_path / folder, STATE))[0] for folder in "ab")
    assert first[0].id != second[0].id  # type: ignore[union-attr]
    assert first[-1].request_key != second[-1].request_key  # type: ignore[union-attr]


def test_a_later_save_without_older_messages_keeps_the_ids_of_the_rest(tmp_path: Path) -> None:
    before, _ = read(write(tmp_path, STATE))
    shorter = [STATE["messages"][0], *STATE["messages"][2:], {"role": "user", "content": "Which fish?"}]
    after, _ = read(write(tmp_path, {**STATE, "messages": shorter}))
    assert after[:-2] == [before[0], before[1], *before[3:-1]]


def test_times_without_a_zone_are_in_the_zone_asked_for(tmp_path: Path) -> None:
    state = {**STATE, "created_at": "2026-04-01T12:15:00", "updated_at": "2026-04-01T10:18:09+00:00"}
    (session, *_), _ = read(write(tmp_path, state), tz=timezone(timedelta(hours=2)))
    assert isinstance(session, SessionRecord)
    assert (session.started_at, session.last_active_at) == (
        "2026-04-01T10:15:00.000Z",
        "2026-04-01T10:18:09.000Z",
    )


def test_what_is_not_understood_is_kept_and_a_newer_version_reported(tmp_path: Path) -> None:
    usage = {"input": 5}
    records, problems = read(
        write(tmp_path, {**STATE, "version": 2, "token_usage": usage, "plan": ["x"], "end": None})
    )
    session = records[0]
    assert isinstance(session, SessionRecord)
    assert session.metadata == {"plan": ["x"], "token_usage": usage}
    assert not [record for record in records if isinstance(record, TokenRecord)]
    assert problems == [Problem(None, None, "read as version 1, but it is 2")]


def test_the_file_names_the_session_where_the_document_does_not(tmp_path: Path) -> None:
    (session, *_), _ = read(write(tmp_path, {**STATE, "session_id": ""}, "abc_20260401_101500.json"))
    assert isinstance(session, SessionRecord)
    assert session.native_id == "abc_20260401_101500"


@pytest.mark.parametrize(
    ("name", "state", "score"),
    [
        ("a.json", STATE, 2),
        ("a.tmp", STATE, 0),
        ("a.json", {key: STATE[key] for key in STATE if key != "token_usage"}, 0),
        ("a.json", [STATE], 0),
    ],
)
def test_the_document_is_told_by_its_keys(tmp_path: Path, name: str, state: Any, score: int) -> None:
    assert agentloop.sniff(Sample(write(tmp_path, state, name))) == score


@pytest.mark.parametrize("state", [[], {}, {"messages": {}}, "text"])
def test_other_documents_are_refused(tmp_path: Path, state: Any) -> None:
    with pytest.raises(ImportFailed, match="not an AgentLoop session: it has no list of messages"):
        read(write(tmp_path, state))


@pytest.mark.parametrize("hostile", [None, True, 7, 0.5, "x", [], [1], {}, {"a": []}])
@pytest.mark.parametrize("field", [key for key in STATE if key != "messages"])
def test_odd_values_never_cost_the_messages(tmp_path: Path, field: str, hostile: Any) -> None:
    records, _ = read(write(tmp_path, {**STATE, field: hostile}))
    assert isinstance(records[0], SessionRecord)
    assert len([record for record in records if isinstance(record, MessageRecord | ToolResult)]) == 4


def test_messages_that_are_none_are_reported_by_number(tmp_path: Path) -> None:
    messages = [None, {"role": "user", "content": "hi"}, "hi"]
    records, problems = read(write(tmp_path, {**STATE, "messages": messages, "token_usage": None}))
    assert [record.content for record in records if isinstance(record, MessageRecord)] == ["hi"]
    assert [problem.reason for problem in problems] == ["message 1 is no object", "message 3 is no object"]


@pytest.mark.parametrize("depth", [100, 500, 700, 900])
def test_no_message_is_nested_too_deeply_for_the_others(tmp_path: Path, depth: int) -> None:
    deep = {"role": "user", "content": json.loads("[" * depth + "]" * depth)}
    records, problems = read(
        write(tmp_path, {**STATE, "messages": [deep, {"role": "user", "content": "hi"}]})
    )
    rows = [record for record in records if isinstance(record, MessageRecord)]
    assert rows[-1].content == "hi"
    assert len(rows) + len(problems) == 2


@pytest.mark.parametrize(
    ("file", "usage"),
    [("3f1c9b7a2d44_20260401_101500", (1200, 85)), ("3f1c9b7a2d44_20260402_090000", (10, 4))],
)
def test_samples_of_both_apis_give_the_same_rows(corpus: Path, file: str, usage: tuple[int, int]) -> None:
    path = corpus / "agentloop" / "synthetic_from_seed" / ".sessions" / f"{file}.json"
    records, problems = read(path)
    roles = [
        record.role if isinstance(record, MessageRecord) else type(record).__name__ for record in records
    ]
    assert roles == ["SessionRecord", "user", "assistant", "ToolResult", "assistant", "TokenRecord"]
    assert [len(record.tool_calls) for record in records if isinstance(record, MessageRecord)] == [0, 1, 0]
    tokens = records[-1]
    assert isinstance(tokens, TokenRecord)
    assert (tokens.input, tokens.output) == usage
    assert agentloop.sniff(Sample(path)) == 2
    assert problems == []


def test_an_interrupted_save_is_not_recognised(corpus: Path) -> None:
    folder = corpus / "agentloop" / "synthetic_from_seed" / ".sessions"
    assert [agentloop.sniff(Sample(path)) for path in sorted(folder.glob("*.tmp"))] == [0]
