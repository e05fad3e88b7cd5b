"""The pace of a large write: transactions stay short, and others get their turn between two."""

from __future__ import annotations

import pytest

from sessiondb.storage import turns as module
from sessiondb.storage.turns import FIRST_BYTES, MAX_BYTES, MIN_BYTES, TARGET_SECONDS, Pace
from tests.helpers.clock import PausingClock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> PausingClock:
    made = PausingClock()
    monkeypatch.setattr(module, "time", made)
    return made


def write(pace: Pace, clock: PausingClock, size: int, seconds: float) -> int:
    """Write as much in a transaction, and return how much the next may hold."""
    pace.begin()
    clock.sleep(seconds)
    pace.note(size)
    return pace.size


def test_it_follows_the_time_that_writing_takes(clock: PausingClock) -> None:
    pace = Pace()
    assert pace.size == FIRST_BYTES
    assert write(pace, clock, FIRST_BYTES, 4 * TARGET_SECONDS) == pytest.approx(FIRST_BYTES / 4, abs=1)
    assert write(pace, clock, pace.size, 1000.0) == MIN_BYTES
    assert write(pace, clock, pace.size, 0.0) == 2 * MIN_BYTES
    for _ in range(20):
        write(pace, clock, pace.size, 0.0)
    assert pace.size == MAX_BYTES


def test_a_small_quick_write_says_nothing_of_large_ones(clock: PausingClock) -> None:
    assert write(Pace(), clock, 10, 0.01) == FIRST_BYTES


def test_the_lock_stays_free_for_as_long_as_others_pause(clock: PausingClock) -> None:
    pace = Pace()
    begun = clock.now
    pace.wait()
    assert clock.now == begun

    write(pace, clock, 10, 0.1)
    free = clock.now
    pace.wait()
    assert clock.now - free == pytest.approx(module._GAP)

    write(pace, clock, 10, 0.1)
    clock.sleep(1)
    free = clock.now
    pace.wait()
    assert clock.now == free
