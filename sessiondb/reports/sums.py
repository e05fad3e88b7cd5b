"""Groups of responses that are priced alike, each with its cost, summed into the rows of a report.

Costs are picodollars, so that sums are exact; what a log says of a cost is microdollars.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sessiondb.dao.usage import Group
from sessiondb.dao.usage_source import PriceSteps
from sessiondb.errors import InvalidInput
from sessiondb.records.sessions import Tokens
from sessiondb.records.usage import COSTS, Usage
from sessiondb.reports.prices.cost import PICODOLLARS, Rates, Spent, Terms, rates
from sessiondb.reports.prices.table import Table

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

    def __init__(self, table: Table, models: Sequence[str], cost: str = "both") -> None:
        if cost not in COSTS:
            raise InvalidInput(f"cannot take the cost from {cost!r}: give one of {', '.join(COSTS)}")
        self._table = table
        self._cost = cost
        # Only of the models that have answered: each step is compared with every response.
        self.steps = PriceSteps(table.sizes_of(models), table.sized(models), table.days_of(models))
        self._sizes = (0, *(size + 1 for size in self.steps.sizes))
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
        # A group is what can be priced alike, by model, day, size of the context, tier, speed and region. Of these
        # there are some hundreds where there are millions of responses, so the table is asked once for each.
        terms = group[1:7]
        if terms not in self._known:
            size = self._sizes[group.size]
            self._known[terms] = rates(self._table, Terms(group.model, group.day, size, *group[3:6]))
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


class Report:
    """The sums of all rows, kept while they are made."""

    def __init__(self, pricing: Pricing) -> None:
        self.pricing = pricing
        self.sum = Sum()
        self.undated_writes = 0
        self._unpriced: dict[str | None, Sum] = {}
        self._parts: dict[str | None, Sum] = {}

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

    def parts(self) -> tuple[Usage, ...]:
        """Return the sums of the parts of all rows, the dearest first."""
        return _by_cost(self._parts)

    def rows(self, groups: Iterable[Group], *, has_parts: bool = False, slots: int = 0) -> list[Usage]:
        """Return the rows of keys, each by its parts too where wanted, and with the cost in each slot of time."""
        rows: dict[Any, Sum] = {}
        trends: dict[Any, list[int]] = {}
        parts: dict[Any, dict[str | None, Sum]] = {}
        for group in groups:
            cost = self.cost(group)
            rows.setdefault(group.key, Sum(group.key)).add(group, cost)
            if slots:
                trends.setdefault(group.key, [0] * slots)[group.slot] += cost or 0
            if has_parts:
                parts.setdefault(group.key, {}).setdefault(group.part, Sum(group.part)).add(group, cost)
                self._parts.setdefault(group.part, Sum(group.part)).add(group, cost)
        return [
            row.usage(parts=_by_cost(parts.get(key, {})), trend=tuple(trends.get(key, ())))
            for key, row in rows.items()
        ]


def _by_cost(parts: Mapping[Any, Sum]) -> tuple[Usage, ...]:
    return tuple(ordered([found.usage() for found in parts.values()], "model", None))


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


def _sum(*counts: int | None) -> int:
    return sum(count or 0 for count in counts)
