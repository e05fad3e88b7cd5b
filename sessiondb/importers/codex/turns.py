"""What the model and its tools do in a Codex session, by items or by the events that stand in for them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from sessiondb.chat.content import text_or_none
from sessiondb.importers.base import ToolResult
from sessiondb.importers.codex.items import (
    Response,
    When,
    call_id,
    image_record,
    output_record,
    reasoning_text,
    said,
    shape,
)
from sessiondb.importers.codex.lines import Payload, event_result
from sessiondb.importers.codex.outbox import Outbox

_MOST_CALLS = 64


class Work(msgspec.Struct):
    """How far the current turn is read.

    `opened` is the id of the message that the last import ended in. `calls` are the ids of calls without an
    answer, `answers` what events told of them so far. `has_items` is False as long as the model has spoken
    in events only; `spoken` are marks of texts that the last import took from events, their items not being
    there yet.
    """

    opened: str | None = None
    opened_at: str | None = None
    calls: list[str] = []
    answers: dict[str, list[Any]] = {}
    has_items: bool = False
    spoken: list[str] = []


class _Spoken(NamedTuple):
    text: str
    is_reasoning: bool
    when: When
    model: str | None
    phase: str | None


class Turns:
    """Put the model's messages and the answers of tools into the outbox."""

    def __init__(self, session: str, work: Work, name: Callable[..., str], outbox: Outbox) -> None:
        self._session = session
        self._work = work
        self._name = name
        self._outbox = outbox
        self._response = Response(session, name, work.opened, work.opened_at)
        self._events: list[_Spoken] = []
        self._images: list[ToolResult] = []

    @property
    def message(self) -> str | None:
        """Return the id of the message that the current response has become, None between responses."""
        return self._response.id

    def output(self, item: Payload, when: When, model: str | None) -> None:
        """Take an item that the model put out."""
        self._outbox.answered()
        if self._events and not self._work.has_items:
            # Had the last import ended here, the message would have begun with the event.
            when = self._events[0].when
        self._work.has_items = True
        self._events.clear()
        if self._work.spoken and self._was_spoken(item):
            return
        self._response.add(item, when, model)
        if shape(item) == "call":
            if known_by := call_id(item):
                self._work.calls.append(known_by)
                del self._work.calls[:-_MOST_CALLS]
            if image := image_record(item, self._session, when.stamp):
                self._images.append(image)

    def answer(self, item: Payload, when: When) -> None:
        """Take a tool's answer."""
        self._outbox.answered()
        self.close()
        record = output_record(item, self._session, when.stamp)
        if record.call_id is None:
            record = record._replace(external_id=self._name(when.written, "tool", record.result))
        else:
            self._work.answers.pop(record.call_id, None)
            self._work.calls = [known_by for known_by in self._work.calls if known_by != record.call_id]
        self._outbox.put(record)

    def event_answer(self, event: Payload, when: When) -> None:
        """Keep what an event tells of a call's answer, until it is clear that no item will bring it."""
        answer = event_result(event, self._session, when.stamp)
        if answer and answer.call_id in self._work.calls:
            self._work.answers[answer.call_id] = list(answer[2:])

    def event_text(self, event: Payload, when: When, model: str | None) -> None:
        """Keep what the model says in an event; it counts only in a log that has no items of the model."""
        is_reasoning = event.type != "agent_message"
        text = event.text if is_reasoning else event.message
        if isinstance(text, str) and text and not self._work.has_items:
            self._events.append(_Spoken(text, is_reasoning, when, model, text_or_none(event.phase)))

    def close(self) -> None:
        """End the response that is being read."""
        for record in self._response.close():
            self._outbox.put(record)
        for image in self._images:
            self._outbox.put(image)
        self._images.clear()

    def end(self) -> None:
        """End what the model was at: its turn is over, or it is told something new."""
        self._say_events()
        self._work.spoken.clear()
        self.close()
        answers = self._work.answers
        for known_by, answer in answers.items():
            self._outbox.put(ToolResult(self._session, known_by, *answer))
        self._work.calls = [known_by for known_by in self._work.calls if known_by not in answers]
        answers.clear()

    def pause(self) -> None:
        """Put out what there is of the response; the next import may go on with it."""
        self._work.spoken += self._say_events()
        self._work.opened, self._work.opened_at = self._response.id, self._response.created_at
        self.close()

    def _say_events(self) -> list[str]:
        events, self._events = self._events, []
        if events:
            self._outbox.answered()
        for text, is_reasoning, when, model, phase in events:
            if is_reasoning:
                self._response.think(text, when, model)
            else:
                self._response.say(text, when, model, phase)
        return [_mark(event.text) for event in events]

    def _was_spoken(self, item: Payload) -> bool:
        text = reasoning_text(item) if item.type == "reasoning" else said(item.content)[0]
        if text is None or _mark(text) not in self._work.spoken:
            return False
        self._work.spoken.remove(_mark(text))
        return True


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
