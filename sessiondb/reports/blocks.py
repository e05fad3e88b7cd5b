"""Windows of five hours, as subscriptions count them: each begins with the hour of its first response.

A window ends five hours after its beginning, on the hour; the next response opens another.
That is how Claude's plans count, and how ccusage shows it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from sessiondb import timestamps
from sessiondb.records.usage import Block, Usage
from sessiondb.reports.sums import Sum

if TYPE_CHECKING:
    from sessiondb.dao.usage import Group
    from sessiondb.reports.sums import Report

LENGTH = timedelta(hours=5)


def blocks(groups: Iterable[Group], report: Report, now: datetime | None = None) -> list[Usage]:
    """Return the windows, in order; `groups` come in the order of time, by hours of UTC."""
    now = now or datetime.now(timezone.utc)
    rows: list[Usage] = []
    row: Sum | None = None
    begun = first = last = over = ""
    for group in groups:
        # responses     10:40   11:05   14:59 │ 15:00       19:59 │      23:30
        # windows      [10:00 .......... 15:00)[15:00 ..... 20:00)     [23:00 ...
        hour = f"{group.key}:00:00.000Z"
        if timestamps.readable(hour) is None:
            continue  # no time, and so in no window; `doctor` names it
        if row is None or hour >= over:
            if row is not None:
                rows.append(_block(row, begun, first, last, now))
            begun, over = hour, _after(hour)
            first, last = group.first_at, group.last_at
            row = Sum(begun)
        first, last = min(first, group.first_at), max(last, group.last_at)
        row.add(group, report.cost(group))
    if row is not None:
        rows.append(_block(row, begun, first, last, now))
    return rows


def _after(stamp: str) -> str:
    return timestamps.from_datetime(timestamps.to_datetime(stamp) + LENGTH)


def _block(row: Sum, begun: str, first: str, last: str, now: datetime) -> Usage:
    usage = row.usage()
    end = timestamps.to_datetime(begun) + LENGTH
    until = timestamps.readable(last) or end
    # The money spent so far, as if it went on like this to the end of the window: from the first response of it, not
    # from its beginning, which may be up to an hour earlier.
    is_open = now < end and now - until < LENGTH
    block = Block(begun, timestamps.from_datetime(end), last, is_open)
    spent = (until - (timestamps.readable(first) or until)).total_seconds()
    if is_open and usage.picodollars is not None and spent > 0:
        pace = usage.picodollars / spent
        left = max(0.0, (end - now).total_seconds())
        block = replace(
            block, picodollars_per_hour=round(pace * 3600), projected=usage.picodollars + round(pace * left)
        )
    return replace(usage, block=block)
