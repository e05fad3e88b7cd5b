"""Token counts summed by session, hour and all that a price depends on, as SQL: the inner step of a bill.

The columns of GROUP BY are those of `idx_token_counts_session_hour`, in its order, so that SQLite has nothing to sort.
What must be told apart by more than the index holds is summed on its own, with a sort: responses with a long context,
and those of an hour within which a day of the zone begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sessiondb.dao.local_time import LocalTime

SUMMED = (
    "input", "cache_read", "cache_write", "output", "reasoning", "cost_microdollars", "cache_write_5m",
    "cache_write_1h", "cache_write_12h", "web_searches",
)  # fmt: skip
"""What is summed of responses."""

_TERMS = {
    name: f"t.{name}" for name in ("session_id", "at", "model_id", "service_tier", "speed", "inference_geo")
} | {"has_cost": "t.cost_microdollars IS NOT NULL", "git_branch": "t.git_branch"}
_HOUR, _MINUTE = "substr(t.counted_at, 1, 13)", "substr(t.counted_at, 1, 16)"
# Totals of a whole session are no context of one response.
_IS_ONE = "coalesce(t.request_key, '') NOT GLOB '*total*'"
_CONTEXT = "coalesce(t.input, 0) + coalesce(t.cache_read, 0) + coalesce(t.cache_write, 0)"
_UNDATED = "t.cache_write_5m IS NULL AND t.cache_write_1h IS NULL AND t.cache_write > 0"
# As floating-point numbers, which are exact up to 2^53, and no error beyond.
_SUMS = ", ".join(f"sum(t.{name} * 1.0) AS {name}" for name in SUMMED)
_SPAN = ", min(t.counted_at) AS first_at, max(t.counted_at) AS last_at"


class PriceSteps(NamedTuple):
    """Where prices change: above which sizes of a context, of which models, and on which days."""

    sizes: Sequence[int] = ()
    models: Sequence[str] = ()
    days: Sequence[str] = ()


class Source(NamedTuple):
    """Which responses are summed, and how finely: `condition` is SQL over token_counts as t, empty for all.

    `is_narrow`: they are few, so that a sort of them costs less than a walk along the index. `with_branch` and
    `with_span` keep branches apart, and give the first and last time in each hour.
    """

    condition: str
    is_narrow: bool
    zone: LocalTime | None
    with_branch: bool
    with_span: bool

    def sql(self, steps: PriceSteps, model_ids: Mapping[str, int]) -> tuple[str, int]:
        """Return a query, and how often it needs the parameters of the condition."""
        finer = self._finer(steps, model_ids)
        if not finer:
            return self._select(_HOUR, "0", self.condition), 1
        most, rest = (
            " AND ".join(filter(None, (self.condition, f"({finer}){so}"))) for so in (" IS NOT TRUE", "")
        )
        minute = _MINUTE if self.zone and self.zone.split_hours else _HOUR
        return (
            f"{self._select(_HOUR, '0', most)} UNION ALL {self._select(minute, _size(steps.sizes), rest)}",
            2,
        )

    def _finer(self, steps: PriceSteps, model_ids: Mapping[str, int]) -> str:
        """Return a condition for responses that the index does not tell apart, empty where there are none."""
        conditions = []
        sized = ", ".join(str(model_ids[name]) for name in steps.models)
        if sized:
            # The model first, which stands in the index: of others no row is looked at.
            conditions.append(f"t.model_id IN ({sized}) AND {_CONTEXT} > {steps.sizes[0]} AND {_IS_ONE}")
        if self.zone and self.zone.split_hours:
            hours = ", ".join(f"'{hour}'" for hour in self.zone.split_hours)
            conditions.append(f"substr(t.counted_at, 12, 2) IN ({hours})")
        return " OR ".join(conditions)

    def _select(self, time: str, size: str, condition: str) -> str:
        terms = {**_TERMS, "at": time}
        if not self.with_branch:
            del terms["git_branch"]
        groups = [*terms.values(), *([size] if size != "0" else [])]
        if self.is_narrow:
            # The sign keeps SQLite from the index: it takes an order for cheaper than any range of time.
            groups[0] = f"+{groups[0]}"
        # Whole hours are written to the minute too.
        terms["at"] += " || ':00'" if time == _HOUR else ""
        columns = ", ".join(f"{sql} AS {name}" for name, sql in terms.items())
        return (
            f"SELECT {columns}, {size} AS size, count(*) AS responses, {_SUMS},"
            f" count(*) FILTER (WHERE {_UNDATED}) AS undated"
            f"{_SPAN if self.with_span else ''} FROM token_counts AS t"
            f"{f' WHERE {condition}' if condition else ''} GROUP BY {', '.join(groups)}"
        )


def _size(sizes: Sequence[int]) -> str:
    """Return SQL for how many of the sizes a response's context is above."""
    if not sizes:
        return "0"
    first, *others = sizes
    steps = " ".join(f"WHEN {_CONTEXT} <= {size} THEN {above}" for above, size in enumerate(others, 1))
    return f"CASE WHEN {_CONTEXT} <= {first} OR NOT ({_IS_ONE}) THEN 0 {steps} ELSE {len(sizes)} END"
