"""sessiondb export"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sessiondb.cli.options import database_option, filter_options, reading, sessions_argument
from sessiondb.cli.render import print_notice, show_bytes
from sessiondb.cli.text import short_bytes

if TYPE_CHECKING:
    from sessiondb.dao.session_filter import SessionFilter
    from sessiondb.database import SessionDB

FORMATS = ("jsonl", "md")


@click.command()
@sessions_argument(required=False)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write to this file, packed if its name ends in .gz, in place of stdout.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="jsonl",
    help="JSON lines or Markdown. Default: jsonl.",
)
@click.option("--redact", is_flag=True, help="Take out secrets and personal data.")
@filter_options("agent", "project", "model", "platform", "tag", "is_open", "since", "until")
@database_option
def command(
    sessions: tuple[str, ...], output: Path | None, form: str, redact: bool, where: SessionFilter
) -> None:
    """Export sessions, or all there is.

    As JSON lines that `import` reads back without loss. Without a SESSION or a condition they include the
    notes of projects and what is known of removed sessions. Markdown is for reading: one transcript after
    the other.

    \b
    Example:
      sessiondb export -o sessions.jsonl.gz
      sessiondb export @last --format md --redact
    """
    from sessiondb.exchange import export

    with reading() as db:
        ids = _chosen(db, sessions, where)
        lines = _markdown(db, ids, redact) if form == "md" else export.export(db, ids, redact=redact)
        if output is None:
            show_bytes(lines)
        else:
            print_notice(f"{output}: {short_bytes(export.write(lines, output.expanduser()))}")


def _chosen(db: SessionDB, names: Sequence[str], where: SessionFilter) -> list[str] | None:
    """Return the ids of the sessions to export in their order, None for all that is in the database."""
    from sessiondb.dao.exports import Exports

    condition, _ = where.where()
    if names and condition:
        raise click.UsageError("Give sessions by name or conditions, not both.")
    if names:
        found = {db.sessions.resolve(name).id for name in names}
        return [id for id in Exports(db.connection).session_ids(where) if id in found]
    if not condition:
        return None
    ids = Exports(db.connection).session_ids(where)
    if not ids:
        print_notice("nothing matches")
    return ids


def _markdown(db: SessionDB, ids: list[str] | None, redact: bool) -> Iterator[bytes]:
    from sessiondb.cli.transcript import Look, Transcript, lines
    from sessiondb.dao.exports import Exports
    from sessiondb.dao.session_filter import SessionFilter
    from sessiondb.exchange.redact import redacted

    exports = Exports(db.connection)
    with exports.snapshot():
        for number, id in enumerate(exports.session_ids(SessionFilter()) if ids is None else ids):
            page = Transcript(
                db.sessions.get(id), db.sessions.tags(id), db.messages.transcript(id), db.notes.of_session(id)
            )
            if number:
                yield b"\n"
            for line in lines(redacted(page) if redact else page, Look(style="md", full=True)):
                yield line.encode() + b"\n"
