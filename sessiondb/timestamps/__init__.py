"""Turn times into the stored text and back, and read the times that people type.

A stored timestamp is UTC ISO 8601 text of fixed width, `2026-03-01T09:15:23.123Z`, so it sorts by time. Finer
fractions are cut off, never rounded up. A local time that a clock change repeats means its first occurrence;
one that a clock change skips is read with the offset from before the change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessiondb.timestamps.stored import MS_FROM as MS_FROM
from sessiondb.timestamps.stored import aware as aware
from sessiondb.timestamps.stored import day_of as day_of
from sessiondb.timestamps.stored import from_datetime as from_datetime
from sessiondb.timestamps.stored import from_epoch as from_epoch
from sessiondb.timestamps.stored import local_text as local_text
from sessiondb.timestamps.stored import normalise as normalise
from sessiondb.timestamps.stored import now as now
from sessiondb.timestamps.stored import readable as readable
from sessiondb.timestamps.stored import relative_text as relative_text
from sessiondb.timestamps.stored import to_datetime as to_datetime
from sessiondb.timestamps.stored import zone as zone

if TYPE_CHECKING:
    from sessiondb.timestamps.typed import parse_end as parse_end
    from sessiondb.timestamps.typed import parse_moment as parse_moment
    from sessiondb.timestamps.typed import parse_range as parse_range


def __getattr__(name: str) -> Any:
    # Most commands are given no time: what reads one is imported when it is first asked for.
    if name in ("parse_end", "parse_moment", "parse_range"):
        from sessiondb.timestamps import typed

        return getattr(typed, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
