"""Read a log line by line, and join the pieces of an answer that it has as lines of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from sessiondb.importers.base import MessageRecord, Record, TokenRecord
from sessiondb.importers.files.json_lines import json_objects
from sessiondb.importers.files.source import Source


class LineReader(Protocol):
    """Turns the lines of one file into records, and knows at the end of it what waits."""

    def take(self, line: dict[str, Any]) -> Iterator[Record]:
        """Yield the records of a line."""

    def finish(self) -> Iterator[Record]:
        """Yield what waits for more, once there is no more."""


def records_of(source: Source, reader: LineReader) -> Iterator[Record]:
    """Yield what a reader makes of each line, once where the file has it twice; a line that is nested too deeply
    becomes a problem, and gives none.
    """
    for line in json_objects(source, once=True):
        try:
            yield from list(reader.take(line))
        except RecursionError:
            source.problem("nested too deeply")
    yield from reader.finish()


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
