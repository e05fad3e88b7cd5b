"""The state of the file, groups of sessions, and tokens by time."""

from __future__ import annotations

import pytest

from sessiondb import SessionDB
from sessiondb.dao.statistics import Statistics
from sessiondb.errors import InvalidInput
from sessiondb.records import Group, SessionFilter, Stats
from sessiondb.records.statistics import GROUPS

ALL = SessionFilter()


def test_an_empty_file_counts_nothing(db: SessionDB) -> None:
    status = Statistics(db.connection).status()

    assert (status.sessions, status.messages, status.agents, status.pending, status.last_import_at) == (
        0,
        0,
        {},
        {},
        None,
    )
    assert all(Statistics(db.connection).stats(by, ALL) == Stats([], 0) for by in GROUPS)


def test_the_log_counts_as_the_file(db: SessionDB) -> None:
    db.sessions.start("agent", title="x" * 100_000)

    size = Statistics(db.connection).status().bytes

    assert size == sum((db.path.with_name(f"sessions.db{suffix}")).stat().st_size for suffix in ("", "-wal"))


def test_a_session_counts_once_for_each_tag(db: SessionDB) -> None:
    moment = "2026-03-01T00:00:00.000Z"
    for id, tags in (("a", ("x", "y")), ("b", ("x",)), ("c", ())):
        db.sessions.start("agent", id=id, tags=tags, started_at=moment)

    assert Statistics(db.connection).stats("tag", ALL) == Stats(
        [Group(name, count, count, 0, 0, moment, moment) for name, count in ((None, 1), ("x", 2), ("y", 1))],
        3,
    )


@pytest.mark.parametrize(("limit", "offset", "expected"), [(1, 0, ["b"]), (1, 1, ["a"]), (None, 1, ["a"])])
def test_groups_come_in_pages(db: SessionDB, limit: int | None, offset: int, expected: list[str]) -> None:
    for agent, count in (("a", 1), ("b", 2)):
        session = db.sessions.start(agent)
        for _ in range(count):
            db.messages.append(session.id, "user", "x")

    found = Statistics(db.connection).stats("agent", ALL, limit=limit, offset=offset)

    assert ([group.name for group in found.groups], found.total) == (expected, 2)


def test_counting_by_something_unknown_is_refused(db: SessionDB) -> None:
    statistics = Statistics(db.connection)

    with pytest.raises(InvalidInput, match="cannot group by 'colour': give one of agent, project,"):
        statistics.stats("colour", ALL)
