"""sessiondb list"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sessiondb.chat.text import counted
from sessiondb.cli.freshness import sync_option
from sessiondb.cli.options import database_option, filter_options, output_options, reading, say_unknown
from sessiondb.cli.record_fields import SESSIONS, session_rows
from sessiondb.cli.render import ROWS, print_notice, show_rows
from sessiondb.cli.tables import Output
from sessiondb.settings.table import LIST_LIMIT

if TYPE_CHECKING:
    from sessiondb.records.sessions import Criteria


@click.command()
@filter_options("agent", "project", "model", "platform", "tag", "branch", "is_open", "since", "until")
@click.option("--all", "unfolded", is_flag=True, help="List sub-agents as rows of their own in a table.")
@output_options(setting=LIST_LIMIT)
@sync_option
@database_option
def command(where: Criteria, unfolded: bool, output: Output) -> None:
    """List sessions, most recently active first.

    In a table, a session and its sub-agents are one row, which counts them; JSON and CSV have a row for each. On a
    narrow terminal, the columns started, tokens, messages and sub-agents are left out, then agent and project are
    shortened, and the title last.

    \b
    Example:
      sessiondb list --agent codex --since 7d
      sessiondb list --project quill --json -n 0
    """
    from sessiondb.records import SessionFilter

    fold = output.form not in ROWS and not unfolded
    with reading() as db:
        say_unknown(db, where)
        chosen = SessionFilter(**where)
        sessions = db.sessions.page(chosen, limit=output.limit, offset=output.offset, fold=fold)
        total = db.sessions.count(chosen, fold=fold)
        folded = db.sessions.count(chosen) - total if fold else 0
        ids = [session.id for session in sessions]
        short, tags = db.short_ids(ids), db.sessions.tags_of(ids)
        below = db.sessions.subagent_counts(ids) if fold else {}
    columns = tuple(column for column in SESSIONS.columns if below or column.key != "subagents")
    rows = session_rows(sessions, short, tags=tags, subagents=below)
    show_rows(output, SESSIONS._replace(columns=columns), rows, total=total)
    if folded:
        print_notice(f"{counted(folded, 'sub-agent')} counted with their sessions; --all lists them")
