"""sessiondb recover."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner, Result

from sessiondb.cli.group import cli
from tests.helpers.damaging import overwrite, pages_of

Run = Callable[..., Result]


def recover(*arguments: object) -> Result:
    """Run the command, which knows of no database but those it is given."""
    return CliRunner().invoke(cli, ["recover", *map(str, arguments)])


def test_recover_counts_what_it_has_found(filled: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.db"

    result = recover(filled, new)

    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"{new}: ")
    assert "  sessions: 3" in lines
    assert lines[-1] == "nothing is lost"


def test_recover_names_what_is_lost_and_where_it_may_still_be(filled: Path, tmp_path: Path) -> None:
    (page,) = pages_of(filled, "messages")
    overwrite(filled, page)

    result = recover(filled, tmp_path / "new.db")

    assert result.exit_code == 0
    assert f"cannot be read:\n  messages: page {page} is no page of a table\n" in result.stdout
    assert "sessions lack " in result.stdout
    assert result.stderr == (
        "what is lost here may still be in the agents' logs:"
        f" `sessiondb import auto --db {tmp_path / 'new.db'}` imports them again\n"
    )


def test_recover_as_json_has_all_of_it(filled: Path, tmp_path: Path) -> None:
    found = json.loads(recover(filled, tmp_path / "new.db", "--json").stdout)

    assert (found["rows"]["sessions"], found["damage"], found["left"]) == (3, [], [])


def test_recover_overwrites_nothing(filled: Path) -> None:
    result = recover(filled, filled)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: {filled} exists already: give the new file another name, or remove that one\n"
    )
