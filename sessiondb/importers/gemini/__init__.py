"""Import the sessions of Gemini CLI: today's event log (`chats/*.jsonl`) and the one JSON document of before.

A line of an event log may change what earlier lines said: a message is written again under its id, a rewind
takes messages back, a compression replaces them all. So a log is read from its beginning each time, whatever
`source.start` says. Only the messages that are left at its end are imported.
The tokens of messages that were taken back were paid for: they are counted, without a message.

Source of the format: Gemini CLI's own recorder, services/chatRecordingService.ts of its core, and real files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from sessiondb.chat.content import text_or_none, without_payloads
from sessiondb.errors import ImportFailed
from sessiondb.importers.base import Record, SessionRecord, session_id
from sessiondb.importers.files.limits import has_too_many_values
from sessiondb.importers.files.packed import plain_path
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.small import bytes_beside
from sessiondb.importers.files.source import Source
from sessiondb.importers.gemini.log import Chat
from sessiondb.importers.gemini.messages import Conversation, agent_of
from sessiondb.timestamps import normalise

name = "gemini"
version = 3

_CHATS = "chats"
_OF_THE_RECORD = frozenset(("sessionId", "startTime", "lastUpdated", "summary", "messages"))


def sniff(sample: Sample) -> int:
    """Say whether the sample is a Gemini CLI session: 0 or 2."""
    document = sample.document
    if isinstance(document, dict) and _is_header(document):
        return 2
    return 2 if any(_is_header(line) or _is_event(line) for line in sample.lines) else 0


def read(source: Source) -> Iterator[Record]:
    """Yield the records of one session. Raises ImportFailed where the file holds none."""
    source.start = source.line = source.end = 0
    # What is left at its end may change with every line.
    source.is_rewritten = True
    with closing(Chat()) as chat:
        _play(source, chat)
        if not chat.header and chat.is_empty:
            raise ImportFailed(
                f"{source.path} is not a Gemini CLI session: it has neither a header nor messages"
            )
        try:
            session = _session(source, chat)
        except RecursionError as error:
            raise ImportFailed(f"{source.path} cannot be read: its header is nested too deeply") from error
        yield session
        yield from Conversation(session.id, source).records(chat)


def _is_header(value: dict[str, Any]) -> bool:
    return isinstance(value.get("sessionId"), str) and isinstance(value.get("projectHash"), str)


def _is_event(line: dict[str, Any]) -> bool:
    return isinstance(line.get("$set"), dict) or isinstance(line.get("$rewindTo"), str)


def _is_document(path: Path) -> bool:
    """Say whether the file is one JSON value rather than lines of them, by its first two lines."""
    values = []
    for raw in islice(Source(path).lines(), 2):
        try:
            # One that is refused as a line is refused as a document, too.
            values.append(None if has_too_many_values(raw) else json.loads(raw.decode("utf-8", "replace")))
        except (ValueError, RecursionError):
            values.append(None)
    if values and isinstance(values[0], dict):
        return isinstance(values[0].get("messages"), list)
    return len(values) > 1 and not isinstance(values[1], dict)


def _play(source: Source, chat: Chat) -> None:
    if _is_document(source.path):
        value = source.document()
        if isinstance(value, dict) and isinstance(value.get("messages"), list):
            chat.set(value)
        return
    for record in source.json_lines(_decode, lambda value: value):
        try:
            if not chat.apply(record):
                source.problem("not a record of Gemini CLI: no message, header, $set or $rewindTo")
        except ValueError:
            source.problem("nested too deeply")


def _decode(raw: bytes) -> Any:
    if rb"\u0000" in raw:
        raise ValueError("a NUL, which only the tolerant decoder takes out")
    return msgspec.json.decode(raw)


def _session(source: Source, chat: Chat) -> SessionRecord:
    """Return the session's record; the log of a sub-agent lies in a folder named after its parent session."""
    path, header, tz = source.path.absolute(), chat.header, source.tz
    native_id = text_or_none(header.get("sessionId")) or plain_path(path).stem
    parent_id, scope, agent = None, str(path.parent), agent_of(path)
    if path.parent.parent.name == _CHATS:
        parent_id = scope = session_id(agent, path.parent.name, str(path.parent.parent))
    timed = any(normalise(written.message.get("timestamp"), tz) for written in chat.messages())
    return SessionRecord(
        session_id(agent, native_id, scope),
        agent,
        native_id,
        project=_project(path, header.get("projectHash")),
        parent_id=parent_id,
        relation="subagent" if parent_id or header.get("kind") == "subagent" else None,
        title=text_or_none(header.get("summary")),
        model=_model(chat),
        started_at=normalise(header.get("startTime"), tz),
        last_active_at=None if timed else normalise(header.get("lastUpdated"), tz),
        metadata=without_payloads({key: header[key] for key in header if key not in _OF_THE_RECORD}) or None,
    )


def _model(chat: Chat) -> str | None:
    models = (text_or_none(written.message.get("model")) for written in chat.messages(newest_first=True))
    return next(filter(None, models), None)


def _project(path: Path, project_hash: Any) -> str | None:
    """Return the project of a log below `tmp/<project>/chats/`, None where the store does not say."""
    chats = next((folder for folder in path.parents if folder.name == _CHATS), None)
    if chats is None:
        return None
    store = chats.parent
    try:
        return bytes_beside(store / ".project_root").decode("utf-8").strip() or None
    except (OSError, ValueError):
        return _registered(store.parent.parent / "projects.json", store.name, project_hash)


def _registered(registry: Path, short_id: str, project_hash: Any) -> str | None:
    """Find a project in `{"projects": {path: short id}}`; older stores are named by the path's SHA-256."""
    try:
        projects = json.loads(bytes_beside(registry))["projects"]
        for root, known_as in projects.items():
            digest = hashlib.sha256(root.encode("utf-8", "surrogatepass")).hexdigest()
            if short_id in (known_as, digest) or digest == project_hash:
                return str(root)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None  # no registry, or none that we understand
    return None
