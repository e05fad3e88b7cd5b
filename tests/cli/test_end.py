"""sessiondb end: by name and by age; the first reason stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sessiondb import SessionDB

Run = Callable[..., Result]


def test_end_says_what_changed(filled: Path, run: Run) -> None:
    result = run("end", "11112222-f", "3333", "@last", "--reason", "arrived")

    assert (result.stdout, result.exit_code) == ("ended 11112222-ferry\n33334444-fig had already ended\n", 0)
    with SessionDB(filled, read_only=True) as db:
        reasons = {id: db.sessions.get(id).end_reason for id in ("11112222-ferry", "33334444-fig")}
    assert reasons == {"11112222-ferry": "arrived", "33334444-fig": "done"}


def test_json_names_those_ended_now_and_before(filled: Path, run: Run) -> None:
    result = run("end", "11112222-ferry", "33334444-fig", "--json")

    assert json.loads(result.stdout) == {"ended": ["11112222-ferry"], "already_ended": ["33334444-fig"]}


def test_stale_sessions_end_as_of_their_last_activity(filled: Path, run: Run) -> None:
    result = run("end", "--stale", "30d", "--json")

    assert json.loads(result.stdout) == {"ended": ["11112222-ferry"], "already_ended": []}
    with SessionDB(filled, read_only=True) as db:
        session = db.sessions.get("11112222-ferry")
    assert (session.ended_at, session.end_reason) == ("2026-03-05T12:00:01.000Z", "stale")


def test_nothing_stale_is_said(filled: Path, run: Run) -> None:
    result = run("end", "--stale", "2026-01-01")

    assert (result.stdout, result.exit_code) == ("no open session has been inactive for that long\n", 0)


@pytest.mark.parametrize("arguments", [[], ["11112222-f", "--stale", "30d"], ["--stale", "soon"]])
def test_end_needs_names_or_an_age(filled: Path, run: Run, arguments: list[str]) -> None:
    assert run("end", *arguments).exit_code == 2


def test_an_unknown_session_ends_nothing(filled: Path, run: Run) -> None:
    result = run("end", "11112222-f", "nope")

    assert (result.stdout, result.exit_code) == ("", 1)
    with SessionDB(filled, read_only=True) as db:
        assert db.sessions.get("11112222-ferry").is_open
