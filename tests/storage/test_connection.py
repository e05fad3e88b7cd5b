"""The connection: transactions, retries, errors in words, threads, forks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.errors import Conflict, DatabaseBusy, DatabaseDamaged, DatabaseError
from sessiondb.storage.connection import Connection
from tests.helpers.waiting import HANG


@pytest.fixture
def connection(tmp_path: Path) -> Connection:
    opened = SessionDB(tmp_path / "sessions.db", time_budget=HANG).connection
    opened.script("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT UNIQUE)")
    return opened


def names(connection: Connection) -> list[str]:
    return [row[0] for row in connection.rows("SELECT name FROM things ORDER BY id")]


def test_a_failed_block_leaves_nothing(connection: Connection) -> None:
    with pytest.raises(RuntimeError), connection.transaction():
        connection.execute("INSERT INTO things (name) VALUES ('one')")
        raise RuntimeError
    assert names(connection) == []
    connection.close()


def test_an_inner_block_belongs_to_the_outer_one(connection: Connection) -> None:
    with pytest.raises(RuntimeError), connection.transaction():
        with connection.transaction():
            connection.execute("INSERT INTO things (name) VALUES ('inner')")
        raise RuntimeError
    assert names(connection) == []
    connection.close()


def test_an_inner_block_that_raises_is_undone_alone(connection: Connection) -> None:
    with connection.transaction():
        connection.execute("INSERT INTO things (name) VALUES ('kept')")
        with pytest.raises(Conflict), connection.transaction():
            connection.execute("INSERT INTO things (name) VALUES ('undone')")
            connection.execute("INSERT INTO things (name) VALUES ('kept')")
    assert names(connection) == ["kept"]
    connection.close()


def test_broken_rule_is_a_conflict(connection: Connection) -> None:
    connection.execute("INSERT INTO things (name) VALUES ('one')")
    with pytest.raises(Conflict, match=r"UNIQUE constraint failed: things\.name"):
        connection.execute("INSERT INTO things (name) VALUES ('one')")
    connection.close()


def test_wrong_sql_is_an_error_of_ours(connection: Connection) -> None:
    with pytest.raises(DatabaseError, match="no such table: nowhere"):
        connection.rows("SELECT * FROM nowhere")
    connection.close()


@pytest.mark.parametrize("begin", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_write_waits_for_its_time_budget_and_then_says_so(tmp_path: Path, begin: str) -> None:
    path = tmp_path / "sessions.db"
    SessionDB(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    with SessionDB(path, time_budget=0.05) as db:
        other.execute(begin)
        with pytest.raises(DatabaseBusy, match=r"being written by another process for more than 0\.05 s"):
            db.sessions.start("agent")
        other.execute("ROLLBACK")
        assert db.sessions.start("agent").agent == "agent"
    other.close()


def test_reads_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    with SessionDB(path) as writer, SessionDB(path, read_only=True) as reader:
        with writer.connection.transaction():
            writer.connection.execute("INSERT INTO agents (name) VALUES ('unseen')")
            assert reader.connection.rows("SELECT name FROM agents") == []
        assert reader.connection.rows("SELECT name FROM agents") == [("unseen",)]


def test_writing_through_a_read_only_connection_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    SessionDB(path).close()
    with SessionDB(path, read_only=True) as db, pytest.raises(DatabaseError, match="open read-only"):
        db.sessions.start("agent")


def test_threads_share_a_connection(connection: Connection) -> None:
    def add(number: int) -> None:
        for turn in range(50):
            with connection.transaction():
                connection.execute("INSERT INTO things (name) VALUES (?)", (f"{number}-{turn}",))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names(connection)) == 400
    connection.close()


def test_damaged_file_is_reported_as_such(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    with SessionDB(path) as db:
        for number in range(200):
            db.sessions.start("agent", title=f"title {number}")
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    with pytest.raises(DatabaseDamaged, match=r"is damaged .* run `sessiondb doctor`"):
        SessionDB(path, read_only=True).sessions.resolve("@last")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
def test_a_forked_child_must_open_the_file_itself(tmp_path: Path) -> None:
    db = SessionDB(tmp_path / "sessions.db")
    child = os.fork()
    if not child:
        try:
            db.sessions.start("agent")
        except DatabaseError as error:
            os._exit(7 if "opened before a fork" in str(error) else 1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7
    assert db.sessions.start("agent").agent == "agent"
    db.close()


def test_closing_twice_is_fine_and_leaves_one_file(tmp_path: Path) -> None:
    db = SessionDB(tmp_path / "sessions.db")
    db.sessions.start("agent")
    db.close()
    db.close()
    assert {file.name for file in tmp_path.iterdir()} <= {"sessions.db", "sessions.db.lock"}


def test_two_asyncio_tasks_cannot_share_a_transaction(tmp_path: Path) -> None:
    async def scenario() -> str:
        opened, written = asyncio.Event(), asyncio.Event()

        async def holder(db: SessionDB) -> None:
            with contextlib.suppress(RuntimeError), db.connection.transaction():
                db.sessions.start("agent", id="held")
                opened.set()
                await written.wait()
                raise RuntimeError

        async def other(db: SessionDB) -> str:
            await opened.wait()
            try:
                db.sessions.start("agent", id="lost")
            except DatabaseError as error:
                return str(error)
            finally:
                written.set()
            return "written"

        with SessionDB(tmp_path / "sessions.db") as db:
            _, said = await asyncio.gather(holder(db), other(db))
            assert db.connection.rows("SELECT id FROM sessions") == []
        return said

    assert "another asyncio task has a transaction open" in asyncio.run(scenario())


def test_nothing_follows_in_a_transaction_that_sqlite_has_undone(connection: Connection) -> None:
    with pytest.raises(DatabaseError, match="an error has undone the transaction"), connection.transaction():
        connection.execute("INSERT INTO things (name) VALUES ('first')")
        connection.sqlite.execute("ROLLBACK")
        connection.execute("INSERT INTO things (name) VALUES ('half')")
    assert names(connection) == []
    connection.close()


def test_what_may_be_undone_is_in_memory_and_what_sorts_the_whole_file_is_not(connection: Connection) -> None:
    in_file, in_memory = (1,), (2,)
    with connection.transaction():
        assert connection.row("PRAGMA temp_store") == in_memory
    assert connection.maintain("PRAGMA temp_store") == [in_file]
    with connection.bulk_load(), connection.transaction():
        assert connection.row("PRAGMA temp_store") == in_memory
    connection.close()
