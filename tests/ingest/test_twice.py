"""Files that say the same twice: what is known to be one line is one, and two messages stay two."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.importers.files.repeats import Repeats
from tests.helpers import codex_logs as codex

_COUNTS = ("messages", "tool_calls", "token_counts")
_Lines = list[bytes]


def encoded(lines: Iterable[dict[str, Any]]) -> _Lines:
    return [json.dumps(line).encode() + b"\n" for line in lines]


def rollout() -> _Lines:
    lines = [codex.header(), codex.context(0.1)]
    for turn in range(4):
        second = 10.0 * turn + 1
        lines += [
            codex.message("user", "yes", second),
            codex.event("user_message", second, message="yes", images=[]),
            codex.call(f"call_{turn}", "ls", second + 1),
            codex.output(f"call_{turn}", "tests", second + 2),
            codex.message("assistant", "Done.", second + 3),
            codex.tokens(second + 3, (100 * (turn + 1), 0, 20 * (turn + 1), 0), (100, 0, 20, 0)),
        ]
    return encoded(lines)


def nanobot() -> _Lines:
    lines: list[dict[str, Any]] = [
        {"_type": "metadata", "created_at": "2026-03-27T11:32:14.394761", "metadata": {}}
    ]
    for number in range(4):
        stamp = f"2026-03-27T11:32:{number:02}.394761"
        lines.append(
            {"role": "user" if number % 2 == 0 else "assistant", "content": "yes", "timestamp": stamp}
        )
    return encoded(lines)


def file_of(path: Path, lines: _Lines) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(lines))
    return path


def held(db: SessionDB) -> list[int]:
    return [db.connection.value(f"SELECT count(*) FROM {table}") for table in _COUNTS]


LOGS = [
    pytest.param(Path("sessions", codex.FILE), rollout, [16, 4, 4], id="codex"),
    pytest.param(Path("workspace", "sessions", "cli_direct.jsonl"), nanobot, [4, 0, 0], id="nanobot"),
]
COPIES = [
    pytest.param(lambda lines: lines + lines, id="appended to itself"),
    pytest.param(lambda lines: [line for line in lines for _ in range(2)], id="each line twice"),
    pytest.param(lambda lines: lines[: len(lines) // 2] + lines, id="begun twice"),
    pytest.param(lambda lines: lines + lines[len(lines) // 2 :], id="ended twice"),
]


@pytest.mark.parametrize(("path", "made", "right"), LOGS)
@pytest.mark.parametrize("copied", COPIES)
def test_lines_that_a_file_has_twice_count_once(
    tmp_path: Path,
    path: Path,
    made: Callable[[], _Lines],
    right: list[int],
    copied: Callable[[_Lines], _Lines],
) -> None:
    with SessionDB(tmp_path / "x.db") as db:
        db.import_logs(file_of(tmp_path / path, copied(made())))
        assert held(db) == right


@pytest.mark.parametrize(("path", "made", "right"), LOGS)
@pytest.mark.parametrize("copied", COPIES)
def test_a_file_that_is_copied_to_its_end_later_adds_nothing(
    tmp_path: Path,
    path: Path,
    made: Callable[[], _Lines],
    right: list[int],
    copied: Callable[[_Lines], _Lines],
) -> None:
    lines = made()
    with SessionDB(tmp_path / "x.db") as db:
        db.import_logs(file_of(tmp_path / path, lines))
        db.import_logs(file_of(tmp_path / path, lines + copied(lines)))
        assert held(db) == right


def test_equal_lines_without_a_time_stay_two_messages(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = [
        {"role": "user", "message": {"content": [{"type": "text", "text": "yes"}]}},
        {"role": "assistant", "message": {"content": [{"type": "text", "text": "Done."}]}},
    ]
    path = tmp_path / "projects" / "p" / "agent-transcripts" / "t" / "t.jsonl"
    with SessionDB(tmp_path / "x.db") as db:
        db.import_logs(file_of(path, encoded(lines * 2)), format="cursor")
        assert held(db) == [4, 0, 0]


@pytest.mark.parametrize(
    ("stamp", "count"),
    [("2026-03-27T11:32:14", 4), ("2026-03-27T11:32:14.394761", 2), (1774611134, 4), (1774611134394, 2)],
)
def test_equal_lines_of_one_second_stay_two_messages(tmp_path: Path, stamp: str | int, count: int) -> None:
    header = {"_type": "metadata", "created_at": "2026-03-27T11:32:14.394761", "metadata": {}}
    said = [{"role": role, "content": "yes", "timestamp": stamp} for role in ("user", "assistant")]
    log = file_of(tmp_path / "workspace" / "sessions" / "cli_direct.jsonl", encoded([header, *said * 2]))
    with SessionDB(tmp_path / "x.db") as db:
        db.import_logs(log)
        assert held(db) == [count, 0, 0]


@pytest.mark.once
def test_of_a_line_after_half_a_million_others_it_is_not_asked_whether_it_came_before() -> None:
    repeats = Repeats(Path())
    lines = [b'{"timestamp": "2026-03-01T09:00:00.%09dZ"}' % number for number in range(500_001)]
    assert not any(map(repeats.has, lines))
    assert repeats.has(lines[0])
    assert not repeats.has(lines[-1])


def test_a_log_that_is_played_takes_each_line_as_often_as_it_is_written(tmp_path: Path) -> None:
    said = {"id": "m1", "timestamp": "2026-03-01T09:00:01.000Z", "type": "user", "content": "Where?"}
    lines = [
        {"sessionId": "5e1f0000-0000-4000-8000-000000000001", "startTime": "2026-03-01T09:00:00.000Z"},
        said,
        {"$rewindTo": "m1"},
        said,
    ]
    with SessionDB(tmp_path / "x.db") as db:
        db.import_logs(file_of(tmp_path / "chats" / "session-1.jsonl", encoded(lines)), format="gemini")
        assert held(db) == [1, 0, 0]
