"""How a call that takes long says how far it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with a phase, how much of it is done, and how much there is to do.

The phases, and what they count: `find` files that may be logs, of as many as are found so far; `copy` bytes of the
database, for a dry run; `read` bytes of log files, or sessions of another database; `index` rows made searchable;
`write` sessions exported; `remove` sessions; `recover` pages.
"""


def no_progress(phase: str, done: int, total: int) -> None:
    """Say nothing: the progress of a call that was given none."""
