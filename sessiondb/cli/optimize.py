"""sessiondb optimize"""

from __future__ import annotations

import click

from sessiondb.chat.text import counted, short_bytes
from sessiondb.cli.options import database_option, writing
from sessiondb.cli.render import Progress, print_result


@click.command()
@database_option
def command() -> None:
    """Update the schema and speed up searches.

    Migrates an older schema, completes and merges the search indexes, gives sessions without a title one from
    their first prompt, and empties the write-ahead log.

    \b
    Example:
      sessiondb optimize
    """
    with writing() as db, Progress({"index": "indexing"}) as progress:
        done = db.optimize(progress=progress)
    if done.indexed:
        print_result(f"{counted(done.indexed, 'row')} can be searched now")
    print_result(f"optimized: {short_bytes(done.bytes_before)} before, {short_bytes(done.bytes_after)} now")
