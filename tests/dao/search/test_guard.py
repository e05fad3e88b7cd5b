"""Whatever happens to a search index, what agents write is kept."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.dao.search.guard import Replay, despite_search
from sessiondb.errors import Conflict, DatabaseBusy, DatabaseError, InvalidInput
from sessiondb.storage import locks, statements, turns
from tests.helpers.clock import PausingClock

WORDS = "the tests are kept in a folder of their own"

# What each index takes a write of.
WRITES: dict[str, Callable[[SessionDB], object]] = {
    "messages_fts": lambda db: db.messages.append("s", "user", WORDS),
    "tool_calls_fts": lambda db: db.messages.append(
        "s", "assistant", tool_calls=[{"id": "c9", "name": "ls"}]
    ),
    "notes_fts": lambda db: db.notes.add("win", WORDS, session_id="s"),
    "sessions_fts": lambda db: db.sessions.start("me", title=WORDS),
}


@pytest.fixture
def db(db: SessionDB) -> SessionDB:
    db.sessions.start("me", id="s", title=WORDS)
    for number in range(20):
        call = {"id": f"c{number}", "name": "ls", "arguments": {"path": WORDS}}
        db.messages.append("s", "assistant", f"{WORDS} {number}", tool_calls=[call])
        db.messages.append("s", "user", f"测试放在哪里？{number}")
        db.notes.add("decision", f"{WORDS} {number}", session_id="s")
        db.sessions.start("me", title=f"{WORDS} {number}")
    return db


def damage(db: SessionDB, index: str) -> None:
    """Overwrite an index's pages, its list of segments too, as a bad disk would."""
    with db.connection.transaction():
        db.connection.execute(f"UPDATE {index}_data SET block = x'ffffffff'")


def stale(db: SessionDB) -> list[str]:
    return [
        row[0] for row in db.connection.rows("SELECT index_name FROM search_state WHERE pending_from = 0")
    ]


@pytest.mark.parametrize("index", WRITES)
def test_a_damaged_index_is_put_aside_and_the_write_goes_on(
    db: SessionDB, index: str, caplog: pytest.LogCaptureFixture
) -> None:
    damage(db, index)
    with caplog.at_level(logging.WARNING, logger="sessiondb"):
        WRITES[index](db)
    assert stale(db) == [index]
    assert [record.name for record in caplog.records] == ["sessiondb"]
    assert index in caplog.text
    caplog.clear()
    WRITES[index](db)
    assert caplog.text == ""


def test_several_damaged_indexes_are_put_aside_at_once(db: SessionDB) -> None:
    for index in WRITES:
        damage(db, index)
    message = db.messages.append("s", "assistant", WORDS, tool_calls=[{"id": "c9", "name": "ls"}])
    assert db.messages.get(message.id).tool_calls[0].name == "ls"
    # The texts of Chinese messages are not known to be whole then, either.
    assert sorted(stale(db)) == sorted([*WRITES, "search_segments_fts"])


def test_a_turn_goes_on_after_the_damage_is_met(db: SessionDB) -> None:
    damage(db, "messages_fts")
    with db.turn("s") as turn:
        written = [turn.append("user", WORDS), turn.append("assistant", WORDS)]
        turn.add_tokens(output=3, request_key="r")
    assert [message.seq for message in written] == [41, 42]
    assert db.messages.transcript("s", first=41) == written
    assert db.sessions.get("s").message_count == 42


def test_a_turn_begins_again_where_the_damage_is_met_midway(db: SessionDB) -> None:
    damage(db, "tool_calls_fts")
    with db.turn("s") as turn:
        written = [turn.append("user", WORDS)]
        assert turn.add_tokens(output=3, request_key="r")
        written += [turn.append("assistant", WORDS, tool_calls=[{"id": "c9", "name": "ls"}])]
        written += [turn.append("tool", WORDS, tool_call_id="c9")]
    assert [message.seq for message in written] == [41, 42, 43]
    assert db.messages.get(written[0].id) == written[0]
    assert db.messages.get(written[2].id) == written[2]
    assert db.tokens.total("s").output == 3
    assert stale(db) == ["tool_calls_fts"]


def test_a_turn_that_also_wrote_elsewhere_fails_as_a_whole(db: SessionDB) -> None:
    damage(db, "messages_fts")
    with pytest.raises((Conflict, DatabaseError)), db.turn("s") as turn:
        db.sessions.set_pinned("s")
        turn.append("user", WORDS)
    assert not db.sessions.get("s").pinned
    assert db.messages.last_seq("s") == 40


def test_writes_that_come_out_differently_the_second_time_are_undone(db: SessionDB) -> None:
    numbers = count()
    damage(db, "messages_fts")
    with pytest.raises((Conflict, DatabaseError)), db.connection.transaction():
        replay = Replay(db.connection)
        replay.run(lambda: next(numbers))
        replay.run(lambda: db.messages.append("s", "user", WORDS))
    assert db.messages.last_seq("s") == 40
    assert stale(db) == []


def test_nothing_is_written_after_an_error_that_undid_the_transaction(db: SessionDB) -> None:
    with pytest.raises(DatabaseError), db.connection.transaction():
        db.connection.execute("ROLLBACK")  # as SQLite does by itself on a full disk
        with pytest.raises(DatabaseError, match="an error has undone the transaction"):
            db.messages.append("s", "user", WORDS)
    assert db.messages.last_seq("s") == 40


@pytest.mark.parametrize("remove", ["clear", "remove_last"])
def test_removing_messages_goes_on_too(db: SessionDB, remove: str) -> None:
    for index in ("messages_fts", "tool_calls_fts"):
        damage(db, index)
    getattr(db.messages, remove)("s")
    assert db.messages.last_seq("s") == (0 if remove == "clear" else 39)


def test_a_rule_that_a_write_breaks_puts_no_index_aside(db: SessionDB) -> None:
    def write() -> None:
        db.connection.execute("INSERT INTO sessions (id, agent) VALUES ('s', 'me')")

    with pytest.raises(Conflict, match="constraint failed"):
        despite_search(db.connection, write)
    assert stale(db) == []


def test_chinese_is_kept_where_its_own_index_is_damaged(db: SessionDB) -> None:
    damage(db, "search_segments_fts")
    assert db.messages.append("s", "user", "测试放在哪里？").content == "测试放在哪里？"
    assert stale(db) == ["search_segments_fts"]


def test_a_busy_file_is_waited_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, clock = tmp_path / "sessions.db", PausingClock()
    for module in (locks, statements, turns):
        monkeypatch.setattr(module, "time", clock)
    with SessionDB(path, time_budget=0.1) as db, contextlib.closing(sqlite3.connect(path)) as other:
        db.sessions.start("me", id="s")
        other.execute("BEGIN IMMEDIATE")
        begun = clock.now
        with pytest.raises(DatabaseBusy):
            db.messages.append("s", "user", WORDS)
        assert clock.now - begun < 0.2


def test_an_error_in_a_turn_that_is_caught_leaves_no_half_message(db: SessionDB) -> None:
    with db.turn("s") as turn:
        with pytest.raises(InvalidInput):
            turn.append("user", "never", no_json=object())
        with pytest.raises(InvalidInput):
            turn.append("assistant", "never", tool_calls=[{"id": "c", "name": "ls"}], external_id=b"no text")
        turn.append("user", "kept")
    assert [message.content for message in db.messages.transcript("s", first=41)] == ["kept"]
