"""Import what Hermes keeps: its database, exports of it, the gateway's index and transcripts, its logs.

One session may stand in all of them under the same id: `SessionRecord.authority` says which is taken.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

from sessiondb.errors import ImportFailed
from sessiondb.importers.base import Record
from sessiondb.importers.files.sample import MAX_LINES, Sample
from sessiondb.importers.files.source import Source
from sessiondb.importers.hermes.index import is_entry, read_index
from sessiondb.importers.hermes.sessions import ID
from sessiondb.importers.hermes.state import is_export, read_export, read_state
from sessiondb.importers.hermes.transcript import read_log, read_transcript, stem

name = "hermes"
version = 4
wrong_before = 4

_TABLES = {"sessions", "messages", "schema_version"}
_LOG_KEYS = {"session_id", "session_start", "messages"}
_ROLES = ("user", "assistant", "tool", "system")
# What nanobot, whose lines look much the same, does not write; beside a `tool_call_id` it writes a `name`.
_MARKS = {"finish_reason", "reasoning", "tool_name"}
_READERS: dict[str, Callable[[Source], Iterator[Record]]] = {
    "state": read_state,
    "index": read_index,
    "log": read_log,
    "export": read_export,
    "transcript": read_transcript,
}


def sniff(sample: Sample) -> int:
    """Say whether the sample is of Hermes: only perhaps where it is a transcript without `session_meta`."""
    if _kind(sample):
        return 2
    return int(_may_be_transcript(sample))


def is_index(path: str) -> bool:
    """Say whether a file tells of sessions without holding what was said in them."""
    return os.path.basename(path) == "sessions.json"


def read(source: Source) -> Iterator[Record]:
    """Yield the records of any of the five kinds of file; JSON that is told to be of Hermes is tried as one.

    Raises ImportFailed where the file is of none of them.
    """
    sample = Sample(source.path)
    sample.lines_up_to(MAX_LINES)
    kind = _kind(sample)
    if kind is None and sample.is_sqlite:
        raise ImportFailed(f"{source.path} is not a Hermes database: it lacks its tables")
    if kind is None:
        is_document = sample.document is not None or sample.first is not None
        kind = "log" if is_document and not sample.lines else "transcript"
    yield from _READERS[kind](source)


def _kind(sample: Sample) -> str | None:
    if sample.is_sqlite:
        tables = sample.tables
        return "state" if tables.keys() >= _TABLES and "tool_call_id" in tables["messages"] else None
    # A document first: an indented one may have a line that is an object on its own.
    document = sample.document
    if isinstance(document, dict):
        if document.keys() >= _LOG_KEYS:
            return "log"
        if any(is_entry(entry) and entry["session_key"] == key for key, entry in document.items()):
            return "index"
    if any(map(is_export, sample.lines)):
        return "export"
    return "transcript" if any(line.get("role") == "session_meta" for line in sample.lines) else None


def _may_be_transcript(sample: Sample) -> bool:
    """Say whether the lines are messages as Hermes writes them; nanobot's metadata may come last."""
    if not sample.lines or not all(map(_is_message, sample.lines)) or b'"_type"' in sample.tail:
        return False
    return any(map(_is_marked, sample.lines)) or ID.fullmatch(stem(sample.path)) is not None


def _is_message(line: dict[str, Any]) -> bool:
    return line.get("role") in _ROLES and line.keys() >= {"content", "timestamp"} and "type" not in line


def _is_marked(line: dict[str, Any]) -> bool:
    return bool(line.keys() & _MARKS) or ("tool_call_id" in line and "name" not in line)
