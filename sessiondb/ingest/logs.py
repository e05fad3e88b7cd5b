"""Import logs once, or follow them: what SessionDB hands on to."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import tzinfo
from typing import Any

from sessiondb import timestamps
from sessiondb.dao.tables import Tables, dry_run_copy
from sessiondb.errors import DatabaseBusy
from sessiondb.ingest.events import events_until
from sessiondb.ingest.places import expanded
from sessiondb.ingest.rules import users_rules
from sessiondb.ingest.run import Ingest
from sessiondb.ingest.watch import Watch
from sessiondb.records import ImportReport
from sessiondb.records.progress import Progress
from sessiondb.storage.beside import sweep
from sessiondb.storage.values import span_of_time

Source = str | os.PathLike[str]


def import_logs(  # noqa: PLR0913
    db: Tables,
    sources: Sequence[Source],
    *,
    agents: Collection[str] = (),
    tz: tzinfo | str | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
    redact: str | None = None,
    **options: Any,
) -> ImportReport:
    """Import files, folders, and for `auto` the places of the agents; see SessionDB.import_logs.

    `options` are those of Ingest. A dry run works on a copy.
    """
    rules = users_rules(redact)
    paths = expanded(sources, agents, rules)
    sweep(db.path)
    with dry_run_copy(db, progress) if dry_run else contextlib.nullcontext(db) as target:
        ingest = Ingest(target.connection, tz=_zone(tz), progress=progress, rules=rules, **options)
        return replace(ingest.run(paths), dry_run=dry_run)


def watch_logs(  # noqa: PLR0913
    db: Tables,
    sources: Sequence[Source],
    *,
    agents: Collection[str] = (),
    tz: tzinfo | str | None = None,
    interval: float,
    wait: Callable[[float], bool] | None,
    on_busy: Callable[[DatabaseBusy], None] | None,
    redact: str | None = None,
    **options: Any,
) -> Iterator[ImportReport]:
    """Yield a report of a first import, and of each later one of what has changed; see SessionDB.watch_logs."""
    zone = _zone(tz)
    span_of_time(interval, "interval")
    rules = users_rules(redact)
    watch = Watch(expanded(sources, agents, rules, even_absent=True), rules, db.path)
    events = events_until(wait)
    with contextlib.closing(events) if events else contextlib.nullcontext():
        for paths in watch.updates(interval, sleep=wait, events=events):
            try:
                report = Ingest(db.connection, tz=zone, rules=rules, **options).run(paths)
            except DatabaseBusy as error:
                if on_busy is None:
                    raise
                on_busy(error)
                watch.again(paths)
                continue
            watch.later(report.unread)
            yield report


def _zone(tz: tzinfo | str | None) -> tzinfo | None:
    return None if tz is None else timestamps.zone(tz)
