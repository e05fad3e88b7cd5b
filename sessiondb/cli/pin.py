"""sessiondb pin"""

from __future__ import annotations

import click

from sessiondb.cli.options import database_option, sessions_argument, writing
from sessiondb.cli.render import print_result


@click.command()
@sessions_argument(required=True)
@click.option("--off", is_flag=True, help="Unpin them.")
@database_option
def command(sessions: tuple[str, ...], off: bool) -> None:
    """Pin sessions so that prune never removes them.

    \b
    Example:
      sessiondb pin 5b0d7c1e
    """
    with writing() as db:
        named = [db.sessions.resolve(name).id for name in sessions]
        for id in named:
            db.sessions.set_pinned(id, not off)
    for id in named:
        print_result(f"{id} is pinned" if not off else f"{id} is no longer pinned")
