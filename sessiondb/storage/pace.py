"""How much to write in one transaction, so that live appends get their turn."""

from __future__ import annotations

import time

from sessiondb.storage.locks import MAX_PAUSE

TARGET_SECONDS = 0.35
"""How long one transaction may take, about: an append waits for one at most, and may wait for 1 second."""

MIN_BYTES, FIRST_BYTES, MAX_BYTES = 256 * 1024, 4 * 1024 * 1024, 32 * 1024 * 1024

# Other writers look again after MAX_PAUSE and its jitter: the lock stays free for that long before it is taken again.
_GAP = 1.6 * MAX_PAUSE


class Pace:
    """How many bytes to write at a time, by how long it took before; and when to begin, so that others get their turn.

    Whoever writes much calls `wait` before each transaction and `note` after it, and writes about `bytes` in each.
    """

    def __init__(self) -> None:
        self.bytes = FIRST_BYTES
        self._begun = self._free_since = 0.0

    def wait(self) -> None:
        """Let writers that wait have their turn, unless they had it while the next part was prepared."""
        left = self._free_since + _GAP - time.monotonic()
        if left > 0:
            time.sleep(left)

    def begin(self) -> None:
        """Take note that a transaction has begun: that it holds the lock."""
        self._begun = time.monotonic()

    def note(self, size: int) -> None:
        """Take note that a transaction of so many bytes has ended just now."""
        self._free_since = time.monotonic()
        seconds = max(self._free_since - self._begun, 0.001)
        if size >= self.bytes or seconds > TARGET_SECONDS:
            self.bytes = min(max(int(size * TARGET_SECONDS / seconds), MIN_BYTES), 2 * self.bytes, MAX_BYTES)
