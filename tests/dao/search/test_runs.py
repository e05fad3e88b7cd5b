"""Where few rows may pass, the ranges that they lie in are asked, and nothing that is found changes by it."""

from __future__ import annotations

import random

import pytest

from sessiondb import SessionDB
from sessiondb.dao.search import filters as search_filters
from sessiondb.dao.search.corpora import MESSAGES, TOOLS, Corpus
from sessiondb.dao.search.facets import FAILS, PASSES, UNKNOWN, FacetBlocks
from sessiondb.dao.search.filters import MAX_SPANS, SearchFilter
from sessiondb.dao.search.queries import Order, SearchQueries
from sessiondb.query import Choice, Filters


@pytest.fixture
def db(db: SessionDB) -> SessionDB:
    """Yield a database of sixty sessions, a tenth of hermes and a twentieth with a tag; blocks know most rows."""
    chance = random.Random(1)
    for number in range(60):
        if number == 55:
            FacetBlocks(db.connection).fill()
        day = f"2026-{number // 28 + 1:02}-{number % 28 + 1:02}"
        tags = ["kept"] if number % 20 == 4 else []
        agent = "hermes" if number % 10 == 3 else "codex"
        session = db.sessions.start(agent, tags=tags, started_at=f"{day}T09:00:00.000Z").id
        with db.turn(session) as turn:
            for place in range(12):
                text = " ".join(chance.choices(("common", "other", "x"), k=4)) + (
                    " seldom" if place == 7 else ""
                )
                calls = [{"id": f"c{place}", "name": "Bash", "arguments": text}] if place % 2 else None
                turn.append("assistant", text, tool_calls=calls, created_at=f"{day}T09:{place:02}:00.000Z")
    return db


@pytest.mark.parametrize("corpus", [MESSAGES, TOOLS], ids=lambda corpus: corpus.source)
@pytest.mark.parametrize(
    "filters",
    [
        Filters(agent=Choice(("hermes",))),
        Filters(agent=Choice((), ("codex",))),
        Filters(tag=Choice(("kept",))),
        Filters(tag=Choice(("kept",)), agent=Choice(("hermes",))),
        Filters(after="2026-02-03", before="2026-02-05"),
        Filters(after="2026-02-25"),
        Filters(agent=Choice(("hermes",)), before="2026-01-20"),
        Filters(agent=Choice(("nobody",))),
    ],
)
def test_rows_and_scores_are_the_same(
    db: SessionDB, monkeypatch: pytest.MonkeyPatch, filters: Filters, corpus: Corpus
) -> None:
    queries = SearchQueries(db.connection)
    orders = [
        Order(most, oldest, scored)
        for most in (None, 3)
        for oldest in (False, True)
        for scored in (False, True)
    ]

    def found() -> list[object]:
        allowed = SearchFilter(db.connection, filters)
        words = [
            list(queries.scores(corpus, word, allowed, order, segmented=False).items())
            for word in ("common", "seldom", "nothing")
            for order in orders
        ]
        return [
            *words,
            *(allowed.rows(corpus, order.most, oldest_first=order.oldest_first) for order in orders),
        ]

    assert SearchFilter(db.connection, filters).runs(corpus, MAX_SPANS)
    with_runs = found()
    monkeypatch.setattr(search_filters, "_runs", lambda verdicts, most: [])
    assert found() == with_runs


def test_of_an_agent_that_says_nothing_of_it_no_other_row_is_asked(db: SessionDB) -> None:
    queries, allowed = (
        SearchQueries(db.connection),
        SearchFilter(db.connection, Filters(agent=Choice(("hermes",)))),
    )
    with db.connection.transaction():
        db.connection.execute(
            "UPDATE messages SET content = 'x' WHERE session_id IN (SELECT id FROM sessions WHERE agent = 'hermes')"
        )
    assert queries._passing(MESSAGES, "common", allowed, Order(10)).spans == []


def test_runs_cover_each_row_that_may_pass() -> None:
    chance = random.Random(2)
    for _ in range(200):
        kinds = (FAILS,) * chance.randint(3, 60) + (PASSES, UNKNOWN)
        verdicts = bytes(chance.choices(kinds, k=chance.randint(1, 400)))
        runs = search_filters._runs(verdicts, 20)
        may_pass = {row for row, verdict in enumerate(verdicts) if verdict != FAILS}
        assert not runs or may_pass <= {row for first, last in runs[:-1] for row in range(first, last + 1)}
        assert not runs or runs[-1] == (len(verdicts), search_filters.EVERYTHING[1])
        assert runs == sorted(runs)
