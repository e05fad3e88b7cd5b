"""sessiondb merge"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sessiondb.chat.text import counted
from sessiondb.cli.options import DatabasePath, database_option, database_path, json_option, trying
from sessiondb.cli.render import Progress, show_json, show_text

if TYPE_CHECKING:
    from sessiondb.records import MergeReport

_PHASES = {"copy": "copying ", "read": "merging ", "index": "indexing"}


@click.command()
@click.argument("other", type=DatabasePath())
@click.option("-n", "--dry-run", is_flag=True, help="Report what a merge would do, without doing it.")
@json_option
@database_option
def command(other: Path, dry_run: bool, as_json: bool) -> None:
    """Merge another database into this one.

    A session in both becomes the union of the two. A session removed from either one stays removed, unless it
    is pinned or was active later in the other. Merging again changes nothing. OTHER is never changed.

    \b
    Example:
      sessiondb merge ~/old-laptop/sessions.db --dry-run
    """
    with Progress(_PHASES) as progress:
        if dry_run:
            with trying() as db:
                report = db.merge(other, dry_run=True, progress=progress)
        else:
            report = _merge(other, progress)
    if as_json:
        show_json(_fields(report))
    else:
        show_text(_in_words(report))


def _merge(other: Path, progress: Progress) -> MergeReport:
    from sessiondb.database import SessionDB

    gc.enable()
    return SessionDB.merge_into(database_path(), other, progress=progress)


def _fields(report: MergeReport) -> dict[str, Any]:
    names = ("added", "updated", "unchanged", "removed", "kept_away")
    return {
        "sessions": {name: len(getattr(report, name)) for name in names},
        "messages": {"added": report.messages},
        "notes": {"added": report.notes},
        "seconds": report.seconds,
        "dry_run": report.dry_run,
    }


def _in_words(report: MergeReport) -> Iterator[str]:
    if report.dry_run:
        yield "dry run, nothing was written. A merge would do this:"
    yield (
        f"sessions: {len(report.added):,} added, {len(report.updated):,} updated,"
        f" {len(report.unchanged):,} unchanged, {len(report.removed):,} removed"
    )
    if report.kept_away:
        yield f"left out: {counted(len(report.kept_away), 'session')} removed here"
    yield f"messages: {report.messages:,} added; notes: {report.notes:,} added"
