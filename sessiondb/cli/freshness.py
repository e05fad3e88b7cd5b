"""How commands that read keep up with the logs: --sync imports first, and without it they say when that would help."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from sessiondb.chat.text import counted
from sessiondb.cli.render import Progress, is_watched, print_notice
from sessiondb.settings import get
from sessiondb.settings.table import STALE_HOURS, STALE_NOTICE

if TYPE_CHECKING:
    from pathlib import Path

    from sessiondb.database import SessionDB
    from sessiondb.records import WaitingLogs

BUDGET = 0.005
"""Seconds that are spent on looking for what has changed, where nobody asked for it."""

SECONDS = 5.0
"""How long --sync waits for another writer."""

_KEY = "sessiondb.sync"
_FOR_PROGRAMS = ("as_json", "as_nl", "as_csv", "as_tsv", "fmt")
_PHASES = {"read": "reading ", "index": "indexing"}


def sync_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --sync to a command that reads. What `keep_up` and `look_after` do is for these commands alone."""
    return click.option(
        "--sync",
        is_flag=True,
        expose_value=False,
        callback=_remember,
        help="Import what is new in the agents' logs first.",
    )(function)


def _remember(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if not ctx.resilient_parsing:
        ctx.meta[_KEY] = value


def keep_up(path: Path) -> None:
    """Import all that has changed into a database where --sync asks for it. One in use is no error, but said."""
    if not click.get_current_context().meta.get(_KEY):
        return
    import gc

    from sessiondb.database import SessionDB
    from sessiondb.errors import DatabaseBusy, DatabaseNewer

    gc.enable()
    try:
        with SessionDB(path, time_budget=SECONDS) as db, Progress(_PHASES) as progress:
            elsewhere = db.waiting_logs(seconds=1.0).paths
            db.import_logs("auto", *elsewhere, read_ahead=True, progress=progress)
    except DatabaseBusy:
        print_notice(
            "not imported: another program is writing to the database; what follows may be out of date"
        )
    except DatabaseNewer:
        print_notice(
            "not imported: only a newer sessiondb can write to the database; what follows may be out of date"
        )


def look_after(db: SessionDB) -> None:
    """Say, after all else, when logs have changed since the last import, which is long ago: to a person who looks on.

    Programs, and what goes to a file, are told nothing and pay for nothing.
    """
    context = click.get_current_context()
    if context.meta.get(_KEY) is not False or not is_watched():
        return
    if any(context.params.get(name) for name in _FOR_PROGRAMS) or not get(STALE_NOTICE):
        return
    # 5 ms, whatever there is to look at: a command that takes 60 must not take longer for an advice.
    found = db.waiting_logs(seconds=BUDGET, idle=3600 * get(STALE_HOURS))
    if found.paths and found.last_import_at:
        context.call_on_close(lambda: print_notice(_in_words(found)))


def _in_words(found: WaitingLogs) -> str:
    from sessiondb import timestamps

    count = counted(len(found.paths), "log")
    least = "" if found.is_all else "at least "
    when = timestamps.relative_text(found.last_import_at or "")
    return f"{least}{count} changed since the last import ({when}): --sync imports first"
