"""sessiondb usage"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import click

from sessiondb.chat.text import counted, short_number
from sessiondb.cli.colours import has_colours
from sessiondb.cli.options import (
    database_option,
    database_path,
    filter_options,
    output_options,
    reading,
    say_unknown,
    time_begin,
    time_end,
)
from sessiondb.cli.record_fields import folder
from sessiondb.cli.render import Column, Listing, Output, print_notice, show_rows
from sessiondb.cli.statusline import cost_text, print_line
from sessiondb.records.models import short_model
from sessiondb.records.usage import COSTS

if TYPE_CHECKING:
    from sessiondb.records import Usage, UsageReport
    from sessiondb.records.sessions import Criteria

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
STATUSLINE = "statusline"
_BUCKETS = ("input", "cache_read", "cache_write", "output", "reasoning")
_BAR = 10
_EIGHTHS = " ▏▎▍▌▋▊▉"


class View(NamedTuple):
    """What a table shows beside the rows: each by model, sub-agents below their parents, the share of a plan."""

    breakdown: bool
    tree: bool
    plan: int | None


@click.command()
@click.argument("by", type=click.Choice((*PERIODS, STATUSLINE)), default="daily", required=False)
@filter_options("agent", "project", "platform", "tag")
@click.option("--model", metavar="NAME", help="Only of this model, or of those that begin so.")
@click.option(
    "--since", metavar="TIME", callback=time_begin, help="Only tokens counted at this time or later."
)
@click.option("--until", metavar="TIME", callback=time_end, help="Only tokens counted by this time.")
@click.option(
    "--last",
    metavar="N",
    type=click.IntRange(min=1),
    help="Only the last N days, or weeks or months of such a report.",
)
@click.option(
    "--tz", metavar="ZONE", help="The zone of days: Europe/Berlin, +02:00, UTC. Default: this machine's."
)
@click.option(
    "--cost",
    type=click.Choice(COSTS),
    default=COSTS[0],
    help="Take the cost from the log, from the table of prices, or (default) from the log where it has one.",
)
@click.option("--prices", metavar="FILE", help="A JSON file of prices that goes over the table of prices.")
@click.option(
    "--order", type=click.Choice(("asc", "desc")), help="Which comes first: default newest, or dearest."
)
@click.option("-b", "--breakdown", is_flag=True, help="Show each row by model too.")
@click.option("--tree", is_flag=True, help="Show sub-agents below their parents, with the cost of both.")
@click.option(
    "--plan", metavar="DOLLARS", type=click.IntRange(min=1), help="Compare with a plan of $20, $100, $200 ..."
)
@output_options()
@database_option
def command(
    by: str, where: Criteria, output: Output, breakdown: bool, tree: bool, plan: int | None, **choice: Any
) -> None:
    """Report token usage and cost.

    Days, weeks and months are those of this machine's zone; blocks are windows of five hours. Input leaves out what
    was read from the cache; output includes reasoning. What has no price is shown as ?, and named below.
    `statusline` prints one line for Claude Code's status bar, which gives it JSON on stdin.

    \b
    Example:
      sessiondb usage
      sessiondb usage model --since 2026-03 --json
      sessiondb usage blocks --last 1
    """
    if by == STATUSLINE:
        print_line(database_path())
        return
    with reading() as db:
        found = db.usage(
            by, limit=output.limit, offset=output.offset, breakdown=breakdown, tree=tree, **where, **choice
        )
        if not found.rows:
            say_unknown(db, {**where, "model": choice["model"]})
        short_ids = db.short_ids([row.name for row in found.rows if row.name]) if by == "session" else {}
    view = View(breakdown, tree and by == "session", plan)
    rows = list(_rows(by, found, view, short_ids, output))
    show_rows(output, _listing(by, view, output), rows, total=found.total + len(rows) - len(found.rows))
    _say(found, view)


def _rows(
    by: str, found: UsageReport, view: View, short_ids: dict[str, str], output: Output
) -> list[dict[str, Any]]:
    """Return the rows to show; in a table each may be followed by its models, and all by their total."""
    rows = []
    is_table = output.form not in ("json", "nl", "csv", "tsv")
    dearest = max((row.picodollars or 0 for row in found.rows), default=0)
    for usage in found.rows:
        row = _row(by, usage, view) | {"bar": _bar(usage.picodollars or 0, dearest)}
        row["shown"] = "  " * usage.depth + _shown(by, usage, short_ids)
        rows.append(row)
        if is_table and view.breakdown:
            for model in usage.models:
                rows.append(_row("model", model, view) | {"shown": f"  {_shown('model', model, short_ids)}"})
    if is_table and found.sum and found.total > 1:
        rows.append(_row(by, found.sum, view) | {"shown": "total"})
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
            "project": usage.project,
            "agent": usage.agent,
            "parent_id": usage.parent_id,
        }
        row |= {"folder": folder(usage.project), "tree_cost_microdollars": _microdollars(usage.tree)}
    if usage.block:
        row |= {"block_end": usage.block.ends_at, "is_open": usage.block.is_open}
        row |= {"projected_cost_microdollars": _microdollars(usage.block.projected)}
        row["pace"] = _pace(usage)
    if view.breakdown:
        row["models"] = [_row("model", model, View(False, False, None)) for model in usage.models]
        for model in row["models"]:
            del model["cost"]
    return row


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
    return f"open, ${block.picodollars_per_hour / 1e12:,.2f}/h, ends at ${block.projected / 1e12:,.2f}"


def _bar(value: int, dearest: int) -> str:
    """Return a bar in blocks of eighths, as long as the row's cost is of the dearest one's."""
    eighths = round(_BAR * 8 * value / dearest) if dearest else 0
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip()


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
            *(["tree_cost_microdollars"] if view.tree else []),
        ]
        about = [Column("title", "title", least=10), Column("folder", "project", least=8, rank=3)]
    if by == "blocks":
        fields += ["block_end", "is_open", "projected_cost_microdollars"]
    if view.breakdown:
        fields.append("models")
    ranks = {"input": 5, "cache_read": 6, "cache_write": 7, "output": 4, "reasoning": 9}
    columns = [
        Column(
            "shown",
            {"session_id": "session", "block_start": "block"}.get(name, name),
            least=8 if about else 12,
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
        columns.append(Column("pace", "pace", rank=1))
    if view.tree:
        columns.append(Column("tree_cost_microdollars", "with sub-agents", "cost", short="tree", rank=1))
    if has_colours():
        columns.append(Column("bar", "", rank=10))
    return Listing(tuple(fields), tuple(columns))


def _say(found: UsageReport, view: View) -> None:
    """Say on stderr what the sum lacks, what it takes for granted, and what it is of a plan."""
    if found.unpriced:
        responses = sum(usage.responses for usage in found.unpriced)
        names = ", ".join(
            f"{usage.name or '(no model named)'} ({counted(usage.responses, 'response')},"
            f" {short_number(usage.tokens.total or 0)} tokens)"
            for usage in found.unpriced
        )
        print_notice(f"{counted(responses, 'response')} unpriced: {names}")
    if found.undated_writes:
        print_notice(
            f"{counted(found.undated_writes, 'response')} do not say how long the cache keeps what they wrote:"
            " priced as 5 minutes"
        )
    cost = found.sum.tokens.cost_microdollars if found.sum else None
    if view.plan and cost is not None:
        share = cost / view.plan / 10_000
        print_notice(f"${cost / 1_000_000:,.2f} is {share:,.0f} % of a month of the ${view.plan} plan")
