"""Import conversations as OpenAI's chat API takes them: fine-tuning and batch files, and JSON files of one.

Lines, or elements of an array, that are one conversation each have no ids: the hash of its JSON, keys sorted,
is the session's native id, with an ordinal where a file repeats it. So a file may be imported again, or
copied, and adds nothing, and a set that gives a conversation weight by repeating it keeps its count.

A file that is one conversation as a whole, `{"messages": [...]}` or the bare array of messages, is the
session of its path instead: programs write such a file anew with every message.

What counts as a conversation: `messages`; a batch request with them in `body`; a preference pair with them in
`input`, to which the preferred answer is added; `prompt` and `completion` (only when this format is asked for
by name).

Source: platform.openai.com/docs/api-reference/chat, /docs/guides/batch and /docs/guides/fine-tuning.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from sessiondb.chat.content import text_or_none, without_payloads
from sessiondb.errors import ImportFailed
from sessiondb.importers.base import Fingerprints, Record, SessionRecord, session_id
from sessiondb.importers.chat_api.call_ids import with_call_ids
from sessiondb.importers.chat_api.messages import message_records
from sessiondb.importers.files.json_stream import Ordinals, digest, elements, form, lines_before
from sessiondb.importers.files.packed import plain_path
from sessiondb.importers.files.source import open_bytes
from sessiondb.timestamps import normalise

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample
    from sessiondb.importers.files.source import Source

name = "openai-chat"
version = 2

_ROLES = frozenset(("system", "developer", "user", "assistant", "tool", "function"))
# What a line of the API's own files may have; with other fields it may be some other program's log.
_FIELDS = frozenset(
    ("messages", "tools", "functions", "parallel_tool_calls", "custom_id", "method", "url", "body", "input",
     "preferred_output", "non_preferred_output", "model", "metadata", "store", "item")
)  # fmt: skip
_SAID = frozenset(("messages", "preferred_output", "prompt", "completion", "model"))
_TIMES = ("timestamp", "created_at", "create_time")


def sniff(sample: Sample) -> int:
    """Tell conversations by their messages: for certain where they hold nothing foreign to the API."""
    first = sample.document if isinstance(sample.document, dict) else sample.first
    if _is_message(first):
        return 1
    found = [value for value in (first, *sample.lines) if any(map(_is_message, _messages(value)))]
    if not found:
        return 0
    # The API's messages have no times of this name: an agent's log is built like them.
    is_dated = any("ts" in message for message in _messages(found[0]) if isinstance(message, dict))
    return 2 if found[0].keys() <= _FIELDS and not is_dated else 1


def read(source: Source) -> Iterator[Record]:
    """Yield each conversation and its messages. Raises ImportFailed where a document holds none."""
    named = Ordinals()
    if form(source.path) == "lines":
        for line in lines_before(source):
            _name(line, named)
        for line in source.json_lines(msgspec.json.decode, lambda value: value):
            records = _records(source, line, _name(line, named))
            if not records:
                source.problem("has no messages")
            yield from with_call_ids(records)
        return
    is_empty = True
    for number, (value, is_file) in enumerate(_documents(source), 1):
        records = _records(source, value, _name(value, named), is_file=is_file)
        if not records:
            source.problem(f"element {number} has no messages", whole=True)
        is_empty = is_empty and not records
        yield from with_call_ids(records)
    if is_empty:
        raise ImportFailed(f"{source.path} has no conversation: nothing in it has messages with roles")


def _documents(source: Source) -> Iterator[tuple[Any, bool]]:
    """Yield the elements of an array, or what is one conversation as a whole, and whether it is."""
    is_array = form(source.path) == "array"
    with open_bytes(source.path) as handle:
        found = elements(handle, lambda reason: source.problem(reason, whole=True))
        first = next(found, None)
        if is_array and _is_message(first):
            yield {"messages": [first, *found]}, True
            return
        yield first, not is_array
        for value in found:
            yield value, False


def _name(value: Any, named: Ordinals) -> str | None:
    """Return the id of a conversation, None for what is none."""
    try:
        return named(digest(value)) if _messages(value) or _prompted(value) else None
    except RecursionError:
        return None


def _records(source: Source, value: Any, native_id: str | None, *, is_file: bool = False) -> list[Record]:
    """Return the records of a conversation, [] where it has no id or is nested too deeply."""
    if native_id is None:
        return []
    try:
        session = _session(source, value, native_id, is_file)
        records: list[Record] = [session]
        fingerprints = Fingerprints({})
        for message in _messages(value) or _prompted(value):
            if isinstance(message, dict):
                times = (normalise(message.get(key), source.tz) for key in _TIMES)
                created_at = next((time for time in times if time), None)
                records.extend(message_records(session.id, message, fingerprints, created_at=created_at))
    except RecursionError:
        return []
    return records


def _session(source: Source, value: dict[str, Any], native_id: str, is_file: bool) -> SessionRecord:
    if is_file:
        native_id = plain_path(source.path).stem
    body = _object(value.get("body"))
    kept = {key: _without_messages(item) for key, item in value.items() if key not in _SAID and item}
    return SessionRecord(
        session_id(name, native_id, str(source.path.resolve().parent) if is_file else ""),
        name,
        native_id,
        model=text_or_none(value.get("model")) or text_or_none(body.get("model")),
        metadata={key: item for key, item in kept.items() if item} or None,
    )


def _messages(value: Any) -> list[Any]:
    """Return the messages of a conversation in any of its shapes, [] where it is none."""
    found = _object(value)
    for holder in (found, _object(found.get("body")), _object(found.get("input"))):
        messages = holder.get("messages")
        if isinstance(messages, list):
            preferred = found.get("preferred_output")
            return messages + (preferred if isinstance(preferred, list) else [])
    return []


def _prompted(value: Any) -> list[Any]:
    """Return the messages of a pair of prompt and completion, [] where it is none."""
    found = _object(value)
    pair = (("user", found.get("prompt")), ("assistant", found.get("completion")))
    if not all(isinstance(text, str) for _, text in pair):
        return []
    return [{"role": role, "content": text} for role, text in pair]


def _is_message(value: Any) -> bool:
    role = _object(value).get("role")
    return (
        isinstance(role, str)
        and role in _ROLES
        and bool({"content", "tool_calls", "function_call"} & value.keys())
    )


def _without_messages(value: Any) -> Any:
    if isinstance(value, dict):
        value = {key: item for key, item in value.items() if key != "messages"}
    return without_payloads(value)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
