"""Who has waited longest is the next to write, once the wait was long: by a clock that goes on in pauses alone."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from sessiondb.storage import locks
from sessiondb.storage.locks import PATIENCE, WriterLock
from tests.helpers.clock import PausingClock


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> PausingClock:
    made = PausingClock()
    monkeypatch.setattr(locks, "time", made)
    # Whatever the version of SQLite.
    monkeypatch.setattr(locks, "FIXED_IN", (99, 0, 0))
    return made


@pytest.fixture
def writers(tmp_path: Path) -> Iterator[list[WriterLock]]:
    """Return the locks of three writers to one database."""
    made = [WriterLock(tmp_path / "s.db") for _ in range(3)]
    yield made
    for lock in made:
        lock.close()


def assert_stands_back(lock: WriterLock, clock: PausingClock) -> None:
    with pytest.raises(TimeoutError):
        lock.take(clock.now + 0.02)


def test_one_who_has_waited_long_is_not_passed_by_those_who_come_and_go(
    writers: list[WriterLock], clock: PausingClock
) -> None:
    holder, first, later = writers
    passed: list[float] = []

    def come_and_go() -> None:
        holder.give_back()
        # An import wants it again at once.
        assert_stands_back(holder, clock)
        assert_stands_back(later, clock)
        passed.append(clock.now)

    holder.take(clock.now)
    clock.after(2 * PATIENCE, come_and_go)
    first.take(clock.now + 60)

    assert clock.now == pytest.approx(passed[0], abs=0.01)
    assert_stands_back(holder, clock)
    first.give_back()
    later.take(clock.now)


def test_who_finds_it_free_takes_it_as_long_as_nobody_has_waited_long(
    writers: list[WriterLock], clock: PausingClock
) -> None:
    holder, first, later = writers

    def come() -> None:
        holder.give_back()
        later.take(clock.now)
        later.give_back()

    holder.take(clock.now)
    clock.after(PATIENCE / 2, come)
    first.take(clock.now + 60)


def test_a_writer_hears_of_one_who_has_waited_long(writers: list[WriterLock], clock: PausingClock) -> None:
    holder, first, _ = writers
    heard: list[bool] = []

    def listen() -> None:
        heard.append(holder.is_wanted())
        if clock.now < 1000 + PATIENCE:
            clock.after(PATIENCE, listen)
        else:
            holder.give_back()

    holder.take(clock.now)
    clock.after(PATIENCE / 2, listen)
    first.take(clock.now + 60)

    assert heard == [False, True]
    assert not first.is_wanted()


@pytest.mark.parametrize(
    ("first", "seen"),
    [(-9, -5), (-9, 1e9), (float("nan"), 0), (-9, 0)],
    ids=["long ago", "by another clock", "no number", "just now"],
)
def test_one_who_died_while_it_waited_keeps_nobody_waiting(
    tmp_path: Path, writers: list[WriterLock], clock: PausingClock, first: float, seen: float
) -> None:
    lock, begun = tmp_path / "s.db.lock", clock.now
    lock.write_bytes(bytes(16) + struct.pack("<dd", clock.now + first, clock.now + seen))
    writers[0].take(clock.now + 60)
    assert clock.now - begun < 0.3
