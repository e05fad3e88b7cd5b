"""sessiondb list"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sessiondb.cli.fields import SESSIONS, session_rows
from sessiondb.cli.options import database_option, filter_options, output_options, reading
from sessiondb.cli.render import Output, show_rows

if TYPE_CHECKING:
    from sessiondb.dao.sessions import SessionFilter


@click.command()
@filter_options("agent", "project", "model", "platform", "tag", "is_open", "since", "until")
@output_options()
@database_option
def command(where: SessionFilter, output: Output) -> None:
    """List sessions, the newest activity first.

    \b
    Example:
      sessiondb list --agent codex --since 7d
      sessiondb list --project quill --json -n 0
    """
    from sessiondb.dao.short_ids import short_ids

    with reading() as db:
        sessions = db.sessions.page(where, limit=output.limit, offset=output.offset)
        total = db.sessions.count(where)
        short = short_ids(db.connection, [session.id for session in sessions])
    show_rows(output, SESSIONS, session_rows(sessions, short), total=total)
