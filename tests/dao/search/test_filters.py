"""Filters let through what they say, and few sessions keep most rows from being looked at."""

from __future__ import annotations

from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.dao.search import filters as search_filters
from sessiondb.dao.search.filters import MESSAGES, NOTES, TITLES, TOOLS, SearchFilter
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
    return db


def day(number: int) -> list[int]:
    return list(range(number * 4 - 3, number * 4 + 1))


@pytest.mark.parametrize("most_sessions", [0, 2000])
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
    ],
)
def test_messages_are_kept_as_the_filters_say(
    db: SessionDB, monkeypatch: pytest.MonkeyPatch, most_sessions: int, filters: dict[str, Any], kept: Any
) -> None:
    monkeypatch.setattr(search_filters, "MAX_SESSIONS", most_sessions)
    allowed = SearchFilter(db.connection, Filters(**filters))
    assert allowed.keep(MESSAGES, range(1, 30 if filters else 21), None) == list(kept)
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
        (TOOLS, {"role": Choice(("user",))}, [1, 2, 3, 4, 5]),
        (NOTES, {"agent": Choice(("hermes",))}, [3]),
        (NOTES, {"project": Choice(("p5",))}, [5, 6]),
        (NOTES, {"project": Choice((), ("p5",))}, [1, 2, 3, 4]),
        (NOTES, {"before": "2026-03-02"}, [1]),
        (TITLES, {"agent": Choice(("hermes",))}, [3]),
    ],
)
def test_other_rows_are_kept_by_what_can_be_said_of_them(
    db: SessionDB, corpus: search_filters.Corpus, filters: dict[str, Any], kept: list[int]
) -> None:
    db.notes.add("win", "of a project only", project="/home/me/p5", created_at="2026-03-04T09:00:00.000Z")
    allowed = SearchFilter(db.connection, Filters(**filters))
    assert allowed.keep(corpus, range(1, 7), None) == kept


def test_a_message_without_a_time_has_that_of_its_session(db: SessionDB) -> None:
    with db.connection.transaction():
        db.connection.execute("UPDATE messages SET created_at = NULL")
    assert SearchFilter(db.connection, Filters(after="2026-03-05")).keep(MESSAGES, range(1, 21), None) == day(
        5
    )


def test_only_as_many_rows_are_looked_at_as_are_wanted(db: SessionDB) -> None:
    allowed = SearchFilter(db.connection, Filters(role=Choice(("user",))))
    rows = iter(range(1, 10_000))
    assert allowed.keep(MESSAGES, rows, 2) == [1, 5]
    assert next(rows) == search_filters._CHUNK + 1


def test_rows_of_other_sessions_are_not_looked_at(db: SessionDB, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    rows = db.connection.rows

    def spy(sql: str, parameters: Any = ()) -> Any:
        asked.append(parameters)
        return rows(sql, parameters)

    monkeypatch.setattr(db.connection, "rows", spy)
    allowed = SearchFilter(db.connection, Filters(project=Choice(("p4",))))
    assert allowed.keep(MESSAGES, range(20, 0, -1), None) == day(4)[::-1]
    assert asked[-1]["rows"] == "[16, 15, 14, 13]"
