"""Join the pieces of an answer that a log has as lines of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sessiondb.importers.base import MessageRecord, Record, TokenRecord


def joined(records: Iterable[Record]) -> Iterator[Record]:
    """Yield records with each message that goes on in the next ones (`continues`) as one.

    A piece whose beginning an earlier import has read stays one that continues: only what is read together may be
    joined, so that a log that is read again from its beginning gives the same messages.
    """
    held: MessageRecord | None = None
    waiting: list[Record] = []
    for record in records:
        if held is not None and isinstance(record, MessageRecord) and _goes_on(held, record):
            held = _with(held, record)
        elif held is not None and isinstance(record, TokenRecord):
            waiting.append(record)
        else:
            if held is not None:
                yield held
                yield from waiting
            held, waiting = None, []
            if isinstance(record, MessageRecord) and record.role == "assistant":
                held = record
            else:
                yield record
    if held is not None:
        yield held
        yield from waiting


def _goes_on(before: MessageRecord, record: MessageRecord) -> bool:
    return record.continues and (before.session, before.external_id) == (record.session, record.external_id)


def _with(before: MessageRecord, more: MessageRecord) -> MessageRecord:
    return before._replace(
        content=_text(before.content, more.content),
        reasoning=_text(before.reasoning, more.reasoning),
        parts=[*(before.parts or ()), *(more.parts or ())] or None,
        model=before.model or more.model,
        finish_reason=more.finish_reason or before.finish_reason,
        tool_calls=(*before.tool_calls, *more.tool_calls),
    )


def _text(*texts: str | None) -> str | None:
    return "\n\n".join(text for text in texts if text) or None
