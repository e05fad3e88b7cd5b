"""Write sessions as JSON lines that `import` reads back without loss, or in a format for reading."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from sessiondb.dao.exports import Exports
from sessiondb.dao.ledger import Ledger
from sessiondb.errors import InvalidInput, NotFound
from sessiondb.exchange.output import must_be_new, write
from sessiondb.exchange.transcripts import markdown
from sessiondb.importers import sessiondb_export
from sessiondb.records import ExportReport, SessionFilter
from sessiondb.records.export_rows import (
    FORMAT,
    VERSION,
    DeletionRow,
    HeaderRow,
    NoteRow,
    Row,
    SessionRow,
    encode,
)
from sessiondb.records.progress import Progress, no_progress
from sessiondb.storage.paths import given_path
from sessiondb.storage.values import texts

if TYPE_CHECKING:
    from sessiondb.dao.tables import Tables


FORMATS = ("jsonl", "md", "html")
"""JSON lines, which an import reads back; Markdown and HTML, for reading."""

_SUFFIXES = {".md": "md", ".markdown": "md", ".html": "html", ".htm": "html"}


class Writable(Protocol):
    """A binary stream, such as `sys.stdout.buffer`."""

    def write(self, data: bytes, /) -> object:
        """Take some bytes."""


def export_to(  # noqa: PLR0913
    db: Tables,
    target: str | PathLike[str] | Writable,
    session_ids: Sequence[str] | None = None,
    *,
    format: str | None = None,
    redact: bool = False,
    overwrite: bool = True,
    progress: Progress | None = None,
) -> ExportReport:
    """Write sessions in one of FORMATS into a file (see `write`), a folder of HTML pages, or a binary stream.

    Without a format the suffix of a file's name tells it.
    """
    path = _path_of(db, target)
    if path is not None and format != "html" and os.path.isdir(path):
        raise InvalidInput(
            f"{path} is a folder: name a file in it, or ask for HTML (--format html), a page of each session"
        )
    format = format or format_of(path)
    if format not in FORMATS:
        raise InvalidInput(f"cannot export as {format!r}: give one of {', '.join(FORMATS)}")
    if path is not None and format == "html" and _is_folder(path):
        from sessiondb.exchange.pages import write_site

        return write_site(db, path, session_ids, redact=redact, overwrite=overwrite, progress=progress)
    if path is not None and not overwrite:
        must_be_new(path)
    sessions = 0

    def count(phase: str, done: int, total: int) -> None:
        nonlocal sessions
        sessions = done
        if progress is not None:
            progress(phase, done, total)

    lines = _writer(format)(db, session_ids, redact=redact, progress=count)
    if path is not None:
        size = write(lines, path)
    else:
        size = 0
        for line in lines:
            cast("Writable", target).write(line)
            size += len(line)
    return ExportReport(sessions, size)


def format_of(path: Path | None) -> str:
    """Return the format that a file's name asks for, `.gz` aside: JSON lines where it says nothing."""
    if path is None:
        return "jsonl"
    name = path.with_suffix("") if path.suffix == ".gz" else path
    return _SUFFIXES.get(name.suffix.lower(), "jsonl")


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path) or format_of(path) != "html"


def _path_of(db: Tables, target: Any) -> Path | None:
    """Return the path that an export goes to, None for a binary stream. Raises InvalidInput for what is neither."""
    if not hasattr(target, "write"):
        path = given_path(target, "an export")
        _refuse_logs(db, path)
        return path
    if isinstance(target, io.TextIOBase):
        raise InvalidInput("an export is bytes: give a path, or a binary stream such as sys.stdout.buffer")
    return None


def _refuse_logs(db: Tables, path: Path) -> None:
    """Raise InvalidInput where a path is that of an agent's log, which may be the only one of its kind."""
    for name in {os.path.abspath(path), os.path.realpath(path)}:
        entry = Ledger(db.connection).entries([name]).get(name)
        if entry is not None and entry.format not in (None, sessiondb_export.name) and path.exists():
            raise InvalidInput(f"{path} is a log that was imported ({entry.format}): give another name")


def _writer(format: str) -> Callable[..., Iterator[bytes]]:
    if format == "html":
        from sessiondb.exchange.pages import single_page

        return single_page
    return markdown if format == "md" else export


def chosen(db: Tables, session_ids: Sequence[str] | None, where: SessionFilter) -> list[str] | None:
    """Return the ids of the sessions to export in their order, None for all that is in the database.

    Raises InvalidInput where there are both ids and conditions, NotFound for a session that is not there.
    """
    is_filtered = where != SessionFilter()
    if session_ids is None:
        return Exports(db.connection).session_ids(where) if is_filtered else None
    if is_filtered:
        raise InvalidInput("give either sessions or filters, not both")
    wanted = dict.fromkeys(texts(session_ids, "sessions"))
    found = [id for id in Exports(db.connection).session_ids(where) if id in wanted]
    there = set(found)
    for id in wanted:
        if id not in there:
            raise NotFound(f"there is no session {id}: `sessiondb list` lists them")
    return found


def rows(
    db: Tables, session_ids: Sequence[str] | None = None, clean: Callable[[str], str] = str
) -> Iterator[Row]:
    """Yield all that a database holds, or some sessions with all that hangs on them, as it is at this moment.

    Without `session_ids` that includes the notes of no session and the tombstones; never the ledger of
    imported files, nor what is derived: the search indexes and counters. Memory does not grow with the
    number of rows. `clean` is what the caller makes of each text.
    """
    exports = Exports(db.connection, clean)
    with exports.snapshot():
        yield from exports.everything() if session_ids is None else exports.some(session_ids)


def export(
    db: Tables,
    session_ids: Sequence[str] | None = None,
    *,
    redact: bool = False,
    progress: Progress | None = None,
) -> Iterator[bytes]:
    """Yield `rows` as JSON, a line each with its newline, below a header line that names the format.

    The same content gives the same bytes in whatever database it is. With `redact`, secrets and personal data are
    taken out of it (see sessiondb.chat.redaction.redact), and it holds sessions alone: an import of it leaves those
    that are there already as they are.
    """
    from sessiondb.chat.redaction.redact import redact as without_secrets
    from sessiondb.chat.redaction.redact import redacted

    total = Exports(db.connection).session_count() if session_ids is None else len(session_ids)
    report, done = progress or no_progress, 0
    yield encode(HeaderRow(FORMAT, VERSION, bool(redact))) + b"\n"
    for row in rows(db, session_ids, without_secrets if redact else str):
        if isinstance(row, SessionRow):
            done += 1
            report("write", done, max(done, total))
        if not redact:
            yield encode(row) + b"\n"
        elif not isinstance(row, DeletionRow) and not (isinstance(row, NoteRow) and row.session is None):
            yield encode(redacted(row)) + b"\n"
