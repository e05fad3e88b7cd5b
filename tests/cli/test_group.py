"""The command line as a whole: every command, the database it works on, and how it fails."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

import sessiondb
from sessiondb.agents.loop.hook import AGENTS
from sessiondb.cli import list_
from sessiondb.cli.group import COMMANDS, SECTIONS, cli
from sessiondb.cli.usage import STATUSLINE
from sessiondb.cli.usage_table import PERIODS
from sessiondb.records.notes import KINDS
from sessiondb.records.statistics import GROUPS
from tests.helpers.old_databases import make_oldest

Run = Callable[..., Result]

# What works where there is no database yet.
ABOUT_ITSELF = {"completions", "help", "version"}
"""Commands that speak of the program, not of a database."""
OF_FILES = {"recover"}
"""Commands that are given the files they work on."""
OF_SETTINGS = {
    "install", "uninstall", "service install", "service status", "service uninstall", "config show", "config path",
    "config edit",
}  # fmt: skip
"""Commands that work on the settings of this machine; some write down which database is meant."""
WITHOUT_DB = OF_FILES | {"config path", "config edit"}

MAKERS = {"import", "mcp", "merge", "note add", "path", "restore"}
ARGUMENTS = {
    "resume": ["x"],
    "show": ["@last"],
    "search": ["x"],
    "end": ["@last"],
    "reopen": ["@last"],
    "title": ["@last", "x"],
    "tag": ["@last", "x"],
    "pin": ["@last"],
    "prune": ["--days", "1", "--yes"],
    "rm": ["@last", "--yes"],
    "backup": ["copy.db"],
    "note done": ["1"],
    "note obsolete": ["1"],
    "note reopen": ["1"],
    "hook": ["log"],
}


def leaves() -> dict[str, click.Command]:
    """Return all commands that do something, `note add` among them, by what is typed to call them."""
    context = click.Context(cli)
    found: dict[str, Any] = {}
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found |= {f"{name} {part}": within for part, within in command.commands.items()}
        else:
            found[name] = command
    return found


LEAVES = leaves()


@pytest.mark.parametrize("name", [name for name in LEAVES if name not in ABOUT_ITSELF])
def test_every_command_has_help_with_an_example(run: Run, name: str) -> None:
    help = run(*name.split(), "--help").stdout

    assert help.startswith(f"Usage: sessiondb {name} ")
    assert f"Example:\n    sessiondb {name}" in help.replace('sqlite3 "$(sessiondb', "sessiondb")
    assert ("--db PATH" in help) == (name not in WITHOUT_DB)


def test_every_module_of_a_command_is_listed() -> None:
    folder = Path(sessiondb.__file__).parent / "cli"
    commands = {
        file.stem for file in folder.glob("*.py") if "\ndef command(" in file.read_text(encoding="utf-8")
    }

    commands |= {
        file.parent.name
        for file in folder.glob("*/__init__.py")
        if "\ndef command(" in file.read_text(encoding="utf-8")
    }
    assert set(COMMANDS.values()) == commands


def test_help_lists_every_command_in_its_section_with_a_whole_sentence(run: Run) -> None:
    found: dict[str, list[str]] = {}
    for section in run("--help").stdout.split("\n\n")[-len(SECTIONS) :]:
        title, *lines = section.splitlines()
        found[title.removesuffix(":")] = [line.split()[0] for line in lines]
        assert [line for line in lines if not line.endswith(".") or line.endswith("...")] == []
        assert {line.index(line.split(maxsplit=1)[1]) for line in lines} == {15}

    assert found == {title: list(names) for title, names in SECTIONS.items()}


@pytest.mark.parametrize("name", [*LEAVES, "note", "service", "secrets", "config"])
def test_help_cuts_no_word(run: Run, name: str) -> None:
    usage, _, rest = run(*name.split(), "--help").stdout.partition("\n\n")

    assert len(usage.splitlines()) == 1
    assert [line for line in rest.splitlines() if line.endswith("...") and "  " in line.strip()] == []


@pytest.mark.parametrize(
    ("name", "choices"),
    [("usage", (*PERIODS, STATUSLINE)), ("stats", GROUPS), ("hook", (*AGENTS, "log")), ("note add", KINDS)],
)
def test_help_names_what_an_argument_can_be(run: Run, name: str, choices: tuple[str, ...]) -> None:
    found = set(re.findall(r"[\w-]+", run(*name.split(), "--help").stdout))

    assert set(choices) - found == set()


def test_version_is_printed(run: Run) -> None:
    assert run("--version").stdout == f"sessiondb {sessiondb.__version__}\n"


def test_an_unknown_command_is_wrong_usage(run: Run) -> None:
    result = run("lsit")

    assert (result.exit_code, "No such command 'lsit'. Did you mean list?" in result.stderr) == (
        2,
        True,
    )


@pytest.mark.parametrize(
    "name", [name for name in LEAVES if name not in MAKERS | ABOUT_ITSELF | OF_FILES | OF_SETTINGS]
)
def test_no_other_command_makes_a_database(path: Path, run: Run, name: str) -> None:
    result = run(*name.split(), *ARGUMENTS.get(name, []))

    assert (result.stdout, result.exit_code) == ("", 1)
    assert result.stderr == (
        f"Error: there is no database at {path} yet: `sessiondb import auto` creates one\n"
    )
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("name", sorted(OF_SETTINGS))
def test_settings_are_no_reason_to_make_a_database(path: Path, run: Run, name: str) -> None:
    run(*name.split(), *ARGUMENTS.get(name, []))

    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("name", ["list", "show", "search", "stats", "usage", "status", "backup", "prune"])
def test_reading_commands_do_not_migrate(path: Path, tmp_path: Path, run: Run, name: str) -> None:
    make_oldest(path)
    arguments = {**ARGUMENTS, "backup": [str(tmp_path / "copy.db")], "prune": ["--days", "1", "--dry-run"]}

    result = run(name, *arguments.get(name, []))

    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "`sessiondb optimize` brings it up to date" in result.stderr


def test_an_error_shows_control_characters(run: Run) -> None:
    result = CliRunner().invoke(cli, ["list", "--db", "/tmp/\x1b[2J\n.db"])

    assert (result.exit_code, result.stderr.count("\n"), "\x1b" in result.stderr) == (1, 1, False)
    assert "/tmp/\\x1b[2J .db" in result.stderr


def test_an_interrupt_exits_with_130(filled: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(list_, "show_rows", interrupt)

    result = run("list")

    assert (result.exit_code, result.stdout) == (130, "")


def test_the_module_is_the_program(filled: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sessiondb", "list", "--db", str(filled), "--nl", "-n", "1"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout.startswith('{"id": "11112222-ferry"'), done.stderr, done.returncode) == (
        True,
        "2 more; use -n/--limit to see them (0 means all)\n",
        0,
    )


def test_a_closed_pipe_ends_it_quietly(filled: Path) -> None:
    with sessiondb.SessionDB(filled) as db:
        for _ in range(3000):
            db.messages.append("11112222-ferry", "user", "x" * 100)
    show = f"{sys.executable} -m sessiondb show 11112222-ferry --db {filled} | head -n 1"

    done = subprocess.run(
        ["sh", "-c", show],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("船 Ferry\n", "")


def test_narrow_encodings_get_escapes(filled: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sessiondb", "show", "11112222-ferry", "--db", str(filled)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout.splitlines()[0], done.returncode) == ("\\u8239 Ferry", 0)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--db", "{far}", "list"),
        ("--db", "{far}", "optimize"),
        ("--db", "{far}", "import", "--dry-run", "."),
        ("--db", "{far}", "usage", "statusline"),
        ("backup", "{far}"),
        ("restore", "{far}"),
        ("merge", "{far}"),
        ("export", "-o", "{far}"),
        ("export", "--format", "html", "-o", "{far}"),
        ("recover", "{far}", "new.db"),
        ("recover", "old.db", "{far}"),
    ],
)
def test_a_path_that_cannot_be_looked_at_is_one_line(
    run: Run, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    far = tmp_path / ("x" * 300)
    run("--db", str(tmp_path / "new.db"), "note", "add", "decision", "Tests live in tests/")
    given = [argument.format(far=far) for argument in arguments]
    result = run(*(given if "--db" in given else ["--db", str(tmp_path / "new.db"), *given]))
    assert not isinstance(result.exception, OSError)
    assert "Traceback" not in result.output
    assert result.exit_code == (0 if "statusline" in given else 1)


def _in_shell(line: str, database: Path) -> subprocess.CompletedProcess[str]:
    words = f"{sys.executable} -m sessiondb --db {database} {line}"
    return subprocess.run(["sh", "-c", words], capture_output=True, text=True, check=False)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("command", ["list", "path", "--help"])
def test_output_onto_a_full_disk_is_one_line(tmp_path: Path, command: str) -> None:
    database = tmp_path / "s.db"
    with sessiondb.SessionDB(database) as db:
        db.sessions.start("my-agent")
    done = _in_shell(f"{command} >/dev/full", database)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr.splitlines()[0]
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_closed_streams_stop_no_command(tmp_path: Path, closed: str) -> None:
    database = tmp_path / "s.db"
    with sessiondb.SessionDB(database) as db:
        db.sessions.start("my-agent")
    for command in ("list", "note add decision Yes --project /p"):
        done = _in_shell(f"{command} {closed}", database)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), command
    with sessiondb.SessionDB(database, read_only=True) as db:
        assert [note.body for note in db.notes.find()] == ["Yes"]
        assert db.check() == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("--db", "", "list"),
        ("import", ""),
        ("backup", ""),
        ("restore", ""),
        ("merge", ""),
        ("export", "-o", ""),
        ("recover", "", "new.db"),
    ],
)
def test_an_empty_path_is_not_the_folder_of_now(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    with sessiondb.SessionDB("s.db") as db:
        db.sessions.start("my-agent")
    there = sorted(os.listdir())
    result = run(*([] if "--db" in arguments else ["--db", "s.db"]), *arguments)
    assert result.exit_code == 2
    assert "the path is empty" in result.output
    assert sorted(os.listdir()) == there


@pytest.mark.parametrize("arguments", [("list",), ("doctor",), ("optimize",), ("import", "--dry-run", ".")])
def test_a_folder_in_place_of_the_database_is_called_one(
    run: Run, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    result = run("--db", str(tmp_path), *arguments)
    assert result.exit_code == 1
    assert f"{tmp_path} is a folder: give the path of the database file" in result.output


@pytest.mark.parametrize("group", ["config", "note", "secrets", "service"])
def test_a_group_without_a_command_shows_its_help(run: Run, group: str) -> None:
    result = run(group)

    assert result.exit_code == 2
    assert result.stderr == run(group, "--help").stdout
