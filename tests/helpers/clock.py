"""A clock that gives no moment twice: of two sessions that start in one millisecond none is the latest."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from threading import Lock

from sessiondb import timestamps

_STEP = timedelta(milliseconds=1)


class Clock:
    """The present moment, and a millisecond after the last one where that is later."""

    def __init__(self) -> None:
        self._last = datetime.min.replace(tzinfo=timezone.utc)
        self._alone = Lock()

    def now(self) -> str:
        """Give it as a stored timestamp."""
        with self._alone:
            self._last = max(datetime.now(timezone.utc), self._last + _STEP)
            return timestamps.from_datetime(self._last)
