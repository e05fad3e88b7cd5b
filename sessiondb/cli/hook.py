"""sessiondb hook"""

from __future__ import annotations

import click

from sessiondb.agents.loop.hook import AGENTS, PROMPTS, responded
from sessiondb.cli.options import database_option, database_path, json_option, reading
from sessiondb.cli.record_fields import fields_of
from sessiondb.cli.render import print_notice, show_json, show_text
from sessiondb.cli.tables import Column, Output, table

_COLUMNS = (
    Column("at", "at", "time"),
    Column("agent", "agent"),
    Column("event", "event"),
    Column("tokens", "tokens", "number"),
    Column("session_id", "session", least=8),
    Column("project", "project", least=8),
)


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("agent", metavar=f"[{'|'.join(AGENTS)}|log]")
@click.argument("event", required=False)
@click.option(
    "--limit", type=click.IntRange(min=0), default=20, metavar="N", help="With log: entries to show."
)
@click.option("--prompts", is_flag=True, help="Point to an earlier session at a prompt that is about it.")
@json_option
@database_option
def command(agent: str, event: str | None, limit: int, prompts: bool, as_json: bool) -> None:
    """Answer a hook of an agent, or list what hooks did.

    Agents call this at their events, with JSON on standard input. At the start of a session it imports what has
    grown in the project's logs and prints what is known of the project; when a turn or a session ends it imports
    that session and prints nothing; at a prompt it is silent, unless `--prompts` lets it point to an earlier session
    that is clearly about the same. It always ends with 0, and migrates nothing. SESSIONDB_HOOK=off turns it off.
    `sessiondb install` writes it into the settings of an agent.

    \b
    Example:
      sessiondb hook claude-code < event.json
      sessiondb hook log
    """
    if agent != "log":
        options = [PROMPTS] if prompts else []
        if not responded([agent, *([event] if event else []), *options, "--db", str(database_path())]):
            raise click.UsageError(
                f"There are no hooks of {agent!r}: give one of {', '.join(AGENTS)}, or log."
            )
        return
    with reading() as db:
        rows = [fields_of(entry) for entry in db.hook_log.latest(limit)]
    if as_json:
        show_json(rows)
    elif rows:
        show_text(table(Output(), _COLUMNS, rows))
    else:
        print_notice("no hook was called yet: `sessiondb install` writes them into the settings of an agent")
