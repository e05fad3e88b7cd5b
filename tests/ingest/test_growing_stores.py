"""Stores that are written anew in place: an import leaves what a store says by now, whatever one before has seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sessiondb import SessionDB
from tests.helpers.growing_stores import STATES, STORES, State
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
