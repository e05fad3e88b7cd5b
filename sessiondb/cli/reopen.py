"""sessiondb reopen"""

from __future__ import annotations

import click

from sessiondb.cli.options import database_option, session_argument, writing
from sessiondb.cli.render import print_result


@click.command()
@session_argument
@database_option
def command(session: str) -> None:
    """Reopen an ended session.

    \b
    Example:
      sessiondb reopen 5b0d7c1e
    """
    with writing() as db:
        found = db.sessions.resolve(session)
        changed = db.sessions.reopen(found.id)
    print_result(f"reopened {found.id}" if changed else f"{found.id} is already open")
