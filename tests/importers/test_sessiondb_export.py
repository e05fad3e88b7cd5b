"""Our own exports: told by their first line, read from their beginning, and checked row by row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sessiondb.errors import ImportFailed
from sessiondb.importers import sessiondb_export
from sessiondb.importers.detect import detect
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Source
from sessiondb.records.export_rows import HeaderRow, MessageRow, NoteRow, Row, SessionRow, TokensRow

WHEN = "2026-03-01T12:00:00.000Z"
HEADER: dict[str, Any] = {"type": "header", "format": "sessiondb-export", "version": 1}
SESSION: dict[str, Any] = {
    "type": "session", "id": "s", "agent": "a", "started_at": WHEN, "last_active_at": WHEN,
}  # fmt: skip
MESSAGE: dict[str, Any] = {"type": "message", "seq": 1, "role": "user", "content": "Hello"}
TOKENS: dict[str, Any] = {"type": "tokens", "output": 3}
NOTE: dict[str, Any] = {"type": "note", "kind": "win", "body": "It works", "created_at": WHEN}


def write(path: Path, *lines: Any) -> Path:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


def read(tmp_path: Path, *lines: Any) -> tuple[list[Row], list[tuple[int | None, str]]]:
    source = Source(write(tmp_path / "export.jsonl", *lines))
    return list(sessiondb_export.read(source)), [
        (problem.line, problem.reason) for problem in source.problems
    ]


@pytest.mark.parametrize(
    ("lines", "score"),
    [
        ([HEADER], 2),
        ([HEADER, SESSION, MESSAGE], 2),
        ([SESSION, MESSAGE], 0),
        ([MESSAGE, HEADER], 0),
        ([{"type": "header", "format": "other"}], 0),
        ([], 0),
    ],
)
def test_an_export_is_told_by_its_first_line(tmp_path: Path, lines: list[Any], score: int) -> None:
    sample = Sample(write(tmp_path / "any.jsonl", *lines))
    sample.lines_up_to(50)

    assert sessiondb_export.sniff(sample) == score
    found = detect(sample)
    assert (found is not None and found.name == sessiondb_export.name) is (score == 2)


def test_rows_come_as_they_were_written(tmp_path: Path) -> None:
    rows, problems = read(
        tmp_path, HEADER, SESSION, MESSAGE, TOKENS, NOTE | {"session": "s"}, NOTE | {"project": "/p"}
    )

    assert rows == [
        HeaderRow("sessiondb-export", 1),
        SessionRow("s", "a", WHEN, WHEN),
        MessageRow(1, "user", "Hello"),
        TokensRow(output=3),
        NoteRow("win", "It works", WHEN, session="s"),
        NoteRow("win", "It works", WHEN, project="/p"),
    ]
    assert problems == []


def test_it_is_always_read_from_its_beginning(tmp_path: Path) -> None:
    path = write(tmp_path / "export.jsonl", HEADER, SESSION, MESSAGE)
    source = Source(path, start=path.stat().st_size - 10, line=3)

    assert len(list(sessiondb_export.read(source))) == 3
    assert (source.start, source.line, source.end) == (0, 3, path.stat().st_size)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "Input data was truncated"),
        ("[1]", "Expected `object`, got `array`"),
        ({"type": "poem"}, "Invalid value 'poem' - at `$.type`"),
        (MESSAGE | {"seq": -(2**63)}, "Expected `int` >= -4611686018427387904 - at `$.seq`"),
        (MESSAGE | {"created_at": "yesterday"}, "Expected `str` matching regex"),
        (TOKENS | {"output": 2**70}, "Expected `int` <= 9223372036854775807 - at `$.output`"),
        (NOTE | {"kind": "poem", "session": "s"}, "Invalid enum value 'poem' - at `$.kind`"),
        (NOTE, "a note belongs to a session or a project"),
        (MESSAGE, "message 1 comes after message 1"),
    ],
)
def test_a_bad_row_is_reported_and_the_rest_read(tmp_path: Path, line: Any, reason: str) -> None:
    rows, problems = read(tmp_path, HEADER, SESSION, MESSAGE, line, NOTE | {"session": "s"})

    assert [type(row) for row in rows] == [HeaderRow, SessionRow, MessageRow, NoteRow]
    assert [number for number, _ in problems] == [4]
    assert reason in problems[0][1]


@pytest.mark.parametrize("bad", [SESSION | {"id": ""}, "{torn", SESSION | {"agent": None}])
def test_rows_after_a_bad_session_belong_to_no_other(tmp_path: Path, bad: Any) -> None:
    rows, problems = read(tmp_path, HEADER, SESSION, bad, MESSAGE, TOKENS, SESSION | {"id": "t"}, MESSAGE)

    assert [type(row) for row in rows] == [HeaderRow, SessionRow, SessionRow, MessageRow]
    assert [number for number, _ in problems] == [3, 4, 5]


def test_a_bad_message_does_not_end_its_session(tmp_path: Path) -> None:
    bad = json.dumps(MESSAGE | {"role": "poet"}, separators=(",", ":"))
    rows, problems = read(tmp_path, HEADER, SESSION, bad, MESSAGE | {"seq": 2})

    assert rows[2:] == [MessageRow(2, "user", "Hello")]
    assert [number for number, _ in problems] == [3]


def test_a_later_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ImportFailed, match=r"is an export of version 4, and this sessiondb reads up to 3: upgrade"
    ):
        read(tmp_path, HEADER | {"version": 4}, SESSION)
