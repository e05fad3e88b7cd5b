"""sessiondb export"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sessiondb.cli.options import database_option, filter_options, reading, sessions_argument
from sessiondb.cli.render import print_notice, stdout_bytes
from sessiondb.cli.text import short_bytes
from sessiondb.cli.transcript import Look
from sessiondb.cli.transcript import lines as transcript_lines

if TYPE_CHECKING:
    from sessiondb.records import Transcript
    from sessiondb.records.sessions import Criteria

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
def command(sessions: tuple[str, ...], output: Path | None, form: str, redact: bool, where: Criteria) -> None:
    """Export sessions, or all there is.

    As JSON lines that `import` reads back without loss. Without a SESSION or a condition they include the
    notes of projects and what is known of removed sessions. Markdown is for reading: one transcript after
    the other.

    \b
    Example:
      sessiondb export -o sessions.jsonl.gz
      sessiondb export @last --format md --redact
    """
    is_filtered = any(value is not None for value in where.values())
    if sessions and is_filtered:
        raise click.UsageError("Give sessions by name or conditions, not both.")
    with reading() as db:
        named = [db.sessions.resolve(name).id for name in sessions] or None
        if form == "md":
            count = _write_markdown(db.transcripts(sessions=named, redact=redact, **where), output)
        else:
            done = db.export(output or stdout_bytes(), sessions=named, redact=redact, **where)
            count = done.sessions
            if output is not None:
                print_notice(f"{output}: {short_bytes(done.bytes)}")
    if is_filtered and not count:
        print_notice("nothing matches")


def _write_markdown(transcripts: Iterable[Transcript], output: Path | None) -> int:
    """Write one transcript after the other, and return how many there were."""
    from sessiondb.exchange.export import write

    count = 0

    def lines() -> Iterator[bytes]:
        nonlocal count
        for transcript in transcripts:
            if count:
                yield b"\n"
            count += 1
            for line in transcript_lines(transcript, Look(style="md", full=True)):
                yield line.encode() + b"\n"

    if output is None:
        stdout_bytes().writelines(lines())
    else:
        print_notice(f"{output}: {short_bytes(write(lines(), output.expanduser()))}")
    return count
