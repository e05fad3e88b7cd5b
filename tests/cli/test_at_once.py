"""Commands that answer before click is imported say what click's would, and leave it the rest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from sessiondb.cli import answered
from sessiondb.cli.group import cli

# The status line, which reads stdin, has tests of its own.
PLAIN = ("--version", "version", "path")

PROGRAM = """
import sys
from sessiondb.cli import main
sys.argv = ["sessiondb", *sys.argv[1:]]
main()
print(*sorted({name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names))
"""


@pytest.mark.parametrize("command", PLAIN)
def test_click_is_not_imported(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, command], capture_output=True, text=True, check=True
    )

    packages = done.stdout.splitlines()[1].split()
    assert "sessiondb" in packages
    assert "click" not in packages


@pytest.mark.parametrize("command", PLAIN)
def test_the_answer_is_that_of_click(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SESSIONDB_PATH", "/somewhere/\x1b[2J/船.db")

    assert answered([command])

    assert capsys.readouterr().out == CliRunner().invoke(cli, [command]).stdout


@pytest.mark.parametrize(
    "arguments", [[], ["list"], ["path", "--db", "x"], ["path", "--help"], ["--version", "list"]]
)
def test_whatever_is_not_the_plain_call_is_left_to_click(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert not answered(arguments)
    assert capsys.readouterr().out == ""


def test_an_option_after_the_name_is_heeded(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sessiondb", "path", "--db", str(tmp_path / "x.db")]

    assert subprocess.check_output(command, text=True) == f"{tmp_path}/x.db\n"


def test_a_closed_pipe_is_left_to_click(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed:
        def write(self, text: str) -> None:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Closed())

    assert not answered(["--version"])
