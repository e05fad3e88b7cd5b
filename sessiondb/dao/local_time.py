"""Times of a zone in SQL: SQLite knows UTC and the machine's zone only, and that one slowly."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

from sessiondb import timestamps

_EARLIEST = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LATEST = datetime(2100, 1, 1, tzinfo=timezone.utc)
_STEP = timedelta(days=1)


class LocalTime(NamedTuple):
    """How far a zone is ahead of UTC: until when so many minutes, the last of them for good."""

    offsets: tuple[tuple[datetime, int], ...]

    def shifted(self, moment: str) -> str:
        """Return SQL for a moment to the minute, itself SQL, in this zone: two arguments of SQLite's date functions."""
        *changes, (_, final) = self.offsets
        cases = " ".join(
            f"WHEN {moment} < '{timestamps.from_datetime(until)[:16]}' THEN '{minutes:+d} minutes'"
            for until, minutes in changes
        )
        shift = f"CASE {cases} ELSE '{final:+d} minutes' END" if cases else f"'{final:+d} minutes'"
        return f"{moment}, {shift}"

    @property
    def split_hours(self) -> list[str]:
        """Return the hours of UTC within which a day begins: India's 18, as it is five hours and a half ahead."""
        within = {-minutes % (24 * 60) // 60 for _, minutes in self.offsets if minutes % 60}
        return [f"{hour:02}" for hour in sorted(within)]


def local_time(tz: tzinfo | None, first: str | None, last: str | None) -> LocalTime:
    """Return the offsets of a zone, else of this machine's, between two times."""
    begin, end = (
        min(max(timestamps.readable(stamp or "") or otherwise, _EARLIEST), _LATEST)
        for stamp, otherwise in ((first, _EARLIEST), (last, _LATEST if last else _EARLIEST))
    )

    def ahead(moment: datetime) -> int:
        return int((moment.astimezone(tz).utcoffset() or timedelta()).total_seconds() // 60)

    begin = begin.replace(minute=0, second=0, microsecond=0)
    found = []
    now = ahead(begin)
    while begin < end:
        after = begin + _STEP
        if ahead(after) != now:
            while ahead(begin) == now:
                begin += timedelta(minutes=15)
            found.append((begin, now))
            now = ahead(begin)
        else:
            begin = after
    return LocalTime((*found, (end, now)))
