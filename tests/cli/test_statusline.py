"""sessiondb usage statusline: one line, from what Claude Code hands over and from the database."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from sessiondb import SessionDB
from sessiondb.cli import answered

Run = Callable[..., Result]
GIVEN = {"model": {"id": "claude-opus-4-6", "display_name": "Opus 4.6"}, "cost": {"total_cost_usd": 0.4231}}


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "sessions.db"
    monkeypatch.setenv("SESSIONDB_PATH", str(path))
    return path


@pytest.fixture
def line(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], str]:
    """Return the line for what stands on stdin, printed before click is imported."""

    def run(text: str) -> str:
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        assert answered(["usage", "statusline"])
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (GIVEN, "Opus 4.6 · $0.42 session\n"),
        ({"model": {"id": "claude-opus-4-6-20260205"}}, "opus-4-6\n"),
        ({"model": "opus", "cost": {"total_cost_usd": True}}, "\n"),
        ({"model": {"display_name": "a\nb\x1b[31m"}}, "a b\\x1b[31m\n"),
        ([], "\n"),
    ],
)
def test_the_session_is_told_as_it_is_handed_over(
    line: Callable[[str], str], given: Any, expected: str
) -> None:
    assert line(json.dumps(given)) == expected


def test_what_is_no_json_is_passed_over(line: Callable[[str], str]) -> None:
    assert line("{") == "\n"


def test_today_and_the_open_window_come_from_the_database(line: Callable[[str], str], path: Path) -> None:
    with SessionDB(path) as db:
        db.sessions.start("a", id="s")
        db.tokens.add("s", model="claude-opus-4-8", input=1_000_000)
    parts = line(json.dumps(GIVEN)).split(" · ")
    assert parts[:3] == ["Opus 4.6", "$0.42 session", "$5.00 today"]
    assert parts[3].startswith("$5.00 block (")


def test_a_database_that_cannot_be_read_says_so(line: Callable[[str], str], path: Path) -> None:
    path.write_bytes(b"no database" * 100)
    assert str(path) in line("{}")


def test_the_command_does_the_same_with_a_database_of_its_own(run: Run, filled: Path) -> None:
    assert "today" in run("usage", "statusline").stdout


@pytest.mark.parametrize("arguments", [["usage"], ["usage", "daily"], ["usage", "statusline", "--help"]])
def test_everything_else_is_left_to_click(arguments: list[str]) -> None:
    assert not answered(arguments)
