"""What `import --watch` does: import what is written while it is written, until someone ends it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sessiondb.chat.text import counted, one_line, shown_title, visible_json
from sessiondb.cli.options import writing
from sessiondb.cli.record_fields import import_fields
from sessiondb.cli.render import print_notice, show_text
from sessiondb.cli.stopping import asked_to_end

if TYPE_CHECKING:
    from sessiondb.database import SessionDB
    from sessiondb.errors import DatabaseBusy
    from sessiondb.records import ImportReport

First = Callable[["ImportReport"], None]


def follow(sources: Sequence[str], as_json: bool, how: dict[str, Any], first: First) -> None:
    """Import the sources, then whatever changes in them, and print a line for each update.

    `how` are the options of SessionDB.watch_logs, `first` reports the first import. Ends after the import at
    hand when the process is interrupted or told to terminate.
    """
    with asked_to_end() as is_over, writing(create=True) as db:
        is_first = True
        said: set[object] = set()
        for report in db.watch_logs(*sources, wait=is_over.wait, on_busy=_print_busy, **how):
            if is_first and not as_json:
                first(report)
            elif is_first or report.sessions_added or report.sessions_updated:
                show_text([visible_json(json.dumps(import_fields(report))) if as_json else _line(db, report)])
            new = [skipped for skipped in report.skipped if skipped not in said]
            if not is_first and not as_json:
                for skipped in new:
                    print_notice(f"not imported: {skipped}", whole=True)
            said.update(new)
            is_first = False


def _print_busy(error: DatabaseBusy) -> None:
    print_notice(str(error))


def _line(db: SessionDB, report: ImportReport) -> str:
    """Return an update in a line: "2026-03-01 09:15 12 messages: Fix the parser (codex)"."""
    from sessiondb import timestamps

    ids = sorted(report.sessions_added | report.sessions_updated)
    session = db.sessions.get(ids[0])
    named = f"{shown_title(session.title)} ({session.agent})"
    about = named if len(ids) == 1 else f"{named} and {counted(len(ids) - 1, 'other session')}"
    moment = timestamps.local_text(timestamps.now())
    # An answer may be written a piece at a time.
    what = counted(report.talk_added, "message") if report.talk_added else "more text"
    return one_line(f"{moment} {what}: {about}")
