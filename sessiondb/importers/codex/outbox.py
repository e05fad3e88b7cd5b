"""Hold back a Codex session's records until it is known what they are.

What a person typed is in the log twice, as an item and as an event, and either may come first. The two are
paired by their text. An item whose event has not come is held, and what follows it, until the event of a
later prompt comes or the model answers: then it was injected, or typed if the log has no such events at
all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from sessiondb.importers.base import INHERITED, MessageRecord, Record, SessionRecord
from sessiondb.importers.codex.prompts import Prompt, injected_record, prompt_records

# A pair stands within a few lines of each other.
_MOST_LINES_APART = 8
# Where one half is missing altogether, the other is forgotten in time.
_MOST_MARKS = 8
_MOST_HELD = 256


class Prompts(msgspec.Struct):
    """What is known of a session's prompts, between two imports too.

    `asked` are marks of prompts whose item has not come, `mirrored` of those whose event has not come.
    `latest` is the last event's type and mark until the model answers: some builds write a prompt as events
    of two types.
    """

    has_events: bool = False
    any_typed: bool = False
    asked: list[str] = []
    mirrored: list[str] = []
    latest: tuple[str, str] = ("", "")


class _Held(NamedTuple):
    prompt: Prompt
    external_id: str
    created_at: str | None


class Outbox:
    """The records of a session in their order, the prompts in doubt among them.

    `is_session` is False as long as there is nothing but a header and injected context.
    """

    def __init__(self, session: str, prompts: Prompts, is_session: bool) -> None:
        self.is_session = is_session
        # Whether the lines that are read now are, or may be, copies of the parent's.
        self.inherits = False
        self.holds = False
        self._session = session
        self._prompts = prompts
        self._queue: list[Record | _Held] = []
        self._lines_held = 0

    def put(self, record: Record) -> None:
        """Add a record."""
        if self.inherits and not isinstance(record, SessionRecord):
            if isinstance(record, MessageRecord):
                record = record._replace(metadata={**(record.metadata or {}), INHERITED: True})
            self._queue.append(record)
            return
        self._queue.append(record)
        if isinstance(record, MessageRecord):
            self._prompts.any_typed |= record.role == "user"
            self.is_session |= record.role != "system"
        elif not isinstance(record, SessionRecord):
            self.is_session = True

    def hear(self, prompt: Prompt, external_id: str, created_at: str | None) -> None:
        """Add a user message that is an item, unless its event has been there."""
        if not _take(self._prompts.asked, prompt.mark):
            self._queue.append(_Held(prompt, external_id, created_at))
            self.holds, self._lines_held = True, 0

    def tell(self, prompt: Prompt, external_id: str, created_at: str | None) -> None:
        """Add an item that says itself that a person typed it, unless its event has been there."""
        if not _take(self._prompts.asked, prompt.mark):
            _note(self._prompts.mirrored, prompt.mark)
            for record in prompt_records(prompt, self._session, external_id, created_at):
                self.put(record)

    def is_known(self, prompt: Prompt, event_type: str) -> bool:
        """Say whether an event brings nothing new: its prompt is held, or was taken to be typed already."""
        known_as, mark = self._prompts.latest
        self._prompts.has_events, self._prompts.latest = True, (event_type, prompt.mark)
        if mark == prompt.mark and known_as != event_type:
            return True
        # The two halves of a prompt come in either order:
        #
        #     item, then event    held until the event comes (hear, is_known), or none can (decide)
        #     event, then item    a row at once (ask); the item that follows is known by its mark, and passed over
        typed = [at for at, entry in enumerate(self._queue) if _has(entry, prompt.mark)]
        if typed:
            self._settle(typed[0])
            return True
        self.decide()
        return _take(self._prompts.mirrored, prompt.mark)

    def ask(self, prompt: Prompt, external_id: str, created_at: str | None) -> None:
        """Add the prompt of an event whose item has not been there."""
        _note(self._prompts.asked, prompt.mark)
        for record in prompt_records(prompt, self._session, external_id, created_at):
            self.put(record)

    def decide(self) -> None:
        """Decide on the prompts that are held: no event will come for them any more."""
        if self.holds:
            self._settle(len(self._queue))

    def answered(self) -> None:
        """Note that the model answers."""
        self.decide()
        self._prompts.latest = ("", "")

    def drop_held(self) -> None:
        """Take out the first prompt that is held, and all that came after it."""
        is_held = [isinstance(entry, _Held) for entry in self._queue]
        del self._queue[is_held.index(True) :]
        self.holds = False

    def ready(self) -> Iterator[Record]:
        """Return the records that are settled; to be called after each line."""
        if self.holds:
            self._lines_held += 1
            if self._prompts.has_events and self._lines_held > _MOST_LINES_APART:
                self.decide()
        if len(self._queue) > _MOST_HELD:
            self.decide()
            self.is_session = True
        if self.holds or not self.is_session or not self._queue:
            return iter(())
        queue, self._queue = self._queue, []
        return (record for record in queue if not isinstance(record, _Held))

    def inherited(self) -> Iterator[Record]:
        """Return what there is of a session that has only copies, nothing where it has none."""
        has_copies = any(
            isinstance(record, MessageRecord) and record.role != "system" for record in self._queue
        )
        return (record for record in self._queue if has_copies and not isinstance(record, _Held))

    def _settle(self, typed: int) -> None:
        """Make rows of the messages held up to the place of the one that met its event."""
        queue, self._queue = self._queue, []
        self.holds = False
        for at, entry in enumerate(queue):
            if not isinstance(entry, _Held):
                self._queue.append(entry)
            elif at > typed:
                self._queue.append(entry)
                self.holds = True
            elif at == typed:
                self._put_typed(entry)
            elif self._prompts.has_events:
                (text, parts), external_id, created_at = entry
                self.put(injected_record(text or None, parts, self._session, external_id, created_at, "meta"))
            else:
                _note(self._prompts.mirrored, entry.prompt.mark)
                self._put_typed(entry)

    def _put_typed(self, entry: _Held) -> None:
        for record in prompt_records(entry.prompt, self._session, entry.external_id, entry.created_at):
            self.put(record)


def _has(entry: Record | _Held, mark: str) -> bool:
    return isinstance(entry, _Held) and entry.prompt.mark == mark


def _take(marks: list[str], mark: str) -> bool:
    if mark not in marks:
        return False
    marks.remove(mark)
    return True


def _note(marks: list[str], mark: str) -> None:
    marks.append(mark)
    del marks[:-_MOST_MARKS]
