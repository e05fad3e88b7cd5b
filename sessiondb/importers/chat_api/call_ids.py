"""Tell which answer belongs to which call where a format does not say so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sessiondb.importers.base import MessageRecord, Record, ToolCallRecord, ToolResult


def with_call_ids(records: Iterable[Record]) -> Iterator[Record]:
    """Yield the records of one session with an id for each call: its own, else `#1`, `#2` ... in their order.

    An answer without an id takes that of the first call of its name that has none yet, or of the first call
    at all where one of the two has no name. What a user says ends the waiting: an answer after it stays an
    orphan.
    """
    waiting: dict[str, str | None] = {}
    made = 0
    for record in records:
        if isinstance(record, MessageRecord):
            if record.role == "user":
                waiting.clear()
            calls: list[ToolCallRecord] = []
            for call in record.tool_calls:
                made += call.call_id is None
                call_id = f"#{made}" if call.call_id is None else call.call_id
                waiting[call_id] = call.name
                calls.append(call._replace(call_id=call_id))
            yield record._replace(tool_calls=tuple(calls))
        elif isinstance(record, ToolResult):
            asked = record.call_id if record.call_id is not None else _asked(waiting, record.name)
            if asked is not None:
                waiting.pop(asked, None)
            yield record._replace(call_id=asked)
        else:
            yield record


def _asked(waiting: dict[str, str | None], name: str | None) -> str | None:
    named = (call_id for call_id, asked in waiting.items() if name is not None and asked == name)
    nameless = (call_id for call_id, asked in waiting.items() if name is None or asked is None)
    return next(named, None) or next(nameless, None)
