"""sessiondb secrets scan: counts, never the secret; the exit code tells scripts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result

from sessiondb import SessionDB
from tests.cli.conftest import Run

KEY = "sk-ant-" + "api03-abcdefghijklmnopqrstuvwxyz0123456789ABCD-_x"


@pytest.fixture
def leaky(filled: Path) -> Path:
    """Put a key into a session."""
    with SessionDB(filled) as db:
        db.messages.append("11112222-ferry", "user", f"use {KEY}")
    return filled


def ended(result: Result) -> int:
    """Return the exit code, once the key was seen nowhere."""
    assert KEY not in result.output
    return result.exit_code


def test_a_database_without_secrets_ends_with_0(filled: Path, run: Run) -> None:
    result = run("secrets", "scan")
    assert (ended(result), result.output) == (0, "0 secrets\n")


def test_secrets_are_counted_by_kind_and_session_and_end_with_3(leaky: Path, run: Run) -> None:
    result = run("secrets", "scan")
    assert ended(result) == 3
    assert result.output.startswith("1 secret (api-key)\n")
    assert "11112222" in result.output
    as_json = run("secrets", "scan", "--json")
    assert ended(as_json) == 3
    assert json.loads(as_json.output) == {
        "kinds": {"api-key": 1},
        "sessions": {"11112222-ferry": 1},
        "purged": False,
    }


def test_a_purge_wants_a_yes_and_leaves_none(leaky: Path, run: Run) -> None:
    refused = run("secrets", "scan", "--purge")
    assert ended(refused) == 1
    assert "1 secret would be purged; confirm with --yes" in refused.output
    assert run("secrets", "scan", "--purge", "--yes").output == "purged 1 secret (api-key)\n"
    assert ended(run("secrets", "scan")) == 0


def test_kinds_are_named_where_they_say_more_than_the_number(leaky: Path, run: Run) -> None:
    with SessionDB(leaky) as db:
        db.sessions.start("me", id="more", title="Doors")
        db.messages.append("more", "user", "password: tr0ub4dor-and-3-horses")
    assert run("secrets", "scan").output.startswith("2 secrets (1 api-key, 1 secret)\n")

    run("rm", "11112222-ferry", "--yes")
    assert run("secrets", "scan").output.startswith("1 secret\n")


def test_no_title_shows_the_secret_that_it_holds(filled: Path, run: Run) -> None:
    with SessionDB(filled) as db:
        db.sessions.start("me", id="told")
        db.messages.append("told", "user", f"use {KEY}")

    result = run("secrets", "scan")

    assert ended(result) == 3
    assert "use [redacted:api-key]" in result.output
