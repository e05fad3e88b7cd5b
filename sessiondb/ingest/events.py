"""What the system tells of changes below folders, where the package watchfiles is installed (the extra `watch`).

Events say where to look, not what is there: some file systems give none (network shares, folders of the host in a
container), and a queue that overflows drops them. So they are hints, and a look at everything goes on beside them.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from threading import Event
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watchfiles._rust_notify import RustNotify

QUIET_MS, AT_MOST_MS = 100, 400
"""Events that come within the first of each other are one, for as long as the second. A wait that is idle wakes each
time the first is over, to ask whether it is time to end.
"""

_LONGEST = 60.0


def events_until(wait: Callable[[float], bool] | None) -> Events | None:
    """Return the events of a watch that sleeps by `wait`, None where there are none.

    There are none without the package. A wait of the caller's own is called as ever, and not cut short; only that for a
    threading.Event, or none, is done here.
    """
    from importlib.util import find_spec

    stop = Event() if wait is None else getattr(wait, "__self__", None)
    if not isinstance(stop, Event) or find_spec("watchfiles") is None:
        return None
    return Events(stop)


class Events:
    """The changes below some folders since they were asked for last. A wait for them ends when `stop` is set."""

    def __init__(self, stop: Event) -> None:
        self._stop = stop
        self._folders: list[str] = []
        self._system: RustNotify | None = None
        self._hints: set[str] = set()

    @property
    def is_on(self) -> bool:
        """Say whether changes are told. Where the system has refused that, they are not until `follow`."""
        return self._system is not None

    def follow(self, folders: Sequence[str]) -> None:
        """Tell from now on of changes below these folders, which must be there."""
        if list(folders) == self._folders and self.is_on:
            return
        self.close()
        self._folders = list(folders)
        if folders:
            # Its own class rather than `watchfiles.watch`, which begins to follow when it is first waited for.
            from watchfiles._rust_notify import RustNotify

            # A folder that is gone, or more folders than the system lets anyone follow.
            with contextlib.suppress(OSError, RuntimeError):
                self._system = RustNotify(
                    self._folders,
                    debug=False,
                    force_polling=False,
                    poll_delay_ms=0,
                    recursive=True,
                    ignore_permission_denied=True,
                )

    def wait(self, seconds: float) -> bool:
        """Wait until something has changed, or for so long; return True when it is time to end."""
        end = time.monotonic() + seconds
        while self._system is not None and not self._hints and not self._stop.is_set():
            left = int(min(end - time.monotonic(), _LONGEST) * 1000)
            if left <= 0:
                break
            try:
                told = self._system.watch(AT_MOST_MS, QUIET_MS, left, self._stop)
            except (OSError, RuntimeError):
                self.close()
                break
            if told == "signal":
                raise KeyboardInterrupt
            if not isinstance(told, str):
                self._hints.update(path for _, path in told)
        return self._stop.wait(0 if self._hints else max(end - time.monotonic(), 0))

    def taken(self) -> set[str]:
        """Return the paths of what has changed since the last time."""
        hints, self._hints = self._hints, set()
        return hints

    def close(self) -> None:
        """Follow nothing any more."""
        if self._system is not None:
            with contextlib.suppress(OSError, RuntimeError):
                self._system.close()
        self._system = None
