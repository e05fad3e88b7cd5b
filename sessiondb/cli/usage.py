"""sessiondb usage"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sessiondb.cli.freshness import sync_option
from sessiondb.cli.options import (
    database_option,
    database_path,
    filter_options,
    output_options,
    reading,
    say_unknown,
    span_end,
)
from sessiondb.cli.render import fields_in, show_json, show_rows, show_text
from sessiondb.cli.statusline import print_line
from sessiondb.cli.tables import Output, strong
from sessiondb.cli.usage_table import PERIODS, View, report, say
from sessiondb.records.usage import COSTS
from sessiondb.settings.time_zone import named_zone

if TYPE_CHECKING:
    from sessiondb.records.sessions import Criteria

STATUSLINE = "statusline"


def _sections(_context: click.Context, _option: click.Parameter, given: str | None) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in (given or "").split(",") if name.strip()))
    for name in names:
        if name not in PERIODS:
            raise click.BadParameter(f"there is no {name!r}: give some of {', '.join(PERIODS)}")
    return names


@click.command()
@click.argument(
    "by", type=click.Choice((*PERIODS, STATUSLINE)), default="daily", required=False, metavar="[REPORT]"
)
@filter_options("agent", "project", "platform", "tag", "branch")
@click.option("--model", metavar="NAME", help="Only models whose name starts with this.")
@click.option("--since", metavar="TIME", help="Only tokens used at or after this time.")
@click.option("--until", metavar="TIME", help="Only tokens used at or before this time.")
@click.option(
    "--last",
    metavar="N",
    type=click.IntRange(min=1),
    help="Only the last N days; weeks or months in a report of those.",
)
@click.option(
    "--tz",
    metavar="ZONE",
    help="Time zone of days, --since and --until: Europe/Berlin, +02:00, UTC. Default: this machine's.",
)
@click.option(
    "--cost",
    type=click.Choice(COSTS),
    default=COSTS[0],
    help="Take costs from the log, the price table, or both: the log where it has them. Default: both.",
)
@click.option("--prices", metavar="FILE", help="A JSON file of prices that override the price table.")
@click.option(
    "--order",
    type=click.Choice(("asc", "desc")),
    help="Sort order. Default: newest, or most expensive, first.",
)
@click.option("-b", "--breakdown", is_flag=True, help="Also break each row down by model.")
@click.option("--tree", is_flag=True, help="Show sub-agents below their parents, with the cost of both.")
@click.option(
    "--sections", metavar="LIST", callback=_sections, help="Several reports at once: daily,model,project."
)
@click.option(
    "--plan",
    metavar="DOLLARS",
    type=click.IntRange(min=1),
    help="Compare with a plan that costs this much a month: 20, 100, 200 ...",
)
@output_options()
@sync_option
@database_option
def command(by: str, where: Criteria, output: Output, sections: tuple[str, ...], **choice: Any) -> None:
    """Report token usage and cost.

    REPORT is daily (the default), weekly, monthly, session, model, project, agent, branch, blocks, or statusline.

    Days, weeks and months are in this machine's time zone; blocks are windows of five hours. Input excludes what was
    read from the cache; output includes reasoning. An unknown cost is shown as ?, and models without a price are
    listed below. statusline prints one line for Claude Code's status bar, from the JSON that it gets on stdin.

    \b
    Example:
      sessiondb usage
      sessiondb usage model --since 2026-03 --json
      sessiondb usage blocks --last 1
      sessiondb usage --last 7 --sections daily,model,project
    """
    if by == STATUSLINE:
        print_line(database_path())
        return
    if sections and output.form in ("nl", "csv", "tsv"):
        raise click.UsageError("--sections prints tables, or JSON with --json.")
    plan = choice.pop("plan")
    choice["tz"] = choice["tz"] or named_zone()
    for name in ("since", "until"):
        choice[name] = span_end(name, choice[name], choice["tz"])
    choice |= {**where, "limit": output.limit, "offset": output.offset}
    reports = {}
    with reading() as db:
        for name in sections or (by,):
            view = View(choice["breakdown"], choice["tree"] and name == "session", plan)
            reports[name] = report(db, name, view, output, choice)
        if not any(found.rows for found in reports.values()):
            say_unknown(db, {**where, "model": choice["model"]})
    if sections and output.form == "json":
        show_json({name: [*fields_in(found.listing, found.rows)] for name, found in reports.items()})
        return
    for name, found in reports.items():
        if sections:
            show_text([*([""] if name != sections[0] else []), strong(name)])
        show_rows(output, found.listing, found.rows, total=found.total)
        if name == [*reports][-1]:
            say(found)
