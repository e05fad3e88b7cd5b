"""The bill: groups of responses that are priced alike, each with its cost, summed into rows.

Costs are picodollars, so that sums are exact; what a log says of a cost is microdollars. Nothing is stored.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from sessiondb import timestamps
from sessiondb.dao.usage import Group, UsageSums
from sessiondb.errors import InvalidInput
from sessiondb.prices.cost import PICODOLLARS, Rates, Spent, Terms, rates
from sessiondb.prices.table import Table, load
from sessiondb.records.sessions import Tokens
from sessiondb.records.usage import COSTS, Usage, UsageReport

if TYPE_CHECKING:
    from datetime import tzinfo
    from os import PathLike

    from sessiondb.records import SessionFilter
    from sessiondb.storage.connection import Connection

_BUCKETS = (
    "input",
    "cache_read",
    "cache_write",
    "output",
    "reasoning",
    "cache_write_5m",
    "cache_write_1h",
    "web_searches",
)
_buckets = itemgetter(*map(Group._fields.index, _BUCKETS))
_BY_TIME = ("daily", "weekly", "monthly", "blocks")


class Pricing:
    """The cost of groups: by the log, by the table, or by the table where the log has none."""

    def __init__(self, table: Table, cost: str = "both", models: Iterable[str] | None = None) -> None:
        if cost not in COSTS:
            raise InvalidInput(f"cannot take the cost from {cost!r}: give one of {', '.join(COSTS)}")
        self.table = table
        self._cost = cost
        # Each size is compared with every response: only those of the models that have answered.
        self.sizes = table.sizes if models is None else table.sizes_of(models)
        self._sizes = (0, *(size + 1 for size in self.sizes))
        self._known: dict[tuple[Any, ...], Rates | None] = {}

    def of(self, group: Group) -> int | None:
        """Return picodollars, None where there is no price."""
        if self._cost != "table" and group.has_cost:
            return (group.cost_microdollars or 0) * PICODOLLARS
        spent = Spent(
            group.input or 0,
            group.cache_read or 0,
            max(
                group.cache_write or 0,
                _sum(group.cache_write_5m, group.cache_write_1h, group.cache_write_12h),
            ),
            group.cache_write_1h or 0,
            group.cache_write_12h or 0,
            group.output or 0,
            group.web_searches or 0,
        )
        if not any(spent):
            return 0
        found = None if self._cost == "log" else self._rates(group)
        return None if found is None else found.cost(spent)

    def goes_by_lifetime(self, group: Group) -> bool:
        """Say whether it matters to the cost how long the cache keeps what it took."""
        if self._cost == "log" or (self._cost != "table" and group.has_cost):
            return False
        found = self._rates(group)
        return found is not None and found.cache_write_1h != found.cache_write

    def _rates(self, group: Group) -> Rates | None:
        # No price changes between two of the table's days.
        terms = (bisect_right(self.table.days, group.day), group.model, *group[3:7])
        if terms not in self._known:
            size = self._sizes[group.size]
            self._known[terms] = rates(self.table, Terms(group.model, group.day, size, *group[3:6]))
        return self._known[terms]


class Sum:
    """A row while it is summed."""

    def __init__(self, name: str | None = None) -> None:
        self.name = name
        self.responses = 0
        self.buckets: list[int | None] = [None] * len(_BUCKETS)
        self.cost: int | None = None
        self.unpriced = 0
        self.unpriced_models: dict[str | None, None] = {}

    def add(self, group: Group, cost: int | None) -> None:
        """Add a group and what it cost."""
        self.responses += group.responses
        self.buckets = [
            old if new is None else new if old is None else old + new
            for old, new in zip(self.buckets, _buckets(group), strict=True)
        ]
        if cost is None:
            self.unpriced += group.responses
            self.unpriced_models[group.model] = None
        else:
            self.cost = (self.cost or 0) + cost

    def usage(self, **about: Any) -> Usage:
        """Return the row."""
        dollars = None if self.cost is None else round(self.cost / PICODOLLARS)
        taken, read, written, said, thought, written_5m, written_1h, searches = self.buckets
        return Usage(
            self.name,
            self.responses,
            Tokens(taken, read, written, said, thought, dollars),
            written_5m,
            written_1h,
            searches,
            picodollars=self.cost,
            unpriced_responses=self.unpriced,
            unpriced_models=tuple(self.unpriced_models),
            **about,
        )


class Choice(NamedTuple):
    """How a report is made: whose cost, a file of one's own prices, the zone of days, and what of it is wanted."""

    cost: str = "both"
    prices: str | PathLike[str] | None = None
    tz: tzinfo | str | None = None
    last: int | None = None
    breakdown: bool = False
    tree: bool = False
    order: str | None = None
    limit: int | None = None
    offset: int = 0


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
    sums = UsageSums(connection)
    pricing = Pricing(load(choice.prices), choice.cost, sums.models())
    tz = timestamps.zone(choice.tz) if isinstance(choice.tz, str) else choice.tz
    if choice.last is not None:
        since = _since(by, choice.last, tz)
        where = replace(
            where, since=max(since, timestamps.parse_moment(where.since)) if where.since else since
        )
    found = sums.groups(by, where, model=model, sizes=pricing.sizes, tz=tz)
    report = Report(pricing)
    rows: list[Usage]
    if by == "blocks":
        from sessiondb.reports.blocks import blocks

        rows = blocks(found, report)
    else:
        rows = report.rows(found, breakdown=choice.breakdown)
    if by == "session":
        rows = _described(rows, sums)
    rows = (
        _branches(rows, choice.order) if choice.tree and by == "session" else ordered(rows, by, choice.order)
    )
    end = None if choice.limit is None else choice.offset + choice.limit
    return UsageReport(
        rows[choice.offset : end], len(rows), report.sum.usage(), report.unpriced(), report.undated_writes
    )


def _since(by: str, last: int, tz: tzinfo | None) -> str:
    """Return when the last so many days begin, or weeks or months; the one that still runs counts."""
    if last < 1:
        raise InvalidInput(f"cannot report the last {last}: give 1 or more")
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


class Report:
    """The sums of all rows, kept while they are made."""

    def __init__(self, pricing: Pricing) -> None:
        self.pricing = pricing
        self.sum = Sum()
        self.undated_writes = 0
        self._unpriced: dict[str | None, Sum] = {}

    def cost(self, group: Group) -> int | None:
        """Return what a group cost, and take it into the sums."""
        cost = self.pricing.of(group)
        self.sum.add(group, cost)
        if group.undated_writes and self.pricing.goes_by_lifetime(group):
            self.undated_writes += group.undated_writes
        if cost is None:
            self._unpriced.setdefault(group.model, Sum(group.model)).add(group, None)
        return cost

    def unpriced(self) -> tuple[Usage, ...]:
        """Return what has no price, by model."""
        return tuple(found.usage() for found in self._unpriced.values())

    def rows(self, groups: Iterable[Group], *, breakdown: bool = False) -> list[Usage]:
        """Return the rows of keys, each by model too where wanted."""
        rows: dict[Any, Sum] = {}
        models: dict[Any, dict[str | None, Sum]] = {}
        for group in groups:
            cost = self.cost(group)
            rows.setdefault(group.key, Sum(group.key)).add(group, cost)
            if breakdown:
                models.setdefault(group.key, {}).setdefault(group.model, Sum(group.model)).add(group, cost)
        return [row.usage(models=_by_cost(models.get(key, {}))) for key, row in rows.items()]


def _by_cost(models: Mapping[Any, Sum]) -> tuple[Usage, ...]:
    return tuple(ordered([found.usage() for found in models.values()], "model", None))


def ordered(rows: Sequence[Usage], by: str, order: str | None) -> list[Usage]:
    """Return rows in their order, those without a name last."""
    if by in _BY_TIME:
        newest_first = order != "asc"
        return sorted(rows, key=lambda row: row.name or "", reverse=newest_first)
    sign = 1 if order == "asc" else -1

    def place(row: Usage) -> tuple[Any, ...]:
        cost = row.picodollars if row.tree is None else row.tree
        return row.name is None, sign * (cost or 0), sign * (row.tokens.output or 0), row.name or ""

    return sorted(rows, key=place)


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
            root = replace(row, depth=depth, tree=sum(known) if known else None)
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


def _described(rows: Iterable[Usage], sums: UsageSums) -> list[Usage]:
    """Return rows of sessions with their titles, projects, agents and parents."""
    about = sums.about()
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


def _sum(*counts: int | None) -> int:
    return sum(count or 0 for count in counts)
