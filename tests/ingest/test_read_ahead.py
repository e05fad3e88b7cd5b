"""Reading in a process of its own: the same records, whatever happens to that process."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from datetime import timezone
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.ingest import read_ahead
from sessiondb.ingest.read_ahead import ReadAhead, ReaderLost
from sessiondb.ingest.reading import Outcome, Reading, Request
from sessiondb.ingest.run import Ingest

TABLES = ("sessions", "messages", "tool_calls", "token_counts", "notes", "imports", "import_errors")
TURNS = 60
OWN = {"imported_at", "origin"}


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a second process pay for any file, on a machine with one processor as well."""
    monkeypatch.setattr(read_ahead, "WORTHWHILE_BYTES", 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1}, raising=False)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Make five chats of 60 messages each, of some blocks, one with a line that cannot be read."""
    folder = tmp_path / "logs"
    folder.mkdir()
    for number in range(5):
        lines = [json.dumps({"messages": [said(number, turn) for turn in range(TURNS)]})]
        lines += ["{not json"] if number == 2 else []
        (folder / f"{number}.jsonl").write_text("\n".join(lines) + "\n")
        os.utime(folder / f"{number}.jsonl", (1_750_000_000 + number,) * 2)
    return folder


def said(number: int, turn: int) -> dict[str, str]:
    return {
        "role": "assistant" if turn % 2 else "user",
        "content": f"chat {number} turn {turn} " + "x" * 20_000,
    }


def requests(logs: Path) -> list[Request]:
    return [Request(str(path), path.stat().st_size) for path in sorted(logs.iterdir())]


def read(reading: Any) -> tuple[list[Any], Outcome]:
    return list(reading), reading.outcome


def contents(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of the tables, less what each database or run has of its own."""
    with SessionDB(path, read_only=True) as db:
        found = {}
        for table in TABLES:
            names = [row[1] for row in db.connection.rows(f"PRAGMA table_info({table})")]
            kept = [name for name in names if name not in OWN]
            rows = db.connection.rows(f"SELECT {', '.join(kept)} FROM {table} ORDER BY rowid")
            found[table] = [dict(zip(kept, row, strict=True)) for row in rows]
        return found


def imported(path: Path, source: Path, *, ahead: bool) -> dict[str, list[dict[str, Any]]]:
    with SessionDB(path) as db:
        Ingest(db.connection, tz=timezone.utc, read_ahead=ahead).run([str(source)])
    return contents(path)


def test_files_read_ahead_give_the_same_records_and_outcomes(logs: Path) -> None:
    wanted = requests(logs)
    with ReadAhead(wanted) as ahead:
        for request in wanted:
            reading = ahead.reading(request)
            assert not isinstance(reading, Reading)
            assert read(reading) == read(Reading(request))


@pytest.mark.usefixtures("always")
def test_a_database_is_the_same_either_way(samples: Path, logs: Path, tmp_path: Path) -> None:
    for number, source in enumerate((samples, logs)):
        here = imported(tmp_path / f"here{number}.db", source, ahead=False)
        assert imported(tmp_path / f"ahead{number}.db", source, ahead=True) == here
        assert here["messages"]


def test_what_was_not_asked_for_is_read_here(logs: Path) -> None:
    first, second, third, *_ = requests(logs)
    with ReadAhead([first, second]) as ahead:
        assert isinstance(ahead.reading(third), Reading)
        assert isinstance(ahead.reading(second._replace(format="nanobot")), Reading)
        assert not isinstance(ahead.reading(first), Reading)
        assert isinstance(ahead.reading(first), Reading)  # it comes once


def test_what_nobody_takes_is_passed_over(logs: Path) -> None:
    wanted = requests(logs)
    with ReadAhead(wanted) as ahead:
        left: Iterator[Any] = iter(ahead.reading(wanted[0]))
        next(left)
        assert read(ahead.reading(wanted[3])) == read(Reading(wanted[3]))
        assert isinstance(ahead.reading(wanted[1]), Reading)


def test_a_lost_process_is_an_error_and_everything_is_read_here(logs: Path) -> None:
    wanted = requests(logs)
    with ReadAhead(wanted) as ahead:
        left = iter(ahead.reading(wanted[0]))
        next(left)
        ahead._process.send_signal(signal.SIGKILL)
        with pytest.raises(ReaderLost):
            list(ahead.reading(wanted[4]))
        assert isinstance(ahead.reading(wanted[4]), Reading)


@pytest.mark.usefixtures("always")
def test_an_import_goes_on_without_its_process(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = ReadAhead._block
    seen = []

    def die(ahead: ReadAhead) -> tuple[int, bytes]:
        seen.append(ahead)
        if len(seen) == 4:
            ahead._process.kill()
            ahead._process.wait()
        return blocks(ahead)

    expected = imported(tmp_path / "here.db", logs, ahead=False)
    monkeypatch.setattr(read_ahead, "_AHEAD_BYTES", 1)
    monkeypatch.setattr(ReadAhead, "_block", die)
    assert imported(tmp_path / "lost.db", logs, ahead=True) == expected
    assert len(seen) >= 4


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("python", ["/bin/false", "/nowhere/python"])
def test_a_python_that_does_not_start_stops_nothing(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: str
) -> None:
    expected = imported(tmp_path / "here.db", logs, ahead=False)
    monkeypatch.setattr("sys.executable", python)
    assert imported(tmp_path / "lost.db", logs, ahead=True) == expected


@pytest.mark.usefixtures("always")
def test_files_that_are_known_are_not_read_ahead(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(tmp_path / "s.db", logs, ahead=False)
    with open(logs / "4.jsonl", "a") as file:
        file.write(json.dumps({"messages": [said(9, 0)]}) + "\n")
    monkeypatch.setattr("subprocess.Popen", None)
    before = len(contents(tmp_path / "s.db")["messages"])
    assert len(imported(tmp_path / "s.db", logs, ahead=True)["messages"]) == before + 1


def test_small_imports_are_read_here(logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subprocess.Popen", None)
    assert len(imported(tmp_path / "s.db", logs, ahead=True)["messages"]) == 5 * TURNS


def test_the_process_ends_with_its_user(logs: Path) -> None:
    with ReadAhead(requests(logs)) as ahead:
        process = ahead._process
        assert process.poll() is None
    assert process.returncode is not None
