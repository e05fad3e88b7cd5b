"""Read one file of an import: where it goes on, what format it is of, its records, and how far they went."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sessiondb.dao.ledger import Entry
from sessiondb.errors import ImportFailed, SessionDBError
from sessiondb.importers import importer
from sessiondb.importers.base import SessionRecord
from sessiondb.importers.detect import CERTAIN, NotReadYet, check_named, detect, scores
from sessiondb.importers.files import limits
from sessiondb.importers.files.failures import Unreadable
from sessiondb.importers.files.repeats import begins_again
from sessiondb.importers.files.sample import MAX_LINES, Sample
from sessiondb.importers.files.source import Problem, Source, is_packed, path_text
from sessiondb.ingest.rules import Rules
from sessiondb.ingest.sieve import Sieve

if TYPE_CHECKING:
    from sessiondb.importers.base import Importer, Record
    from sessiondb.records.export_rows import Row

DIGEST_BYTES = 4096
NO_LOG = "is not a session log that sessiondb knows"


class Request(NamedTuple):
    """A file to read. `entry` is what the ledger knows of it, `format` is one that a person named.

    `is_again`: it is read from its beginning whatever is known of it. `ignored` are sessions of the file that the
    database knows to be left out by the `rules`.
    """

    path: str
    size: int
    entry: Entry | None = None
    format: str | None = None
    tz: tzinfo | None = None
    is_again: bool = False
    rules: Rules | None = None
    ignored: frozenset[str] = frozenset()


class Outcome(NamedTuple):
    """How the reading of a file ended; the fields of `Entry`, and what could not be read.

    `format` is None for a file that no importer knows. `failure` says why a file could not be read to its end.
    `is_whole`: it was read from its beginning. `is_final`: as long as the file stays as it is, reading it again
    would end the same way. `owner` is the agent whose log it is, where there is no importer for it. `has_ignored`:
    sessions of it were left out by the rules.
    """

    format: str | None
    version: int = 0
    byte_offset: int = 0
    lines: int = 0
    head_digest: str | None = None
    tail_digest: str | None = None
    state: dict[str, Any] | None = None
    is_whole: bool = True
    problems: Sequence[Problem] = ()
    failure: str | None = None
    is_final: bool = True
    owner: str | None = None
    has_ignored: bool = False


class Reading:
    """The records of a file, in their order; `outcome` is there when they are at their end.

    `is_misread`, from the first record on: when the file was read last, it had not enough lines to tell what it is.
    Never raises for the file's sake.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self.is_misread = False
        self.outcome = Outcome(None)

    def __iter__(self) -> Iterator[Record | Row]:
        source = reader = None
        try:
            source = self._source()
            reader = _reader(self._request, source)
            if reader is None:
                reason = "is empty" if self._request.size == 0 else NO_LOG
                self.outcome = Outcome(None, failure=reason)
                return
            records: Iterator[Record | Row] = reader.read(source)
            rules = self._request.rules
            sieve = Sieve(rules, self._request.ignored) if rules and rules.is_any else None
            if sieve is not None:
                records = sieve.left(records)
            records = _marked(records, source)
            is_text = path_text(self._request.path) == self._request.path
            yield from records if is_text else map(_with_text, records)
            # Digests of what was read, not of the file: it may have grown since.
            head, tail = _digests(self._request.path, source.end)
            self.outcome = Outcome(
                reader.name, reader.version, source.end, source.line, head, tail, source.state or None,
                not source.start, source.listed_problems,
                has_ignored=sieve is not None and sieve.has_ignored,
            )  # fmt: skip
        except Exception as error:
            # Importers are anybody's code, and files are anybody's: no error of theirs may end the run.
            self.outcome = _failure(reader, source, error, in_words(error, self._request.path))

    def _source(self) -> Source:
        """Return the file as a source: from where the last run ended, if it has only grown since."""
        request = self._request
        path, entry = Path(request.path), request.entry
        if entry is not None and not request.is_again and _has_grown(request, entry):
            # Few lines without a message may have been taken for what they are not, and date a session wrongly.
            is_told = entry.has_messages or entry.lines > MAX_LINES
            self.is_misread = not is_told or _is_of_another_format(request, entry)
            if not self.is_misread:
                return Source(
                    path, tz=request.tz, start=entry.byte_offset, line=entry.lines, state=entry.state
                )
        return Source(path, tz=request.tz)


def _has_grown(request: Request, entry: Entry) -> bool:
    """Say whether a file is what it was, but for more at its end, so that only that need be read."""
    return (
        entry.format is not None
        and 0 < entry.byte_offset <= request.size
        and request.size > entry.stat.size
        and not entry.is_contested
        and request.format in (None, entry.format)
        and importer(entry.format).version == entry.parser_version
        and not is_packed(Path(request.path))
        and begins_as_read(request.path, entry)
        and not begins_again(request.path, entry.byte_offset, DIGEST_BYTES)
    )


def _is_of_another_format(request: Request, entry: Entry) -> bool:
    """Say whether a file that has grown is of a certain format by now, and no longer of the one that it was read as.

    Logs may begin with lines that others have too.
    """
    if request.format is not None or entry.format is None:
        return False
    sample = Sample(Path(request.path))
    found = detect(sample)
    if found is None or found.name == entry.format:
        return False
    told = scores(sample)
    return told[found.name] == CERTAIN > told.get(entry.format, CERTAIN)


def begins_as_read(path: str, entry: Entry) -> bool:
    """Say whether a file still begins with what was read of it, as far as its ends tell. Raises OSError."""
    return _digests(path, entry.byte_offset) == (entry.head_digest, entry.tail_digest)


def _reader(request: Request, source: Source) -> Importer | None:
    if request.format is not None:
        named = importer(request.format)
        sample = Sample(source.path)
        if not sample.is_empty:
            check_named(named, sample)
        return named
    if source.start and request.entry is not None and request.entry.format is not None:
        return importer(request.entry.format)
    sample = Sample(source.path)
    found = None if sample.is_empty else detect(sample)
    if found is None and sample.damage is not None:
        raise sample.damage
    if found is None and sample.has_long_lines:
        raise ImportFailed(f"{NO_LOG}, judging by its lines of at most {limits.in_words(limits.MAX_SNIFFED)}")
    return found


def _failure(reader: Importer | None, source: Source | None, error: Exception, reason: str) -> Outcome:
    if isinstance(error, NotReadYet):
        return Outcome(None, failure=reason, owner=error.agent)
    # What the system does not give today it may give tomorrow.
    is_final = not isinstance(error, (OSError, MemoryError, Unreadable))
    if reader is None or source is None:
        return Outcome(None, failure=reason, is_final=is_final)
    # Asked after reading: an importer that needs the whole file goes back to its beginning.
    return Outcome(
        reader.name,
        reader.version,
        is_whole=not source.start,
        problems=source.listed_problems,
        failure=reason,
        is_final=is_final,
    )


def _marked(records: Iterator[Record | Row], source: Source) -> Iterator[Record | Row]:
    """Yield records, those of sessions with how their file is written."""
    for record in records:
        if source.is_rewritten and isinstance(record, SessionRecord):
            yield record._replace(is_rewritten=True)
        else:
            yield record


def _with_text(value: Any) -> Any:
    """Return a record, or a value in one, with the names that it has from its file's path as path_text writes them."""
    if isinstance(value, str):
        return path_text(value)
    if isinstance(value, dict):
        return {_with_text(key): _with_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_text(item) for item in value]
    if isinstance(value, tuple):
        items = map(_with_text, value)
        return value._make(items) if hasattr(value, "_make") else tuple(items)
    return value


def in_words(error: Exception, path: str) -> str:
    """Return why a file could not be read, as a person may be told who is told its path before."""
    if isinstance(error, SessionDBError):
        reason = str(error)
    elif isinstance(error, OSError):
        reason = f"cannot be read: {error.strerror or error}"
    elif isinstance(error, MemoryError):
        reason = "cannot be read: it takes more memory than there is"
    else:
        reason = f"does not have the expected shape ({type(error).__name__}: {error})"
    named = re.match(rf"{re.escape(path_text(path))}:? ", reason := path_text(reason))
    return reason[named.end() :] if named else reason


def _digests(path: str, end: int) -> tuple[str | None, str | None]:
    """Return digests of the first and the last 4 KiB before an offset.

    Where they are the same, a longer file was appended to.
    """
    if not end:
        return None, None
    with open(path, "rb", buffering=0) as handle:
        head = handle.read(min(DIGEST_BYTES, end))
        if end <= DIGEST_BYTES:
            return _digest(head), _digest(head)
        handle.seek(end - DIGEST_BYTES, os.SEEK_SET)
        return _digest(head), _digest(handle.read(DIGEST_BYTES))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
