"""Clocks that no machine is too slow or too fast for.

Clock           gives no moment twice: of two sessions that start in one millisecond none is the latest
PausingClock    goes on in pauses alone: in the place of `time` in a module that waits
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from threading import Lock

from sessiondb import timestamps

# Tests that watch for pauses put another in the place of time.sleep.
_sleep = time.sleep
_STEP = timedelta(milliseconds=1)
# So far the clock may be ahead of the system's, by which processes go that a test starts: less than starting one takes.
_AHEAD = 0.02


class Clock:
    """The present moment, and a millisecond after the last one where that is later."""

    def __init__(self) -> None:
        self._last = datetime.min.replace(tzinfo=timezone.utc)
        self._alone = Lock()

    def now(self) -> str:
        """Give it as a stored timestamp."""
        with self._alone:
            present = datetime.now(timezone.utc)
            self._last = max(present, self._last + _STEP)
            if (ahead := (self._last - present).total_seconds()) > _AHEAD:
                _sleep(ahead - _AHEAD)
            return timestamps.from_datetime(self._last)


class PausingClock:
    """A clock that is moved on by whoever pauses; at a moment that is set, something happens meanwhile."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._at = 0.0
        self._happens: Callable[[], object] | None = None

    def monotonic(self) -> float:
        """Give the moment in seconds."""
        return self.now

    perf_counter = monotonic

    @staticmethod
    def time() -> float:
        """Give the time of the system, as dates are no waits."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Go on by so many seconds, at once."""
        self.now += seconds
        if self._happens is not None and self.now >= self._at:
            happens, self._happens = self._happens, None
            happens()

    def after(self, seconds: float, happens: Callable[[], object]) -> None:
        """Let something happen in the first pause that ends so many seconds from now, or later."""
        self._at, self._happens = self.now + seconds, happens
