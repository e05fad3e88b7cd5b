"""Hermes' transcripts and logs."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from sessiondb.errors import ImportFailed
from sessiondb.importers import hermes
from sessiondb.importers.base import (
    ChannelRecord,
    MessageRecord,
    Record,
    SessionRecord,
    ToolCallRecord,
    ToolResult,
)
from sessiondb.importers.files.source import Problem, Source
from sessiondb.importers.hermes.transcript import read_log, read_transcript
from tests.helpers.hermes_logs import LINES, LOG, TURN, USER, A, merged, write


def read(path: Path, **options: Any) -> tuple[list[Record], list[Problem]]:
    source = Source(path, **{"tz": timezone.utc, **options})
    return list(hermes.read(source)), source.problems


def test_a_transcript_is_a_session_in_the_order_of_its_lines(tmp_path: Path) -> None:
    path = write(tmp_path / f"{A}.jsonl", *LINES)
    records, problems = read(path, tz=timezone(timedelta(hours=2)))
    ids = [getattr(record, "external_id", None) for record in records]
    at = "2026-03-01T07:00:05.100Z"
    assert problems == []
    assert len(set(ids)) == len(ids)
    assert records == [
        SessionRecord(
            A,
            "hermes",
            A,
            channel=ChannelRecord("telegram"),
            model="m-1",
            authority=10,
            metadata={"tools": 2},
        ),
        MessageRecord(A, "user", "What is a quokka?", ids[1], at),
        MessageRecord(
            A,
            "assistant",
            None,
            ids[2],
            at,
            reasoning="look it up",
            finish_reason="tool_calls",
            tool_calls=(ToolCallRecord("c1", "web", "{}"),),
        ),
        ToolResult(A, "c1", "marsupial", created_at=at, external_id=ids[3]),
        MessageRecord(A, "assistant", "A marsupial.", ids[4], at),
    ]


def test_a_transcript_of_another_encoding_is_kept_and_reported(tmp_path: Path) -> None:
    path = tmp_path / f"{A}.jsonl"
    path.write_bytes(
        json.dumps({**USER, "content": "Grüße"}, ensure_ascii=False).encode("cp1252") + b"\n{]\n"
    )
    records, problems = read(path)
    assert [record.content for record in records if isinstance(record, MessageRecord)] == ["Gr\ufffd\ufffde"]
    assert [problem.line for problem in problems] == [1, 2]


@pytest.mark.parametrize("cut", range(1, len(LINES) + 2))
def test_a_transcript_read_in_two_parts_gives_the_same(tmp_path: Path, cut: int) -> None:
    lines = [*LINES, USER, USER]
    whole = merged(read(write(tmp_path / f"{A}.jsonl", *lines))[0])
    path = write(tmp_path / f"{A}.jsonl", *lines[:cut])
    first = Source(path, tz=timezone.utc)
    records = list(hermes.read(first))
    write(path, *lines)
    second = Source(
        path, tz=timezone.utc, start=first.end, line=first.line, state=json.loads(json.dumps(first.state))
    )
    assert merged(records + list(hermes.read(second))) == whole


@pytest.mark.parametrize("depth", [50, 300, 480, 700, 5000])
def test_deep_nesting_is_kept_or_reported(tmp_path: Path, depth: int) -> None:
    deep = f'{{"role":"user","content":{"[" * depth}{"]" * depth},"timestamp":"{TURN}"}}'
    source = Source(write(tmp_path / f"{A}.jsonl", deep, USER))
    assert len([*read_transcript(source), *source.problems]) == 3
    with suppress(ImportFailed):
        log = write(tmp_path / "session_x.json", f'{{"session_id":"x","messages":[{deep}]}}')
        assert len(list(read_log(Source(log)))) in (1, 2)


def test_a_log_is_a_session_whose_messages_have_no_times(tmp_path: Path) -> None:
    untimed = [{key: value for key, value in line.items() if key != "timestamp"} for line in LOG["messages"]]
    path = write(tmp_path / f"session_{A}.json", {**LOG, "messages": untimed}, indent=2)
    records, problems = read(path)
    session, *rows = records
    assert problems == []
    assert session == SessionRecord(
        A,
        "hermes",
        A,
        project="/home/ann",
        channel=ChannelRecord("cli"),
        model="m-1",
        started_at="2026-03-01T08:59:00.000Z",
        last_active_at="2026-03-01T09:05:00.000Z",
        authority=10,
        metadata={
            "tools": 1,
            "system_prompt": {
                "sha256": hashlib.sha256(b"Be kind.").hexdigest(),
                "characters": 8,
            },
            "base_url": "https://models.example/v1",
        },
    )
    assert [(type(row), row.created_at) for row in rows if isinstance(row, MessageRecord | ToolResult)] == [
        (MessageRecord, None),
        (MessageRecord, None),
        (ToolResult, None),
    ]
