"""sessiondb backup"""

from __future__ import annotations

from pathlib import Path

import click

from sessiondb.chat.text import short_bytes
from sessiondb.cli.options import DatabasePath, database_option, reading
from sessiondb.cli.render import print_result


@click.command()
@click.argument("file", type=DatabasePath())
@database_option
def command(file: Path) -> None:
    """Back up the database to a new file.

    Agents can keep writing meanwhile: the backup is a snapshot of one moment.

    \b
    Example:
      sessiondb backup ~/backups/sessions-2026-03-01.db
    """
    with reading() as db:
        copy = db.backup(file)
    print_result(f"{file}: {short_bytes(copy.bytes)}")
