"""A turn is written as a whole, from threads and from asyncio alike."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.errors import Conflict, DatabaseBusy, DatabaseError, DatabaseMissing, NotFound
from tests.helpers.waiting import HANG


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
def db(path: Path) -> Iterator[SessionDB]:
    with SessionDB(path, time_budget=HANG) as db:
        db.sessions.start("me", id="s")
        yield db


def write(db: SessionDB, name: str) -> list[int]:
    with db.turn("s") as turn:
        question = turn.append("user", name)
        answer = turn.append("assistant", f"You said {name}.")
        turn.add_tokens(request_key=name, input=10, output=5)
    return [question.seq, answer.seq]


def test_the_first_lines_of_the_documentation_work(path: Path) -> None:
    with SessionDB(path) as db:
        session = db.sessions.start(agent="my-agent", project="/path/to/project")
        asked = db.messages.append(session.id, "user", "Where do we keep the tests?")
        with db.turn(session.id) as turn:
            calls = [{"id": "c1", "name": "ls", "arguments": {"path": "."}}]
            answer = turn.append("assistant", "Let me look.", tool_calls=calls)
            result = turn.append("tool", "tests/ src/", tool_call_id="c1")
            turn.add_tokens(model="some-model", input=120, output=30, request_key="req-1")
        db.notes.add("decision", "Tests live in tests/", session_id=session.id)
        db.sessions.end(session.id, reason="done")
        assert [message.seq for message in (asked, answer, result)] == [1, 2, 3]
        session = db.sessions.get(session.id)
    assert (session.message_count, session.tool_call_count, session.end_reason) == (2, 1, "done")
    assert (session.tokens.input, session.tokens.output) == (120, 30)


def test_an_error_undoes_the_turn(db: SessionDB) -> None:
    with pytest.raises(ZeroDivisionError), db.turn("s") as turn:
        turn.append("user", "never")
        turn.add_tokens(request_key="r", input=1)
        db.notes.add("win", "never", session_id="s")
        turn.append("assistant", str(1 / 0))
    assert db.messages.transcript("s") == []
    assert db.tokens.total("s").input is None
    assert db.notes.find() == []


def test_a_turn_needs_an_open_session(db: SessionDB) -> None:
    with pytest.raises(NotFound), db.turn("nowhere") as turn:
        turn.append("user", "x")
    db.sessions.end("s")
    with pytest.raises(Conflict), db.turn("s") as turn:
        turn.append("user", "x")


def test_tokens_go_to_the_assistant_message_they_were_counted_for(db: SessionDB) -> None:
    with db.turn("s") as turn:
        turn.add_tokens(request_key="before", output=1)
        turn.append("user", "x")
        first = turn.append("assistant", "a")
        turn.append("tool", "y", tool_call_id="c")
        turn.add_tokens(request_key="r1", output=2)
        turn.add_tokens(request_key="again", output=3)
        second = turn.append("assistant", "b")
        turn.add_tokens(request_key="r2", output=4)
        assert not turn.add_tokens(request_key="r2", output=5)
        turn.set_tokens("totals", output=6)
    rows = db.connection.rows("SELECT request_key, message_id, output FROM token_counts ORDER BY id")
    assert rows == [
        ("before", None, 1),
        ("r1", first.id, 2),
        ("again", None, 3),
        ("r2", second.id, 4),
        ("totals", None, 6),
    ]


def test_threads_share_a_database(db: SessionDB) -> None:
    seqs: list[list[int]] = []

    def work(worker: int) -> None:
        for number in range(20):
            seqs.append(write(db, f"{worker}.{number}"))
            db.history("s", limit=2)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seqs) == [[seq, seq + 1] for seq in range(1, 240, 2)]
    assert db.tokens.total("s").input == 1200


def test_turns_are_written_off_the_event_loop(db: SessionDB) -> None:
    names: set[str] = set()

    def named_write(name: str) -> list[int]:
        names.add(threading.current_thread().name)
        return write(db, name)

    async def talk() -> list[list[int]]:
        return await asyncio.gather(*(db.run(named_write, str(number)) for number in range(30)))

    seqs = asyncio.run(talk())
    assert sorted(seqs) == [[seq, seq + 1] for seq in range(1, 60, 2)]
    assert threading.current_thread().name not in names


def test_a_call_that_has_begun_is_finished_although_its_task_is_cancelled(db: SessionDB) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow_write() -> None:
        with db.turn("s") as turn:
            turn.append("user", "x")
            begun.set()
            go_on.wait(HANG)

    async def talk() -> None:
        task = asyncio.ensure_future(db.run(slow_write))
        while not begun.is_set():
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()

    asyncio.run(talk())
    assert db.messages.last_seq("s") == 1


def test_other_writers_wait_for_a_turn_and_say_so_when_it_takes_too_long(db: SessionDB, path: Path) -> None:
    with SessionDB(path, time_budget=0.05) as other, ThreadPoolExecutor(1) as pool, db.turn("s") as turn:
        turn.append("user", "x")
        assert other.messages.transcript("s") == []  # readers do not wait
        with pytest.raises(DatabaseBusy, match=r"is being written by another process for more than 0\.05 s"):
            pool.submit(other.messages.append, "s", "user", "y").result()
    assert db.messages.last_seq("s") == 1


def test_reads_raise_where_the_file_cannot_be_read(db: SessionDB, path: Path) -> None:
    write(db, "x")
    db.close()
    for read in (
        lambda: db.history("s"),
        lambda: db.messages.transcript("s"),
        lambda: db.sessions.open_id("k"),
        db.notes.find,
        lambda: db.continuity.restore("s"),
    ):
        with pytest.raises(DatabaseError, match="closed"):
            read()
    with pytest.raises(DatabaseMissing):
        SessionDB(path.with_name("other.db"), read_only=True)


def test_a_file_open_for_reading_takes_no_writes(db: SessionDB, path: Path) -> None:
    with SessionDB(path, read_only=True) as reader:
        for write_something in (
            lambda: reader.messages.append("s", "user", "x"),
            lambda: write(reader, "x"),
            lambda: reader.sessions.get_or_start("k", "me"),
            lambda: reader.notes.add("win", "x", session_id="s"),
            lambda: reader.add_tokens("s", input=1),
        ):
            with pytest.raises(DatabaseError, match="is open read-only"):
                write_something()
