"""Times that another program wrote, and that are none: they hide nothing, and `doctor` names them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sessiondb import SessionDB
from tests.cli.conftest import Run

CHECKED = "2026-02-30T25:61:00.000Z"  # what the CHECK of the schema lets through
COMMANDS = {
    "list": ["list"],
    "show": ["show", "broken"],
    "search": ["search", "lantern"],
    "usage": ["usage"],
    "usage --json": ["usage", "--json"],
    "blocks": ["usage", "blocks"],
    "stats": ["stats"],
    "export": ["export", "--format", "md"],
    "brief": ["brief", "broken"],
    "note list": ["note", "list"],
    "rm": ["rm", "broken", "--dry-run"],
}


@pytest.fixture(params=[CHECKED, "0000-01-01T00:00:00.000Z", "yesterday", ""], ids=repr)
def broken(request: pytest.FixtureRequest, path: Path) -> str:
    time = str(request.param)
    with SessionDB(path) as db:
        for id in ("sound", "broken"):
            db.sessions.start("quill", id=id)
            db.messages.append(id, "user", f"Where is the {id} lantern?")
            db.add_tokens(id, model="gpt-5", request_key="r", input=5)
            db.notes.add("decision", f"a {id} note", session_id=id)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("PRAGMA ignore_check_constraints = 1")
        other.execute(
            "UPDATE sessions SET started_at = ?, last_active_at = ? WHERE id = 'broken'", (time, time)
        )
        other.execute("UPDATE messages SET created_at = ? WHERE session_id = 'broken'", (time,))
        other.execute("UPDATE token_counts SET counted_at = ? WHERE session_id = 'broken'", (time,))
        other.execute("UPDATE notes SET created_at = ? WHERE session_id = 'broken'", (time,))
    return time


@pytest.mark.parametrize("command", COMMANDS)
def test_a_time_that_is_none_hides_no_row(broken: str, run: Run, command: str) -> None:
    result = run(*COMMANDS[command])

    assert result.exit_code == 0, result.output
    if command in ("list", "search"):
        assert "sound" in result.stdout
        assert "broken" in result.stdout


def test_doctor_names_times_that_are_none(broken: str, run: Run) -> None:
    found = run("doctor").stdout

    for column in (
        "sessions.started_at",
        "messages.created_at",
        "token_counts.counted_at",
        "notes.created_at",
    ):
        assert f"values: {column} of 1 row is no time: it is shown as it is" in found
