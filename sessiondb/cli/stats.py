"""sessiondb stats"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sessiondb.cli.options import database_option, filter_options, output_options, reading, say_unknown
from sessiondb.cli.record_fields import fields_of
from sessiondb.cli.render import Column, Listing, Output, show_rows
from sessiondb.records.statistics import GROUPS

if TYPE_CHECKING:
    from sessiondb.records.sessions import Criteria


@click.command()
@click.argument("by", type=click.Choice(GROUPS), default=GROUPS[0], required=False)
@filter_options("agent", "project", "model", "platform", "tag", "since", "until")
@output_options()
@database_option
def command(by: str, where: Criteria, output: Output) -> None:
    """Count sessions by agent, project, platform, model, tag, or month.

    \b
    Example:
      sessiondb stats
      sessiondb stats project --since 30d
    """
    with reading() as db:
        say_unknown(db, where)
        found = db.stats(by, limit=output.limit, offset=output.offset, **where)
    rows = [fields_of(group) | {by: group.name, "shown": group.name or "(none)"} for group in found.groups]
    show_rows(output, _listing(by), rows, total=found.total)


def _listing(by: str) -> Listing:
    numbers = ("sessions", "open_sessions", "messages", "tool_calls")
    headings = ("sessions", "open", "messages", "tool calls")
    return Listing(
        (by, *numbers, "first_at", "last_at"),
        (
            Column("shown", by, least=12),
            *(Column(name, heading, "number") for name, heading in zip(numbers, headings, strict=True)),
            Column("first_at", "first", "time"),
            Column("last_at", "last", "time"),
        ),
    )
