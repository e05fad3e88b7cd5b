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
    from sessiondb.dao.sessions import SessionFilter
    from sessiondb.dao.statistics import Usage

# How to count, and what a row is of.
PERIODS = {"daily": "day", "weekly": "week", "monthly": "month", "session": "session_id", "model": "model"}
_BUCKETS = ("input", "cache_read", "cache_write", "output", "reasoning")


@click.command()
@click.argument("by", type=click.Choice(tuple(PERIODS)), default="daily", required=False)
@filter_options("agent", "project", "platform", "tag")
@click.option("--model", metavar="NAME", help="Only of this model, or of those that begin so.")
@click.option(
    "--since", metavar="TIME", callback=time_begin, help="Only tokens counted at this time or later."
)
@click.option("--until", metavar="TIME", callback=time_end, help="Only tokens counted by this time.")
@output_options()
@database_option
def command(
    by: str, where: SessionFilter, model: str | None, since: str | None, until: str | None, output: Output
) -> None:
    """Count tokens and cost by time or model.

    Days, weeks and months are those of this machine's zone. Input leaves out what was read from the cache;
    output includes reasoning. Cost is known only where the agent's log says it.

    \b
    Example:
      sessiondb usage
      sessiondb usage model --since 2026-03 --json
    """
    from dataclasses import replace

    from sessiondb.dao.statistics import Statistics

    with reading() as db:
        statistics = Statistics(db.connection)
        found, total = statistics.usage(
            by,
            replace(where, since=since, until=until),
            model=model,
            limit=output.limit,
            offset=output.offset,
        )
    show_rows(output, _listing(PERIODS[by]), [_row(PERIODS[by], usage) for usage in found], total=total)


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
