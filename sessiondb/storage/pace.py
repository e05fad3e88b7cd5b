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
    """How much to write at a time, by how long it took before; and when to begin, so that others get their turn.

    Whoever writes much calls `wait` before each transaction, `begin` in it and `note` after it, and writes about `size`
    in each: bytes, unless other bounds are given.
    """

    def __init__(
        self, first: int = FIRST_BYTES, min_size: int = MIN_BYTES, max_size: int = MAX_BYTES
    ) -> None:
        self.size = first
        self._min_size, self._max_size = min_size, max_size
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
        """Take note that a transaction of such a size has ended just now."""
        self._free_since = time.monotonic()
        seconds = max(self._free_since - self._begun, 0.001)
        if size >= self.size or seconds > TARGET_SECONDS:
            wanted = max(int(size * TARGET_SECONDS / seconds), self._min_size)
            self.size = min(wanted, 2 * self.size, self._max_size)
