"""sessiondb title"""

from __future__ import annotations

import click

from sessiondb.chat.text import shown_title
from sessiondb.cli.options import database_option, session_argument, writing
from sessiondb.cli.render import print_result


@click.command()
@session_argument
@click.argument("title", nargs=-1, required=True)
@database_option
def command(session: str, title: tuple[str, ...]) -> None:
    """Set the title of a session.

    Later imports do not change it.

    \b
    Example:
      sessiondb title @last Move the parser to its own file
    """
    text = " ".join(" ".join(title).split())
    with writing() as db:
        found = db.sessions.resolve(session)
        db.sessions.set_title(found.id, text or None)
    print_result(f"{found.id}: {shown_title(text)}")
