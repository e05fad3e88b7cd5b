"""llm's database: conversations of both generations of tables, and what goes over from one to the other."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sessiondb.errors import ImportFailed
from sessiondb.importers import llm as llm_logs
from sessiondb.importers.base import MessageRecord, Record, SessionRecord, TokenRecord, ToolResult
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Problem, Source
from sessiondb.timestamps import normalise
from tests.helpers.llm_databases import CLASSIC, LATER, chain, make, ulid
from tests.helpers.odd_values import assert_storable

OLD = {
    "conversations": [{"id": ulid(1), "name": "Reefs", "model": "m"}],
    "responses": [
        {
            "id": ulid(2),
            "model": "m",
            "prompt": "What grows?",
            "response": "Corals.",
            "conversation_id": ulid(1),
            "datetime_utc": "2026-03-01T09:00:00.123456+00:00",
        }
    ],
}
# The thread goes on from the old conversation, whose messages stand before the first turn once more.
NEW: dict[str, list[dict[str, Any]]] = {
    "threads": [{"id": ulid(1), "name": "And how fast?", "tip_message_hash": "b2:4"}],
    "turns": [
        {
            "id": ulid(3),
            "thread_id": ulid(1),
            "parent_message_hash": "b2:3",
            "tip_message_hash": "b2:4",
            "model": "m",
            "datetime_utc": "2026-03-02T09:00:00.5+00:00",
            "input_tokens": 12,
            "output_tokens": 5,
        }
    ],
    **chain(
        ("b2:1", "user", "What grows?"),
        ("b2:2", "assistant", "Corals."),
        ("b2:3", "user", "And how fast?"),
        ("b2:4", "assistant", "Slowly."),
    ),
}


def read(path: Path) -> tuple[list[Record], list[Problem]]:
    source = Source(path)
    return list(llm_logs.read(source)), source.problems


def said(records: list[Record]) -> list[tuple[str, str, str | None]]:
    """Return which session said what in which role, and what tools answered."""
    return [
        (record.session, record.role, record.content)
        if isinstance(record, MessageRecord)
        else (record.session, "tool", record.result)
        for record in records
        if isinstance(record, MessageRecord | ToolResult)
    ]


def test_a_conversation_goes_over_from_the_old_tables_to_the_new(tmp_path: Path) -> None:
    records, problems = read(make(tmp_path / "logs.db", CLASSIC | LATER, OLD | NEW))
    assert problems == []
    assert records == [
        SessionRecord(ulid(1), "llm", ulid(1), title="Reefs"),
        MessageRecord(ulid(1), "user", "What grows?", f"{ulid(2)}:prompt", "2026-03-01T09:00:00.123Z"),
        MessageRecord(ulid(1), "assistant", "Corals.", ulid(2), "2026-03-01T09:00:00.123Z", model="m"),
        MessageRecord(ulid(1), "user", "And how fast?", "b2:3", "2026-03-02T09:00:00.500Z"),
        MessageRecord(ulid(1), "assistant", "Slowly.", "b2:4", "2026-03-02T09:00:00.500Z", model="m"),
        TokenRecord(
            ulid(1),
            ulid(3),
            input=12,
            output=5,
            model="m",
            message="b2:4",
            counted_at="2026-03-02T09:00:00.500Z",
        ),
    ]


def test_a_response_that_is_a_turn_too_is_taken_once(tmp_path: Path) -> None:
    both = {**OLD, **NEW, "turns": [{**NEW["turns"][0], "id": ulid(2)}]}
    records, _ = read(make(tmp_path / "logs.db", CLASSIC | LATER, both))
    assert [text for _, _, text in said(records)] == ["What grows?", "Corals.", "And how fast?", "Slowly."]


def test_a_response_without_a_conversation_is_a_session(tmp_path: Path) -> None:
    rows = {"responses": [{**OLD["responses"][0], "conversation_id": None}]}
    records, _ = read(make(tmp_path / "logs.db", CLASSIC, rows))
    assert records[0] == SessionRecord(ulid(2), "llm", ulid(2))


def test_conversations_and_threads_without_words_are_left_out(tmp_path: Path) -> None:
    rows = {"conversations": OLD["conversations"], "threads": [{"id": ulid(7), "name": "Empty"}]}
    assert read(make(tmp_path / "logs.db", CLASSIC | LATER, rows)) == ([], [])


def test_rows_that_are_only_in_the_write_ahead_log_are_read(tmp_path: Path) -> None:
    path = make(tmp_path / "logs.db", CLASSIC, {})
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("INSERT INTO responses (id, prompt, response) VALUES (?, 'Hi', 'Hello')", (ulid(2),))
    connection.commit()
    records, _ = read(path)
    connection.close()
    assert [text for _, _, text in said(records)] == ["Hi", "Hello"]


@pytest.mark.parametrize(
    ("tables", "score"),
    [
        (CLASSIC, 2),
        (LATER, 2),
        ({"responses": CLASSIC["responses"]}, 2),
        ({"responses": "id TEXT, body TEXT"}, 0),
        ({"messages": LATER["messages"], "parts": LATER["parts"]}, 0),
    ],
)
def test_the_database_is_told_by_its_tables(tmp_path: Path, tables: dict[str, str], score: int) -> None:
    path = make(tmp_path / "logs.db", tables, {})
    assert llm_logs.sniff(Sample(path)) == score
    if not score:
        with pytest.raises(ImportFailed, match="not a log of llm"):
            read(path)


@pytest.mark.once
def test_odd_values_in_any_column_never_raise(tmp_path: Path) -> None:
    rows = OLD | NEW
    rows["attachments"] = [{"id": "a", "type": "image/png", "content": b"x"}]
    rows["prompt_attachments"] = [{"response_id": ulid(2), "attachment_id": "a", "order": 0}]
    rows["fragments"] = [{"id": 1, "content": "notes"}]
    rows["prompt_fragments"] = [{"response_id": ulid(2), "fragment_id": 1, "order": 0}]
    rows["tool_calls"] = [{"id": 1, "response_id": ulid(2), "name": "look", "arguments": "{}"}]
    rows["tool_results"] = [{"id": 1, "response_id": ulid(2), "name": "look", "output": "x"}]
    for table, found in rows.items():
        columns = [part.split()[0].strip('"') for part in (CLASSIC | LATER)[table].split(",")]
        for column in columns:
            for odd in (
                None,
                -1,
                0.5,
                "x",
                b"\xff\0",
                '{"a": [',
                "[[]]",
                '{"text_ref": [1], "attachment": 2}',
            ):
                odd_rows = {**rows, table: [{**row, column: odd} for row in found[:1]] + found[1:]}
                try:
                    path = make(tmp_path / "logs.db", CLASSIC | LATER, odd_rows)
                except sqlite3.Error:
                    continue  # no database would take it
                assert_storable(read(path)[0])


@pytest.mark.parametrize("version", ["0.27.1", "0.36"])
def test_real_logs_have_the_facts_that_were_counted(corpus: Path, version: str) -> None:
    relative = f"llm-logs-db/generated_llm-{version}/logs.db"
    expected = json.loads((corpus / "EXPECTED.json").read_text(encoding="utf-8"))["files"][relative]
    assert llm_logs.sniff(Sample(corpus / relative)) == 2
    records, problems = read(corpus / relative)
    roles = Counter(role for _, role, _ in said(records))
    assert roles == {"system": 1, "user": expected["user_prompts_expected"], "assistant": 7, "tool": 1}
    sessions = [record.id for record in records if isinstance(record, SessionRecord)]
    assert len(sessions) == expected["sessions_expected"]
    times = [
        record.created_at for record in records if isinstance(record, MessageRecord) and record.created_at
    ]
    assert (min(times), max(times)) == (normalise(expected["first"]), normalise(expected["last"]))
    tokens = [record for record in records if isinstance(record, TokenRecord)]
    assert sum(record.input or 0 for record in tokens) == expected.get("sum_input_tokens", 0)
    assert sum(record.output or 0 for record in tokens) == expected.get("sum_output_tokens", 0)
    prompts = [(session, text or "") for session, role, text in said(records) if role == "user"]
    assert [session for session, text in prompts if "quokka" in text or "numbat" in text] == 2 * sessions[:1]
    assert [session for session, text in prompts if "zymurgy" in text] == sessions[2:3]
    pictures = [record.parts for record in records if isinstance(record, MessageRecord) and record.parts]
    digest = "c06303dd848a80e9e774747ca5f185ba68129bb55e4842c72ed477340fc8100c"
    assert pictures == [
        [{"type": "attachment", "sha256": digest, "media_type": "image/png", "path": "/tmp/w/p.png"}]
    ]
    assert problems == []
