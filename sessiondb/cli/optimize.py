"""sessiondb optimize"""

from __future__ import annotations

import click

from sessiondb.cli.options import database_option, writing
from sessiondb.cli.render import tell
from sessiondb.cli.text import counted, short_bytes


@click.command()
@database_option
def command() -> None:
    """Bring the database up to date, and keep it fast.

    Migrates an older schema, completes and merges the search indexes, and empties the write-ahead log.

    \b
    Example:
      sessiondb optimize
    """
    from sessiondb.dao.maintenance import Care

    with writing() as db:
        done = Care(db.connection).optimize()
    if done.indexed:
        tell(f"{counted(done.indexed, 'row')} can be searched now")
    tell(f"optimized: {short_bytes(done.bytes_before)} before, {short_bytes(done.bytes_after)} now")
