"""Stores that are written anew in place: an import leaves what a store says by now, whatever one before has seen."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.ingest.rules import Rules
from sessiondb.ingest.run import Ingest
from tests.helpers.growing_stores import STATES, STORES, State, opencode, opencode_export
from tests.helpers.stores import contents

Store = Callable[[Path, State], Path]


def said(db: SessionDB) -> dict[str, list[object]]:
    """Return all that is in a database, but for its own id."""
    db.connection.execute("UPDATE sessions SET origin = NULL")
    return contents(db)


@pytest.mark.parametrize("store", STORES, ids=lambda store: store.__name__)
def test_a_store_read_at_each_step_is_what_it_is_in_the_end(tmp_path: Path, store: Store) -> None:
    path = store(tmp_path, STATES[-1])
    with SessionDB(tmp_path / "whole.db") as db:
        db.import_logs(path)
        whole = said(db)
    assert whole["tool_calls"]
    with SessionDB(tmp_path / "steps.db") as db:
        for state in STATES:
            db.import_logs(store(tmp_path, state))
        assert said(db) == whole


def moved(path: Path, to: Path, changed: int) -> Path:
    """Move a store, as one that was changed at a time in seconds."""
    to.parent.mkdir(parents=True, exist_ok=True)
    path.rename(to)
    os.utime(to, (changed, changed))
    return to


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_stores_of_a_session_the_one_changed_last_has_the_last_word(
    tmp_path: Path, order: int
) -> None:
    """An export of a while ago takes nothing back, whichever of the two is imported first."""
    then, now = STATES[3], STATES[-1]
    old = moved(opencode_export(tmp_path, then), tmp_path / "exports" / "then.json", 1_000)
    new = moved(opencode(tmp_path, now), tmp_path / "store" / "opencode.db", 2_000)
    with SessionDB(tmp_path / "one.db") as db:
        db.import_logs(new)
        whole = told(db)
    with SessionDB(tmp_path / "both.db") as db:
        for path in (old, new)[::order]:
            db.import_logs(path)
        assert told(db) == whole


def told(db: SessionDB) -> list[object]:
    """Return what was said, asked and answered."""
    return [
        db.connection.rows("SELECT seq, role, content, reasoning, finish_reason FROM messages ORDER BY seq"),
        db.connection.rows("SELECT call_id, arguments, result, is_error FROM tool_calls ORDER BY id"),
    ]


def test_a_secret_that_was_left_out_does_not_come_back(tmp_path: Path) -> None:
    """A later import without that rule leaves the texts in which it was as they are."""
    secret = "sk-ant-api03-" + "roses" * 10
    asked = {"command": f"deploy --token {secret}"}
    state = replace(STATES[-1], said=f"I use {secret}.", result=f"{secret} is old", arguments=asked)
    path = opencode(tmp_path, state)
    with SessionDB(tmp_path / "x.db") as db:
        Ingest(db.connection, rules=Rules(redaction="secrets")).run([str(path)])
        before = told(db)
        assert secret not in repr(before)
        db.import_logs(opencode(tmp_path, replace(state, second="The left one, I think.")))
        after = told(db)
    assert secret not in repr(after)
    assert "I think" in repr(after)
