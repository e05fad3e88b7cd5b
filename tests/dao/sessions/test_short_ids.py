"""Short ids: as short as can be, but never naming two sessions."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessiondb import SessionDB
from sessiondb.dao.lookups import MIN_LENGTH, short_ids


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["5b0d7c1e-93f4-4a86"], ["5b0d7c1e"]),
        (["5b0d7c1e-93f4-4a86", "c2a9e6f8-1b47-4d05"], ["5b0d7c1e", "c2a9e6f8"]),
        (["5b0d7c1e-93f4-4a86", "5b0d7c1e-93ff-4a86"], ["5b0d7c1e-93f4", "5b0d7c1e-93ff"]),
        (["20260418_190211_4be7d09a", "20260418_201500_77aa01bd"], ["20260418_1", "20260418_2"]),
        (["parent-session", "parent-session-child"], ["parent-session", "parent-session-"]),
        (["a"], ["a"]),
    ],
)
def test_short_ids_tell_sessions_apart(db: SessionDB, ids: list[str], expected: list[str]) -> None:
    for id in ids:
        db.sessions.start("agent", id=id)

    assert short_ids(db.connection, ids) == dict(zip(ids, expected, strict=True))


def test_sessions_that_are_not_asked_for_count_too(db: SessionDB) -> None:
    for id in ("12345678-a", "12345678-b", "12345678-c"):
        db.sessions.start("agent", id=id)

    assert short_ids(db.connection, ["12345678-b"]) == {"12345678-b": "12345678-b"}


@given(st.sets(st.text("ab1-", min_size=1, max_size=12), min_size=1, max_size=12))
def test_each_short_id_resolves_to_its_session(ids: set[str]) -> None:
    with tempfile.TemporaryDirectory() as folder, SessionDB(Path(folder) / "sessions.db") as db:
        for id in ids:
            db.sessions.start("agent", id=id)

        found = short_ids(db.connection, ids)

        assert {id: db.sessions.resolve(short).id for id, short in found.items()} == {id: id for id in ids}
        assert all(len(short) >= min(MIN_LENGTH, len(id)) for id, short in found.items())
