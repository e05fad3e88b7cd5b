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


def test_an_agent_that_is_not_installed_is_named(
    tmp_path: Path, filled: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    result = run("resume", "33334444", "--run")

    assert result.exit_code == 1
    assert "cannot run hermes: No such file or directory. Install it first." in result.stderr
