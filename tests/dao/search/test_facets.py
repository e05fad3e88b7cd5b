"""What is kept of rows in a byte each is true, or else is missing."""

from __future__ import annotations

import pytest

from sessiondb import SessionDB
from sessiondb.dao.search import facets
from sessiondb.dao.search.facets import FacetBlocks
from sessiondb.dao.search.indexes import ALL, SearchIndex
from sessiondb.dao.search.repair import IndexRepair
from sessiondb.query import Choice

AGENT = ("s.agent = :agent", {"agent": "codex"})


@pytest.fixture
def db(db: SessionDB) -> SessionDB:
    """Yield a database of three sessions in turn, with a user's message and a tool call each; all are in blocks."""
    for number, agent in enumerate(("codex", "hermes", "codex")):
        session = db.sessions.start(agent, project="/srv/a", model="opus", id=f"s{number}")
        db.messages.append(session.id, "user", "apple")
        db.messages.append(session.id, "assistant", "pear", tool_calls=[{"id": "c", "name": "ls"}])
    FacetBlocks(db.connection).fill()
    return db


def verdicts(db: SessionDB, source: str = "message") -> list[int]:
    return list(FacetBlocks(db.connection).by_origin(source, *AGENT))


def test_each_row_passes_or_fails(db: SessionDB) -> None:
    assert verdicts(db) == [0, 1, 1, 2, 2, 1, 1]
    assert verdicts(db, "tool_call") == [0, 1, 2, 1]
    of_user = FacetBlocks(db.connection).by_origin("message", "s.role = :role", {"role": "user"})
    assert list(of_user) == [0, 1, 2, 1, 2, 1, 2]


@pytest.mark.parametrize(
    ("tool", "expected"),
    [(Choice(("LS",)), [0, 1, 1, 1]), (Choice(("cat",)), [0, 2, 2, 2]), (Choice((), ("ls",)), [0, 2, 2, 2])],
)
def test_calls_are_told_by_their_tool(db: SessionDB, tool: Choice, expected: list[int]) -> None:
    assert list(FacetBlocks(db.connection).by_tool("tool_call", tool)) == expected


def told(db: SessionDB, *row_ids: int) -> list[tuple[str | None, str | None]]:
    """Return session and role of messages, as far as the blocks tell them."""
    return list(zip(*FacetBlocks(db.connection).owners("message", row_ids), strict=True))


def test_rows_are_known_by_session_and_role(db: SessionDB) -> None:
    db.messages.append("s1", "user", "fig")
    assert told(db, 1, 2, 4, 5, 7, 10**9) == [
        ("s0", "user"), ("s0", "assistant"), ("s1", "assistant"), ("s2", "user"), (None, None), (None, None),
    ]  # fmt: skip
    with db.connection.transaction():
        db.connection.execute("UPDATE messages SET session_id = 's0', seq = 9 WHERE id = 4")
    assert told(db, 1, 4) == [(None, None)] * 2
    FacetBlocks(db.connection).fill()
    assert told(db, 3, 4, 5, 7) == [("s1", "user"), ("s0", "assistant"), ("s2", "user"), ("s1", "user")]
    assert FacetBlocks(db.connection).is_true()


def test_of_few_rows_in_a_block_nothing_is_read(db: SessionDB) -> None:
    owners = FacetBlocks(db.connection).owners("message", [1, 2], least=3)
    assert owners.session_ids == owners.roles == [None, None]


@pytest.mark.parametrize(
    ("wanted", "unwanted", "expected"),
    [
        ({"s1"}, set(), [2, 2, 2, 1, 1, 2, 2]),
        (None, {"s1"}, [1, 1, 1, 2, 2, 1, 1]),
        ({"s0", "s1"}, {"s1", "s9"}, [1, 1, 1, 2, 2, 2, 2]),
        (set(), set(), [2] * 7),
    ],
)
def test_rows_pass_or_fail_by_their_sessions(
    db: SessionDB, wanted: set[str] | None, unwanted: set[str], expected: list[int]
) -> None:
    assert list(FacetBlocks(db.connection).by_session("message", wanted, unwanted)) == expected


def test_doctor_finds_rows_that_became_another_sessions(db: SessionDB) -> None:
    db.connection.execute("DROP TRIGGER search_blocks_messages_au")
    db.connection.execute("UPDATE messages SET session_id = 's0', seq = 9 WHERE id = 5")
    assert not FacetBlocks(db.connection).is_true()


def minute(number: int) -> str:
    return f"2026-03-01T09:{number:02}:00.000Z"


@pytest.mark.parametrize("parts", [2, 3, 5, 255])
@pytest.mark.parametrize(
    "bounds", [(None, 3), (3, None), (2, 5), (5, 2), (4, 4), (0, 99), (8, None), (None, 1)]
)
def test_times_are_told_apart_or_asked_of_the_rows(
    db: SessionDB, monkeypatch: pytest.MonkeyPatch, parts: int, bounds: tuple[int | None, int | None]
) -> None:
    monkeypatch.setattr(facets, "_KINDS", parts)
    minutes = (7, 1, 4, 4, 2, 6)
    with db.connection.transaction():
        for number, said in enumerate(minutes, 1):
            db.connection.execute("UPDATE messages SET created_at = ? WHERE id = ?", (minute(said), number))
    FacetBlocks(db.connection).fill()
    after, before = (None if bound is None else minute(bound) for bound in bounds)

    told = FacetBlocks(db.connection).by_moment("message", after, before)

    passes = [(after or "") <= minute(said) < (before or "9") for said in minutes]
    assert told[0] == facets.UNKNOWN
    for said, passed in zip(told[1:], passes, strict=True):
        assert said in (facets.UNKNOWN, facets.PASSES if passed else facets.FAILS)
    if parts == 255:
        # One time at each bound at most.
        assert told.count(facets.UNKNOWN) <= 4
    assert FacetBlocks(db.connection).is_true()


def test_a_call_is_said_when_its_answer_was(db: SessionDB) -> None:
    db.messages.append("s0", "tool", "x", tool_call_id="c", created_at="2030-01-01T00:00:00.000Z")
    FacetBlocks(db.connection).fill()
    assert list(FacetBlocks(db.connection).by_moment("tool_call", "2030-01-01T00:00:00.000Z", None)) == [
        0,
        1,
        2,
        2,
    ]


def test_nothing_is_said_of_rows_that_came_later(db: SessionDB) -> None:
    for _ in range(3):
        db.messages.append("s0", "user", "fig")
    assert verdicts(db) == [0, 1, 1, 2, 2, 1, 1]
    assert db.search("fig", agent="codex").total == 1


@pytest.mark.parametrize(
    ("change", "source"),
    [
        ("UPDATE messages SET role = 'system' WHERE id = 4", "message"),
        ("UPDATE messages SET session_id = (SELECT session_id FROM messages WHERE id = 1), seq = 9 WHERE id = 4",
         "message"),
        ("UPDATE messages SET id = 100 WHERE id = 3", "message"),
        ("INSERT OR REPLACE INTO messages (id, session_id, seq, role)"
         " SELECT 4, session_id, 9, 'user' FROM messages WHERE id = 1", "message"),
        ("UPDATE tool_calls SET session_id = (SELECT session_id FROM messages WHERE id = 1) WHERE id = 2",
         "tool_call"),
        ("INSERT OR REPLACE INTO tool_calls (id, session_id)"
         " SELECT 2, session_id FROM messages WHERE id = 1", "tool_call"),
        ("UPDATE messages SET created_at = '2020-01-01T00:00:00.000Z' WHERE id = 2", "message"),
        ("UPDATE messages SET created_at = NULL WHERE id = 2", "tool_call"),
        ("UPDATE tool_calls SET name = 'cat' WHERE id = 2", "tool_call"),
        ("UPDATE tool_calls SET result_message_id = 1 WHERE id = 2", "tool_call"),
        ("UPDATE tool_calls SET id = 100 WHERE id = 2", "tool_call"),
        ("UPDATE sessions SET agent = 'hermes'", "message"),
        ("UPDATE sessions SET agent = 'hermes'", "tool_call"),
        ("UPDATE sessions SET project_id = NULL", "message"),
        ("DELETE FROM projects", "message"),
        ("DELETE FROM models", "tool_call"),
    ],
)  # fmt: skip
def test_what_becomes_anothers_is_forgotten_whoever_writes(db: SessionDB, change: str, source: str) -> None:
    assert verdicts(db, source)
    with db.connection.transaction():
        db.connection.execute(change)
    assert verdicts(db, source) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE sessions SET title = 'x', agent = agent, last_active_at = '2030-01-01T00:00:00.000Z'",
        "UPDATE messages SET content = 'fig', role = role",
        "DELETE FROM messages WHERE id = 2",
    ],
)
def test_what_stays_the_same_is_kept(db: SessionDB, change: str) -> None:
    with db.connection.transaction():
        db.connection.execute(change)
    assert verdicts(db) == [0, 1, 1, 2, 2, 1, 1]


def test_a_search_finds_the_rows_of_a_session_that_became_another_agents(db: SessionDB) -> None:
    with db.connection.transaction():
        db.connection.execute("UPDATE sessions SET agent = 'codex'")
    assert db.search("apple", agent="codex").total == 3
    FacetBlocks(db.connection).fill()
    assert verdicts(db) == [0, 1, 1, 1, 1, 1, 1]
    assert db.search("apple", agent="codex").total == 3


def test_blocks_are_written_where_they_are_missing(db: SessionDB, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facets, "BLOCK", 2)
    blocks = FacetBlocks(db.connection)
    blocks.clear()
    blocks.fill()
    assert verdicts(db) == [0, 1, 1, 2, 2, 1, 1]
    db.connection.execute("DELETE FROM search_blocks WHERE source = 'message' AND block IN (1, 3)")
    assert verdicts(db) == [0, 1, 0, 0, 2, 1]
    blocks.fill()
    assert verdicts(db) == [0, 1, 1, 2, 2, 1, 1]
    assert db.connection.value("SELECT count(*) FROM search_blocks WHERE source = 'message'") == 12


def test_the_last_block_follows_when_many_rows_came(db: SessionDB, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facets, "_BEHIND", 2)
    for known in (7, 9):
        db.messages.append("s0", "user", "fig")
        FacetBlocks(db.connection).fill()
        assert len(verdicts(db)) == known


def test_rows_far_apart_cost_nothing(db: SessionDB) -> None:
    with db.connection.transaction():
        db.connection.execute("UPDATE messages SET id = ? WHERE id = 1", (facets.MAX_ROW * 4,))
        db.connection.execute("UPDATE messages SET id = ? WHERE id = 3", (facets.BLOCK * 5,))
    for index in ALL:
        IndexRepair(db.connection).rebuild(index.name)
    FacetBlocks(db.connection).clear()
    FacetBlocks(db.connection).fill()
    assert db.connection.rows("SELECT DISTINCT block FROM search_blocks WHERE source = 'message'") == [
        (0,),
        (5,),
    ]
    assert len(verdicts(db)) == facets.BLOCK * 6
    assert (db.search("apple", agent="codex").total, db.search("apple", agent="hermes").total) == (2, 1)


def test_more_kinds_than_a_byte_tells_apart_are_asked_of_the_rows(
    db: SessionDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facets, "_KINDS", 2)
    blocks = FacetBlocks(db.connection)
    blocks.clear()
    blocks.fill()
    assert verdicts(db) == [0, 1, 1, 0, 0, 1, 1]
    assert db.search("apple", agent="hermes").total == 1


def test_an_import_and_optimize_write_them(db: SessionDB) -> None:
    FacetBlocks(db.connection).clear()
    for _ in SearchIndex(db.connection).catch_up():
        pass
    assert len(verdicts(db)) == 7


def test_tables_without_rows_have_no_blocks() -> None:
    with SessionDB(":memory:") as db:
        db.messages.append(db.sessions.start("codex").id, "user", "apple")
        FacetBlocks(db.connection).fill()

        known = db.connection.rows("SELECT source, block FROM search_blocks")

    assert known == [("message", 0)] * 3


def test_doctor_mends_what_is_not_true_any_more(db: SessionDB) -> None:
    db.connection.execute("DROP TRIGGER search_blocks_sessions_au")
    db.connection.execute("UPDATE sessions SET agent = 'codex'")
    assert IndexRepair(db.connection).damaged() == ["search_blocks"]
    db.repair()
    assert IndexRepair(db.connection).damaged() == []
    assert verdicts(db) == [0, 1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("lost", ["search_blocks", "search_facets"])
def test_what_was_lost_is_made_anew_and_writes_go_on(db: SessionDB, lost: str) -> None:
    db.connection.execute(f"DROP TABLE {lost}")
    db.messages.append("s0", "user", "fig")
    db.repair()
    assert verdicts(db) == [0, 1, 1, 2, 2, 1, 1, 1]
    assert db.search("apple", agent="codex").total == 2
