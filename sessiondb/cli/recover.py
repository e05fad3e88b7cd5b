"""sessiondb recover"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sessiondb.chat.text import counted, short_bytes
from sessiondb.cli.options import DatabasePath, json_option
from sessiondb.cli.render import Progress, print_notice, show_json, show_text

if TYPE_CHECKING:
    from sessiondb.records import Recovered

_NAMED = 20


@click.command()
@click.argument("damaged", type=DatabasePath())
@click.argument("new", type=DatabasePath())
@json_option
def command(damaged: Path, new: Path, as_json: bool) -> None:
    """Recover what can be read from a damaged file.

    DAMAGED is only read; nothing may write to it meanwhile. What it still holds goes into the new file NEW and is
    counted by table; what cannot be read is listed. Sessions that were removed stay removed. The exit code is 1 if
    anything is wrong with the new file.

    \b
    Example:
      sessiondb recover ~/.local/share/sessiondb/sessions.db ~/recovered.db
    """
    from sessiondb.database import SessionDB

    with Progress({"recover": "reading"}) as progress:
        found = SessionDB.recover(damaged, new, progress=progress)
    if as_json:
        show_json(asdict(found))
    else:
        show_text(_in_words(found))
        if found.damage or found.refused:
            print_notice(
                "what is lost here may still be in the agents' logs:"
                f" `sessiondb import auto --db {new}` imports them again"
            )
    if found.left:
        raise click.exceptions.Exit(1)


def _in_words(found: Recovered) -> Iterator[str]:
    yield f"{found.path}: {short_bytes(found.bytes)}"
    for table, rows in found.rows.items():
        astray = found.found_astray.get(table)
        yield f"  {table}: {rows:,}" + (
            f" ({astray:,} of them on pages that no table led to any more)" if astray else ""
        )
    yield from _listed("cannot be read", found.damage)
    yield from _listed("is not taken", found.refused)
    if found.made:
        yield from _listed("lost its session's own row, and has a new one", found.made)
    if found.missing:
        total = counted(sum(found.missing.values()), "message or tool call", "messages and tool calls")
        yield f"{counted(len(found.missing), 'session')} lack {total}:"
        yield from (f"  {id}: {count:,}" for id, count in list(found.missing.items())[:_NAMED])
    for table, rows in found.dropped.items():
        yield f"{counted(rows, 'row')} of {table} belonged to what is lost"
    for finding in found.left:
        yield f"{finding.check}: {finding.problem}"
    if not (found.damage or found.refused):
        yield "nothing is lost"


def _listed(what: str, things: list[str]) -> Iterator[str]:
    if things:
        yield f"{what}:"
        yield from (f"  {thing}" for thing in things[:_NAMED])
    if len(things) > _NAMED:
        yield f"  and {len(things) - _NAMED:,} more"
