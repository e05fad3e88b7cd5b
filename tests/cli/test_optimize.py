"""sessiondb optimize."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from sessiondb import SessionDB

Run = Callable[..., Result]


def test_what_could_not_be_searched_can_be_now(filled: Path, run: Run) -> None:
    with SessionDB(filled) as db, db.connection.transaction():
        db.connection.execute("UPDATE search_state SET pending_from = 0 WHERE index_name = 'messages_fts'")

    result = run("optimize")

    first, second = result.stdout.splitlines()
    assert first == "6 rows can be searched now"
    assert second.startswith("optimized: ")
    assert run("doctor").stdout == "no problems found\n"
    assert "«ferry»" in run("search", "ferry").stdout
