"""Use the time zone of the settings in place of the machine's, in all that this process does."""

from __future__ import annotations

import os
import re
import time

from sessiondb.settings import FILE, found
from sessiondb.settings.table import TIME_ZONE

_OFFSET = r"([+-])(\d\d):?(\d\d)?"


def use_time_zone() -> None:
    """Let the zone of the file hold for Python and for SQLite, as $TZ would.

    Windows has no such way: there it holds where a command asks for `named_zone`.
    """
    name, source = found(TIME_ZONE)
    if name is None or source != FILE or name.lower() == "local" or not hasattr(time, "tzset"):
        return
    os.environ["TZ"] = _as_posix(name)
    time.tzset()


def named_zone() -> str | None:
    """Return the zone of the file where `use_time_zone` cannot make it the one of the process, else None."""
    name, source = found(TIME_ZONE)
    return name if source == FILE and not hasattr(time, "tzset") else None


def _as_posix(name: str) -> str:
    """Return a zone as $TZ has it: an offset is named there, and counted the other way round."""
    offset = re.fullmatch(_OFFSET, name)
    if not offset:
        return "UTC" if name.lower() in ("utc", "z") else name
    clock = f"{offset[2]}:{offset[3] or '00'}"
    return f"<{offset[1]}{clock.replace(':', '')}>{'-' if offset[1] == '+' else '+'}{clock}"
