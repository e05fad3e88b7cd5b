"""sessiondb export"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sessiondb.chat.text import short_bytes
from sessiondb.cli.options import (
    FilePath,
    database_option,
    filter_options,
    reading,
    say_unknown,
    sessions_argument,
)
from sessiondb.cli.render import print_notice, stdout_bytes

if TYPE_CHECKING:
    from sessiondb.records.sessions import Criteria

FORMATS = ("jsonl", "md", "html")


@click.command()
@sessions_argument(required=False)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=FilePath(),
    help="Write to this file instead of stdout (-); compressed if its name ends in .gz. HTML can go to a folder, too.",
)
@click.option("--force", is_flag=True, help="Replace files that exist.")
@click.option(
    "--format",
    type=click.Choice(FORMATS),
    help="Write JSON lines, Markdown or HTML. Default: by the file's suffix, otherwise jsonl.",
)
@click.option("--redact", is_flag=True, help="Replace secrets and personal data with placeholders.")
@filter_options("agent", "project", "model", "platform", "tag", "branch", "is_open", "since", "until")
@database_option
def command(
    sessions: tuple[str, ...],
    output: Path | None,
    where: Criteria,
    **how: Any,
) -> None:
    """Export sessions.

    The default format, JSON lines, can be imported again without loss. Without a SESSION or a filter, it
    covers the whole database, including project notes and the record of removed sessions. Markdown is for
    reading: one transcript after another. HTML is one self-contained page for a session with its sub-agents, or a
    folder with a page for each session and an index to search.

    \b
    Example:
      sessiondb export -o sessions.jsonl.gz
      sessiondb export @last --redact -o session.html
      sessiondb export --project quill --format html -o pages
    """
    if output == Path("-"):
        output = None
    is_filtered = any(value is not None for value in where.values())
    if sessions and is_filtered:
        raise click.UsageError("Give either sessions or filters, not both.")
    with reading() as db:
        say_unknown(db, where)
        named = [db.sessions.resolve(name).id for name in sessions] or None
        done = db.export(
            output or stdout_bytes(),
            sessions=named,
            format=how["format"],
            redact=how["redact"],
            overwrite=how["force"],
            **where,
        )
    if output is not None:
        print_notice(f"{output}: {short_bytes(done.bytes)}")
    if is_filtered and not done.sessions:
        print_notice("no matches")
