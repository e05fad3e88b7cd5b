"""Sessions as agents start, find, describe and end them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.dao.removal import Removals
from sessiondb.errors import Conflict, InvalidInput, NotFound
from sessiondb.records import Channel, Session, SessionFilter

ROOT = "/home/ann/quill"


def test_start_takes_all_there_is_to_say(db: SessionDB) -> None:
    channel = Channel("telegram", "dm", "42", user_name="Ann")
    parent = db.sessions.start("me")
    session = db.sessions.start(
        "me",
        id="s",
        key="k",
        project=f"{ROOT}/",
        title="Trip",
        channel=channel,
        model="some-model",
        parent=parent.id,
        relation="fork",
        tags=["b", "a"],
        metadata={"tenant": "acme"},
        started_at="2026-03-01T10:00:00+02:00",
    )
    assert session == Session(
        "s",
        "me",
        "2026-03-01T08:00:00.000Z",
        "2026-03-01T08:00:00.000Z",
        native_id="s",
        key="k",
        project=ROOT,
        channel=channel,
        parent_id=parent.id,
        relation="fork",
        title="Trip",
        model="some-model",
        origin=db.connection.value("SELECT value FROM meta WHERE key = 'database_id'"),
        metadata={"tenant": "acme"},
    )
    assert db.sessions.tags("s") == ["a", "b"]


@pytest.mark.parametrize(
    ("fields", "error", "complaint"),
    [
        ({"id": "s"}, Conflict, "there is a session s already"),
        ({"key": "k"}, Conflict, "the key 'k' has an open session s: end it first"),
        ({"parent": "nowhere"}, NotFound, "there is no session nowhere to be the parent"),
        ({"started_at": "soon"}, InvalidInput, "cannot read the time 'soon'"),
        ({"metadata": {"a": object()}}, InvalidInput, "cannot store a dict as JSON"),
        ({"relation": "cousin"}, InvalidInput, "relation must be one of fork,"),
    ],
)
def test_start_says_what_is_in_the_way(
    db: SessionDB, fields: dict[str, Any], error: type[Exception], complaint: str
) -> None:
    db.sessions.start("me", id="s", key="k")
    with pytest.raises(error, match=complaint):
        db.sessions.start("me", **fields)
    assert db.connection.value("SELECT count(*) FROM sessions") == 1


def test_get_or_start_gives_all_threads_one_session(db: SessionDB) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(db.sessions.get_or_start("k", "me").id))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_clock_that_is_set_back_ends_no_session_before_its_last_message(
    db: SessionDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.sessions.start("quill", id="ahead", started_at="2026-03-01T09:00:00.000Z")
    db.messages.append("ahead", "user", "Hello", created_at="2026-03-01T10:00:00.000Z")
    monkeypatch.setattr("sessiondb.timestamps.now", lambda: "2026-03-01T09:30:00.000Z")

    db.messages.append("ahead", "user", "An hour earlier")
    db.sessions.end("ahead")

    assert [message.text for message in db.messages.transcript("ahead")] == ["Hello", "An hour earlier"]
    ended = db.sessions.get("ahead")
    assert (ended.last_active_at, ended.ended_at) == ("2026-03-01T10:00:00.000Z",) * 2


def test_end_takes_one_session_or_several_and_keeps_the_first_reason(db: SessionDB) -> None:
    for name in "abc":
        db.sessions.start("me", id=name, started_at="2026-03-01T10:00:00Z")
    assert db.sessions.end("a", reason="done", at="2026-03-01T11:00:00Z") == ["a"]
    assert db.sessions.end(["a", "b"], reason="late") == ["b"]
    assert db.sessions.end("c", at="2026-02-01T00:00:00Z") == ["c"]
    assert [(db.sessions.get(name).end_reason, db.sessions.get(name).ended_at) for name in "ac"] == [
        ("done", "2026-03-01T11:00:00.000Z"),
        ("ended", "2026-03-01T10:00:00.000Z"),  # never before its start
    ]
    with pytest.raises(NotFound, match="there is no session nowhere to end"):
        db.sessions.end("nowhere")


def test_reopen_keeps_to_one_open_session_a_key(db: SessionDB) -> None:
    first = db.sessions.get_or_start("k", "me")
    assert not db.sessions.reopen(first.id)
    db.sessions.end(first.id)
    second = db.sessions.get_or_start("k", "me")
    with pytest.raises(Conflict, match=f"the key 'k' has an open session {second.id}: end it first"):
        db.sessions.reopen(first.id)
    db.sessions.end(second.id)
    assert db.sessions.reopen(first.id)
    assert db.sessions.get_or_start("k", "me") == first


def test_latest_is_the_session_active_last(db: SessionDB) -> None:
    assert db.sessions.latest() is None
    for number, (name, agent, project) in enumerate(
        [("a", "me", ROOT), ("b", "you", ROOT), ("c", "me", "/elsewhere"), ("d", "me", None)]
    ):
        db.sessions.start(agent, id=name, project=project, started_at=f"2026-03-0{number + 1}T00:00:00Z")

    def latest(**fields: str) -> str | None:
        found = db.sessions.latest(**fields)
        return found.id if found else None

    assert latest() == "d"
    assert latest(agent="me") == "d"
    assert latest(project=ROOT) == "b"
    assert latest(project=ROOT, agent="me") == "a"
    assert latest(project="/nowhere") is None
    with db.connection.transaction():
        db.connection.execute("INSERT INTO projects (name) VALUES ('Souq')")
        db.connection.execute(
            "UPDATE sessions SET project_id = (SELECT id FROM projects WHERE name = 'Souq') WHERE id = 'a'"
        )
    assert latest(project="Souq") == "a"


def test_there_has_been_a_session_even_when_it_is_gone(db: SessionDB) -> None:
    assert not db.sessions.has_any()
    db.sessions.start("me", id="s")
    Removals(db.connection).remove(["s"])
    assert db.sessions.has_any()


def test_a_session_is_described_while_it_lives(db: SessionDB) -> None:
    db.sessions.start("me", id="s", started_at="2026-03-01T10:00:00Z")
    db.sessions.set_title("s", "Trip")
    db.sessions.set_pinned("s")
    db.sessions.set_project("s", ROOT)
    db.sessions.set_metadata("s", {"a": 1, "b": 2})
    db.sessions.set_metadata("s", {"a": None})
    db.sessions.touch("s", "2026-03-02T10:00:00Z")
    db.sessions.touch("s", "2026-03-01T12:00:00Z")
    db.sessions.add_tags("s", ["x", "y", "x"])
    db.sessions.remove_tags("s", ["y", "z"])
    session = db.sessions.get("s")
    assert (session.title, session.pinned, session.project, session.metadata) == (
        "Trip",
        True,
        ROOT,
        {"b": 2},
    )
    assert session.last_active_at == "2026-03-02T10:00:00.000Z"
    assert db.sessions.tags("s") == ["x"]
    db.sessions.set_title("s", None)
    db.sessions.set_pinned("s", False)
    assert (db.sessions.get("s").title, db.sessions.get("s").pinned) == (None, False)


@pytest.mark.parametrize(
    "change",
    [
        lambda sessions: sessions.set_title("nowhere", "x"),
        lambda sessions: sessions.set_pinned("nowhere"),
        lambda sessions: sessions.set_project("nowhere", ROOT),
        lambda sessions: sessions.set_metadata("nowhere", {}),
        lambda sessions: sessions.take_metadata("nowhere", "a"),
        lambda sessions: sessions.touch("nowhere"),
        lambda sessions: sessions.consolidate("nowhere", 1),
        lambda sessions: sessions.reopen("nowhere"),
        lambda sessions: sessions.get("nowhere"),
    ],
)
def test_what_is_asked_of_no_session_raises(db: SessionDB, change: Callable[[Any], object]) -> None:
    with pytest.raises(NotFound, match="there is no session nowhere"):
        change(db.sessions)


def test_metadata_is_taken_once(db: SessionDB) -> None:
    db.sessions.start("me", id="s", metadata={"a": 1, "b": None, "c": "\ud83d"})
    assert db.sessions.get("s").metadata == {"a": 1, "b": None, "c": "\ud83d"}
    assert db.sessions.take_metadata("s", "a", "nothing") == {"a": 1}
    assert db.sessions.take_metadata("s", "a", "nothing") == {}
    assert db.sessions.get("s").metadata == {"b": None, "c": "\ud83d"}


def test_numbers_that_a_platform_gives_as_ids_find_the_same_channel(db: SessionDB) -> None:
    for chat_id in (42, "42", 42):
        db.sessions.start("me", channel=Channel("telegram", "dm", chat_id))  # type: ignore[arg-type]
    assert db.connection.value("SELECT count(*) FROM channels") == 1


def plans(db: SessionDB, read: Callable[[], object]) -> list[str]:
    """Return the steps by which SQLite finds the rows of what `read` reads."""
    statements: list[str] = []
    with db.connection.transaction():  # where reads are the writer's
        db.connection.sqlite.set_trace_callback(statements.append)
        read()
        db.connection.sqlite.set_trace_callback(None)
    rows = [row for sql in statements for row in db.connection.rows(f"EXPLAIN QUERY PLAN {sql}")]
    return [row[3] for row in rows]


def test_a_list_counts_without_the_rows_of_all_sessions(db: SessionDB) -> None:
    count = plans(db, lambda: db.sessions.count(SessionFilter(), fold=True))

    assert len(count) == 2
    assert "SEARCH s USING INDEX idx_sessions_parent_id (parent_id>?)" in count
    assert any(step.startswith("SCAN s") and "USING COVERING INDEX" in step for step in count)


def test_sessions_of_an_agent_are_listed_in_the_order_of_its_index(db: SessionDB) -> None:
    def page() -> list[Session]:
        return db.sessions.page(SessionFilter(agent="claude-code"), fold=True)

    assert "USE TEMP B-TREE FOR ORDER BY" not in plans(db, page)
