"""Import ShareGPT files: a JSON array, or lines, of conversations whose turns are `from` and `value`.

The many data sets of this shape name things differently: turns stand in `conversations`, `conversation` or
`items`, their text in `value`, `text`, `markdown` or `content`, and people are `human` or `user`. Texts may
be HTML and are kept as they are. An id is unique in its file only; where there is none, the hash of the
conversation serves. Where a file repeats either, an ordinal is added. There are no times, models or tokens.

Source: github.com/lm-sys/FastChat (docs/training.md) and github.com/hiyouga/LLaMA-Factory (data/README.md).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from sessiondb.chat.content import text_or_none, without_payloads
from sessiondb.errors import ImportFailed
from sessiondb.importers.base import Fingerprints, Record, SessionRecord, session_id
from sessiondb.importers.chat_api.call_ids import with_call_ids
from sessiondb.importers.chat_api.messages import message_records
from sessiondb.importers.files.json_stream import Ordinals, digest, elements, form, lines_before
from sessiondb.importers.files.source import open_bytes

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample
    from sessiondb.importers.files.source import Source

name = "sharegpt"
version = 1

_TURNS = ("conversations", "conversation", "items")
_TEXTS = ("value", "text", "markdown", "content")
_CALLS = ("function_call", "tool_call")
_ROLES = {
    "system": "system",
    **dict.fromkeys(("human", "user"), "user"),
    **dict.fromkeys(("gpt", "assistant", "chatgpt", "bing", "bard", "claude", "model", *_CALLS), "assistant"),
    **dict.fromkeys(("tool", "observation", "function", "function_response", "tool_response"), "tool"),
}
_TAKEN = frozenset(("id", "system", "model", *_TURNS))
_LISTED = 5


def sniff(sample: Sample) -> int:
    """Tell the conversations by the `from` of their turns; turns with a `role` instead may be another
    format's.
    """
    first = sample.document if isinstance(sample.document, dict) else sample.first
    turns = [turn for value in (first, *sample.lines) for turn in _turns(value)[:_LISTED] if _is_turn(turn)]
    if any("from" in turn for turn in turns):
        return 2
    return 1 if turns else 0


def read(source: Source) -> Iterator[Record]:
    """Yield each conversation and its turns. Raises ImportFailed where a document holds none."""
    named = Ordinals()
    if form(source.path) == "lines":
        for line in lines_before(source):
            _name(line, named)
        for line in source.json_lines(msgspec.json.decode, lambda value: value):
            records = _records(source, line, _name(line, named))
            if not records:
                source.problem("has no turns")
            yield from with_call_ids(records)
        return
    is_empty = True
    with open_bytes(source.path) as handle:
        found = elements(handle, lambda reason: source.problem(reason, whole=True))
        for number, value in enumerate(found, 1):
            records = _records(source, value, _name(value, named))
            if not records:
                source.problem(f"element {number} has no turns", whole=True)
            is_empty = is_empty and not records
            yield from with_call_ids(records)
    if is_empty:
        raise ImportFailed(f"{source.path} has no conversation: nothing in it has turns from anyone")


def _name(value: Any, named: Ordinals) -> str | None:
    """Return the id of a conversation, None for what is none."""
    try:
        return (
            named(text_or_none(value.get("id")) or digest(value))
            if any(map(_is_turn, _turns(value)))
            else None
        )
    except RecursionError:
        return None


def _records(source: Source, value: Any, native_id: str | None) -> list[Record]:
    """Return the records of a conversation, [] where it has no id or is nested too deeply."""
    if native_id is None:
        return []
    try:
        session = _session(source, value, native_id)
        fingerprints = Fingerprints({})
        records: list[Record] = [session]
        if text_or_none(value.get("system")):
            told = {"role": "system", "content": value["system"]}
            records.extend(message_records(session.id, told, fingerprints))
        for turn in filter(_is_turn, _turns(value)):
            records.extend(message_records(session.id, _message(turn), fingerprints))
    except RecursionError:
        return []
    return records


def _session(source: Source, value: dict[str, Any], native_id: str) -> SessionRecord:
    scope = str(source.path.resolve()) if text_or_none(value.get("id")) else ""
    kept = {key: without_payloads(item) for key, item in value.items() if key not in _TAKEN and item}
    return SessionRecord(
        session_id(name, native_id, scope),
        name,
        native_id,
        model=text_or_none(value.get("model")),
        metadata=kept or None,
    )


def _message(turn: dict[str, Any]) -> dict[str, Any]:
    """Return a turn in the shape of a chat message."""
    speaker = _speaker(turn)
    key = next((key for key in _TEXTS if turn.get(key) is not None), None)
    rest = {
        field: item for field, item in turn.items() if field not in ("from", "role", key) and item is not None
    }
    said = turn[key] if key else None
    if speaker in _CALLS:
        return {**rest, "role": "assistant", "content": None, "tool_calls": _calls(said)}
    if speaker.lower() not in _ROLES:
        rest["from"] = speaker
    return {**rest, "role": _ROLES.get(speaker.lower(), "system"), "content": said}


def _calls(said: Any) -> list[Any]:
    """Return the calls that a turn holds as JSON text, one or several of them; as they are where they are no
    JSON.
    """
    if isinstance(said, str):
        try:
            said = json.loads(said)
        except (ValueError, RecursionError):
            return [said]
    return said if isinstance(said, list) else [said]


def _turns(value: Any) -> list[Any]:
    if not isinstance(value, dict):
        return []
    return next((value[key] for key in _TURNS if isinstance(value.get(key), list)), [])


def _is_turn(turn: Any) -> bool:
    return isinstance(turn, dict) and bool(_speaker(turn)) and any(key in turn for key in _TEXTS)


def _speaker(turn: dict[str, Any]) -> str:
    return text_or_none(turn.get("from")) or text_or_none(turn.get("role")) or ""
