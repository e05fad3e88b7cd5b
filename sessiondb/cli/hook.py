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
@click.argument("agent", metavar="AGENT")
@click.argument("event", required=False)
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=20,
    metavar="N",
    help="With log: how many entries to show. Default: 20.",
)
@click.option(
    "--prompts", is_flag=True, help="On a prompt, point to an earlier session about the same subject."
)
@json_option
@database_option
def command(agent: str, event: str | None, limit: int, prompts: bool, as_json: bool) -> None:
    """Answer an agent's hook, or list what hooks did.

    AGENT is claude-code, codex, gemini-cli, copilot-cli, cursor, or opencode, or log to list what hooks did.

    Agents call this on their events, with JSON on stdin. When a session starts, it imports what is new in the
    project's logs and prints what is known about the project. When a turn or a session ends, it imports that session
    and prints nothing. On a prompt it prints nothing either, unless --prompts is given and an earlier session is
    clearly about the same subject.

    The exit code is always 0, and the schema is never migrated. SESSIONDB_HOOK=off turns it off. `sessiondb install`
    adds it to an agent's settings.

    \b
    Example:
      sessiondb hook claude-code < event.json
      sessiondb hook log
    """
    if agent != "log":
        options = [PROMPTS] if prompts else []
        if not responded([agent, *([event] if event else []), *options, "--db", str(database_path())]):
            raise click.UsageError(f"Unknown agent {agent!r}: give one of {', '.join(AGENTS)}, or log.")
        return
    with reading() as db:
        rows = [fields_of(entry) for entry in db.hook_log.latest(limit)]
    if as_json:
        show_json(rows)
    elif rows:
        show_text(table(Output(), _COLUMNS, rows))
    else:
        print_notice("no hook has been called yet: `sessiondb install` adds them to an agent's settings")
