"""sessiondb stats"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sessiondb.chat.text import duration
from sessiondb.cli.freshness import sync_option
from sessiondb.cli.options import database_option, filter_options, output_options, reading, say_unknown
from sessiondb.cli.record_fields import fields_of
from sessiondb.cli.render import draws, show_rows, show_text
from sessiondb.cli.tables import Column, Listing, Output, terminal_width
from sessiondb.records.statistics import GROUPS

if TYPE_CHECKING:
    from sessiondb.records import Group
    from sessiondb.records.sessions import Criteria

_TIMES = ("day", "weekday", "hour")
_YEAR = 53 * 7


@click.command()
@click.argument("by", type=click.Choice(GROUPS), default=GROUPS[0], required=False, metavar="[GROUP]")
@filter_options("agent", "project", "model", "platform", "tag", "branch", "since", "until")
@output_options(limit=24)
@sync_option
@database_option
def command(by: str, where: Criteria, output: Output) -> None:
    """Count sessions, messages over time, or tool calls.

    GROUP is agent (the default), project, platform, model, tag, month, day, weekday, hour, or tool.

    Days, weekdays and hours are in this machine's time zone. On a terminal, days are also drawn as a calendar.

    \b
    Example:
      sessiondb stats
      sessiondb stats project --since 30d
      sessiondb stats tool --agent codex
    """
    with reading() as db:
        say_unknown(db, where)
        found = db.stats(by, limit=output.limit, offset=output.offset, **where)
        if by == "day" and draws(output):
            from sessiondb.cli.charts import calendar

            days = db.stats(by, limit=_YEAR, **where).groups
            show_text([*calendar({day.name or "": day.messages for day in days}, terminal_width()), ""])
    most = max((_measure(by, group) for group in found.groups), default=0)
    rows = [_row(by, group, most) for group in found.groups]
    show_rows(output, _listing(by, with_bar=draws(output)), rows, total=found.total)


def _measure(by: str, group: Group) -> int:
    return group.tool_calls if by == "tool" else group.messages


def _row(by: str, group: Group, most: int) -> dict[str, Any]:
    from sessiondb.cli.charts import bar

    row = fields_of(group) | {by: group.name, "shown": group.name or "(none)"}
    if group.timed_calls:
        row["total_time"] = duration(group.seconds or 0)
        row["mean_time"] = duration((group.seconds or 0) / group.timed_calls)
    return row | {"bar": bar(_measure(by, group), most)}


def _listing(by: str, *, with_bar: bool) -> Listing:
    numbers = {
        "sessions": "sessions",
        "open_sessions": "open",
        "messages": "messages",
        "tool_calls": "tool calls",
    }
    further: tuple[str, ...] = ()
    columns = [Column("shown", by, least=12)]
    if by == "tool":
        numbers = {"tool_calls": "calls", "errors": "errors"}
        further = ("errors", "seconds", "timed_calls")
    elif by in _TIMES:
        numbers = {"messages": "messages", "tool_calls": "tool calls", "sessions": "sessions"}
    ranks = {"sessions": 2 if by in _TIMES else 0}
    columns += [Column(name, heading, "number", rank=ranks.get(name, 0)) for name, heading in numbers.items()]
    if by == "tool":
        columns += [
            Column("total_time", "time", "figure", rank=2),
            Column("mean_time", "each", "figure", rank=1),
            Column("sessions", "sessions", "number", rank=3),
        ]
    if by not in _TIMES:
        columns += [Column("first_at", "first", "time", rank=5), Column("last_at", "last", "time", rank=4)]
    if with_bar and (by == "tool" or by in _TIMES):
        columns.append(Column("bar", "", rank=6))
    fields = (by, "sessions", "open_sessions", "messages", "tool_calls", "first_at", "last_at", *further)
    return Listing(fields, tuple(columns))
