"""The queries of search look at as little as they can."""

from __future__ import annotations

import pytest

from sessiondb import SessionDB
from sessiondb.dao.search import queries as search_queries
from sessiondb.dao.search.corpora import MESSAGES, NOTES, TITLES, TOOLS
from sessiondb.dao.search.facets import FacetBlocks
from sessiondb.dao.search.filters import SearchFilter
from sessiondb.dao.search.queries import Order, SearchQueries
from sessiondb.query import Choice, Filters
from sessiondb.query.ranking import Activity, Hit, by_relevance

EVERYTHING = Filters()
ALL = Order(None)


@pytest.fixture
def db(db: SessionDB) -> SessionDB:
    for agent, words in (("codex", "apple apple"), ("hermes", "apple pie"), ("codex", "pear 昨晚 apple")):
        session = db.sessions.start(agent, id=f"s{words}", title=words, started_at="2026-03-01T09:00:00.000Z")
        for role in ("user", "assistant"):
            db.messages.append(session.id, role, words, created_at="2026-03-02T09:00:00.000Z")
    return db


def scores(
    db: SessionDB,
    expression: str,
    filters: Filters = EVERYTHING,
    order: Order = ALL,
    *,
    segmented: bool = False,
) -> dict[int, float]:
    allowed = SearchFilter(db.connection, filters)
    return SearchQueries(db.connection).scores(MESSAGES, expression, allowed, order, segmented=segmented)


@pytest.mark.parametrize("filters", [EVERYTHING, Filters(role=Choice(("user", "assistant")))])
@pytest.mark.parametrize(
    ("order", "rows"),
    [
        (Order(None), [6, 5, 4, 3, 2, 1]),
        (Order(2), [6, 5]),
        (Order(3, oldest_first=True), [1, 2, 3]),
        (Order(0), []),
    ],
)
def test_rows_come_from_the_end_that_is_asked_for(
    db: SessionDB, filters: Filters, order: Order, rows: list[int]
) -> None:
    assert list(scores(db, "apple", filters, order)) == rows
    unscored = scores(db, "apple", filters, order._replace(is_scored=False))
    assert unscored == dict.fromkeys(rows, 0.0)


def test_scores_are_those_of_fts5_with_a_filter_or_without(db: SessionDB) -> None:
    free = scores(db, "pie")
    sql = "SELECT rowid, -rank FROM messages_fts WHERE messages_fts MATCH 'pie'"
    assert free == dict(db.connection.rows(sql))
    assert scores(db, "pie", Filters(role=Choice(("user",)))) == {3: free[3]}
    assert min(free.values()) > 0


def test_segmented_texts_are_searched_by_their_own_expression(db: SessionDB) -> None:
    assert list(scores(db, '"昨 晚"', segmented=True)) == [6, 5]
    assert list(scores(db, '"昨 晚"', Filters(role=Choice(("user",))), segmented=True)) == [5]
    assert SearchQueries(db.connection).has_segments()


def test_a_hit_tells_where_and_when(db: SessionDB) -> None:
    queries = SearchQueries(db.connection)
    assert queries.hits(MESSAGES, {3: 2.0, 1: 1.0, 99: 1.0}) == [
        Hit("message", 1, "sapple apple", 1, 1, "user", "2026-03-02T09:00:00.000Z", 1.0),
        Hit("message", 3, "sapple pie", 3, 1, "user", "2026-03-02T09:00:00.000Z", 2.0),
    ]
    assert queries.hits(TITLES, {2: 1.5}) == [
        Hit("session", 2, "sapple pie", None, None, None, "2026-03-01T09:00:00.000Z", 1.5)
    ]
    assert queries.hits(NOTES, {}) == []


def test_hits_are_the_same_with_blocks_and_without(db: SessionDB, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_queries, "FEW", 1)
    db.messages.append("sapple pie", "system", "apple")
    db.messages.append("sapple pie", "assistant", tool_calls=[{"id": "c", "name": "ls"}])
    queries = SearchQueries(db.connection)
    for corpus, scores in ((MESSAGES, {7: 2.0, 3: 1.0, 1: 1.0}), (TOOLS, {1: 3.0}), (TITLES, {2: 1.5})):
        read = queries.hits(corpus, scores)
        for _ in ("without", "with"):
            matches = queries.matches(corpus, scores)
            hits = [matches.hit(number) for number in range(len(scores))]
            assert queries.completed(hits) == read
            FacetBlocks(db.connection).fill()
        if corpus is not TITLES:
            assert matches.seqs == [None] * len(read)


def test_a_call_of_no_message_is_shown_by_another_hit_of_its_session(
    db: SessionDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_queries, "FEW", 1)
    db.messages.append(
        "sapple pie", "assistant", tool_calls=[{"id": "c", "name": "ls"}, {"id": "d", "name": "ls"}]
    )
    with db.connection.transaction():
        db.connection.execute("UPDATE tool_calls SET message_id = NULL WHERE id = 1")
    FacetBlocks(db.connection).fill()
    queries = SearchQueries(db.connection)
    groups = by_relevance(queries.matches(TOOLS, {1: 2.0, 2: 1.0}))
    assert [(hit.row_id, hit.message_id) for hit in queries.shown(groups)] == [(2, 7)]


def test_what_was_injected_or_put_out_scores_half(db: SessionDB) -> None:
    session = db.sessions.start("codex", id="t").id
    db.messages.append(session, "system", "apple")
    db.messages.append(session, "assistant", tool_calls=[{"id": "c", "name": "ls"}])
    queries = SearchQueries(db.connection)
    assert [hit.score for hit in queries.hits(MESSAGES, {7: 2.0})] == [1.0]
    assert [(hit.role, hit.score) for hit in queries.hits(TOOLS, {1: 2.0})] == [("tool", 1.0)]


def test_texts_are_found_to_the_letter(db: SessionDB) -> None:
    queries = SearchQueries(db.connection)
    assert queries.holding(MESSAGES, [1, 3, 5], ["APPLE P"]) == {3}
    assert queries.holding(MESSAGES, [1, 3, 5], ["apple", "昨"]) == {5}
    assert queries.holding(TITLES, [1, 2], ["pie"]) == {2}


def test_sessions_are_counted_and_described(db: SessionDB) -> None:
    queries = SearchQueries(db.connection)
    assert (queries.sessions(), queries.rows_in(MESSAGES), queries.rows_in(NOTES)) == (3, 6, 0)
    assert queries.newest_activity() == "2026-03-02T09:00:00.000Z"
    activity = Activity(2, "2026-03-01T09:00:00.000Z", "2026-03-02T09:00:00.000Z")
    assert queries.activity(["sapple pie", "nobody"]) == {"sapple pie": activity}
