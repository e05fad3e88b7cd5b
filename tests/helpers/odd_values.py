"""Put values of wrong types wherever a log has a value, and say what an importer may make of them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from typing import Any

from sessiondb.importers.base import MessageRecord, Record, SessionRecord, TokenRecord, ToolResult

ODD: tuple[Any, ...] = (None, True, 7, -0.5, "", "x", [], [[1]], {}, {"type": [], "id": {}})


HOSTILE: tuple[Any, ...] = (
    None, True, -1, 2**70, 1e300, "", "\x00x", "\ud83d", [], {}, [[None]], {"text": 5}, [{"id": []}],
)  # fmt: skip


def with_odd_values(value: Any) -> Iterator[Any]:
    """Yield copies of a JSON value, in each of which one value is an odd one."""
    yield from ODD
    if isinstance(value, dict):
        for key, item in value.items():
            yield from ({**value, key: odd} for odd in with_odd_values(item))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from ([*value[:index], odd, *value[index + 1 :]] for odd in with_odd_values(item))


def assert_storable(records: Iterable[Record]) -> None:
    """Fail where a record holds what no column takes, or belongs to no session that was named before."""
    sessions = set()
    for record in records:
        if isinstance(record, SessionRecord):
            sessions.add(record.id)
            assert record.native_id
        else:
            assert record.session in sessions
        for field, value in record._asdict().items():
            if field in ("metadata", "parts"):
                assert value is None or value, field
                json.dumps(value, allow_nan=False).encode()
            elif field in ("authority", "consolidated"):
                assert value is None or isinstance(value, int), field
            elif field == "tool_calls":
                assert all(part is None or isinstance(part, str) for call in value for part in call)
            elif isinstance(record, MessageRecord | SessionRecord | ToolResult) or field == "request_key":
                assert value is None or isinstance(value, str | bool | tuple), field
            elif isinstance(record, TokenRecord):
                assert value is None or isinstance(value, str) or (isinstance(value, int) and value >= 0), (
                    field
                )


def spoilt(value: Any, chance: random.Random) -> Any:
    """Return a copy of a JSON value in which one value of 25 is of a kind that nobody expects there."""
    if chance.random() < 0.04:
        return chance.choice(HOSTILE)
    if isinstance(value, dict):
        return {key: spoilt(item, chance) for key, item in value.items()}
    return [spoilt(item, chance) for item in value] if isinstance(value, list) else value
