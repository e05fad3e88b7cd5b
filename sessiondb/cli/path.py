"""sessiondb path"""

from __future__ import annotations

import click

from sessiondb.cli.options import database_option, database_path
from sessiondb.cli.render import print_result


@click.command()
@database_option
def command() -> None:
    """Print the path of the database.

    \b
    Example:
      sqlite3 "$(sessiondb path)" .schema
    """
    print_result(str(database_path()))
