"""sessiondb resume: prints one line, or runs it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sessiondb import SessionDB

Run = Callable[..., Result]


def test_the_command_is_printed_and_nothing_is_written(filled: Path, run: Run) -> None:
    before = filled.read_bytes()

    result = run("resume", "33334444")

    assert (result.stdout, result.stderr, result.exit_code) == ("hermes --resume 33334444-fig\n", "", 0)
    assert filled.read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="makes a program of a shell script")
def test_run_runs_it_in_the_folder_and_ends_as_it_does(
    tmp_path: Path, filled: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, program = tmp_path / "garden", tmp_path / "bin" / "codex"
    folder.mkdir()
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$PWD $*" > called\nexit 7\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    with SessionDB(filled) as db:
        db.sessions.start("codex", id="s-1", project=folder)

    result = run("resume", "s-1", "--run")

    assert result.exit_code == 7
    assert (folder / "called").read_text() == f"{folder} resume s-1\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the agents keep their sessions in a home that can be written to."""
    monkeypatch.setenv("CODEX_HOME", str(tmp_path / "codex"))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    return tmp_path


def test_write_makes_the_log_and_prints_the_command(home: Path, filled: Path, run: Run) -> None:
    id = "019b0000-0000-7000-8000-00000000c0d9"
    with SessionDB(filled) as db:
        db.sessions.start("codex", id=id)
        db.messages.append(id, "user", "Where is the ferry?")

    first, again = run("resume", id, "--write"), run("resume", id, "--write")

    (log,) = (home / "codex").rglob("*.jsonl")
    assert (first.stdout, first.exit_code) == (f"codex resume {id}\n", 0)
    assert first.stderr == f"wrote {log}\n"
    assert again.exit_code == 1
    assert f"its log exists, and is not overwritten: {log}; resume it without --write" in again.stderr


def test_in_hands_a_session_over_to_another_agent(home: Path, filled: Path, run: Run) -> None:
    result = run("resume", "11112222-parser", "--in", "claude")

    (log,) = (home / "claude").rglob("*.jsonl")
    assert result.stdout.startswith("claude --resume ")
    assert result.stderr.endswith(f"wrote {log}\n")
    assert result.exit_code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="makes a program of a shell script")
def test_run_writes_what_the_agent_has_deleted_and_runs_it(
    home: Path, filled: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = home / "bin" / "codex"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\ncat "$CODEX_HOME"/sessions/*/*/*/*"$2".jsonl\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    id = "019b0000-0000-7000-8000-00000000c0d9"
    with SessionDB(filled) as db:
        db.sessions.start("codex", id=id, project=home)
        db.messages.append(id, "user", "Where is the ferry?")

    result = run("resume", id, "--run")

    assert result.exit_code == 0
    assert result.stderr.startswith("wrote ")
    assert len(list((home / "codex").rglob("*.jsonl"))) == 1


def test_an_agent_that_is_not_installed_is_named(
    tmp_path: Path, filled: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    result = run("resume", "33334444", "--run")

    assert result.exit_code == 1
    assert "cannot run hermes: No such file or directory. Install it first." in result.stderr
