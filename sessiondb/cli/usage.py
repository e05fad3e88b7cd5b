"""sessiondb usage"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sessiondb.cli.options import (
    database_option,
    filter_options,
    output_options,
    reading,
    time_begin,
    time_end,
)
from sessiondb.cli.render import Column, Listing, Output, show_rows

if TYPE_CHECKING:
    from sessiondb.records import Usage
    from sessiondb.records.sessions import Criteria

# How to count, and what a row is of.
PERIODS = {"daily": "day", "weekly": "week", "monthly": "month", "session": "session_id", "model": "model"}
_BUCKETS = ("input", "cache_read", "cache_write", "output", "reasoning")


@click.command()
@click.argument("by", type=click.Choice(tuple(PERIODS)), default="daily", required=False)
@filter_options("agent", "project", "platform", "tag")
@click.option("--model", metavar="NAME", help="Only models whose name starts with this.")
@click.option(
    "--since", metavar="TIME", callback=time_begin, help="Only tokens counted at or after this time."
)
@click.option(
    "--until", metavar="TIME", callback=time_end, help="Only tokens counted at or before this time."
)
@output_options()
@database_option
def command(by: str, where: Criteria, output: Output, **counted: str | None) -> None:
    """Report token usage and cost.

    Days, weeks, and months are in this machine's time zone. Input excludes what was read from the cache;
    output includes reasoning. Cost is shown only where the agent's log states it.

    \b
    Example:
      sessiondb usage
      sessiondb usage model --since 2026-03 --json
    """
    with reading() as db:
        found = db.usage(by, limit=output.limit, offset=output.offset, **where, **counted)
    rows = [_row(PERIODS[by], usage) for usage in found.rows]
    show_rows(output, _listing(PERIODS[by]), rows, total=found.total)


def _row(name: str, usage: Usage) -> dict[str, Any]:
    tokens = {f"{bucket}_tokens": getattr(usage.tokens, bucket) for bucket in _BUCKETS}
    return {
        name: usage.name,
        "shown": usage.name or "(unknown)",
        "responses": usage.responses,
        **tokens,
        "total_tokens": usage.tokens.total,
        "cost_microdollars": usage.tokens.cost_microdollars,
    }


def _listing(name: str) -> Listing:
    buckets = [f"{bucket}_tokens" for bucket in _BUCKETS]
    return Listing(
        (name, "responses", *buckets, "total_tokens", "cost_microdollars"),
        (
            Column("shown", name.removesuffix("_id"), least=12),
            Column("responses", "responses", "number"),
            *(Column(f"{bucket}_tokens", bucket.replace("_", " "), "short") for bucket in _BUCKETS),
            Column("total_tokens", "total", "short"),
            Column("cost_microdollars", "cost", "cost"),
        ),
    )
