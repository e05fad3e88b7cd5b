"""Decode checkpoints of LangGraph without importing or calling anything that they name.

In msgpack, an object of Python is an extension that holds another msgpack: an array of its module, its class and what
to make it from. Code 5 is a Pydantic model by its fields, 4 one of Pydantic 1; 0 to 3 are calls with one argument, a
list, a mapping, or one argument to a method; 6 is an array of NumPy.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import msgspec

from sessiondb.chat.content import json_text, payload, text_or_none
from sessiondb.chat.text import clean_json, clean_text
from sessiondb.importers.base import Fingerprints, Record
from sessiondb.importers.files.json_lines import object_of
from sessiondb.importers.files.limits import MIB, SMALL, has_too_many_values
from sessiondb.importers.files.source import Source
from sessiondb.importers.langgraph.messages import message_of, named_by_class, records_of
from sessiondb.importers.opencode.db import decode
from sessiondb.timestamps import normalise

_MODELS, _CALLS = (4, 5), (0, 1, 2, 3)
_MOST_NESTED = 16
_TOO_LARGE = 2**63
_MAX_MESSAGE = 16 * MIB
_MAX_MESSAGES = 200_000
# What the channel of messages is mostly called; any other is looked at after it.
_USUAL = "messages"


class _Checkpoint(msgspec.Struct):
    """What is read of a checkpoint; the values of its channels stay as they are written."""

    ts: str | None = None
    channel_values: dict[str, msgspec.Raw] = {}


class Messages:
    """The messages of one thread, each with the time of the checkpoint that had it first."""

    def __init__(self, source: Source, thread: str) -> None:
        self.first: str | None = None
        self.last: str | None = None
        self._source = source
        self._thread = thread
        self._found: dict[str, tuple[str | None, bytes]] = {}
        self._before: list[bytes] = []
        self._keys: list[str | None] = []

    @property
    def ids(self) -> set[str]:
        """Return the ids of all messages."""
        return set(self._found)

    def take(self, kind: Any, data: Any, id: Any) -> None:
        """Take the messages of a checkpoint; report one that cannot be read."""
        try:
            at, packed = _unpacked(kind, data)
        except (msgspec.DecodeError, RecursionError, ValueError) as error:
            self._source.problem(f"checkpoint {id} of {self._thread}: {error}", whole=True)
            return
        time = normalise(at, self._source.tz)
        self.first = self.first or time
        self.last = time or self.last
        self._note(time, packed)

    def _note(self, time: str | None, packed: list[bytes]) -> None:
        """Note what is new since the checkpoint before; a message without an id is known by what it says."""
        name = Fingerprints({})
        keys: list[str | None] = []
        for number, data in enumerate(packed):
            is_same = number < len(self._before) and self._before[number] == data
            key = self._keys[number] if is_same and number < len(self._keys) else None
            if key is None or key.startswith(_UNNAMED):
                message = _message(data)
                if message is not None:
                    key = _key(message, name)
                    self._found[key] = (self._found.get(key, (time, data))[0], data)
            keys.append(key)
        self._before, self._keys = packed, keys

    def records(self, session: str, without: set[str]) -> Iterator[Record]:
        """Yield the records of the messages, but for those with certain ids."""
        for key, (time, data) in self._found.items():
            message = None if key in without else _message(data)
            if message is not None:
                yield from records_of(self._source, session, message, key, time)


_UNNAMED = "said:"


def _key(message: dict[str, Any], name: Fingerprints) -> str:
    own = text_or_none(message.get("id"))
    said = (message.get("type"), json_text(message.get("content")), json_text(message.get("tool_calls")))
    return own or _UNNAMED + name("", *said)


def _unpacked(kind: Any, data: Any) -> tuple[Any, list[bytes]]:
    """Return the time of a checkpoint, and its messages, each packed. Raises ValueError and msgspec.DecodeError."""
    if kind == "json" and isinstance(data, str | bytes):
        if len(data) > SMALL and has_too_many_values(data):
            raise ValueError("it holds too many values")
        whole = object_of(decode(data))
        values = object_of(whole.get("channel_values"))
        return whole.get("ts"), _of_channels(
            {key: msgspec.msgpack.encode(_as_json(item)) for key, item in values.items()}
        )
    if kind != "msgpack" or not isinstance(data, bytes):
        raise ValueError(f"its state is written as {kind or 'a pickle'}, which cannot be read")
    state = _CHECKPOINT.decode(data)
    return state.ts, _of_channels({key: bytes(raw) for key, raw in state.channel_values.items()})


def _of_channels(values: dict[str, bytes]) -> list[bytes]:
    """Return the messages of the first channel that has any."""
    for key in sorted(values, key=lambda key: (key != _USUAL, key)):
        count = _length(values[key])
        if count > _MAX_MESSAGES:
            raise ValueError(f"{key} holds {count:,} values, which are not read")
        if count:
            packed = [bytes(raw) for raw in _ELEMENTS.decode(values[key])]
            if key == _USUAL or _message(packed[0]) is not None:
                return packed
    return []


def _length(data: bytes) -> int:
    """Return how many elements an array has, 0 where it is none (github.com/msgpack/msgpack/blob/master/spec.md)."""
    first = data[0] if data else 0
    if 0x90 <= first <= 0x9F:
        return first & 0x0F
    return int.from_bytes(data[1 : {0xDC: 3, 0xDD: 5}.get(first, 1)], "big")


def _message(data: bytes) -> dict[str, Any] | None:
    """Return the message that a value is, None for any other."""
    if len(data) > _MAX_MESSAGE:
        return None
    try:
        return message_of(_as_json(_plain(data)))
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None


def _plain(data: bytes, depth: int = 0) -> Any:
    """Return a packed value as plain data: of an object what it would be made from."""

    def object_in(code: int, inner: memoryview) -> Any:
        if depth >= _MOST_NESTED or code not in (*_MODELS, *_CALLS):
            return None
        parts = _plain(bytes(inner), depth + 1)
        if not isinstance(parts, list) or len(parts) < 3:
            return None
        return named_by_class(parts[2], parts[1]) if code in _MODELS else parts[2]

    return msgspec.msgpack.decode(data, ext_hook=object_in)


def _as_json(value: Any) -> Any:
    """Return a value as JSON could have it: bytes by their hash, keys as text."""
    if isinstance(value, dict):
        return {clean_text(str(key)): _as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(item) for item in value]
    if isinstance(value, bytes):
        return payload(b64encode(value).decode(), None)
    if isinstance(value, int) and abs(value) >= _TOO_LARGE:
        return str(value)
    return clean_json(value) if isinstance(value, str | float | int | None) else str(value)


_CHECKPOINT = msgspec.msgpack.Decoder(_Checkpoint)
_ELEMENTS = msgspec.msgpack.Decoder(list[msgspec.Raw])
