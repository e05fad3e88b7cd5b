"""sessiondb status"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from sessiondb import timestamps
from sessiondb.cli.fields import fields_of
from sessiondb.cli.options import database_option, json_option, reading
from sessiondb.cli.render import print_result, show_json
from sessiondb.cli.text import counted, short_bytes

if TYPE_CHECKING:
    from sessiondb.dao.statistics import State


@click.command()
@json_option
@database_option
def command(as_json: bool) -> None:
    """Say how the database is.

    Where it is, how large, what is in it, and what waits to be done.

    \b
    Example:
      sessiondb status
    """
    from sessiondb.dao.statistics import Statistics

    with reading() as db:
        state = Statistics(db.connection).state()
    if as_json:
        show_json(fields_of(state))
        return
    for name, value in _facts(state):
        print_result(f"{name:<12} {value}")


def _facts(state: State) -> Iterator[tuple[str, str]]:
    free = (
        f", {short_bytes(state.free_bytes)} of it free: `prune --vacuum` gives that back"
        if state.free_bytes
        else ""
    )
    yield "file", state.path
    yield "size", f"{short_bytes(state.bytes)}{free}"
    yield "format", f"schema {state.schema}, SQLite {state.sqlite}, journal {state.journal}"
    yield "sessions", f"{state.sessions:,}, {state.open_sessions:,} of them open"
    for agent, number in state.agents.items():
        yield "", f"{number:,} {agent}"
    yield (
        "messages",
        f"{state.messages:,}, {counted(state.tool_calls, 'tool call')}, {counted(state.notes, 'note')}",
    )
    if state.last_import_at:
        yield (
            "imported",
            f"{counted(state.files, 'file')}, last at {timestamps.local_text(state.last_import_at)}",
        )
    for index, rows in state.pending.items():
        yield "pending", f"{counted(rows, 'row')} cannot be searched yet ({index}): `sessiondb optimize`"
