"""Who has waited longest is the next to write, once the wait was long."""

from __future__ import annotations

import contextlib
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.storage import locks
from sessiondb.storage.locks import WriterLock


@pytest.fixture(autouse=True)
def _locked_whatever_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "FIXED_IN", (99, 0, 0))


@contextlib.contextmanager
def held(lock: WriterLock, deadline: float) -> Iterator[None]:
    lock.take(deadline)
    try:
        yield
    finally:
        lock.give_back()


def _take(path: Path, name: str, taken: list[str], deadline: float) -> None:
    lock = WriterLock(path)
    with held(lock, deadline):
        taken.append(name)
        time.sleep(0.01)
    lock.close()


def test_who_came_first_writes_first_after_a_long_transaction(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    taken: list[str] = []
    deadline = time.monotonic() + 60
    holder = WriterLock(path)
    names = [f"{number}" for number in range(5)]
    threads = [threading.Thread(target=_take, args=(path, name, taken, deadline)) for name in names]
    with held(holder, deadline):
        for thread in threads:
            thread.start()
            time.sleep(2 * locks.PATIENCE)
    # The one who had it wants it again at once, as an import does.
    with held(holder, deadline):
        taken.append("again")
    for thread in threads:
        thread.join()
    holder.close()
    assert taken[0] == "0"
    assert set(taken) == {*names, "again"}


def test_one_who_waits_long_is_not_passed_by_those_who_come_and_go(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    taken: list[str] = []
    over = threading.Event()
    deadline = time.monotonic() + 60

    def come_and_go() -> None:
        lock = WriterLock(path)
        while not over.is_set():
            with held(lock, deadline):
                time.sleep(0.02)
        lock.close()

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    begin = time.monotonic()
    for number in range(10):
        _take(path, str(number), taken, deadline)
    waited = (time.monotonic() - begin) / 10
    over.set()
    for thread in threads:
        thread.join()
    assert waited < 10 * locks.PATIENCE


def test_one_who_died_while_it_waited_keeps_nobody_waiting(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with SessionDB(path) as db:
        db.sessions.start("me", id="s")
    now = time.monotonic()
    for first, seen in ((now - 9, now - 5), (now - 9, now + 1e9), (float("nan"), now), (now - 9, now)):
        lock = tmp_path / "s.db.lock"
        lock.write_bytes(bytes(16) + struct.pack("<dd", first, seen))
        begin = time.monotonic()
        with SessionDB(path, time_budget=30) as db:
            db.messages.append("s", "user", "hello")
        assert time.monotonic() - begin < 5
