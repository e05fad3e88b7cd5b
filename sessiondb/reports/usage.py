"""The bill: what was used, and what it cost, by all that people ask. Nothing is stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from sessiondb import timestamps
from sessiondb.dao.usage import Group, UsageSums
from sessiondb.errors import InvalidInput
from sessiondb.records.models import short_model
from sessiondb.records.usage import Usage, UsageReport
from sessiondb.reports.prices.table import load
from sessiondb.storage.values import page_of, row_limit

if TYPE_CHECKING:
    from datetime import tzinfo
    from os import PathLike

    from sessiondb.records import SessionFilter
    from sessiondb.storage.connection import Connection
from sessiondb.reports.sums import Pricing, Report, ordered


class Choice(NamedTuple):
    """How a report is made: whose cost, a file of one's own prices, the zone of days, and what of it is wanted."""

    cost: str = "both"
    prices: str | PathLike[str] | None = None
    tz: tzinfo | str | None = None
    last: int | None = None
    breakdown: str | None = None
    tree: bool = False
    order: str | None = None
    limit: int | None = None
    offset: int = 0
    slots: int = 0


_MOST = 24_000
"""Months that reach back to the first years there are, and days that reach back 65 years: all there is."""


def usage(
    connection: Connection,
    by: str,
    where: SessionFilter,
    model: str | None = None,
    choice: Choice | None = None,
) -> UsageReport:
    """Return what was used by one of PERIODS, and what it cost.

    Times come newest first, everything else by its cost and then its output; `order` asc or desc says otherwise.
    Raises InvalidInput for another period, cost or order, and for prices that cannot be read.
    """
    choice = choice or Choice()
    if choice.order not in (None, "asc", "desc"):
        raise InvalidInput(f"cannot order by {choice.order!r}: give asc or desc")
    page = page_of(choice.limit, choice.offset)
    if row_limit(choice.slots, "trend") > _MOST:
        raise InvalidInput(f"trend must be at most {_MOST:,}, not {choice.slots}")
    sums = UsageSums(connection)
    pricing = Pricing(load(choice.prices), sums.models(), choice.cost)
    tz = None if choice.tz is None else timestamps.zone(choice.tz)
    # A bound is a day of the zone that days are of.
    where = replace(
        where,
        since=timestamps.parse_moment(where.since, tz=tz) if where.since else None,
        until=timestamps.parse_end(where.until, tz=tz) if where.until else None,
    )
    if choice.last is not None:
        since = _since(by, choice.last, tz)
        where = replace(where, since=max(since, where.since) if where.since else since)
    found = sums.groups(
        by, where, model=model, steps=pricing.steps, tz=tz, slots=choice.slots, part=choice.breakdown
    )
    found = _with_one_name(found, by, choice.breakdown, sums.models())
    report = Report(pricing)
    rows: list[Usage]
    if by == "blocks":
        from sessiondb.reports.blocks import blocks

        rows = blocks(found, report)
    else:
        rows = report.rows(found, has_parts=choice.breakdown is not None, slots=choice.slots)
    total = len(rows)
    if by == "session" and choice.tree:
        rows = _branches(_described(rows, sums), choice.order)[page]
    else:
        rows = ordered(rows, by, choice.order)[page]
        rows = _described(rows, sums) if by == "session" else rows
    return UsageReport(
        rows, total, report.sum.usage(), report.unpriced(), report.undated_writes, report.parts()
    )


def _with_one_name(
    groups: Iterable[Group], by: str, part: str | None, models: Sequence[str]
) -> Iterator[Group]:
    """Yield groups with one name for each model: the plainest of those that differ by provider and release alone."""
    plainest: dict[str, str] = {}
    for name in sorted(models, key=lambda name: (len(name), name)):
        plainest.setdefault(short_model(name), name)
    names: dict[Any, str] = {name: plainest[short_model(name)] for name in models}
    for group in groups:
        key = names.get(group.key) if by == "model" else group.key
        yield group._replace(key=key, part=names.get(group.part) if part == "model" else group.part)


def _since(by: str, last: int, tz: tzinfo | None) -> str:
    """Return when the last so many days begin, or weeks or months; the one that still runs counts."""
    if isinstance(last, bool) or not isinstance(last, int) or last < 1:
        raise InvalidInput(f"cannot report the last {last!r}: give 1 or more")
    last = min(last, _MOST)
    day = datetime.now(timezone.utc).astimezone(tz).replace(hour=0, minute=0, second=0, microsecond=0)
    if by == "monthly":
        months = day.year * 12 + day.month - last
        day = day.replace(year=months // 12, month=months % 12 + 1, day=1)
    elif by == "weekly":
        day -= timedelta(days=day.weekday() + 7 * (last - 1))
    else:
        day -= timedelta(days=last - 1)
    # A day may begin under another offset than now's.
    return timestamps.from_datetime(timestamps.aware(day.replace(tzinfo=tz)))


def _branches(rows: Sequence[Usage], order: str | None) -> list[Usage]:
    """Return sessions with their sub-agents below them, each with the cost of its whole tree."""
    ids = {row.name for row in rows}
    children: dict[str | None, list[Usage]] = {}
    for row in rows:
        parent = row.parent_id if row.relation == "subagent" and row.parent_id in ids else None
        children.setdefault(parent if parent != row.name else None, []).append(row)

    def below(parent: str | None, depth: int) -> list[list[Usage]]:
        """Return the trees of a parent's children, each as a list that begins with its root."""
        trees = []
        for row in children.pop(parent, []):
            branches = below(row.name, depth + 1)
            costs = [row.picodollars, *(branch[0].tree for branch in branches)]
            known = [cost for cost in costs if cost is not None]
            unpriced = sum(below[0].tree_unpriced for below in branches) + row.unpriced_responses
            tree = sum(known) if known else None
            root = replace(row, depth=depth, tree=tree, tree_unpriced=unpriced)
            places = {
                kept.name: number for number, kept in enumerate(ordered([b[0] for b in branches], "", order))
            }
            branches.sort(key=lambda branch: places[branch[0].name])
            trees.append([root, *(row for branch in branches for row in branch)])
        return trees

    trees = below(None, 0)
    places = {
        kept.name: number for number, kept in enumerate(ordered([tree[0] for tree in trees], "", order))
    }
    return [row for tree in sorted(trees, key=lambda tree: places[tree[0].name]) for row in tree]


def _described(rows: Sequence[Usage], sums: UsageSums) -> list[Usage]:
    """Return rows of sessions with their titles, projects, agents and parents."""
    about = sums.about([row.name for row in rows if row.name])
    return [
        replace(
            row,
            title=known.title,
            project=known.project,
            agent=known.agent,
            parent_id=known.parent_id,
            relation=known.relation,
        )
        for row in rows
        if (known := about[row.name or ""])
    ]
