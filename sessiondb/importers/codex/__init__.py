"""Codex's sessions, as its CLI, desktop app and editor extensions write them since September 2025.

`$CODEX_HOME/sessions/YYYY/MM/DD/rollout-<local time>-<id>.jsonl`, after archiving in `archived_sessions/`;
each line is `{"timestamp", "type", "payload"}`. What is said stands there twice, as response item and as
event, in either order: items are read for what the model said and did, events for what a person typed, for
tokens and for the end of turns.

An assistant message is the run of a response's items up to a tool's output, a message to the model, the end
of the turn or a token count that counted; parallel calls are in one message. See prompts.py for what
a person typed, tokens.py for tokens, lineage.py for forks and sub-agents. A file with nothing
but a header and injected context is no session yet.

Sources: codex-rs/rollout of github.com/openai/codex (up to August 2026), measured on real logs.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec

from sessiondb.importers.base import Record
from sessiondb.importers.codex import state
from sessiondb.importers.codex.items import AGENT, shape
from sessiondb.importers.codex.lineage import native_id
from sessiondb.importers.codex.lines import NUL, Line, Payload, fields_of
from sessiondb.importers.codex.session import SessionReader
from sessiondb.importers.files.sample import SQLITE_MAGIC
from sessiondb.importers.files.source import Source, open_bytes

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample

name = AGENT
version = 4
wrong_before = 4

_TYPES = frozenset(("session_meta", "response_item", "event_msg", "turn_context", "compacted"))
# How far in a header is looked for; only a file whose lines were reordered has it elsewhere than in the
# first.
_HEADER_WITHIN = 200
_DECODER = msgspec.json.Decoder(Line)


def sniff(sample: Sample) -> int:
    """Look for a line of one of the known types that holds a payload, or for the database of all threads."""
    if sample.is_sqlite:
        return 2 if state.fits(sample.tables) else 0
    return 2 if any(_is_known(line) for line in sample.lines) else 0


def is_index(path: str) -> bool:
    """Say whether a file tells of sessions without holding what was said in them."""
    return path.endswith(".sqlite")


def _is_known(line: dict[str, Any]) -> bool:
    kind = line.get("type")
    return isinstance(kind, str) and kind in _TYPES and "payload" in line


def read(source: Source) -> Iterator[Record]:
    """Yield one session, and its messages from `source.start` on.

    What cannot be judged before more lines are there (a prompt of which only one mirror is written yet, a
    file that has no prompt yet) is left for the next import, by setting `source.end` back.
    """
    with open_bytes(source.path) as handle:
        is_database = handle.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC
    if is_database:
        yield from state.read(source)
        return
    lines = _placed(source)
    if source.state:
        reader = SessionReader(source)
    else:
        head = []
        for line in lines:
            head.append(line)
            if line.is_header or len(head) >= _HEADER_WITHIN:
                break
        header = next((line.payload for line in head if line.is_header), None)
        reader = SessionReader(source, *native_id(header, source.path))
        lines = chain(head, lines)
    for line in lines:
        yield from reader.take(line)
    yield from reader.finish()


def _placed(source: Source) -> Iterator[Line]:
    for line in source.json_lines(_decode, _lenient, once=True):
        line.offset, line.number = source.end, source.line
        yield line


def _decode(raw: bytes) -> Line:
    if NUL in raw:
        raise ValueError("a NUL, which only the tolerant decoder takes out")
    line = _DECODER.decode(raw)
    if line.payload is not None and line.type == "response_item" and shape(line.payload) == "unknown":
        line.payload.unread = msgspec.json.decode(raw).get("payload")
    return line


def _lenient(value: Any) -> Line:
    if not isinstance(value, dict):
        return Line()
    payload = value.get("payload")
    line = Line(value.get("type"), value.get("timestamp"))
    if isinstance(payload, dict):
        line.payload = Payload(**fields_of(Payload, payload), unread=payload)
    return line
