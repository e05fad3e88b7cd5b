"""The tables of `sessiondb usage`: their rows and columns, and what is said below them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sessiondb.chat.text import counted, short_number, shown_title
from sessiondb.cli.charts import bar, sparkline
from sessiondb.cli.record_fields import folder
from sessiondb.cli.render import draws, print_notice
from sessiondb.cli.tables import Column, Listing, Output
from sessiondb.records.models import short_model
from sessiondb.records.usage import cost_text, tree_cost_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessiondb.database import SessionDB
    from sessiondb.records import Usage, UsageReport

# How to count, and what a row is of.
PERIODS = {
    "daily": "day",
    "weekly": "week",
    "monthly": "month",
    "session": "session_id",
    "model": "model",
    "project": "project",
    "agent": "agent",
    "branch": "branch",
    "blocks": "block_start",
}
_BY_TIME = ("daily", "weekly", "monthly", "blocks")
_TREND = 12
_UNPRICED = 4
"""Models without a price that are named."""
_BUCKETS = ("input", "cache_read", "cache_write", "output", "reasoning")


class View(NamedTuple):
    """What a table shows beside the rows: each by model, sub-agents below their parents, the share of a plan."""

    breakdown: bool
    tree: bool
    plan: int | None


class Report(NamedTuple):
    """A report as it is printed: what was found, its rows with those that a table adds, and how many there are."""

    found: UsageReport
    view: View
    listing: Listing
    rows: list[dict[str, Any]]

    @property
    def is_monthly(self) -> bool:
        """Say whether each row is a month, and says itself what it is of a plan."""
        return self.listing.fields[0] == PERIODS["monthly"]

    @property
    def total(self) -> int:
        """Return how many rows there are on all pages."""
        return self.found.total + len(self.rows) - len(self.found.rows)


def report(db: SessionDB, by: str, view: View, output: Output, choice: Mapping[str, Any]) -> Report:
    """Return a report with what a table shows of it."""
    trend = _TREND if draws(output) and by not in _BY_TIME else 0
    found = db.usage(by, trend=trend, **choice)
    short_ids = db.short_ids([row.name for row in found.rows if row.name]) if by == "session" else {}
    return Report(found, view, _listing(by, view, output), _rows(by, found, view, short_ids, output))


def _rows(
    by: str, found: UsageReport, view: View, short_ids: dict[str, str], output: Output
) -> list[dict[str, Any]]:
    """Return the rows to show; in a table each may be followed by its models, and all by their total."""
    rows = []
    is_table = output.form not in ("json", "nl", "csv", "tsv")
    dearest = max((row.picodollars or 0 for row in found.rows), default=0)
    for usage in found.rows:
        row = _row(by, usage, view)
        row |= {"bar": bar(usage.picodollars or 0, dearest), "trend": sparkline(usage.trend)}
        row["share"] = _share(usage, view)
        row["shown"] = "  " * usage.depth + _shown(by, usage, short_ids)
        rows.append(row)
        if is_table and view.breakdown:
            for model in usage.parts:
                rows.append(_row("model", model, view) | {"shown": f"  {_shown('model', model, short_ids)}"})
    if is_table and found.sum and found.total > 1:
        rows.append(_row(by, found.sum, view) | {"shown": "total", "marked_title": ""})
    return rows


def _row(by: str, usage: Usage, view: View) -> dict[str, Any]:
    tokens = {f"{bucket}_tokens": getattr(usage.tokens, bucket) for bucket in _BUCKETS}
    row: dict[str, Any] = {
        PERIODS[by]: usage.name,
        "responses": usage.responses,
        **tokens,
        "total_tokens": usage.tokens.total,
        "cache_write_5m_tokens": usage.cache_write_5m,
        "cache_write_1h_tokens": usage.cache_write_1h,
        "web_searches": usage.web_searches,
        "cost_microdollars": usage.tokens.cost_microdollars,
        "unpriced_responses": usage.unpriced_responses,
        "unpriced_models": [name or "unknown" for name in usage.unpriced_models],
        "cost": cost_text(usage),
    }
    if by == "session":
        row |= {
            "title": usage.title,
            "marked_title": shown_title(usage.title),
            "project": usage.project,
            "agent": usage.agent,
            "parent_id": usage.parent_id,
        }
        row |= {"folder": folder(usage.project), "tree_cost_microdollars": _microdollars(usage.tree)}
        row |= {"tree_unpriced_responses": usage.tree_unpriced, "tree_cost": tree_cost_text(usage)}
    if usage.block:
        row |= {"block_end": usage.block.ends_at, "is_open": usage.block.is_open}
        row |= {"projected_cost_microdollars": _microdollars(usage.block.projected)}
        row["pace"] = _pace(usage)
    if view.breakdown:
        row["models"] = [_row("model", model, View(False, False, None)) for model in usage.parts]
        for model in row["models"]:
            del model["cost"]
    return row


def _share(usage: Usage, view: View) -> str:
    """Return what a month has cost, of what the plan costs."""
    cost = usage.tokens.cost_microdollars
    return "" if cost is None or not view.plan else f"{cost / view.plan / 10_000:,.0f} %"


def _microdollars(picodollars: int | None) -> int | None:
    return None if picodollars is None else round(picodollars / 1_000_000)


def _shown(by: str, usage: Usage, short_ids: dict[str, str]) -> str:
    name = usage.name
    if name is None:
        return "(unknown)"
    if usage.block:
        from sessiondb import timestamps

        return timestamps.local_text(usage.block.started_at)
    if by == "session":
        return short_ids.get(name, name)
    if by == "project":
        return folder(name) or name
    return short_model(name) if by == "model" else name


def _pace(usage: Usage) -> str:
    block = usage.block
    if block is None or not block.is_open:
        return ""
    if block.projected is None or block.picodollars_per_hour is None:
        return "open"
    return f"ends at ${block.projected / 1e12:,.2f}, ${block.picodollars_per_hour / 1e12:,.2f}/h"


def _listing(by: str, view: View, output: Output) -> Listing:
    name = PERIODS[by]
    buckets = [f"{bucket}_tokens" for bucket in _BUCKETS]
    fields = [name, "responses", *buckets, "total_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens"]
    fields += ["web_searches", "cost_microdollars", "unpriced_responses", "unpriced_models"]
    about: list[Column] = []
    if by == "session":
        fields += [
            "title",
            "project",
            "agent",
            "parent_id",
            *(["tree_cost_microdollars", "tree_unpriced_responses"] if view.tree else []),
        ]
        about = [Column("marked_title", "title", least=10), Column("folder", "project", least=8, rank=1)]
    if by == "blocks":
        fields += ["block_end", "is_open", "projected_cost_microdollars"]
    if view.breakdown:
        fields.append("models")
    ranks = {"input": 5, "cache_read": 6, "cache_write": 7, "output": 4, "reasoning": 9}
    columns = [
        Column(
            "shown",
            {"session_id": "session", "block_start": "block"}.get(name, name),
            "outline",
            least=8 if about else 16 if by == "blocks" else 12,
        ),
        *about,
        Column("responses", "responses", "number", short="resp", rank=8),
        *(
            Column(f"{bucket}_tokens", bucket.replace("_", " "), "short", rank=ranks[bucket])
            for bucket in _BUCKETS
        ),
        Column("total_tokens", "total", "short", rank=2),
        Column("cost", "cost", "figure"),
    ]
    if by == "blocks":
        columns.append(Column("pace", "pace", least=8))
    if view.tree:
        columns.append(Column("tree_cost", "with sub-agents", "figure", short="tree", rank=1))
    if view.plan and by == "monthly":
        columns.append(Column("share", "of plan", "figure", rank=1))
    if draws(output):
        if by not in _BY_TIME:
            columns.append(Column("trend", "trend", rank=5))
        columns.append(Column("bar", "", rank=10))
    return Listing(tuple(fields), tuple(columns))


def say(report: Report) -> None:
    """Say on stderr what the sum lacks, what it takes for granted, and what it is of a plan."""
    found, view = report.found, report.view
    if found.unpriced:
        responses = sum(usage.responses for usage in found.unpriced)
        largest = sorted(found.unpriced, key=lambda usage: usage.responses, reverse=True)
        names = ", ".join(
            f"{usage.name or '(no model named)'} ({counted(usage.responses, 'response')},"
            f" {short_number(usage.tokens.total or 0)} tokens)"
            for usage in largest[:_UNPRICED]
        )
        more = len(largest) - _UNPRICED
        others = f" and {counted(more, 'other model')}; --json names all" if more > 0 else ""
        print_notice(f"{counted(responses, 'response')} without a price: {names}{others}")
    if found.undated_writes:
        print_notice(
            f"{counted(found.undated_writes, 'response')} without the lifetime of what was written to the cache:"
            " priced as 5 minutes"
        )
    cost = found.sum.tokens.cost_microdollars if found.sum else None
    if view.plan and cost is not None and not (report.is_monthly and found.total > 1):
        share = cost / view.plan / 10_000
        print_notice(f"${cost / 1_000_000:,.2f} is {share:,.0f} % of a month of the ${view.plan} plan")
