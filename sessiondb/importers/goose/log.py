"""Read a session's file of before 1.10: a line about it, then its messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sessiondb.chat.content import text_or_none
from sessiondb.importers.base import Record, SessionRecord, session_id
from sessiondb.importers.files.packed import plain_path
from sessiondb.importers.files.source import Source
from sessiondb.importers.goose.messages import AGENT, FILE, Messages, tokens


class Reader:
    """The lines of a file on their way to records; `source.state` holds what is known of the session."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._folder = str(source.path.absolute().parent)
        self._state = source.state
        self._messages: Messages | None = None

    def take(self, line: dict[str, Any]) -> Iterator[Record]:
        """Yield the records of a line."""
        if "role" in line and "content" in line:
            if self._messages is None:
                yield self._record()
            yield from self._of_session().records(line)
        elif "working_dir" in line or "description" in line:
            self._state["native"] = text_or_none(line.get("id"))
            yield self._record(
                project=text_or_none(line.get("working_dir")),
                title=text_or_none(line.get("description")),
            )
            self._messages = Messages(self._record().id, self._state, self._source.tz)
            counted = tokens(self._record().id, "session", line, "accumulated_")
            if counted is not None:
                yield counted
        else:
            self._source.problem("neither a message of Goose nor about its session")

    def finish(self) -> Iterator[Record]:
        """Yield nothing: no line waits for another."""
        yield from ()

    def _of_session(self) -> Messages:
        if self._messages is None:
            self._messages = Messages(self._record().id, self._state, self._source.tz)
        return self._messages

    def _record(self, **known: Any) -> SessionRecord:
        native_id = self._state.get("native") or plain_path(self._source.path).stem
        return SessionRecord(
            session_id(AGENT, native_id, self._folder), AGENT, native_id, authority=FILE, **known
        )
