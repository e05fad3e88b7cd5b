"""Turn the state and the events of a conversation of OpenHands into records; see __init__.py for the format."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sessiondb.chat.content import json_text, text_and_parts, text_or_none, whole, without_payloads
from sessiondb.importers.base import (
    MessageRecord,
    Record,
    SessionRecord,
    TokenRecord,
    ToolCallRecord,
    ToolResult,
    session_id,
)
from sessiondb.importers.chat_api.billing import microdollars
from sessiondb.importers.files.json_lines import object_of, objects_of
from sessiondb.importers.files.source import Source
from sessiondb.timestamps import normalise

_AGENT = "openhands"
_HEX = re.compile(r"([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})")
# How what the program says in the user's name begins: its response dispatcher, and its critic.
_NUDGES = (
    "Your last response did not include a function call or a message",
    "The task appears incomplete (iteration ",
)


class Conversation:
    """The events of one conversation on their way to records."""

    def __init__(self, source: Source, folder: Path, state: dict[str, Any]) -> None:
        self._source = source
        self._state = state
        self._model = text_or_none(object_of(object_of(state.get("agent")).get("llm")).get("model"))
        self.session = self._session(folder)
        self._id = self.session.id
        # The message that each response has become: the id of its first event.
        self._answers: dict[str, str] = {}

    def _session(self, folder: Path) -> SessionRecord:
        state = self._state
        parent = folder.parent.parent if folder.parent.name == "subagents" else None
        workspace = state.get("workspace")
        place = workspace if isinstance(workspace, str) else object_of(workspace).get("working_dir")
        llm = object_of(object_of(state.get("agent")).get("llm"))
        details = {"effort": text_or_none(llm.get("reasoning_effort"))}
        return SessionRecord(
            _session_of(folder),
            _AGENT,
            folder.name,
            project=text_or_none(place),
            parent_id=_session_of(parent) if parent else None,
            relation="subagent" if parent else None,
            title=text_or_none(object_of(state.get("tags")).get("title")) or text_or_none(state.get("title")),
            model=self._model,
            metadata={key: value for key, value in details.items() if value} or None,
        )

    def records(self, event: dict[str, Any]) -> Iterator[Record]:
        """Yield the records of an event."""
        try:
            yield from list(self._records(event))
        except RecursionError:
            self._source.problem(f"event {event.get('id')} is nested too deeply", whole=True)

    def _records(self, event: dict[str, Any]) -> Iterator[Record]:
        kind = event.get("kind")
        id = text_or_none(event.get("id")) or json_text(without_payloads(event)) or ""
        at = normalise(event.get("timestamp"), self._source.tz)
        if kind == "MessageEvent":
            yield from self._message(event, id, at)
        elif kind == "ActionEvent":
            yield from self._action(event, id)
        elif kind in ("ObservationEvent", "AgentErrorEvent", "UserRejectObservation"):
            yield self._answer(event, id, at)
            added, _ = text_and_parts(event.get("extended_content"))
            yield from self._injected(added, "context", f"{id}#context", at)
        elif kind == "ACPToolCallEvent":
            yield from self._delegated(event, at)
        elif kind == "SystemPromptEvent":
            yield from self._injected(
                object_of(event.get("system_prompt")).get("text"), "instructions", id, at
            )
            context = object_of(event.get("dynamic_context")).get("text")
            yield from self._injected(context, "environment", f"{id}#context", at)
        elif kind in ("Condensation", "CondensationSummaryEvent"):
            yield from self._injected(event.get("summary"), "compact_summary", id, at)
        elif kind == "ConversationErrorEvent":
            yield from self._injected(event.get("detail"), "notice", id, at)

    def _injected(self, text: Any, kind: str, id: str, at: str | None) -> Iterator[Record]:
        if said := text_or_none(text):
            yield MessageRecord(self._id, "system", said, id, at, metadata={"kind": kind})

    def _message(self, event: dict[str, Any], id: str, at: str | None) -> Iterator[Record]:
        message = object_of(event.get("llm_message"))
        text, parts = text_and_parts(message.get("content"))
        added, _ = text_and_parts(event.get("extended_content"))
        yield from self._injected(added, "context", f"{id}#context", at)
        if event.get("source") == "agent":
            if text or parts:
                reasoning = text_or_none(message.get("reasoning_content"))
                yield self._said(event, id, text, reasoning, parts=parts)
        # A message in the user's name may come from the program, which asks an agent that has stopped to go on.
        elif (
            event.get("source") == "user" and not event.get("sender") and not (text or "").startswith(_NUDGES)
        ):
            if text or parts:
                yield MessageRecord(self._id, "user", text or None, id, at, parts=parts)
        else:
            yield from self._injected(text, "notice", id, at)

    def _said(
        self,
        event: dict[str, Any],
        id: str,
        text: str | None,
        reasoning: str | None,
        *,
        calls: tuple[ToolCallRecord, ...] = (),
        parts: list[Any] | None = None,
    ) -> MessageRecord:
        """Return an answer, or what an event adds to it: they are one by the response that they came in."""
        response = text_or_none(event.get("llm_response_id")) or id
        # One response of the model becomes an event for each call in it:
        #
        #     ActionEvent   llm_response_id r1   thought, call 1      the message
        #     ActionEvent   llm_response_id r1            call 2      what continues it
        #
        first = self._answers.setdefault(response, id)
        return MessageRecord(
            self._id,
            "assistant",
            text or None,
            first,
            normalise(event.get("timestamp"), self._source.tz),
            reasoning,
            parts,
            self._model,
            tool_calls=calls,
            continues=first != id,
        )

    def _action(self, event: dict[str, Any], id: str) -> Iterator[Record]:
        call = object_of(event.get("tool_call"))
        action = event.get("action")
        asked = call.get("arguments")
        if asked is None and isinstance(action, dict):
            asked = {key: value for key, value in action.items() if key != "kind"}
        tool = text_or_none(event.get("tool_name")) or text_or_none(call.get("name"))
        call_id = text_or_none(event.get("tool_call_id")) or text_or_none(call.get("id")) or f"{id}#call"
        thought, _ = text_and_parts(event.get("thought"))
        words = text_or_none(object_of(action).get("message")) if tool == "finish" else None
        # The tool `finish` holds the last words to the person, and they may be the thought once more.
        said = [one for one in (thought, words) if one]
        text = "\n\n".join(said[:1] if len(set(said)) == 1 else said)
        reasoning = text_or_none(event.get("reasoning_content"))
        record = ToolCallRecord(call_id, tool, json_text(without_payloads(asked)))
        yield self._said(event, id, text, reasoning, calls=(record,))

    def _answer(self, event: dict[str, Any], id: str, at: str | None) -> ToolResult:
        observation = object_of(event.get("observation"))
        shown = observation.get("content", observation.get("output"))
        text, parts = text_and_parts(shown)
        failed = observation.get("is_error", observation.get("error"))
        is_error = bool(failed) if isinstance(failed, bool | str) else None
        code = whole(observation.get("exit_code"))
        details: dict[str, Any] = {} if code is None else {"exit_code": code}
        if event.get("kind") != "ObservationEvent":
            text, is_error = (
                text_or_none(event.get("error")) or text_or_none(event.get("rejection_reason")),
                True,
            )
            details = {"rejected": True} if event.get("kind") == "UserRejectObservation" else {}
        return ToolResult(
            self._id,
            text_or_none(event.get("tool_call_id")),
            text,
            is_error,
            at,
            text_or_none(event.get("tool_name")),
            id,
            parts,
            details or None,
        )

    def _delegated(self, event: dict[str, Any], at: str | None) -> Iterator[Record]:
        """Yield a call of an agent that OpenHands has run, which is told again as it goes on."""
        call_id = text_or_none(event.get("tool_call_id"))
        if call_id is None:
            return
        tool = text_or_none(event.get("tool_kind")) or text_or_none(event.get("title"))
        call = ToolCallRecord(call_id, tool, json_text(without_payloads(event.get("raw_input"))))
        id = f"call:{call_id}"
        if id not in self._answers:
            self._answers[id] = id
            yield MessageRecord(self._id, "assistant", None, id, at, model=self._model, tool_calls=(call,))
        told = event.get("raw_output")
        if told is not None or event.get("status") in ("completed", "failed"):
            failed = event.get("is_error") is True or event.get("status") == "failed"
            result = json_text(without_payloads(told))
            yield ToolResult(self._id, call_id, result, failed, at, tool, f"{id}#result")

    def tokens(self) -> Iterator[Record]:
        """Yield the tokens of each response; of what has no list of them, the sum."""
        for purpose, metrics in object_of(
            object_of(self._state.get("stats")).get("usage_to_metrics")
        ).items():
            known = object_of(metrics)
            usages, costs = objects_of(known.get("token_usages")), objects_of(known.get("costs"))
            if not usages:
                sum_of_all = object_of(known.get("accumulated_token_usage"))
                cost = {"cost": known.get("accumulated_cost")}
                yield from self._tokens(sum_of_all, cost, f"{purpose}:total")
            for number, usage in enumerate(usages):
                # Two lists side by side, with nothing but their order to pair them.
                cost = costs[number] if len(costs) == len(usages) else {}
                yield from self._tokens(
                    usage, cost, text_or_none(usage.get("response_id")) or f"{purpose}:{number}"
                )

    def _tokens(self, usage: dict[str, Any], cost: dict[str, Any], key: str) -> Iterator[Record]:
        asked, read, written, said, thought = (
            _count(usage.get(f"{one}_tokens"))
            for one in ("prompt", "cache_read", "cache_write", "completion", "reasoning")
        )
        if not asked and not said:
            return
        # `prompt_tokens` include what was read from the cache and what was written to it.
        cached = (read or 0) + (written or 0)
        yield TokenRecord(
            self._id,
            f"{self._id}:{key}",
            input=max(0, (asked or 0) - cached),
            cache_read=read,
            cache_write=written,
            output=said,
            reasoning=thought,
            cost_microdollars=microdollars(cost.get("cost")),
            model=text_or_none(usage.get("model")) or self._model,
            message=self._answers.get(key),
            counted_at=normalise(cost.get("timestamp"), self._source.tz),
        )


def _session_of(folder: Path) -> str:
    """Return the session of a conversation, whose folder is called as its id, without the dashes."""
    found = _HEX.fullmatch(folder.name)
    return session_id(_AGENT, "-".join(found.groups()) if found else folder.name, str(folder.parent))


def _count(value: Any) -> int | None:
    count = whole(value)
    return count if count is not None and count >= 0 else None
