"""sessiondb completions: what the shells are told, in the shells themselves where they are installed."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sessiondb import SessionDB
from sessiondb.cli.completing import answer
from sessiondb.cli.group import cli
from tests.helpers.payloads import PAYLOADS

Run = Callable[..., Result]
Answer = Callable[..., list[str]]
SHELLS = ("bash", "zsh", "fish", "powershell")
IN_BASH = """
source <("$1" completions bash)
COMP_LINE=$2 COMP_POINT=${#2} COMP_TYPE=9
_sessiondb "$1" "$3" ""
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def named(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the default database one of two sessions with names that a shell might take apart."""
    monkeypatch.setenv("SESSIONDB_PATH", str(path))
    with SessionDB(path) as db:
        for id, agent, project, tag in (
            ("1111-ferry", "claude-code", "/home/mira/my work", "release notes"),
            ("1111-parser", "codex", "/home/mira/quill", "$(touch x)"),
        ):
            db.sessions.start(agent, id=id, project=project, title=f"About {id}", tags=[tag], model="gpt-5")
    return path


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Answer:
    """Return a function that gives the values for a line, each with its kind where that is not plain."""

    def values(*arguments: str) -> list[str]:
        assert answer(arguments, cli)
        rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
        return [value if kind == "plain" else f"{kind}:{value}" for kind, value, _ in rows]

    return values


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("sessiondb sea", ["search"]),
        ("sessiondb list --open", ["--open"]),
        ("sessiondb show 1111-f", ["1111-ferry"]),
        ("sessiondb show @", ["@last"]),
        ("sessiondb install c", ["claude-code", "codex", "cursor", "copilot-cli"]),
        ("sessiondb list --agent c", ["codex", "claude-code"]),
        ("sessiondb list --agent=cl", ["--agent=claude-code"]),
        ("sessiondb list --project /home/mira/my", ["/home/mira/my work"]),
        ("sessiondb list --project qui", ["/home/mira/quill"]),
        ("sessiondb list --model g", ["gpt-5"]),
        ("sessiondb list --since last", ["last week", "last month"]),
        ("sessiondb search ag", ["agent:"]),
        ("sessiondb search tag:rel", ['tag:"release notes"']),
        ("sessiondb search role:u", ["role:user"]),
        ("sessiondb search 'parser agent:co", ["quoted:parser agent:codex"]),
        ("sessiondb search 'parser agent:co' in:t", ["in:talk", "in:tools"]),
        ("sessiondb import x", ["file:"]),
        ("sessiondb help no", ["note"]),
    ],
)
def test_lines_are_completed(named: Path, ask: Answer, line: str, expected: list[str]) -> None:
    assert ask(line) == expected


@pytest.mark.parametrize(
    ("line", "word", "expected"),
    [
        ("sessiondb search agent:co", "co", ["codex"]),
        ("sessiondb search agent:", ":", ["codex", "claude-code"]),
        ("sessiondb list --agent=co", "co", ["codex"]),
        ("sessiondb show 1111-f", "1111-f", ["1111-ferry"]),
    ],
)
def test_bash_gets_what_it_replaces(
    named: Path, ask: Answer, line: str, word: str, expected: list[str]
) -> None:
    assert ask(line, word) == expected


def test_titles_stand_beside_ids(named: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer(["sessiondb show 1111-f"], cli)

    assert capsys.readouterr().out == "plain\t1111-ferry\tAbout 1111-ferry\n"


@pytest.mark.parametrize("line", ["sessiondb show ", "sessiondb list --agent ", "sessiondb search tag:"])
def test_without_a_database_there_is_nothing_and_none_is_made(
    path: Path, ask: Answer, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.setenv("SESSIONDB_PATH", str(path))

    assert ask(line) == []
    assert list(path.parent.iterdir()) == []


def test_an_older_database_is_left_as_it_is(named: Path, ask: Answer) -> None:
    with SessionDB(named) as db, db.connection.transaction():
        db.connection.execute("PRAGMA user_version = 1")
    before = named.read_bytes()

    assert ask("sessiondb show 1") == []
    assert named.read_bytes() == before


def test_no_name_in_a_transcript_drives_the_terminal(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SESSIONDB_PATH", str(path))
    with SessionDB(path) as db:
        for payload in PAYLOADS:
            db.sessions.start("codex", id=f"x{payload}", title=payload, tags=[payload], project=f"/{payload}")
        db.sessions.start("codex", id="xplain", title="a\tb", tags=["plain"], project="/plain")

    for line in ("show x", "list --tag ", "list --project /", "search tag:"):
        answer([f"sessiondb {line}"], cli)
        shown = capsys.readouterr().out
        assert "plain" in shown
        assert all(character.isprintable() or character in "\t\n" for character in shown)
        assert {row.count("\t") for row in shown.splitlines()} == {2}


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Make a program of the name sessiondb that runs this package."""
    script = tmp_path / "bin" / "sessiondb"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sessiondb "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return script


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
@pytest.mark.parametrize(
    ("line", "word", "expected"),
    [
        ("sessiondb show 1111-f", "1111-f", ["1111-ferry"]),
        (
            "sessiondb show 1111",
            "1111",
            ["1111-parser  (About 1111-parser)", "1111-ferry  (About 1111-ferry)"],
        ),
        ("sessiondb list --agent=co", "co", ["codex"]),
        ("sessiondb search agent:cl", "cl", ["claude-code"]),
        ("sessiondb list --project /home/mira/my", "/home/mira/my", ["/home/mira/my\\ work"]),
        ("sessiondb list --tag $", "$", ["\\$\\(touch\\ x\\)"]),
        ('sessiondb list --tag "$', '"$', [""]),
    ],
)
def test_bash_completes(named: Path, program: Path, line: str, word: str, expected: list[str]) -> None:
    done = subprocess.run(
        ["bash", "--norc", "-c", IN_BASH, "bash", str(program), line, word],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.stderr, done.stdout.splitlines()) == ("", expected)


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
def test_fish_completes(named: Path, program: Path, tmp_path: Path) -> None:
    code = 'sessiondb completions fish | source; complete -C "sessiondb show 1111-f"'
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["fish", "-N", "-c", code],
        env={**os.environ, "PATH": path, "PYTHONPATH": os.pathsep.join(sys.path), "HOME": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.stdout == "1111-ferry\tAbout 1111-ferry\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_scripts_are_in_their_shells_language(run: Run, shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    script = run("completions", shell).stdout

    done = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("shell", SHELLS)
def test_installing_twice_changes_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "ZDOTDIR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".zshrc").write_text("setopt vi")

    first = run("completions", shell, "--install")
    written = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    second = run("completions", shell, "--install")

    assert (first.exit_code, first.stdout.startswith("wrote ")) == (0, True)
    assert run("completions", shell).stdout in written.values()
    assert written[tmp_path / ".zshrc"].startswith("setopt vi")
    assert ("\nsource" in written[tmp_path / ".zshrc"]) == (shell == "zsh")
    assert second.stdout.endswith(" is up to date\n")
    assert {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()} == written


def test_a_file_of_somebody_else_is_not_overwritten(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    script = tmp_path / "fish" / "completions" / "sessiondb.fish"
    script.parent.mkdir(parents=True)
    script.write_text("mine")

    result = run("completions", "fish", "--install")

    assert result.exit_code == 1
    assert result.stderr == f"Error: {script} is not from sessiondb: move it away first\n"
    assert script.read_text() == "mine"
