"""What is asked of a database while a turn is open in the same thread, and of one that is closed."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.errors import DatabaseBusy, DatabaseError, DatabaseForeign, InvalidInput, NotFound
from tests.helpers.waiting import HANG, nobody_waited_for


@pytest.fixture
def db(tmp_path: Path) -> Iterator[SessionDB]:
    with SessionDB(tmp_path / "sessions.db") as db:
        db.sessions.start("quill", id="3F2A-b1c0".lower())
        yield db


@pytest.mark.parametrize(
    "call",
    [
        lambda db: db.backup(db.path.with_name("backup.db")),
        lambda db: db.optimize(),
        lambda db: db.vacuum(),
        lambda db: db.scan_secrets(purge=True),
    ],
    ids=["backup", "optimize", "vacuum", "scan_secrets"],
)
def test_what_cannot_be_a_part_of_a_turn_says_so_at_once(db: SessionDB, call: Callable[[Any], Any]) -> None:
    with pytest.raises(DatabaseError, match=r"a turn of session 3f2a-b1c0, open here: end its block first"):  # noqa: SIM117
        with nobody_waited_for(), db.turn("3f2a-b1c0") as turn:
            turn.append("user", "Hello")
            call(db)

    assert db.messages.last_seq("3f2a-b1c0") == 0
    call(db)


def test_a_database_that_is_closed_in_a_turn_says_so(db: SessionDB) -> None:
    with pytest.raises(DatabaseError, match="is closed"):  # noqa: SIM117
        with db.turn("3f2a-b1c0") as turn:
            turn.append("user", "Hello")
            db.close()
            turn.append("user", "Once more")


def test_another_connection_is_closed_in_a_turn_of_its_thread_at_once(db: SessionDB) -> None:
    with nobody_waited_for(), db.turn("3f2a-b1c0") as turn:
        turn.append("user", "Hello")
        with SessionDB(db.path) as other:
            assert other.sessions.get("3f2a-b1c0").agent == "quill"
        turn.append("assistant", "Hello to you")

    assert db.messages.last_seq("3f2a-b1c0") == 2


def test_a_write_through_another_connection_in_a_turn_says_so_at_once(db: SessionDB) -> None:
    with nobody_waited_for(), SessionDB(db.path) as other, db.turn("3f2a-b1c0") as turn:
        turn.append("user", "Hello")
        with pytest.raises(
            DatabaseBusy, match="a turn of session 3f2a-b1c0, open on this thread through another"
        ):
            other.messages.append("3f2a-b1c0", "user", "Hello from elsewhere")

    assert db.messages.last_seq("3f2a-b1c0") == 1


def test_a_connection_is_closed_though_another_program_writes_on_and_on(db: SessionDB) -> None:
    other = SessionDB(db.path, time_budget=0.1)
    begun, over = threading.Event(), threading.Event()

    def write() -> None:
        with SessionDB(db.path) as third, third.turn("3f2a-b1c0") as turn:
            turn.append("user", "Hello")
            begun.set()
            over.wait(HANG)

    thread = threading.Thread(target=write)
    thread.start()
    assert begun.wait(HANG)
    try:
        other.close()
    finally:
        over.set()
        thread.join()

    assert db.messages.last_seq("3f2a-b1c0") == 1
    with pytest.raises(DatabaseError, match="is closed"):
        other.sessions.get("3f2a-b1c0")


@pytest.mark.parametrize("path", ["x\0y", None, 5, "~nobody-has-this-name/sessions.db"], ids=repr)
def test_what_is_no_path_is_refused_in_words(path: Any) -> None:
    with pytest.raises(InvalidInput):
        SessionDB(path)


@pytest.mark.skipif(os.name == "nt", reason="devices are no files of POSIX there")
def test_a_device_is_no_database() -> None:
    with pytest.raises(DatabaseForeign, match="/dev/null is no file"):
        SessionDB("/dev/null")


@pytest.mark.parametrize("name", ["3F2A-B1C0", " 3f2a-b1c0\n", "3F2"], ids=repr)
def test_an_id_is_found_in_capitals_and_with_a_space(db: SessionDB, name: str) -> None:
    assert db.sessions.resolve(name).id == "3f2a-b1c0"


def test_an_empty_name_and_a_long_one_are_told_in_few_words(db: SessionDB) -> None:
    with pytest.raises(NotFound, match="give the id of a session"):
        db.sessions.resolve(" ")
    with pytest.raises(NotFound) as long:
        db.sessions.resolve("x" * 5000)
    assert len(str(long.value)) < 200
