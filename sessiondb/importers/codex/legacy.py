"""Codex's sessions as they were written until September 2025: bare response items, in two shapes.

The Rust CLI wrote `sessions/YYYY/MM/DD/rollout-<local time>-<id>.jsonl`: first a header (`id`, `timestamp`,
`instructions`, `git`), then items, and a line `{"record_type": "state"}` before and after each response.
The TypeScript CLI before it wrote one document, `rollout-<date>-<id>.json`: `{"session": {...}, "items":
[...]}`. Neither has times but that of the beginning, a model, or tokens; the working folder is in the
environment block that the model was given.

An assistant message is what stands between two state lines; where there are none, the run of items up to a
tool's output. Injected context is told by its markup. A file with nothing but a header and injected context
is no session.

Sources: codex-rs and codex-cli of github.com/openai/codex (2025), measured on real logs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec

from sessiondb.chat.content import text_or_none
from sessiondb.errors import ImportFailed
from sessiondb.importers.base import Record, SessionRecord, ToolResult, session_id
from sessiondb.importers.codex.items import AGENT, Item, Response, When, output_record, said, shape
from sessiondb.importers.codex.lineage import Header, native_id
from sessiondb.importers.codex.lines import NUL, fields_of
from sessiondb.importers.codex.outbox import Outbox, Prompts
from sessiondb.importers.codex.prompts import (
    environment_folder,
    injected_record,
    item_prompt,
    markup_kind,
    prompt_records,
)
from sessiondb.importers.files.source import Source, open_bytes
from sessiondb.timestamps import normalise

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample

name = "codex-legacy"
version = 1

_HEADER = frozenset(("id", "timestamp", "instructions"))
_NO_HEADER = frozenset(("type", "role", "payload", "messages", "record_type"))
_ITEM_TYPES = frozenset(("message", "reasoning", "function_call", "function_call_output", "local_shell_call"))


class _Line(Header):
    """A header, an item, or a state line; `reasoning` and `tool_calls` are those of chat messages."""

    record_type: Any = None
    reasoning: Any = None
    tool_calls: Any = None


class _Progress(msgspec.Struct):
    """How far a session is read; `named` counts the messages without ids, `marked`: it has state lines."""

    session: str
    native_id: str
    project: str | None = None
    opened: str | None = None
    is_session: bool = False
    marked: bool = False
    named: int = 0


_DOCUMENT = re.compile(rb'\s*\{(?:[ \t]*\r?\n|\s*"(?:session|items)")')
_BEGINNING = 256
_DECODER = msgspec.json.Decoder(_Line)


def sniff(sample: Sample) -> int:
    """Look for a header with a bare item or state line after it, or a document of a session and items."""
    document = sample.document
    if isinstance(document, dict) and isinstance(document.get("session"), dict):
        return 2 if isinstance(document.get("items"), list) else 0
    headers = [keys for line in sample.lines if (keys := line.keys()) >= _HEADER and not keys & _NO_HEADER]
    if not headers:
        return 0
    return 2 if any("record_type" in line or _has_item_type(line) for line in sample.lines) else 1


def _has_item_type(line: dict[str, Any]) -> bool:
    return isinstance(line.get("type"), str) and line["type"] in _ITEM_TYPES


def read(source: Source) -> Iterator[Record]:
    """Yield one session and its messages: of lines from `source.start` on, of a document all.

    Raises ImportFailed for a document that is none of Codex.
    """
    if _is_document(source):
        source.state.clear()
        lines = iter(_document_lines(source))
    else:
        lines = source.json_lines(_decode, _lenient)
    # Only the first line is a header; where a file is read on, the state has what it said.
    first = None if source.state else next(lines, None)
    header = first if first and _is_header(first) else None
    reader = _Reader(source, *native_id(header, source.path))
    for line in chain(() if first is None else (first,), lines):
        yield from reader.take(line)
    yield from reader.finish()


class _Reader:
    def __init__(self, source: Source, native: str, scope: str) -> None:
        if source.state:
            progress = msgspec.convert(source.state, _Progress)
        else:
            progress = _Progress(session_id(AGENT, native, scope), native)
        self._source = source
        self._progress = progress
        self._session = progress.session
        self._outbox = Outbox(progress.session, Prompts(), progress.is_session)
        self._response = Response(progress.session, self._name, progress.opened)
        self._answers: list[ToolResult] = []
        self._outbox.put(self._record())

    def _name(self, item_id: str, *_: object) -> str:
        """Return a message's id: that of its item, else its place among the messages that have none."""
        if item_id:
            return item_id
        # Counted through the whole file, so that a file that has grown gives the same names again.
        self._progress.named += 1
        return f"#{self._progress.named}"

    def _record(self, **known: Any) -> SessionRecord:
        return SessionRecord(self._session, AGENT, self._progress.native_id, **known)

    def take(self, line: _Line) -> Iterator[Record]:
        """Read a line; return the records that are settled by now."""
        try:
            self._sort(line, When(text_or_none(line.id) or ""))
        except RecursionError:
            self._source.problem("nested too deeply")
        return self._outbox.ready()

    def _sort(self, line: _Line, when: When) -> None:
        form = shape(line)
        if _is_header(line):
            self._header(line)
        elif line.record_type is not None:
            self._progress.marked = True
            self._close()
        elif form == "output" or (form == "message" and line.role == "tool"):
            self._answer(line, when)
        elif form == "message" and line.role != "assistant":
            self._close()
            self._told(line, when)
        elif form != "nothing":
            self._put_out(line, when)

    def finish(self) -> Iterator[Record]:
        """Yield the rest, and note in the source where the next import goes on."""
        source, progress = self._source, self._progress
        progress.opened = self._response.id
        self._close()
        # Nothing was said yet: a session that was only opened is none, and is read from its beginning next time.
        if not self._outbox.is_session:
            source.end = source.line = 0
            source.state.clear()
            return
        progress.is_session = True
        source.state.update(msgspec.to_builtins(progress))
        yield from self._outbox.ready()

    def _header(self, header: _Line) -> None:
        kept = {key: value for key in ("git", "instructions") if (value := getattr(header, key))}
        started_at = normalise(header.timestamp, self._source.tz)
        self._outbox.put(self._record(started_at=started_at, metadata=kept or None))

    def _close(self) -> None:
        for record in self._response.close():
            self._outbox.put(record)
        for answer in self._answers:
            self._outbox.put(answer)
        self._answers.clear()

    def _answer(self, line: _Line, when: When) -> None:
        answer = output_record(line, self._session, None)
        if answer.call_id is None:
            answer = answer._replace(external_id=self._name(when.written))
        # State lines end a response where the file has them. Without any, an answer does.
        if not self._progress.marked:
            self._close()
        self._answers.append(answer)
        if not self._progress.marked:
            self._close()

    def _put_out(self, line: _Line, when: When) -> None:
        # A message as the chat API has it is a whole response; items are its pieces.
        if line.tool_calls is not None or line.reasoning is not None:
            self._close()
        self._response.think(text_or_none(line.reasoning), when, None)
        self._response.add(line, when)
        for call in line.tool_calls if isinstance(line.tool_calls, list) else []:
            if isinstance(call, dict):
                called = Item("function_call", function=call.get("function"), call_id=call.get("id"))
                self._response.add(called, when)

    def _told(self, line: _Line, when: When) -> None:
        """Take what the model was told: by a person, or in their name."""
        text, parts = said(line.content)
        if not text and not parts:
            return
        kind = markup_kind(text) or (None if line.role == "user" else "instructions")
        named = self._name(when.written)
        if kind is None:
            for record in prompt_records(item_prompt(line), self._session, named, None):
                self._outbox.put(record)
            return
        folder = environment_folder(text) if kind == "environment" else None
        # The first folder is the one the session began in.
        if folder and not self._progress.project:
            self._progress.project = folder
            self._outbox.put(self._record(project=folder))
        self._outbox.put(injected_record(text, parts, self._session, named, None, kind))


def _is_header(line: _Line) -> bool:
    named = (line.type, line.role, line.record_type)
    return line.timestamp is not None and all(value is None for value in named)


def _is_document(source: Source) -> bool:
    """Say whether the file is one JSON value, indented or not, and no JSON lines."""
    with open_bytes(source.path) as handle:
        return _DOCUMENT.match(handle.read(_BEGINNING)) is not None


def _document_lines(source: Source) -> list[_Line]:
    document = source.document()
    items = document.get("items") if isinstance(document, dict) else None
    if not isinstance(items, list):
        raise ImportFailed(f"{source.path} is not a Codex session: it has no list of items")
    return [_lenient(document.get("session")), *map(_lenient, items)]


def _decode(raw: bytes) -> _Line:
    if NUL in raw:
        raise ValueError("a NUL, which only the tolerant decoder takes out")
    line = _DECODER.decode(raw)
    if shape(line) == "unknown":
        line.unread = msgspec.json.decode(raw)
    return line


def _lenient(value: Any) -> _Line:
    return _Line(**fields_of(_Line, value), unread=value) if isinstance(value, dict) else _Line()
