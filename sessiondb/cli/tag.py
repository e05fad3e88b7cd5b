"""sessiondb tag"""

from __future__ import annotations

import click

from sessiondb.cli.options import database_option, session_argument, writing
from sessiondb.cli.render import print_result


@click.command()
@session_argument
@click.argument("tags", nargs=-1, required=True, metavar="TAG...")
@click.option("--remove", is_flag=True, help="Remove the tags instead.")
@database_option
def command(session: str, tags: tuple[str, ...], remove: bool) -> None:
    """Tag a session.

    `list --tag` finds it again.

    \b
    Example:
      sessiondb tag @last parser urgent
      sessiondb tag @last urgent --remove
    """
    with writing() as db:
        found = db.sessions.resolve(session)
        change = db.sessions.remove_tags if remove else db.sessions.add_tags
        change(found.id, tags)
        left = db.sessions.tags(found.id)
    print_result(f"{found.id}: {', '.join(left) or 'no tags'}")
