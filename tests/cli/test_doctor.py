"""sessiondb doctor: says what is wrong, and repairs it only when told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from sessiondb import SessionDB

Run = Callable[..., Result]

WRONG = "counters: message or tool call counts of 1 session are wrong"


def spoil(path: Path) -> None:
    with SessionDB(path) as db, db.connection.transaction():
        db.connection.execute("UPDATE sessions SET message_count = 7 WHERE id = '11112222-ferry'")


def test_a_sound_database_is_well(filled: Path, run: Run) -> None:
    result = run("doctor")

    assert (result.stdout, result.stderr, result.exit_code) == ("no problems found\n", "", 0)


def test_what_is_wrong_is_said_and_left_alone(filled: Path, run: Run) -> None:
    spoil(filled)

    first, second = run("doctor"), run("doctor")

    assert first.stdout == f"{WRONG}\n`sessiondb doctor --fix` repairs what can be repaired\n"
    assert (first.exit_code, second.stdout) == (1, first.stdout)


def test_fix_mends_and_says_so(filled: Path, run: Run) -> None:
    spoil(filled)

    fixed, after = run("doctor", "--fix"), run("doctor")

    assert (fixed.stdout, fixed.exit_code) == (f"{WRONG} (repaired)\nall problems were repaired\n", 0)
    assert after.stdout == "no problems found\n"


def test_json_tells_what_was_found_and_what_is_left(filled: Path, run: Run) -> None:
    spoil(filled)

    found = json.loads(run("doctor", "--fix", "--json").stdout)

    problem = WRONG.removeprefix("counters: ")
    assert found == {
        "found": [{"check": "counters", "problem": problem, "can_repair": True}],
        "left": [],
        "agents": [],
    }


def test_a_file_of_another_program_is_refused(path: Path, run: Run) -> None:
    path.write_bytes(b"not a database at all" * 100)

    result = run("doctor", "--fix")

    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "is not a SQLite database" in result.stderr


def test_a_file_too_damaged_to_open_is_a_finding(filled: Path, run: Run) -> None:
    with filled.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 3000)

    result = run("doctor", "--fix")

    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout == (
        "file: database disk image is malformed: restore a backup (`sessiondb restore`), or recover what can be read"
        " (`sessiondb recover`) (not repaired)\nwhat is left cannot be repaired automatically\n"
    )
