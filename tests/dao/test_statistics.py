"""The state of the file, groups of sessions, and tokens by time."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from sessiondb import SessionDB
from sessiondb.dao.statistics import Statistics
from sessiondb.errors import InvalidInput
from sessiondb.records import Group, SessionFilter, Stats, Tokens, Usage, UsageReport
from sessiondb.records.statistics import GROUPS, PERIODS

ALL = SessionFilter()


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.delenv("TZ")
    time.tzset()


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
    assert all(Statistics(db.connection).usage(by, ALL) == UsageReport([], 0) for by in PERIODS)


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


@pytest.mark.parametrize(
    ("by", "expected"), [("daily", "2026-03-01"), ("weekly", "2026-02-23"), ("monthly", "2026-03")]
)
def test_days_are_those_of_the_machine(db: SessionDB, berlin: None, by: str, expected: str) -> None:
    session = db.sessions.start("agent", started_at="2026-02-28T00:00:00Z")
    db.tokens.add(session.id, counted_at="2026-02-28T23:30:00Z", input=1)

    assert Statistics(db.connection).usage(by, ALL) == UsageReport([Usage(expected, 1, Tokens(input=1))], 1)


@pytest.mark.parametrize(
    ("day", "monday"),
    [("2026-03-02", "2026-03-02"), ("2026-03-08", "2026-03-02"), ("2026-03-09", "2026-03-09")],
)
def test_a_week_goes_by_its_monday(db: SessionDB, day: str, monday: str) -> None:
    session = db.sessions.start("agent")
    db.tokens.add(session.id, counted_at=f"{day}T12:00:00Z", input=1)

    (found,) = Statistics(db.connection).usage("weekly", ALL).rows

    assert found.name == monday


def test_tokens_of_no_known_time_count_at_the_last_activity(db: SessionDB) -> None:
    session = db.sessions.start("agent", started_at="2026-03-01T12:00:00Z")
    db.tokens.add(session.id, input=1)
    with db.connection.transaction():
        db.connection.execute("UPDATE token_counts SET counted_at = NULL")

    before = Statistics(db.connection).usage("daily", SessionFilter(until="2026-03-01T00:00:00.000Z"))
    since = Statistics(db.connection).usage("daily", SessionFilter(since="2026-03-01T00:00:00.000Z"))

    assert (before.total, [usage.name for usage in since.rows]) == (0, ["2026-03-01"])


def test_a_model_is_matched_by_its_beginning_only(db: SessionDB) -> None:
    session = db.sessions.start("agent")
    for model in ("gpt-5", "gpt-5-mini", "not-gpt-5", "GPT%"):
        db.tokens.add(session.id, model=model, output=1)

    found = Statistics(db.connection).usage("model", ALL, model="gpt-5")

    assert ([usage.name for usage in found.rows], found.total) == (["gpt-5", "gpt-5-mini"], 2)


def test_counting_by_something_unknown_is_refused(db: SessionDB) -> None:
    statistics = Statistics(db.connection)

    with pytest.raises(InvalidInput, match="cannot count by 'colour': give one of agent, project,"):
        statistics.stats("colour", ALL)
    with pytest.raises(InvalidInput, match="cannot count by 'yearly': give one of daily,"):
        statistics.usage("yearly", ALL)
