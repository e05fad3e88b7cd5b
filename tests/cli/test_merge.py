"""sessiondb merge: what is reported, what is refused, and what a dry run leaves alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from sessiondb import SessionDB
from sessiondb.dao.removal import Removals

Run = Callable[..., Result]


def report(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    assert found.pop("seconds") >= 0
    return found


def expected(
    added: int, updated: int = 0, unchanged: int = 0, messages: int = 0, **more: Any
) -> dict[str, Any]:
    sessions = {"added": added, "updated": updated, "unchanged": unchanged, "removed": 0, "kept_away": 0}
    return {
        "sessions": sessions | more.pop("sessions", {}),
        "messages": {"added": messages},
        "notes": {"added": more.get("notes", 0)},
        "dry_run": more.get("dry_run", False),
    }


@pytest.fixture
def other(tmp_path: Path, filled: Path) -> Path:
    """Move the filled database elsewhere: there is none at the usual place then."""
    return filled.rename(tmp_path / "other.db")


def test_merge_reports_in_words(other: Path, run: Run) -> None:
    result = run("merge", str(other))

    assert result.stdout.splitlines() == [
        "sessions: 3 added, 0 updated, 0 unchanged, 0 removed",
        "messages: 6 added; notes: 1 added",
    ]
    assert (result.stderr, result.exit_code) == ("", 0)


def test_json_counts_and_a_second_merge_adds_nothing(other: Path, run: Run) -> None:
    first, second = report(run("merge", str(other), "--json")), report(run("merge", str(other), "--json"))

    assert first == expected(3, messages=6, notes=1)
    assert second == expected(0, unchanged=3)
    assert run("doctor").stdout == "no problems found\n"


def test_dry_run_writes_nothing(other: Path, path: Path, run: Run) -> None:
    found = report(run("merge", str(other), "-n", "--json"))

    assert found == expected(3, messages=6, notes=1, dry_run=True)
    assert not path.exists()
    run("merge", str(other))
    with SessionDB(other) as db:
        db.messages.append("11112222-ferry", "user", "And back?")
    assert report(run("merge", str(other), "-n", "--json")) == expected(0, 1, 2, 1, dry_run=True)
    assert report(run("merge", str(other), "--json")) == expected(0, 1, 2, 1)


def test_sessions_removed_here_and_there_are_counted(other: Path, path: Path, run: Run) -> None:
    run("merge", str(other))
    with SessionDB(path) as db:
        Removals(db.connection).remove(["33334444-fig"])
    with SessionDB(other) as db:
        Removals(db.connection).remove(["11112222-parser"])

    result = run("merge", str(other))

    assert result.stdout.splitlines() == [
        "sessions: 0 added, 0 updated, 1 unchanged, 1 removed",
        "left out: 1 session removed here",
        "messages: 0 added; notes: 0 added",
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent.db", "there is no database"),
        ("sessions.db", "is the database itself"),
        ("notes.txt", "is not a SQLite database"),
    ],
)
def test_what_cannot_be_merged_is_refused(
    tmp_path: Path, filled: Path, run: Run, name: str, message: str
) -> None:
    (tmp_path / "notes.txt").write_text("no database\n" * 100)

    result = run("merge", str(tmp_path / name))

    assert (result.stdout, result.exit_code, message in result.stderr) == ("", 1, True)
