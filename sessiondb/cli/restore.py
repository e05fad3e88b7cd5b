"""sessiondb restore"""

from __future__ import annotations

from pathlib import Path

import click

from sessiondb.chat.text import counted
from sessiondb.cli.options import DatabasePath, database_option, database_path
from sessiondb.cli.render import print_notice, print_result


@click.command()
@click.argument("backup", type=DatabasePath())
@database_option
def command(backup: Path) -> None:
    """Replace the database with a backup.

    The backup is checked first, and stays where it is. The database as it was is kept in another file, whose path is
    printed. Programs that have the database open see the backup from then on; to write, they must open it again, and
    an error tells them so.

    \b
    Example:
      sessiondb restore ~/backups/sessions-2026-03-01.db
    """
    from sessiondb.database import SessionDB

    restored = SessionDB.restore_backup(backup, database_path())
    print_result(f"{restored.path}: {counted(restored.sessions, 'session')}")
    if restored.replaced:
        print_notice(f"the database as it was is in {restored.replaced}")
