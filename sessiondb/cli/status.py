"""sessiondb status"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from sessiondb import timestamps
from sessiondb.chat.text import counted, short_bytes
from sessiondb.cli.agent_logs import log_fields, log_lines
from sessiondb.cli.import_report import amount
from sessiondb.cli.options import database_option, json_option, reading
from sessiondb.cli.record_fields import fields_of
from sessiondb.cli.render import from_home, print_notice, print_result, show_json

if TYPE_CHECKING:
    from sessiondb.records import Status


@click.command()
@click.option("--problems", is_flag=True, help="List the files and lines that imports could not read.")
@json_option
@database_option
def command(problems: bool, as_json: bool) -> None:
    """Show the state of the database.

    Its location, size, and contents, and anything left to do; how long agents keep their logs, which ones they will
    soon delete, and how many sessions exist only here.

    \b
    Example:
      sessiondb status
      sessiondb status --problems
    """
    from sessiondb.agents.retention import LogReport, log_report

    with reading() as db:
        status = db.status()
        found = db.import_problems() if problems else []
        logs = LogReport() if problems else log_report(db)
    if problems and as_json:
        show_json([fields_of(problem) for problem in found])
        return
    if problems:
        for problem in found:
            print_result(from_home(str(problem)))
        print_notice(f"{amount(found)} not imported")
        return
    if as_json:
        show_json(fields_of(status) | log_fields(logs))
        return
    for name, value in (*_facts(status), *log_lines(logs)):
        print_result(f"{name:<12} {value}")


def _facts(status: Status) -> Iterator[tuple[str, str]]:
    free = (
        f", {short_bytes(status.free_bytes)} of it free: `prune --vacuum` gives that back"
        if status.free_bytes
        else ""
    )
    yield "file", status.path
    yield "size", f"{short_bytes(status.bytes)}{free}"
    yield "format", f"schema {status.schema}, SQLite {status.sqlite}, journal {status.journal}"
    yield "sessions", f"{status.sessions:,}, {status.open_sessions:,} of them open"
    digits = len(f"{max(status.agents.values(), default=0):,}")
    for agent, number in status.agents.items():
        yield "", f"{number:>{digits},} {agent}"
    yield (
        "messages",
        f"{status.messages:,}, {counted(status.tool_calls, 'tool call')}, {counted(status.notes, 'note')}",
    )
    if status.last_import_at:
        yield (
            "imported",
            f"{counted(status.files, 'file')}, last at {timestamps.local_text(status.last_import_at)}",
        )
    for index, rows in status.pending.items():
        yield "pending", f"{counted(rows, 'row')} cannot be searched yet ({index}): `sessiondb optimize`"
