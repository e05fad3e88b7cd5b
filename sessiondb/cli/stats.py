"""sessiondb stats"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sessiondb.cli.fields import fields_of
from sessiondb.cli.options import database_option, filter_options, output_options, reading
from sessiondb.cli.render import Column, Listing, Output, show_rows

if TYPE_CHECKING:
    from sessiondb.dao.sessions import SessionFilter

GROUPS = ("agent", "project", "platform", "model", "tag", "month")


@click.command()
@click.argument("by", type=click.Choice(GROUPS), default=GROUPS[0], required=False)
@filter_options("agent", "project", "model", "platform", "tag", "since", "until")
@output_options()
@database_option
def command(by: str, where: SessionFilter, output: Output) -> None:
    """Count sessions by what they have in common.

    \b
    Example:
      sessiondb stats
      sessiondb stats project --since 30d
    """
    from sessiondb.dao.statistics import Statistics

    with reading() as db:
        groups, total = Statistics(db.connection).groups(by, where, limit=output.limit, offset=output.offset)
    rows = [fields_of(group) | {by: group.name, "shown": group.name or "(none)"} for group in groups]
    show_rows(output, _listing(by), rows, total=total)


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
