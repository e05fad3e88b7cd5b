"""Turn the events of one Copilot CLI log into records; see __init__.py for the format."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from sessiondb.chat.content import arguments_text, json_text, text_or_none, whole, without_payloads
from sessiondb.importers.base import (
    Fingerprints,
    MessageRecord,
    Record,
    SessionRecord,
    ToolCallRecord,
    ToolResult,
    is_globally_unique,
    session_id,
)
from sessiondb.importers.copilot.tokens import Usage
from sessiondb.importers.files.json_lines import object_of, objects_of
from sessiondb.importers.files.packed import plain_path
from sessiondb.importers.files.source import Source
from sessiondb.timestamps import normalise

AGENT = "copilot-cli"

_DATE = re.compile(r"\A\s*<current_datetime>[^<]*</current_datetime>\s*")
_MOST_CALLS = 256


class SessionReader:
    """Read a log's events, from its beginning or from where the last import ended (`source.state`)."""

    def __init__(self, source: Source, title: str | None) -> None:
        self._source = source
        self._title = title
        self._state = state = source.state
        # Calls whose answers are to come, by id: their name and arguments.
        self._calls: dict[str, list[Any]] = state.setdefault("calls", {})
        # The sessions of sub-agents with their own ids, by all that events call them.
        self._children: dict[str, list[str]] = state.setdefault("children", {})
        self._name = Fingerprints(state)
        self._usage = Usage(state)
        self._begun: set[str] = set()
        self._handlers: dict[str, Callable[[str, dict[str, Any], dict[str, Any]], Iterator[Record]]] = {
            "session.start": self._start,
            "session.resume": self._start,
            "session.model_change": self._model_change,
            "session.compaction_complete": self._compaction,
            "session.usage_record": self._usage_record,
            "session.shutdown": self._shutdown,
            "system.message": self._instructions,
            "user.message": self._user,
            "assistant.reasoning": self._reasoning,
            "assistant.message": self._assistant,
            "tool.execution_start": self._tool_start,
            "tool.execution_complete": self._tool_complete,
            "subagent.started": self._subagent,
        }

    def take(self, line: dict[str, Any]) -> Iterator[Record]:
        """Yield the records that an event gives."""
        kind, data = line.get("type"), line.get("data")
        if not isinstance(kind, str) or not isinstance(data, dict):
            self._source.problem("not an event of Copilot CLI: no type, or no data")
            return
        self._note_time(line)
        # The first event should say what session it is; a log that was cut off is named by its folder.
        if "id" not in self._state:
            known = data if kind == "session.start" else {}
            self._begin(text_or_none(known.get("sessionId")) or self._native_of_file())
        handler = self._handlers.get(kind)
        if handler is not None:
            session, native_id = self._session_of(line, data)
            # A sub-agent's record names its parent, which must come first.
            yield from self._announced(str(self._state["id"]), self._state["native"])
            yield from self._announced(session, native_id)
            yield from handler(session, data, line)

    def finish(self) -> Iterator[Record]:
        """Yield what waits for a response that has not come, and the title as it is by now."""
        if "id" not in self._state:
            return
        state = self._state
        yield from self._usage.rest()
        yield SessionRecord(
            state["id"],
            AGENT,
            state["native"],
            title=self._title,
            model=state.get("model"),
            started_at=state.get("first"),
            last_active_at=state.get("last"),
        )

    def _note_time(self, line: dict[str, Any]) -> None:
        at = self._time(line)
        if at:
            self._state["first"] = min(at, self._state.get("first") or at)
            self._state["last"] = max(at, self._state.get("last") or at)

    def _begin(self, native_id: str) -> None:
        self._state["native"] = native_id
        self._state["id"] = session_id(AGENT, native_id, str(self._source.path.absolute().parent))

    def _native_of_file(self) -> str:
        path = plain_path(self._source.path)
        return path.absolute().parent.name if path.stem == "events" else path.stem

    def _announced(self, session: str, native_id: str) -> Iterator[Record]:
        if session not in self._begun:
            self._begun.add(session)
            yield SessionRecord(session, AGENT, native_id)

    def _session_of(self, line: dict[str, Any], data: dict[str, Any]) -> list[str]:
        """Return the session that an event belongs to: that of a sub-agent, if it names one that has begun."""
        named = (data.get("parentToolCallId"), line.get("agentId"), data.get("agentId"))
        # Releases name a sub-agent by the call that began it, by an id of its own, or by both.
        for key in filter(None, map(text_or_none, named)):
            if key in self._children:
                return self._children[key]
        return [self._state["id"], self._state["native"]]

    def _time(self, line: dict[str, Any]) -> str | None:
        return normalise(line.get("timestamp"), self._source.tz)

    def _id(self, line: dict[str, Any], *said: object) -> str:
        id = text_or_none(line.get("id"))
        return id if id and is_globally_unique(id) else self._name(line.get("timestamp"), id, *said)

    def _start(self, session: str, data: dict[str, Any], line: dict[str, Any]) -> Iterator[Record]:
        context, state = object_of(data.get("context")), self._state
        for key, named in (("branch", "branch"), ("commit", "headCommit")):
            state[key] = text_or_none(context.get(named)) or state.get(key)
        state["model"] = text_or_none(data.get("selectedModel")) or state.get("model")
        details = {
            "version": text_or_none(data.get("copilotVersion")),
            "git_branch": text_or_none(context.get("branch")),
            "git_commit": text_or_none(context.get("headCommit")),
            "repository": text_or_none(context.get("repository")),
        }
        yield SessionRecord(
            str(state["id"]),
            AGENT,
            state["native"],
            project=text_or_none(context.get("cwd")),
            metadata={key: value for key, value in details.items() if value} or None,
        )

    def _model_change(self, session: str, data: dict[str, Any], line: dict[str, Any]) -> Iterator[Record]:
        self._state["model"] = text_or_none(data.get("newModel")) or self._state.get("model")
        return iter(())

    def _inject(self, session: str, text: str | None, kind: str, line: dict[str, Any]) -> Iterator[Record]:
        if text:
            id = self._id(line, kind, text)
            yield MessageRecord(session, "system", text, id, self._time(line), metadata={"kind": kind})

    def _instructions(self, session: str, data: dict[str, Any], line: dict[str, Any]) -> Iterator[Record]:
        yield from self._inject(session, text_or_none(data.get("content")), "instructions", line)

    def _compaction(self, session: str, data: dict[str, Any], line: dict[str, Any]) -> Iterator[Record]:
        yield from self._inject(session, text_or_none(data.get("summaryContent")), "compact_summary", line)

    def _user(self, session: str, data: dict[str, Any], line: dict[str, Any]) -> Iterator[Record]:
        text, origin = text_or_none(data.get("content")), text_or_none(data.get("source"))
        attachments = data.get("attachments")
        parts = without_payloads(attachments) if isinstance(attachments, list) and attachments else None
        # What a skill or the program itself has put in the user's place says so.
        if origin not in (None, "user"):
            yield from self._inject(session, text, "skill" if origin.startswith("skill") else "meta", line)
        elif text is None and parts is None:
            sent = _DATE.sub("", text_or_none(data.get("transformedContent")) or "")
            yield from self._inject(session, sent, "meta", line)
        # A sub-agent's task comes again as its first prompt.
        elif text is None or text != self._state.get("task"):
            id = self._id(line, "user", text)
            yield MessageRecord(session, "user", text, id, self._time(line), parts=parts)

    def _reasoning(self, session: str, data: dict[str, Any], line: dict[str, Any]) -> Iterator[Record]:
        self._state["thought"] = text_or_none(data.get("content"))
        return iter(())

    def _assistant(self, session: str, data: dict[str, Any], line: dict[str, Any]) -> Iterator[Record]:
        state = self._state
        calls = [_call(request) for request in objects_of(data.get("toolRequests"))]
        for call in calls:
            self._note_call(call)
        model = text_or_none(data.get("model")) or state.get("model")
        response = text_or_none(data.get("apiCallId"))
        piece = [session, response]
        id = self._id(line, "assistant", data.get("content"), json_text([list(call) for call in calls]))
        # A long answer comes in chunks, which are events of their own with one call of the API.
        continues = (
            bool(response) and whole(data.get("chunkIndex")) is not None and piece == state.get("open")
        )
        if continues:
            id = state["open_id"]
        state["open"], state["open_id"] = piece, id
        yield MessageRecord(
            session,
            "assistant",
            text_or_none(data.get("content")),
            id,
            self._time(line),
            text_or_none(data.get("reasoningText")) or state.pop("thought", None),
            model=model,
            tool_calls=tuple(calls),
            continues=continues,
        )
        state.pop("thought", None)
        yield from self._usage.of_response(response, session, id)

    def _note_call(self, call: ToolCallRecord) -> None:
        if call.call_id:
            self._calls[call.call_id] = [call.name, call.arguments, True]
            # The state is kept with the file: a call that is never answered must not stay in it for ever.
            while len(self._calls) > _MOST_CALLS:
                del self._calls[next(iter(self._calls))]

    def _tool_start(self, session: str, data: dict[str, Any], line: dict[str, Any]) -> Iterator[Record]:
        """Note a call that no message asked for: the program makes some by itself."""
        call_id = text_or_none(data.get("toolCallId"))
        if call_id and call_id not in self._calls:
            arguments = arguments_text(without_payloads(data.get("arguments")))
            self._calls[call_id] = [text_or_none(data.get("toolName")), arguments, False]
        return iter(())

    def _tool_complete(self, session: str, data: dict[str, Any], line: dict[str, Any]) -> Iterator[Record]:
        call_id = text_or_none(data.get("toolCallId"))
        tool, arguments, is_asked = self._calls.pop(call_id or "", (None, None, True))
        content = object_of(data.get("result")).get("content")
        if content is None:
            content = object_of(data.get("error")).get("message") or data.get("error")
        details = {
            "exit": whole(object_of(data.get("shellExecution")).get("exitCode")),
            # Where no message asked for the call, its answer is the only row that can say what was run.
            "arguments": None if is_asked else arguments,
        }
        failed = data.get("success")
        yield ToolResult(
            session,
            call_id,
            json_text(without_payloads(content)),
            not failed if isinstance(failed, bool) else None,
            self._time(line),
            tool,
            self._id(line, "tool", call_id),
            metadata={key: value for key, value in details.items() if value is not None} or None,
        )

    def _subagent(self, session: str, data: dict[str, Any], line: dict[str, Any]) -> Iterator[Record]:
        """Begin the session of a sub-agent: what it was told stands in the call that began it."""
        call_id = text_or_none(data.get("toolCallId"))
        key = call_id or text_or_none(line.get("agentId"))
        if key is None:
            return
        parent = str(self._state["id"])
        child = session_id(AGENT, key, parent)
        for one in (key, text_or_none(line.get("agentId")), text_or_none(data.get("agentId"))):
            if one:
                self._children[one] = [child, key]
        names = (data.get("agentDisplayName"), data.get("agentName"))
        self._begun.add(child)
        yield SessionRecord(
            child,
            AGENT,
            key,
            parent_id=parent,
            relation="subagent",
            title=next(filter(None, map(text_or_none, names)), None),
            model=text_or_none(data.get("model")),
            started_at=self._time(line),
        )
        task = _task(self._calls.get(key, (None, None))[1])
        if task:
            self._state["task"] = task
            yield MessageRecord(child, "user", task, f"{key}:task", self._time(line))

    def _usage_record(self, session: str, data: dict[str, Any], line: dict[str, Any]) -> Iterator[Record]:
        usage = object_of(data.get("usage"))
        git = (self._state.get("branch"), self._state.get("commit"))
        yield from self._usage.take(usage, session, self._state["native"], self._time(line), git)

    def _shutdown(self, session: str, data: dict[str, Any], line: dict[str, Any]) -> Iterator[Record]:
        metrics = data.get("modelMetrics") or object_of(data.get("accountingSnapshot")).get("modelMetrics")
        at = self._time(line)
        yield from self._usage.totals(object_of(metrics), self._state["id"], self._state["native"], at)


def _call(request: dict[str, Any]) -> ToolCallRecord:
    arguments = arguments_text(without_payloads(request.get("arguments")))
    return ToolCallRecord(
        text_or_none(request.get("toolCallId")), text_or_none(request.get("name")), arguments
    )


def _task(arguments: str | None) -> str | None:
    """Return the prompt among the arguments of a call that begins a sub-agent."""
    try:
        value = json.loads(arguments or "null")
    except ValueError:
        return None
    return text_or_none(object_of(value).get("prompt"))
