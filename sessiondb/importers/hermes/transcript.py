"""Hermes' files of one session: the gateway's transcript `<id>.jsonl`, the log `session_<id>.json`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from sessiondb.chat.content import text_or_none
from sessiondb.chat.text import clean_json
from sessiondb.errors import ImportFailed
from sessiondb.importers.base import Record, SessionRecord
from sessiondb.importers.files.json_stream import members
from sessiondb.importers.files.limits import MAX_SNIFFED
from sessiondb.importers.files.packed import plain_path
from sessiondb.importers.files.source import Source, open_bytes
from sessiondb.importers.hermes.messages import Conversation
from sessiondb.importers.hermes.sessions import (
    AGENT,
    FILE,
    channel,
    digest,
    document,
    mapping,
    rest,
    session_id,
)
from sessiondb.timestamps import normalise

_SUFFIXES = (".jsonl", ".json")
_DESCRIPTION = {"model", "platform", "tools", "system_prompt"}
_META_FIELDS = _DESCRIPTION | {"role", "content", "timestamp"}
_LOG_FIELDS = _DESCRIPTION | {
    "session_id",
    "session_start",
    "last_updated",
    "cwd",
    "message_count",
    "messages",
}


def stem(path: Path) -> str:
    """Return the session's id as the file's name has it."""
    name = plain_path(path).name
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name.removeprefix("session_")


def read_transcript(source: Source) -> Iterator[Record]:
    """Yield the records of a transcript in the file's order: all lines of a turn bear one time."""
    native_id = stem(source.path)
    session = SessionRecord(session_id(native_id, source.path), AGENT, native_id, authority=FILE)
    conversation = Conversation(source, session.id, source.state)
    announced = False
    # A transcript names its session nowhere but in its file's name. Most begin with a message at once: a `session_meta`
    # line is written only where a session began without a history, and then it holds 40 kB of tool definitions.
    for line in source.json_lines(lambda raw: clean_json(msgspec.json.decode(raw)), lambda value: value):
        if isinstance(line, dict) and line.get("role") == "session_meta":
            yield _described(session, line, _META_FIELDS)
            announced = True
            continue
        for record in conversation.records(line):
            if not announced:
                yield session
                announced = True
            yield record


def read_log(source: Source) -> Iterator[Record]:
    """Yield the records of an agent's log, whose messages have no times.

    Raises ImportFailed where the file is no such log.
    """
    log, messages = _log(source)
    if messages is None:
        raise ImportFailed(f"{source.path} is not a Hermes session: it has no list of messages")
    native_id = text_or_none(log.get("session_id")) or stem(source.path)
    session = SessionRecord(
        session_id(native_id, source.path),
        AGENT,
        native_id,
        project=text_or_none(log.get("cwd")) or text_or_none(mapping(log.get("model_config")).get("cwd")),
        # The messages of a log have no times, and `session_start` may be earlier than the moment in the id: the log
        # also holds what was said before a hand-over or a compression.
        started_at=normalise(log.get("session_start"), source.tz),
        last_active_at=normalise(log.get("last_updated"), source.tz),
        authority=FILE,
    )
    yield _described(session, log, _LOG_FIELDS)
    conversation = Conversation(source, session.id)
    for number, message in enumerate(messages, start=1):
        if not isinstance(message, dict) or message.get("role") != "session_meta":
            yield from conversation.records(message, f"message {number}")


def _log(source: Source) -> tuple[dict[str, Any], Iterable[Any] | None]:
    """Return what a log says of itself, and its messages; those of a large one are read when they are asked for."""
    if source.path.stat().st_size <= MAX_SNIFFED:
        log = document(source)
        messages = log.get("messages")
        return log, messages if isinstance(messages, list) else None

    def read() -> Iterator[tuple[str, Any]]:
        with open_bytes(source.path) as handle:
            yield from members(handle, "messages", lambda reason: source.problem(reason, whole=True))
        source.end = source.path.stat().st_size

    log = {}
    has_messages = False
    for name, value in read():
        if name == "messages":
            has_messages = True
        else:
            log[name] = value
    source.problems.clear()  # they come again
    return log, (value for name, value in read() if name == "messages") if has_messages else None


def _described(session: SessionRecord, row: dict[str, Any], known: set[str]) -> SessionRecord:
    """Return the session with what a `session_meta` line or the head of a log says of it."""
    tools = row.get("tools")
    count = len(tools) if isinstance(tools, list) else None
    further = rest({"tools": count, "system_prompt": digest(row.get("system_prompt"))}, ())
    return session._replace(
        model=text_or_none(row.get("model")),
        channel=channel({}, {}, row.get("platform")),
        metadata={**further, **rest(row, known)} or None,
    )
