"""What was used and what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sessiondb.records.record import Record

if TYPE_CHECKING:
    from sessiondb.records.sessions import Tokens

PERIODS = ("daily", "weekly", "monthly", "session", "model", "project", "agent", "branch", "blocks")
"""What tokens can be counted by."""

COSTS = ("both", "log", "table")
"""Whose cost is reported: the log's where it has one and else the table's, the log's alone, the table's alone."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Usage(Record):
    """The tokens of a day, a session, a model ..., and how many responses they are of.

    `tokens.cost_microdollars` is the cost by the log or the table of prices, None where nothing has a price;
    `picodollars` is the same unrounded. `unpriced_responses` of the responses are in neither, by the models
    `unpriced_models`. `parts`: the same by model, or by what else was asked for. `tree`: with all sub-agents, in
    picodollars, without the `tree_unpriced` of their responses. `trend`: the picodollars of each part of the time that
    is reported, where asked for.
    """

    name: str | None
    responses: int
    tokens: Tokens
    cache_write_5m: int | None = None
    cache_write_1h: int | None = None
    web_searches: int | None = None
    picodollars: int | None = None
    unpriced_responses: int = 0
    unpriced_models: tuple[str | None, ...] = ()
    parts: tuple[Usage, ...] = ()
    title: str | None = None
    project: str | None = None
    agent: str | None = None
    parent_id: str | None = None
    relation: str | None = None
    depth: int = 0
    tree: int | None = None
    tree_unpriced: int = 0
    block: Block | None = None
    trend: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Block(Record):
    """A window of five hours; `is_open`: it still runs, and its pace would make it cost `projected` picodollars."""

    started_at: str
    ends_at: str
    last_at: str
    is_open: bool
    picodollars_per_hour: int | None = None
    projected: int | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class UsageReport(Record):
    """Rows of usage, a page of them; `total` counts the rows on all pages, `sum` is of them all.

    `unpriced` is what has no price, by model. `undated_writes`: so many responses do not say how long the cache keeps
    what it took, and count as five minutes. `parts`: where rows are parted, what each part is of them all.
    """

    rows: list[Usage]
    total: int
    sum: Usage | None = None
    unpriced: tuple[Usage, ...] = ()
    undated_writes: int = 0
    parts: tuple[Usage, ...] = ()


def cost_text(usage: Usage) -> str:
    """Return what a row cost: `$7.19`, `?` where nothing has a price, `$7.19 + ?` where something lacks one."""
    return _cost_text(usage.tokens.cost_microdollars, usage.unpriced_responses)


def tree_cost_text(usage: Usage) -> str:
    """Return what a session cost with its sub-agents, as `cost_text`."""
    return _cost_text(None if usage.tree is None else round(usage.tree / 1_000_000), usage.tree_unpriced)


def _cost_text(microdollars: int | None, unpriced: int) -> str:
    if microdollars is None:
        return "?" if unpriced else ""
    return f"${microdollars / 1_000_000:,.2f}{' + ?' if unpriced else ''}"
