"""sessiondb path"""

from __future__ import annotations

import click

from sessiondb.cli.options import database_option, database_path
from sessiondb.cli.render import tell


@click.command()
@database_option
def command() -> None:
    """Print where the database is, or will be.

    \b
    Example:
      sqlite3 "$(sessiondb path)" .schema
    """
    tell(str(database_path()))
