"""sessiondb list"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sessiondb.cli.options import database_option, filter_options, output_options, reading, say_unknown
from sessiondb.cli.record_fields import SESSIONS, session_rows
from sessiondb.cli.render import Output, show_rows

if TYPE_CHECKING:
    from sessiondb.records.sessions import Criteria


@click.command()
@filter_options("agent", "project", "model", "platform", "tag", "branch", "is_open", "since", "until")
@output_options()
@database_option
def command(where: Criteria, output: Output) -> None:
    """List sessions, most recently active first.

    \b
    Example:
      sessiondb list --agent codex --since 7d
      sessiondb list --project quill --json -n 0
    """
    from sessiondb.records import SessionFilter

    with reading() as db:
        say_unknown(db, where)
        chosen = SessionFilter(**where)
        sessions = db.sessions.page(chosen, limit=output.limit, offset=output.offset)
        total = db.sessions.count(chosen)
        short = db.short_ids([session.id for session in sessions])
    show_rows(output, SESSIONS, session_rows(sessions, short), total=total)
