"""Charts as SVG, made on the server: their shapes are styled by classes, and a table beside each says it in figures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

from sessiondb.chat.text import counted
from sessiondb.exchange.html.markup import escape

if TYPE_CHECKING:
    from sessiondb.records import Group

COLOURS = 8
"""Series that have a colour of their own; the rest is one more."""

_HEIGHT = 160
_LEVELS = 4
_CELL, _GAP = 10, 2


class Bar(NamedTuple):
    """A bar: what it stands for, its parts in the order of the series, and what it says when it is pointed at."""

    name: str
    parts: Sequence[float]
    text: str


def stacked(title: str, bars: Sequence[Bar], series: Sequence[str], most: str) -> str:
    """Return bars above one another by series; `most` is the height of the tallest one in words.

    The shapes stretch to the width there is; what is to be read stands beside them as text.
    """
    if not bars:
        return ""
    tallest = max(sum(bar.parts) for bar in bars) or 1
    shapes = "".join(_bar(bar, number, tallest) for number, bar in enumerate(bars))
    sums = f"{len(bars)} bars from {bars[0].name} to {bars[-1].name}, the tallest {most}."
    legend = "".join(
        f'<li><i class="key s{number}"></i><span dir="auto">{escape(name)}</span></li>'
        for number, name in enumerate(series)
    )
    picture = _svg(title, sums, (len(bars), _HEIGHT), shapes, "none")
    return (
        f'<figure class="chart">\n<p class="scale">{escape(most)}</p>\n{picture}'
        f'<p class="ends"><span>{escape(bars[0].name)}</span><span>{escape(bars[-1].name)}</span></p>\n'
        f"{f'<ul class=legend>{legend}</ul>' if len(series) > 1 else ''}</figure>\n"
    )


def _bar(bar: Bar, number: int, tallest: float) -> str:
    shapes, top = [], float(_HEIGHT)
    for series, part in enumerate(bar.parts):
        height = _HEIGHT * part / tallest
        if height > 0:
            top -= height
            shapes.append(
                f'<rect class="s{series}" x="{number + 0.08:g}" y="{top:.2f}" width="0.84" height="{height:.2f}"/>'
            )
    # What is pointed at is the whole column, however low the bar is.
    shapes.append(f'<rect class="hit" x="{number}" y="0" width="1" height="{_HEIGHT}"/>')
    return f"<g><title>{escape(bar.text)}</title>{''.join(shapes)}</g>\n"


def calendar(title: str, days: Mapping[date, tuple[int, str]], last: date) -> str:
    """Return the year up to a day, a square a day and a column a week; `days` are numbers with what they say."""
    first = last - timedelta(days=364)
    first -= timedelta(days=first.weekday())
    busiest = max((days[day][0] for day in days if day >= first), default=0)
    cells, months = [], []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        x, y = (number // 7) * (_CELL + _GAP), 14 + (number % 7) * (_CELL + _GAP)
        value, text = days.get(day, (0, f"{day}: nothing"))
        cells.append(
            f'<rect class="l{_level(value, busiest)}" x="{x}" y="{y}" width="{_CELL}" height="{_CELL}" rx="2">'
            f"<title>{escape(text)}</title></rect>\n"
        )
        if day.day <= 7 and number % 7 == 0:
            months.append(f'<text x="{x}" y="9">{day:%b}</text>\n')
    weeks = (last - first).days // 7 + 1
    active = sum(1 for day, (value, _) in days.items() if value and first <= day <= last)
    size = (weeks * (_CELL + _GAP), 14 + 7 * (_CELL + _GAP))
    picture = _svg(
        title, f"{active} days with activity from {first} to {last}.", size, "".join(months + cells)
    )
    # Where it is wider than the screen, the last weeks are what is seen first.
    return f'<figure class="calendar" tabindex="0" role="region" aria-label="{escape(title)}">{picture}</figure>\n'


def messages_by_day(title: str, groups: Iterable[Group]) -> str:
    """Return the messages of the last year as a calendar, from groups by day; nothing where there are none."""
    days = {
        date.fromisoformat(group.name): (
            group.messages,
            f"{group.name}: {counted(group.messages, 'message')}",
        )
        for group in groups
        if group.name
    }
    return calendar(title, days, date.today()) if days else ""


def _level(value: int, busiest: int) -> int:
    """Return how dark a day is: by the square root, so that one busy day does not make all others pale."""
    if value <= 0:
        return 0
    return max(1, min(_LEVELS, round(sqrt(value / busiest) * _LEVELS)))


def _svg(title: str, about: str, size: tuple[int, int], shapes: str, fit: str = "xMidYMid") -> str:
    id = re.sub(r"\W+", "-", title.lower())
    return (
        f'<svg role="img" aria-labelledby="{id}-title {id}-desc" viewBox="0 0 {size[0]} {size[1]}"'
        f' preserveAspectRatio="{fit}">\n<title id="{id}-title">{escape(title)}</title>\n'
        f'<desc id="{id}-desc">{escape(about)}</desc>\n{shapes}</svg>\n'
    )
