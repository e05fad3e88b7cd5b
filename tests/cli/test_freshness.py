"""--sync, and what commands that read say when an import is long ago."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import Result

from sessiondb import SessionDB
from sessiondb.cli import freshness
from tests.helpers.waiting import HANG
from tests.ingest.test_rules import ID, line

Run = Callable[..., Result]
READING = [("list",), ("search", "text"), ("show", "@last"), ("brief",), ("usage",), ("stats",)]


@pytest.fixture
def log(tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Import a log of three days ago where Claude Code keeps its own, which has grown since."""
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    log = tmp_path / "claude" / "projects" / "-p" / f"{ID.format(0)}.jsonl"
    line(log, "/p", "first text")
    with SessionDB(path) as db:
        db.import_logs("auto")
    age(path, "-3 days")
    line(log, "/p", "second text", 1)
    return log


def age(path: Path, by: str) -> None:
    with closing(sqlite3.connect(path)) as plain, plain:
        plain.execute("UPDATE imports SET imported_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?)", (by,))


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let stderr be a terminal."""
    monkeypatch.setattr(freshness, "is_watched", lambda: True)
    monkeypatch.setattr(freshness, "BUDGET", HANG)


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("command", READING)
def test_a_command_that_reads_says_that_logs_have_grown(
    run: Run, log: Path, command: tuple[str, ...]
) -> None:
    expected = "1 log changed since the last import (3d ago): --sync imports first\n"
    assert run(*command).stderr.endswith(expected)


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("option", ["--json", "--nl", "--csv", "--tsv", "--fmt=github"])
def test_programs_are_told_nothing(run: Run, log: Path, option: str) -> None:
    assert "changed" not in run("list", option).stderr


def test_nothing_is_said_where_nobody_looks_on(run: Run, log: Path) -> None:
    assert "changed" not in run("list").stderr


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize(
    "settings", ["[freshness]\nnotice = false", "[freshness]\nhours = 100", "freshness = {notice = false}"]
)
def test_the_settings_turn_it_off(
    run: Run, log: Path, configure: Callable[[str], Path], settings: str
) -> None:
    configure(settings)
    assert "changed" not in run("list").stderr


@pytest.mark.usefixtures("watched")
def test_nothing_is_said_within_a_day_of_an_import(run: Run, path: Path, log: Path) -> None:
    age(path, "-23 hours")
    assert "changed" not in run("list").stderr


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("command", READING)
def test_sync_imports_first_and_says_nothing_more(
    run: Run, path: Path, log: Path, command: tuple[str, ...]
) -> None:
    done = run(*command, "--sync")
    assert (done.exit_code, "changed" in done.stderr) == (0, False)
    with SessionDB(path, read_only=True) as db:
        assert len(db.messages.transcript(log.stem)) == 2


def test_sync_finds_logs_that_were_imported_from_elsewhere(
    run: Run, path: Path, log: Path, tmp_path: Path
) -> None:
    other = tmp_path / "laptop" / f"{ID.format(1)}.jsonl"
    line(other, "/p", "from a laptop")
    with SessionDB(path) as db:
        db.import_logs(other)
    line(other, "/p", "more from it", 1)
    assert "more from it" in run("search", "more from it", "--sync", "--json").stdout


def test_sync_makes_the_database_where_there_is_none(run: Run, path: Path, log: Path) -> None:
    for file in path.parent.glob("sessions.db*"):
        file.unlink()
    assert "second text" in run("show", "@last", "--sync").stdout


def test_a_database_in_use_is_no_error_but_said(
    run: Run, path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessiondb.cli.freshness.SECONDS", 0.2)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = run("list", "--sync")
        other.execute("ROLLBACK")
    assert (done.exit_code, "first text" in done.stdout) == (0, True)
    assert (
        done.stderr
        == "not imported: another program is writing to the database; what follows may be out of date\n"
    )
