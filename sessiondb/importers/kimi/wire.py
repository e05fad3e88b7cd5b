"""Read the log of an agent of Kimi Code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sessiondb.chat.content import text_or_none
from sessiondb.importers.base import Record, SessionRecord, session_id
from sessiondb.importers.files.json_lines import object_of
from sessiondb.importers.files.small import read_object
from sessiondb.importers.files.source import Source
from sessiondb.importers.kimi.talk import AGENT, Talk, texts_of
from sessiondb.timestamps import normalise

_UUID = re.compile(r"session_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
# By which a person asks; all else is the program's own doing.
_PERSONS = ("user", "skill_activation", None)
_KINDS = {"background_task": "notice", "cron": "notice", "hook": "meta"}
_MOST_WAITING = 8


class Reader:
    """The lines of a log on their way to records; `source.state` holds what is known of its session."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._state = source.state
        self._waiting: list[str] = source.state.setdefault("waiting", [])
        self._is_main, session = _session(source.path.absolute())
        self._talk = Talk(session, source.state)

    def take(self, line: dict[str, Any]) -> Iterator[Record]:
        """Yield the records of a line."""
        kind = line.get("type")
        if not isinstance(kind, str):
            self._source.problem("not a line of Kimi Code: it has no type")
            return
        at = normalise(line.get("time", line.get("created_at")), self._source.tz)
        self._talk.seen_at(at)
        if not self._talk.is_begun:
            self._talk.is_begun = True
            yield self._talk.session
        if kind in ("turn.prompt", "turn.steer"):
            self._waiting.append(texts_of(line.get("input")))
            del self._waiting[:-_MOST_WAITING]
            yield from self._talk.asked(line.get("input"), at, self._kind(line))
        elif kind == "context.append_message":
            yield from self._message(object_of(line.get("message")), at)
        elif kind == "context.append_loop_event":
            yield from self._event(object_of(line.get("event")), at)
        elif kind == "usage.record":
            self._talk.model = text_or_none(line.get("model"))
            yield from self._talk.usage(object_of(line.get("usage")), self._state.pop("ended", None), at)
        elif kind == "context.apply_compaction":
            yield from self._talk.summary(text_or_none(line.get("summary")), at)
        elif kind in ("config.update", "llm.request"):
            self._talk.model = text_or_none(line.get("modelAlias"))
            folder = text_or_none(line.get("cwd"))
            if folder and self._talk.session.project is None:
                self._talk.session = self._talk.session._replace(project=folder)

    def finish(self) -> Iterator[Record]:
        """Yield what is known of the session by now."""
        if self._talk.is_begun:
            yield self._talk.told()

    def _kind(self, line: dict[str, Any]) -> str | None:
        """Return what a prompt is that no person gave; the task of a sub-agent is its prompt."""
        origin = object_of(line.get("origin"))
        kind = origin.get("kind")
        is_task = not self._is_main and kind == "system_trigger"
        return None if kind in _PERSONS or is_task else _KINDS.get(str(kind), "meta")

    def _message(self, message: dict[str, Any], at: str | None) -> Iterator[Record]:
        content = message.get("content")
        text = texts_of(content)
        if message.get("role") != "user":
            return
        if text in self._waiting:
            self._waiting.remove(text)
        else:
            yield from self._talk.asked(content, at, self._kind(message))

    def _event(self, event: dict[str, Any], at: str | None) -> Iterator[Record]:
        kind = event.get("type")
        step = text_or_none(event.get("stepUuid")) or f"step:{event.get('turnId')}.{event.get('step')}"
        if kind == "content.part":
            yield from self._talk.part(step, object_of(event.get("part")), at)
        elif kind == "tool.call":
            name = text_or_none(event.get("name"))
            yield from self._talk.call(step, _call_id(event), name, event.get("args"), at)
        elif kind == "tool.result":
            result = object_of(event.get("result"))
            yield from self._talk.answer(_call_id(event), result.get("output"), result.get("isError"), at)
        elif kind == "step.end":
            self._state["ended"] = text_or_none(event.get("uuid"))


def _call_id(event: dict[str, Any]) -> str | None:
    return text_or_none(event.get("toolCallId")) or text_or_none(event.get("uuid"))


def _session(path: Path) -> tuple[bool, SessionRecord]:
    """Return whether a log is that of the agent that a person talks to, and its session."""
    agent = path.parent.name
    is_below = path.parent.parent.name == "agents"
    folder = path.parents[2] if is_below and len(path.parents) > 2 else path.parent
    state = read_object(folder / "state.json")
    main = _id(folder)
    project = text_or_none(state.get("workDir"))
    if not is_below or agent == "main":
        title = text_or_none(state.get("title"))
        return True, SessionRecord(main, AGENT, folder.name, project=project, title=title)
    begun_by = text_or_none(object_of(object_of(state.get("agents")).get(agent)).get("parentAgentId"))
    parent = session_id(AGENT, begun_by, main) if begun_by and begun_by != "main" else main
    return False, SessionRecord(
        session_id(AGENT, agent, main),
        AGENT,
        f"{folder.name}/{agent}",
        project=project,
        parent_id=parent,
        relation="subagent",
    )


def _id(folder: Path) -> str:
    found = _UUID.fullmatch(folder.name)
    return session_id(AGENT, found[1] if found else folder.name, str(folder.parent))
