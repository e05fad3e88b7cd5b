"""Who writes when: threads, tasks, forks and files that change, each with an end and an error in words."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.errors import Conflict, DatabaseBusy, DatabaseError, SessionDBError
from sessiondb.storage.locks import FIXED_IN, WriterLock
from tests.helpers.waiting import HANG, nobody_waited_for, until


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sessions.db"
    with SessionDB(path) as db:
        db.sessions.start("me", id="s")
    return path


def contents(path: Path) -> list[str | None]:
    with SessionDB(path, read_only=True) as db:
        return [message.content for message in db.messages.transcript("s")]


def test_a_turn_used_after_its_block_leaves_nothing_open(path: Path) -> None:
    with SessionDB(path) as db, SessionDB(path, time_budget=0.05) as other:
        try:
            with db.turn("s") as turn:
                turn.append("user", "undone")
                raise TimeoutError
        except TimeoutError:
            with pytest.raises(Conflict, match="this turn of session s has ended"):
                turn.append("assistant", "(timed out)")
        with pytest.raises(Conflict, match="has ended"):
            turn.add_tokens(input=1)
        db.messages.append("s", "user", "here")
        other.messages.append("s", "user", "there")
    assert contents(path) == ["here", "there"]


def test_an_append_on_another_thread_inside_a_turn_ends_with_the_turns_name(path: Path) -> None:
    async def answer(db: SessionDB) -> None:
        with db.turn("s") as turn:
            turn.append("user", "undone")
            await db.run(db.messages.append, "s", "assistant", "never")

    with SessionDB(path, time_budget=0.05) as db:
        with pytest.raises(
            DatabaseBusy, match=r"is kept by a turn of session s, open in thread MainThread .* end its block"
        ):
            asyncio.run(answer(db))
        db.messages.append("s", "user", "after")
    assert contents(path) == ["after"]


def test_a_turn_handed_to_an_executor_is_refused_at_once(path: Path) -> None:
    with (
        SessionDB(path) as db,
        ThreadPoolExecutor(2) as pool,
        pytest.raises(Conflict, match="belongs to another thread or task"),
        db.turn("s") as turn,
    ):
        list(pool.map(lambda number: turn.append("user", str(number)), range(4)))
    assert contents(path) == []


def test_a_turn_within_a_turn_is_undone_alone(path: Path) -> None:
    with SessionDB(path) as db, db.turn("s") as turn:
        turn.append("user", "first")
        with contextlib.suppress(ValueError), db.turn("s") as inner:
            inner.append("assistant", "half an answer")
            db.notes.add("win", "never", session_id="s")
            raise ValueError
        turn.append("assistant", "a whole answer")
    assert contents(path) == ["first", "a whole answer"]
    with SessionDB(path) as db:
        assert db.notes.find() == []


def test_a_history_does_not_wait_for_a_writer_that_waits(path: Path) -> None:
    with SessionDB(path, time_budget=HANG) as db, SessionDB(path) as other:
        db.messages.append("s", "user", "hello")
        thread = threading.Thread(target=db.messages.append, args=("s", "user", "late"))
        with other.connection.transaction():
            thread.start()
            until(lambda: db.connection._turns.are_taken, "the writer's turn among the threads")
            with nobody_waited_for():
                assert [message["content"] for message in db.history("s")] == ["hello"]
            assert thread.is_alive()
        thread.join()
        assert len(db.history("s")) == 2


def test_a_transaction_sees_its_own_writes_and_nobody_else_does(path: Path) -> None:
    with SessionDB(path) as db, ThreadPoolExecutor(1) as pool, db.turn("s") as turn:
        turn.append("user", "mine")
        assert len(db.history("s")) == 1
        assert pool.submit(db.history, "s").result() == []


def test_a_stream_keeps_what_it_saw_while_others_write(path: Path) -> None:
    with SessionDB(path) as db:
        for number in range(5):
            db.messages.append("s", "user", str(number))
        stream = db.connection.stream("SELECT content FROM messages ORDER BY id", size=1)
        assert next(stream) == ("0",)
        db.messages.append("s", "user", "later")
        assert db.messages.last_seq("s") == 6
        assert [row[0] for row in stream] == ["1", "2", "3", "4"]


def fork(child: Callable[[], int]) -> int:
    """Run a function in a forked child and return what it returned there."""
    process = os.fork()
    if not process:
        code = 99
        with contextlib.suppress(BaseException):
            code = child()
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")


@needs_fork
def test_a_fork_inside_a_turn_refuses_what_the_child_writes_and_keeps_the_parents(path: Path) -> None:
    with SessionDB(path) as db:

        def write(turn: object) -> int:
            refused = 0
            for attempt in (
                lambda: turn.append("user", "child"),  # type: ignore[attr-defined]
                lambda: db.messages.append("s", "user", "child"),
                lambda: db.history("s"),
            ):
                try:
                    attempt()
                except SessionDBError as error:
                    refused += "opened before a fork" in str(error)
            return refused

        with db.turn("s") as turn:
            turn.append("user", "parent")
            assert fork(lambda: write(turn)) == 3
            turn.append("user", "parent again")
    assert contents(path) == ["parent", "parent again"]


@needs_fork
def test_a_child_that_outlives_its_parent_does_not_keep_the_lock(path: Path) -> None:
    reading, writing = os.pipe()
    parent = os.fork()
    if not parent:
        db = SessionDB(path)
        with db.turn("s") as turn:
            turn.append("user", "lost")
            child = os.fork()
            if not child:
                os.write(writing, str(os.getpid()).encode())
                time.sleep(HANG)
                os._exit(0)
            os.waitpid(child, 0)
    grandchild = int(os.read(reading, 20))
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    try:
        with SessionDB(path, time_budget=2) as db:
            db.messages.append("s", "user", "kept")
    finally:
        os.kill(grandchild, signal.SIGKILL)
    assert contents(path) == ["kept"]


def remove(path: Path) -> None:
    path.unlink()


def move(path: Path) -> None:
    path.rename(path.with_name("moved.db"))


def replace(path: Path) -> None:
    other = path.with_name("other.db")
    SessionDB(other).close()
    other.replace(path)


def empty(path: Path) -> None:
    os.truncate(path, 0)


@pytest.mark.skipif(os.name != "posix", reason="where open files can be removed")
@pytest.mark.parametrize("change", [remove, move, replace, empty])
def test_a_write_to_a_file_that_was_taken_away_raises(path: Path, change: Callable[[Path], None]) -> None:
    with SessionDB(path) as db:
        db.messages.append("s", "user", "kept")
        change(path)
        with pytest.raises(DatabaseError, match=r"was (removed|replaced|emptied)"):
            db.messages.append("s", "user", "lost")


@pytest.mark.skipif(os.name != "posix", reason="where open files can be removed")
def test_closing_after_a_restore_leaves_the_log_of_the_restored_file_alone(path: Path) -> None:
    backup = path.with_name("backup.db")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM INTO ?", (str(backup),))
    db = SessionDB(path)
    db.messages.append("s", "user", "before the restore")
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink()
    backup.replace(path)
    with SessionDB(path) as restored:
        restored.messages.append("s", "user", "after the restore")
        db.close()
        assert path.with_name("sessions.db-wal").exists()
        restored.messages.append("s", "user", "and once more")
    assert contents(path) == ["after the restore", "and once more"]


@pytest.mark.skipif(os.name != "posix", reason="where anyone may make links")
def test_writers_by_another_name_take_turns_too(path: Path) -> None:
    name = path.with_name("link.db")
    name.symlink_to(path)
    with SessionDB(name) as db:
        db.messages.append("s", "user", "through the link")
    assert not path.with_name("link.db.lock").exists()


@pytest.mark.skipif(os.name != "posix", reason="where open files can be removed")
def test_a_removed_lock_file_is_noticed(path: Path) -> None:
    lock = path.with_name("sessions.db.lock")
    with SessionDB(path) as db, SessionDB(path, time_budget=0.05) as other:
        db.messages.append("s", "user", "1")
        other.messages.append("s", "user", "2")
        if not lock.exists():
            pytest.skip("this SQLite needs no lock file")
        lock.unlink()
        with db.turn("s") as turn:
            turn.append("user", "3")
            assert lock.exists()
            with pytest.raises(DatabaseBusy):
                other.connection.maintain("PRAGMA wal_checkpoint(PASSIVE)")


def test_a_lock_file_that_cannot_be_opened_is_told_in_words(path: Path) -> None:
    lock = path.with_name("sessions.db.lock")
    if not lock.exists():
        pytest.skip("this SQLite needs no lock file")
    lock.unlink()
    lock.mkdir()
    with pytest.raises(DatabaseError, match=r"cannot lock .*sessions\.db\.lock: Is a directory"):
        SessionDB(path).messages.append("s", "user", "x")


def test_a_writer_holds_the_lock_wherever_sqlite_alone_does_not_keep_writers_apart(path: Path) -> None:
    is_needed = sqlite3.sqlite_version_info < FIXED_IN
    other = WriterLock(path)
    try:
        with SessionDB(path) as db, db.turn("s"):
            if is_needed:
                with pytest.raises(TimeoutError):
                    other.take(time.monotonic() + 0.05)
            assert path.with_name("sessions.db.lock").exists() == is_needed
    finally:
        other.close()


def test_a_restore_inside_a_turn_of_its_thread_is_refused_at_once(path: Path) -> None:
    backup = path.with_name("backup.db")
    with SessionDB(path) as db:
        db.backup(backup)
        with db.turn("s") as turn:
            turn.append("user", "here")
            with (
                nobody_waited_for(),
                pytest.raises(DatabaseBusy, match="open on this thread through another connection: end its"),
            ):
                SessionDB.restore_backup(backup, path)
    assert contents(path) == ["here"]


def test_a_second_connection_reads_inside_a_turn(path: Path) -> None:
    with SessionDB(path) as db, db.turn("s") as turn:
        turn.append("user", "here")
        with SessionDB(path, read_only=True) as other:
            assert other.messages.transcript("s") == []
