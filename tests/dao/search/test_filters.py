"""Filters let through what they say, and few sessions keep most rows from being looked at."""

from __future__ import annotations

from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.dao.search import facets
from sessiondb.dao.search import filters as search_filters
from sessiondb.dao.search.corpora import MESSAGES, NOTES, TITLES, TOOLS, Corpus
from sessiondb.dao.search.facets import FacetBlocks
from sessiondb.dao.search.filters import SearchFilter
from sessiondb.dao.search.queries import Order, SearchQueries
from sessiondb.query import Choice, Filters

ROLES = ("user", "assistant", "system", "assistant")


@pytest.fixture
def db(db: SessionDB) -> SessionDB:
    """Yield a database of five sessions with four messages each, 1 to 20; the last of each calls a tool."""
    for day in range(1, 6):
        agent, project = ("hermes", None) if day == 3 else ("codex", f"/home/me/p{day}")
        moment = f"2026-03-0{day}T09:00:00.000Z"
        session = db.sessions.start(agent, project=project, id=f"s{day}", started_at=moment)
        for number, role in enumerate(ROLES):
            calls = [{"id": f"c{day}", "name": "Bash"}] if number == 3 else None
            db.messages.append(session.id, role, f"text {day}", tool_calls=calls, created_at=moment)
        db.notes.add("win", "text", session_id=session.id, created_at=moment)
    for kept in ("s1", "s4"):
        db.sessions.add_tags(kept, "kept")
    return db


def day(number: int) -> list[int]:
    return list(range(number * 4 - 3, number * 4 + 1))


def passing(allowed: SearchFilter, corpus: Corpus) -> list[int]:
    """Return the rows of a corpus that pass, in order."""
    found = allowed.passing(corpus, f"r.{corpus.key}")
    sql = (
        f"SELECT r.{corpus.key} FROM {corpus.table} AS r"
        f" WHERE r.{corpus.key} BETWEEN :first AND :last AND {found.condition} ORDER BY 1"
    )
    return [
        row[0]
        for first, last in found.spans
        for row in allowed._db.rows(sql, {**found.values, "first": first, "last": last})
    ]


@pytest.mark.parametrize("has_blocks", [False, True])
@pytest.mark.parametrize("most_spans", [0, 1, 40])
@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        ({}, range(1, 21)),
        ({"agent": Choice(("hermes",))}, day(3)),
        ({"agent": Choice(("HER",))}, day(3)),
        ({"agent": Choice((), ("codex",))}, day(3)),
        ({"agent": Choice(("codex", "hermes"), ("hermes",)), "after": "2026-03-04"}, day(4) + day(5)),
        ({"project": Choice(("/me/P2", "p4"))}, day(2) + day(4)),
        ({"project": Choice((), ("me",))}, day(3)),
        ({"model": Choice(("gpt",))}, []),
        ({"tag": Choice((), ("done",))}, range(1, 21)),
        ({"role": Choice(("user",)), "before": "2026-03-03"}, [1, 5]),
        ({"role": Choice((), ("assistant", "system"))}, [1, 5, 9, 13, 17]),
        ({"tool": Choice(("bash",)), "agent": Choice(("hermes",))}, [12]),
        ({"tool": Choice((), ("bash",)), "agent": Choice(("hermes",))}, [9, 10, 11]),
        ({"after": "2026-03-02", "before": "2026-03-03"}, day(2)),
        ({"after": "2026-03-02", "tag": Choice(("kept",))}, day(4)),
        ({"tag": Choice(("KEPT",)), "role": Choice(("user",))}, [1, 13]),
        ({"tag": Choice((), ("kept",)), "before": "2026-03-03"}, day(2)),
    ],
)
def test_messages_are_kept_as_the_filters_say(
    db: SessionDB,
    monkeypatch: pytest.MonkeyPatch,
    has_blocks: bool,
    most_spans: int,
    filters: dict[str, Any],
    kept: Any,
) -> None:
    monkeypatch.setattr(search_filters, "MAX_SPANS", most_spans)
    if has_blocks:
        FacetBlocks(db.connection).fill()
    allowed = SearchFilter(db.connection, Filters(**filters))
    assert passing(allowed, MESSAGES) == list(kept)
    assert allowed.rows(MESSAGES, None) == list(kept)[::-1]
    assert allowed.rows(MESSAGES, 2) == list(kept)[::-1][:2]
    assert allowed.rows(MESSAGES, 2, oldest_first=True) == list(kept)[:2]
    assert allowed.bounds(MESSAGES) is bool(filters)


@pytest.mark.parametrize(
    ("corpus", "filters", "kept"),
    [
        (TOOLS, {"tool": Choice(("BASH",)), "agent": Choice(("hermes",))}, [3]),
        (TOOLS, {"tool": Choice((), ("bash",))}, []),
        (TOOLS, {"after": "2026-03-05"}, [5]),
        (TOOLS, {"tag": Choice(("kept",)), "tool": Choice(("bash",))}, [1, 4]),
        (TOOLS, {"role": Choice(("user",))}, [1, 2, 3, 4, 5]),
        (NOTES, {"agent": Choice(("hermes",))}, [3]),
        (NOTES, {"project": Choice(("p5",))}, [5, 6]),
        (NOTES, {"project": Choice((), ("p5",))}, [1, 2, 3, 4]),
        (NOTES, {"before": "2026-03-02"}, [1]),
        (TITLES, {"agent": Choice(("hermes",))}, [3]),
    ],
)
@pytest.mark.parametrize("has_blocks", [False, True])
def test_other_rows_are_kept_by_what_can_be_said_of_them(
    db: SessionDB,
    monkeypatch: pytest.MonkeyPatch,
    has_blocks: bool,
    corpus: Corpus,
    filters: dict[str, Any],
    kept: list[int],
) -> None:
    if has_blocks:
        monkeypatch.setattr(search_filters, "MAX_SPANS", 0)
        FacetBlocks(db.connection).fill()
    db.notes.add("win", "of a project only", project="/home/me/p5", created_at="2026-03-04T09:00:00.000Z")
    allowed = SearchFilter(db.connection, Filters(**filters))
    assert passing(allowed, corpus) == kept


def test_a_message_without_a_time_has_that_of_its_session(db: SessionDB) -> None:
    with db.connection.transaction():
        db.connection.execute("UPDATE messages SET created_at = NULL")
    assert passing(SearchFilter(db.connection, Filters(after="2026-03-05")), MESSAGES) == day(5)


def test_rows_of_other_sessions_are_not_looked_at(db: SessionDB) -> None:
    allowed = SearchFilter(db.connection, Filters(project=Choice(("p4",))))
    assert allowed.passing(MESSAGES, "r.id").spans == [(13, 16)]


def test_what_was_said_before_its_session_began_is_found_by_its_own_time(db: SessionDB) -> None:
    FacetBlocks(db.connection).fill()
    with db.connection.transaction():
        db.connection.execute("UPDATE sessions SET started_at = last_active_at")
        db.connection.execute("UPDATE messages SET created_at = '2020-01-01T00:00:00.000Z' WHERE id = 7")
    FacetBlocks(db.connection).fill()
    assert passing(SearchFilter(db.connection, Filters(before="2021")), MESSAGES) == [7]


def test_rows_of_sessions_in_turn_are_told_apart(db: SessionDB, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_filters, "MAX_SPANS", 0)
    db.messages.append("s1", "user", "text 1")
    FacetBlocks(db.connection).fill()
    allowed = SearchFilter(db.connection, Filters(tag=Choice(("kept",))))
    assert passing(allowed, MESSAGES) == [*day(1), *day(4), 21]


def test_a_search_of_talk_without_a_tool_looks_at_the_calls_of_a_message_only(db: SessionDB) -> None:
    found = SearchFilter(db.connection, Filters(tool=Choice((), ("bash",)))).passing(MESSAGES, "r.id")
    plan = db.connection.rows(
        f"EXPLAIN QUERY PLAN SELECT r.id FROM messages AS r WHERE {found.condition}", found.values
    )
    steps = [row[3] for row in plan if row[3].split()[1] == "c"]
    assert len(steps) == 2
    assert all(step.startswith("SEARCH") for step in steps)


@pytest.mark.parametrize(
    "filters",
    [
        {"agent": Choice(("hermes",))},
        {"tag": Choice(("kept",))},
        {"tag": Choice(("kept",)), "agent": Choice(("codex",))},
        {"tag": Choice((), ("kept",)), "role": Choice((), ("tool",))},
        {"tag": Choice((), ("kept",)), "tool": Choice((), ("bash",))},
        {"after": "2026-03-02", "before": "2026-03-04"},
        {"before": "2026-03-02"},
        {"tool": Choice((), ("bash",)), "project": Choice(("p1", "p5"))},
    ],
)
@pytest.mark.parametrize("most", [1, 2, 4, 7, None])
@pytest.mark.parametrize("hold", [1, 3])
@pytest.mark.parametrize("newest", [1, 3])
def test_rows_are_the_same_whether_the_newest_blocks_hold_enough_or_not(
    db: SessionDB,
    monkeypatch: pytest.MonkeyPatch,
    hold: int,
    newest: int,
    most: int | None,
    filters: dict[str, Any],
) -> None:
    def found() -> list[list[int]]:
        allowed, queries = SearchFilter(db.connection, Filters(**filters)), SearchQueries(db.connection)
        orders = (Order(most), Order(None), Order(1), Order(most, oldest_first=True), Order(most))
        return [list(queries.scores(MESSAGES, "text", allowed, order, segmented=False)) for order in orders]

    expected = found()
    for module in (facets, search_filters):
        monkeypatch.setattr(module, "BLOCK", 4)
    monkeypatch.setattr(search_filters, "NEWEST", newest)
    monkeypatch.setattr(search_filters, "_HOLD", hold)
    FacetBlocks(db.connection).fill()
    assert found() == expected
    db.connection.execute("DELETE FROM search_blocks WHERE block IN (2, 4)")
    assert found() == expected
