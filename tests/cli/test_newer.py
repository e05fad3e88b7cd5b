"""Commands on a database that a later sessiondb wrote: those that read do so and say it once, others refuse."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sessiondb.storage.migrations import SCHEMA_VERSION
from tests.helpers.newer_databases import LESS, MORE, NEWER, make_newer

Run = Callable[..., Result]

READING = (
    ["list"],
    ["list", "--json"],
    ["show", "11112222-parser"],
    ["search", "ferry"],
    ["export"],
    ["status"],
    ["stats"],
    ["usage"],
    ["note", "list"],
    ["brief"],
    ["rm", "--dry-run", "11112222-parser"],
)
WRITING = (
    ["end", "11112222-ferry"],
    ["pin", "11112222-ferry"],
    ["title", "11112222-ferry", "other"],
    ["tag", "11112222-ferry", "other"],
    ["note", "add", "decision", "a note"],
    ["rm", "--yes", "11112222-ferry"],
    ["prune", "--older-than", "1d", "--yes"],
    ["import", "LOG"],
    ["import", "--dry-run", "LOG"],
    ["merge", "LOG"],
    ["optimize"],
    ["secrets", "scan", "--purge", "--yes"],
)
KNOWN = f"schema {NEWER}, and this sessiondb knows up to {SCHEMA_VERSION}"


def notice(path: Path) -> str:
    return (
        f"{path} was written by a newer sessiondb (schema {NEWER}): it is opened read-only, and what this version"
        " does not know is not shown; upgrade sessiondb to write to it\n"
    )


def dump(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as plain:
        return sorted(plain.iterdump())


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_reading_commands_answer_as_before_and_say_once_that_the_file_is_newer(
    filled: Path, run: Run, command: list[str]
) -> None:
    before = run(*command)
    make_newer(filled, *MORE["a column more"])
    now = run(*command)
    assert now.exit_code == before.exit_code
    assert now.stdout.replace(f"schema {NEWER}", f"schema {SCHEMA_VERSION}") == before.stdout
    assert now.stderr == notice(filled) + before.stderr


@pytest.mark.parametrize("command", WRITING, ids=" ".join)
def test_writing_commands_refuse_before_they_write(
    filled: Path, run: Run, tmp_path: Path, command: list[str]
) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text('{"role": "user", "content": "hello"}\n')
    make_newer(filled, *MORE["a column more"])
    before = dump(filled)
    result = run(*(str(log) if word == "LOG" else word for word in command))
    assert result.exit_code == 1
    assert f"Error: {filled} has {KNOWN}" in result.stderr
    assert "upgrade sessiondb" in result.stderr
    assert dump(filled) == before


@pytest.mark.parametrize("options", [(), ("--fix",)])
def test_doctor_names_a_newer_schema_and_what_is_not_there_any_more(
    filled: Path, run: Run, options: tuple[str, ...]
) -> None:
    statement, gone = LESS["a column gone"]
    make_newer(filled, statement)
    result = run("doctor", "--json", *options)
    assert (result.exit_code, result.stderr) == (1, "")
    assert [finding["problem"] for finding in json.loads(result.stdout)["left"]] == [
        f"{filled} has {KNOWN}: it can be listed, searched, shown and exported; upgrade sessiondb for all else",
        f"{gone} is not there any more: what reads it fails",
    ]


def test_a_command_that_needs_what_is_gone_says_what_that_is(filled: Path, run: Run) -> None:
    make_newer(filled, LESS["a column with another name"][0])
    assert run("list").exit_code == 0
    result = run("show", "11112222-parser")
    assert result.exit_code == 1
    assert f"{KNOWN}: what was asked for is not in it any more (no such column:" in result.stderr


def test_a_list_that_cannot_import_first_says_so_and_lists(filled: Path, run: Run) -> None:
    make_newer(filled)
    result = run("list", "--sync")
    assert result.exit_code == 0
    assert result.stderr.startswith("not imported: only a newer sessiondb can write to the database;")
