"""Read Kimi CLI's logs, before it became Kimi Code: `wire.jsonl`, and `context.jsonl` where that is not there.

A line of the first is `{timestamp, message{type, payload}}`; what a sub-agent does comes in `SubagentEvent`, with the
call that began it. The second has messages as a chat API has them, between marks of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sessiondb.chat.content import text_or_none
from sessiondb.importers.base import Record, SessionRecord, session_id
from sessiondb.importers.files.json_lines import object_of, objects_of
from sessiondb.importers.files.small import read_object
from sessiondb.importers.files.source import Source
from sessiondb.importers.kimi.talk import AGENT, Talk, texts_of
from sessiondb.timestamps import normalise

WIRE, CONTEXT = 2, 1
"""Which of the two is believed, where both were read."""

_USAGE = {
    "inputOther": "input_other",
    "inputCacheRead": "input_cache_read",
    "inputCacheCreation": "input_cache_creation",
    "output": "output",
}


class WireReader:
    """The lines of a log on their way to records."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._main = _session(source.path.absolute())._replace(authority=WIRE)
        self._states: dict[str, dict[str, Any]] = source.state.setdefault("talks", {})
        self._talks: dict[str, Talk] = {}

    def take(self, line: dict[str, Any]) -> Iterator[Record]:
        """Yield the records of a line."""
        if line.get("type") == "metadata":
            return
        message = object_of(line.get("message"))
        if not isinstance(message.get("type"), str):
            self._source.problem("not a line of Kimi CLI: it has no event")
            return
        yield from self._event(message, normalise(line.get("timestamp"), self._source.tz), "")

    def finish(self) -> Iterator[Record]:
        """Yield what is known of the sessions by now."""
        for talk in self._talks.values():
            yield talk.told()

    def _event(self, message: dict[str, Any], at: str | None, agent: str) -> Iterator[Record]:
        kind, payload = message.get("type"), object_of(message.get("payload"))
        if kind == "SubagentEvent":
            below = text_or_none(payload.get("task_tool_call_id")) or text_or_none(
                payload.get("parent_tool_call_id")
            )
            if below and not agent:
                yield from self._event(object_of(payload.get("event")), at, below)
            return
        talk = self._talk(agent)
        talk.seen_at(at)
        if not talk.is_begun:
            talk.is_begun = True
            yield talk.session
        state = self._states[agent]
        if kind in ("TurnBegin", "SteerInput"):
            state["turn"] = state.get("turn", 0) + 1
            yield from talk.asked(payload.get("user_input"), at)
        elif kind == "StepBegin":
            state["steps"] = state.get("steps", 0) + 1
        else:
            step = f"step:{state.get('turn', 0)}.{state.get('steps', 0)}"
            yield from _of_a_step(talk, step, kind, payload, at)

    def _talk(self, agent: str) -> Talk:
        if agent not in self._talks:
            session = self._main
            if agent:
                session = SessionRecord(
                    session_id(AGENT, agent, self._main.id),
                    AGENT,
                    f"{self._main.native_id}/{agent}",
                    project=self._main.project,
                    parent_id=self._main.id,
                    relation="subagent",
                )
            self._talks[agent] = Talk(session, self._states.setdefault(agent, {}))
        return self._talks[agent]


def _of_a_step(talk: Talk, step: str, kind: Any, payload: dict[str, Any], at: str | None) -> Iterator[Record]:
    """Yield the records of an event of a response."""
    if kind == "ContentPart":
        yield from talk.part(step, payload, at)
    elif kind == "ToolCall":
        function = object_of(payload.get("function"))
        name = text_or_none(function.get("name"))
        yield from talk.call(step, text_or_none(payload.get("id")), name, function.get("arguments"), at)
    elif kind == "ToolResult":
        told = object_of(payload.get("return_value", payload.get("result")))
        yield from talk.answer(
            text_or_none(payload.get("tool_call_id")), told.get("output"), told.get("is_error"), at
        )
    elif kind == "StatusUpdate":
        counts = object_of(payload.get("token_usage"))
        if counts:
            yield from talk.usage({new: counts.get(old) for new, old in _USAGE.items()}, step, at)


class ContextReader:
    """The lines of a context on their way to records; nothing in it has a time."""

    def __init__(self, source: Source) -> None:
        self._source = source
        session = _session(source.path.absolute())._replace(authority=CONTEXT)
        self._talk = Talk(session, source.state.setdefault("talk", {}))

    def take(self, line: dict[str, Any]) -> Iterator[Record]:
        """Yield the records of a line."""
        role = line.get("role")
        if not isinstance(role, str):
            self._source.problem("not a line of a context of Kimi CLI: it has no role")
            return
        if role.startswith("_"):
            return
        if not self._talk.is_begun:
            self._talk.is_begun = True
            yield self._talk.session
        content = line.get("content")
        if role == "user":
            is_put_there = texts_of(content).lstrip().startswith(("<system>", "<system-reminder>"))
            yield from self._talk.asked(content, None, "meta" if is_put_there else None)
        elif role == "assistant":
            step = f"step:{self._talk.number('steps')}"
            for part in objects_of(content) or [{"type": "text", "text": content}]:
                yield from self._talk.part(step, part, None)
            for call in objects_of(line.get("tool_calls")):
                asked = object_of(call.get("function"))
                name = text_or_none(asked.get("name"))
                yield from self._talk.call(
                    step, text_or_none(call.get("id")), name, asked.get("arguments"), None
                )
        elif role == "tool":
            yield from self._talk.answer(text_or_none(line.get("tool_call_id")), content, None, None)

    def finish(self) -> Iterator[Record]:
        """Yield what is known of the session by now."""
        if self._talk.is_begun:
            yield self._talk.told()


def _session(path: Path) -> SessionRecord:
    folder = path.parent
    state = read_object(folder / "state.json") or read_object(folder / "metadata.json")
    title = text_or_none(state.get("custom_title")) or text_or_none(state.get("title"))
    return SessionRecord(
        session_id(AGENT, folder.name, str(folder.parent)),
        AGENT,
        folder.name,
        project=_project(folder.parent),
        title=title,
    )


def _project(folder: Path) -> str | None:
    """Return the folder whose digest names where a session lies, of those that Kimi CLI knows."""
    known = read_object(folder.parent.parent / "kimi.json")
    for one in objects_of(known.get("work_dirs")):
        path = text_or_none(one.get("path"))
        if (
            path
            and hashlib.md5(path.encode("utf-8", "replace"), usedforsecurity=False).hexdigest() == folder.name
        ):
            return path
    return None
