"""Gemini CLI's event log: what it means in the end, read on, torn or spoilt."""

from __future__ import annotations

import json
import random
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from sessiondb.errors import ImportFailed
from sessiondb.importers import gemini
from sessiondb.importers.base import (
    MessageRecord,
    SessionRecord,
    TokenRecord,
    ToolCallRecord,
    ToolResult,
)
from sessiondb.importers.files.source import Source
from tests.helpers.gemini_logs import (
    HEADER,
    NOON,
    SESSION,
    call,
    records,
    reply,
    said,
    tokens,
    user,
    write,
)
from tests.helpers.odd_values import spoilt
from tests.helpers.records import of

LOG = [
    HEADER,
    user("u1", [{"text": "List "}, {"text": "the files."}]),
    {"$set": {"lastUpdated": NOON}},
    reply("g1", "", tokens=None),
    reply("g1", "", **tokens(input=100, cached=60, output=5, thoughts=7)),
    reply(
        "g1",
        "",
        **tokens(input=100, cached=60, output=5, thoughts=7),
        toolCalls=[call("c1", {"output": "a.txt"})],
    ),
    reply(
        "g2",
        "One file.",
        **tokens(input=120, output=3),
        thoughts=[{"subject": "Count", "description": "It is one."}],
    ),
]


def test_log_is_read_in_its_final_state(tmp_path: Path) -> None:
    """A message written three times is one message, with its last calls, its tokens counted once."""
    made = f"{SESSION}:"
    assert records(write(tmp_path / "session.jsonl", LOG)) == [
        SessionRecord(
            SESSION,
            "gemini-cli",
            SESSION,
            model="g-3",
            started_at="2026-04-29T21:39:22.319Z",
            metadata={"projectHash": "f" * 64, "kind": "main"},
        ),
        MessageRecord(SESSION, "user", "List the files.", "u1", NOON),
        MessageRecord(
            SESSION,
            "assistant",
            None,
            "g1",
            NOON,
            model="g-3",
            tool_calls=(ToolCallRecord("c1", "ls", '{"dir":"ü"}'),),
        ),
        ToolResult(SESSION, "c1", "a.txt", False, None, "ls"),
        TokenRecord(SESSION, made + "g1", 40, 60, None, 12, 7, None, "g-3", "g1", NOON),
        MessageRecord(SESSION, "assistant", "One file.", "g2", NOON, "Count\nIt is one.", model="g-3"),
        TokenRecord(SESSION, made + "g2", 120, 0, None, 3, 0, None, "g-3", "g2", NOON),
    ]


@pytest.mark.parametrize(
    ("event", "left"),
    [
        ({"$rewindTo": "g1"}, [("user", "List the files.")]),
        ({"$rewindTo": "u1"}, []),
        ({"$rewindTo": "unknown"}, []),
        (
            {"$set": {"messages": [user("s1", "<state_snapshot>so far</state_snapshot>")]}},
            [("system", "<state_snapshot>so far</state_snapshot>")],
        ),
    ],
)
def test_messages_taken_back_are_left_out_but_paid_for(
    tmp_path: Path, event: dict[str, Any], left: list[tuple[str, str]]
) -> None:
    """A rewind or a compression takes messages back; their tokens stay, and belong to no message."""
    found = records(
        write(tmp_path / "session.jsonl", [*LOG, event, reply("g9", "Anew.", **tokens(input=1, output=1))])
    )
    assert said(found) == [*left, ("assistant", "Anew.")]
    assert [(record.request_key, record.input, record.message) for record in of(TokenRecord, found)] == [
        (f"{SESSION}:g9", 1, "g9"),
        (f"{SESSION}:g1", 40, None),
        (f"{SESSION}:g2", 120, None),
    ]


@pytest.mark.parametrize("cut", range(1, len(LOG)))
def test_log_read_on_gives_what_reading_it_at_once_gives(tmp_path: Path, cut: int) -> None:
    """Wherever the last import ended, the log is read from its beginning."""
    path = write(tmp_path / "session.jsonl", LOG[:cut])
    first = Source(path)
    list(gemini.read(first))
    assert first.end == path.stat().st_size
    write(path, LOG)
    again = Source(path, start=first.end, line=first.line, state=first.state)
    assert list(gemini.read(again)) == records(path)
    assert (again.line, again.end) == (len(LOG), path.stat().st_size)


def test_torn_last_line_waits_and_bad_lines_are_reported(tmp_path: Path) -> None:
    """A line in the middle that is no JSON, or JSON of no meaning here, is named by its number."""
    path = write(tmp_path / "session.jsonl", LOG)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1].replace(b'{"$set"', b'[1]\n{"id": {}}\nnonsense\n{"$set"', 1)[:-20])
    source = Source(path)
    found = list(gemini.read(source))
    assert said(found) == [("user", "List the files."), ("assistant", None)]
    assert [problem.line for problem in source.problems] == [3, 4, 5]
    assert source.end == path.read_bytes().rindex(b"\n") + 1


@pytest.mark.parametrize("depth", [100, 50_000, 5000])
def test_deeply_nested_message_costs_no_other(tmp_path: Path, depth: int) -> None:
    """What no decoder or no recursion bears is reported; the rest is imported."""
    line = json.dumps(reply("g1", "deep", toolCalls=[call("c1", "NESTED")])).replace(
        '"NESTED"', "[" * depth + "]" * depth
    )
    path = write(tmp_path / "s.jsonl", [HEADER, user("u1", "before")])
    path.write_text(path.read_text("utf-8") + line + "\n" + json.dumps(user("u2", "after")) + "\n", "utf-8")
    source = Source(path)
    contents = [content for _, content in said(list(gemini.read(source)))]
    assert contents == (["before", "deep", "after"] if depth == 100 else ["before", "after"])
    assert len(source.problems) == (depth != 100)


@pytest.mark.parametrize("seed", range(60))
def test_values_of_any_type_anywhere_never_raise(tmp_path: Path, seed: int) -> None:
    """Log or document, whatever its values are it is read, or refused where no session is left of it."""
    lines = spoilt([*LOG, {"$set": {"messages": LOG[1:]}}, {"$rewindTo": "g2"}], random.Random(seed))
    log = write(tmp_path / "session.jsonl", lines if isinstance(lines, list) else [lines])
    document = tmp_path / "session.json"
    document.write_text(json.dumps({**HEADER, "messages": lines}, indent=1), "utf-8")
    for path in (log, document):
        try:
            assert of(SessionRecord, records(path))
        except ImportFailed:
            assert not isinstance(lines, list)


@pytest.mark.once
def test_memory_holds_a_message_not_the_log(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    with open(path, "w", encoding="ascii") as file:
        file.write(json.dumps(HEADER) + "\n")
        for number in range(300):
            file.write(json.dumps(user(f"u{number}", "x" * 100_000)) + "\n")
    tracemalloc.start()
    try:
        assert sum(isinstance(record, MessageRecord) for record in gemini.read(Source(path))) == 300
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > 30_000_000
    assert peak < 8_000_000
