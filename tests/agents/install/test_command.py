"""The words that start the program, and how they are known again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sessiondb.agents.install import command
from sessiondb.agents.install.command import Command
from sessiondb.errors import InvalidInput

PROGRAM = Path(sys.executable).with_name("sessiondb")


def test_the_script_beside_python_is_called_by_its_whole_path() -> None:
    assert command.this_program() == (str(PROGRAM),)


def test_a_link_to_it_is_called_as_the_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sessiondb").symlink_to(PROGRAM)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "sessiondb"), "install"])
    assert command.this_program() == (str(tmp_path / "sessiondb"),)


def test_where_there_is_no_script_python_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["-m"])
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python3"))
    assert command.this_program() == (str(tmp_path / "python3"), "-m", "sessiondb")


def test_a_program_that_does_not_start_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="does not run from another folder: install sessiondb"):
        command.for_database(tmp_path / "x.db", [str(tmp_path / "gone")])


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_a_line_survives_the_shell_whatever_is_in_its_paths(tmp_path: Path) -> None:
    odd = tmp_path / 'it\'s $HOME; "x" *'
    odd.mkdir()
    program = odd / "sessiondb"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    line = Command((str(program),), str(odd / "a b.db")).line("hook", "codex")
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["hook", "codex", "--db", str(odd / "a b.db")]
    assert command.is_call(command.split(line), "hook", "codex")
    assert command.named_database(command.split(line)) == str(odd / "a b.db")


@pytest.mark.parametrize(
    ("words", "is_ours"),
    [
        (["sessiondb", "hook", "codex"], True),
        (["/opt/x/sessiondb", "--db", "x.db", "hook", "codex"], True),
        (["C:\\x\\sessiondb.exe", "hook", "codex"], True),
        (["python3", "-m", "sessiondb", "hook", "codex"], True),
        (["env", "SESSIONDB_PATH=x", "sessiondb", "hook", "codex"], True),
        (["sessiondb", "search", "hook"], False),
        (["my-sessiondb", "hook", "codex"], False),
        (["hook", "codex"], False),
        ([], False),
    ],
)
def test_a_call_of_ours_is_known_by_its_words(words: list[str], is_ours: bool) -> None:
    assert command.is_call(words, "hook") == is_ours
