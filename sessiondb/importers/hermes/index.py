"""Hermes' index `sessions.json`: which session each conversation is in at present."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sessiondb.chat.content import text_or_none
from sessiondb.importers.base import ChannelRecord, Record, SessionRecord
from sessiondb.importers.files.source import Source
from sessiondb.importers.hermes.sessions import (
    AGENT,
    channel,
    document,
    mapping,
    rest,
    session_id,
    total_tokens,
)
from sessiondb.timestamps import normalise

_TAKEN = {
    "session_key",
    "session_id",
    "prev_session_id",
    "created_at",
    "updated_at",
    "display_name",
    "origin",
}
_TOKENS = {"input_tokens", "output_tokens", "total_tokens", "cache_read_tokens", "cache_write_tokens"}
_OF_THE_MOMENT = {"active_turn_token", "active_turn_started_at", "estimated_cost_usd"}
_KNOWN = _TAKEN | {"platform", "chat_type"} | _TOKENS | _OF_THE_MOMENT


def is_entry(value: Any) -> bool:
    """Say whether a value of the index is an entry: it names a conversation and a session."""
    return isinstance(value, dict) and bool(
        text_or_none(value.get("session_key")) and text_or_none(value.get("session_id"))
    )


def read_index(source: Source) -> Iterator[Record]:
    """Yield a session for each entry. Earlier sessions of a conversation stand in their transcripts alone.

    Raises ImportFailed where the file is no JSON object.
    """
    for key, entry in document(source).items():
        if not is_entry(entry):
            source.problem(f"{key!r} is no entry: it names no session", whole=True)
            continue
        native_id = str(entry["session_id"])
        session = session_id(native_id, source.path)
        former = text_or_none(entry.get("prev_session_id"))
        yield SessionRecord(
            session,
            AGENT,
            native_id,
            key=str(entry["session_key"]),
            channel=channel(mapping(entry.get("origin")), entry, entry.get("platform")),
            parent_id=session_id(former, source.path) if former else None,
            relation="reset" if former else None,
            title=text_or_none(entry.get("display_name")),
            started_at=normalise(entry.get("created_at"), source.tz),
            last_active_at=normalise(entry.get("updated_at"), source.tz),
            is_open=True,
            metadata=entry_metadata(entry),
        )
        tokens = total_tokens(session, native_id, entry)
        if tokens:
            yield tokens._replace(counted_at=normalise(entry.get("updated_at"), source.tz))


def entry_metadata(entry: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what else an entry says, its origin's further fields included."""
    origin = rest(mapping(entry.get("origin")), ChannelRecord._fields)
    return {**rest(entry, _KNOWN), **({"origin": origin} if origin else {})} or None
