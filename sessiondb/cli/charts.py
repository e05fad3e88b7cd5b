"""Charts of characters: bars, sparklines, and a calendar of days in shades."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

_EIGHTHS = " ▏▎▍▌▋▊▉"
_HEIGHTS = "▁▂▃▄▅▆▇█"
_SHADES = "·░▒▓█"
_WEEKDAYS = ("Mon", "", "Wed", "", "Fri", "", "Sun")
_LABEL = 5


def bar(value: float, greatest: float, size: int = 10) -> str:
    """Return a bar in blocks of eighths, as much of `size` as the value is of the greatest."""
    eighths = round(size * 8 * value / greatest) if greatest else 0
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip()


def sparkline(values: Sequence[float]) -> str:
    """Return a character for each value: a space for nothing, else as high as it is of the greatest."""
    greatest = max(values, default=0)
    return "".join(
        _HEIGHTS[min(7, int(8 * value / greatest))] if value > 0 and greatest > 0 else " " for value in values
    )


def calendar(counts: Mapping[str, int], width: int) -> Iterator[str]:
    """Yield a calendar of the days that are counted: a row a weekday, a column a week, as many as fit, at most 53.

    The shade of a day tells in which quarter of the days that have anything it is.
    """
    # The clock of a log may say any year.
    days = {date.fromisoformat(day): count for day, count in counts.items() if "1970" <= day < "2200"}
    if not days:
        return
    last = max(days)
    sunday = last + timedelta(days=6 - last.weekday())
    weeks = max(1, min(53, width - _LABEL, (sunday - min(days)).days // 7 + 1))
    first = sunday - timedelta(days=7 * weeks - 1)
    known = sorted(count for day, count in days.items() if count and day >= first)
    limits = [known[len(known) * quarter // 4] for quarter in (1, 2, 3)] if known else [0, 0, 0]
    yield _months(first, weeks)
    for weekday, label in enumerate(_WEEKDAYS):
        row = (first + timedelta(days=7 * week + weekday) for week in range(weeks))
        shades = (_shade(days.get(day, 0), limits) for day in row if day <= last)
        yield f"{label:{_LABEL}}{''.join(shades)}"
    yield f"{'':{_LABEL}}less {_SHADES} more"


def _shade(count: int, limits: Sequence[int]) -> str:
    return _SHADES[1 + sum(count >= limit for limit in limits)] if count else _SHADES[0]


def _months(first: date, weeks: int) -> str:
    """Return the names of months above the weeks in which they begin, where there is room."""
    line = " " * _LABEL
    for week in range(weeks):
        monday = first + timedelta(days=7 * week)
        begins = week == 0 or (monday - timedelta(days=7)).month != monday.month
        # A month of which the first week is not shown has no room before the next one.
        if begins and len(line) <= _LABEL + week and (week or monday.day <= 14) and week + 3 <= weeks:
            line = f"{line:{_LABEL + week}}{monday:%b} "
    return line.rstrip()
