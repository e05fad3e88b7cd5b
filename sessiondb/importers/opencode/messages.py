"""Turn OpenCode's sessions and messages into records, the same for its database, its tree and its exports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import tzinfo
from pathlib import Path
from typing import Any

from sessiondb.chat.content import arguments_text, json_text, text_or_none, whole, without_payloads
from sessiondb.importers.base import (
    MessageRecord,
    Record,
    SessionRecord,
    TokenRecord,
    ToolCallRecord,
    ToolResult,
    session_id,
)
from sessiondb.importers.files.source import Source
from sessiondb.importers.opencode.parts import (
    Sorted,
    field,
    microdollars,
    moment_of,
    number,
    sort_parts,
    usage,
)
from sessiondb.timestamps import normalise

AGENT = "opencode"

# By the name of their folder or database.
_AGENTS = {name: name for name in (AGENT, "kilo", "mimocode", "icodemate")}

_PLACEHOLDER = re.compile(r"(?:New|Child) session - \d{4}-\d\d-\d\dT[\d:.]+Z")
_TEXTS = ("version", "slug", "agent", "path", "projectID", "workspaceID")
_OF_THE_RECORD = frozenset(
    (
        *("id", "sessionID", "parentID", "role", "time", "parts", "summary", "finish", "cost", "tokens"),
        *("model", "modelID", "providerID", "path"),
    )
)


class Conversation:
    """One session on its way to records: `session`, then `message` for each message, then `end`.

    A fork holds copies of its parent's messages, times and counts included, under new ids: see
    sessiondb.importers.fresh_ids. OpenCode does not say whose; some of the programs made from it name the parent, as
    a sub-agent's. `first` is the first message: only a copy is older than its session.
    """

    def __init__(
        self, info: dict[str, Any], first: dict[str, Any], scope: str, source: Source, agent: str = AGENT
    ) -> None:
        self._info = info
        self._source = source
        self._tz = source.tz
        self._last = 0.0
        session = _session(info, agent, scope, source.tz)
        is_fork = session.parent_id is not None and 0 < moment_of(first) < moment_of(info)
        self.session = session._replace(relation="fork") if is_fork else session
        self._id = self.session.id

    def message(self, message_id: str, info: dict[str, Any], parts: Any) -> Iterator[Record]:
        """Yield the records of one message and its parts."""
        try:
            yield from list(self._message(message_id, info, parts))
        except RecursionError:
            self._source.problem(f"message {message_id} is nested too deeply", whole=True)

    def _message(self, message_id: str, info: dict[str, Any], parts: Any) -> Iterator[Record]:
        found = sort_parts(parts)
        answered = [number(field(part, "state", "time", "end")) for part in found.tools]
        self._last = max(self._last, moment_of(info), number(field(info, "time", "completed")), *answered)
        speak = self._assistant if info.get("role") == "assistant" else self._user
        yield from speak(message_id, info, found)

    def end(self) -> Iterator[Record]:
        """Yield when the session was last active: when its last message was completed, not only begun."""
        last = normalise(self._last or field(self._info, "time", "updated"), self._tz)
        yield SessionRecord(self._id, self.session.agent, self.session.native_id, last_active_at=last)

    def _user(self, message_id: str, info: dict[str, Any], found: Sorted) -> Iterator[Record]:
        created_at = self._time(info, "created")
        injected = MessageRecord(self._id, "system", _joined(found.injected), message_id, created_at)
        injected = injected._replace(metadata={"kind": "meta"})
        if info.get("role") != "user" or not found.is_typed:
            yield injected._replace(content=_joined(found.said + found.injected), parts=found.rest or None)
            return
        parts, metadata = found.rest or None, self._metadata(info)
        said = _joined(found.said)
        yield MessageRecord(self._id, "user", said, message_id, created_at, parts=parts, metadata=metadata)
        if found.injected:
            yield injected._replace(external_id=f"{message_id}:meta")

    def _assistant(self, message_id: str, info: dict[str, Any], found: Sorted) -> Iterator[Record]:
        calls = {
            text_or_none(part.get("callID") or part.get("id")) or f"{message_id}:{position}": part
            for position, part in enumerate(found.tools)
        }
        reasons = (info.get("finish"), *(step.get("reason") for step in reversed(found.steps)))
        yield MessageRecord(
            self._id,
            "assistant",
            content=_joined(found.said + found.injected),
            external_id=message_id,
            created_at=self._time(info, "created"),
            reasoning=_joined(found.reasoning),
            parts=found.rest or None,
            model=_model(info),
            finish_reason=next(filter(None, map(text_or_none, reasons)), None),
            metadata=self._metadata(info),
            tool_calls=tuple(_tool_call(call_id, part) for call_id, part in calls.items()),
        )
        yield from self._tokens(message_id, info, found.steps)
        for call_id, part in calls.items():
            yield from self._result(call_id, part)

    def _result(self, call_id: str, part: dict[str, Any]) -> Iterator[Record]:
        """Yield the answer that a tool part holds beside its call, once it is there."""
        state = part.get("state")
        status = field(state, "status")
        answer = field(state, "error" if status == "error" else "output")
        if status in ("pending", "running") or (answer is None and status is None):
            return
        # The answer stands in the part of its call, which is written anew as its state changes: pending, running,
        # completed or error.
        details = {
            "title": text_or_none(field(state, "title")),
            "exit": whole(field(state, "metadata", "exit")),
            "session": text_or_none(field(state, "metadata", "sessionId")),
            "compacted_at": normalise(field(state, "time", "compacted"), self._tz),
        }
        attachments = field(state, "attachments")
        yield ToolResult(
            self._id,
            call_id,
            json_text(without_payloads(answer)),
            is_error=status == "error" or part.get("tool") == "invalid",
            created_at=normalise(field(state, "time", "end"), self._tz),
            name=text_or_none(part.get("tool")),
            external_id=text_or_none(part.get("id")),
            parts=without_payloads(attachments) if isinstance(attachments, list) else None,
            metadata={key: value for key, value in details.items() if value is not None} or None,
        )

    def _tokens(self, message_id: str, info: dict[str, Any], steps: list[dict[str, Any]]) -> Iterator[Record]:
        """Yield the tokens of one response; OpenCode's input leaves out the cache, its output reasoning."""
        counts, cost = usage(info, steps), microdollars(info, steps)
        if not counts.total() and not cost:
            return
        completed = field(info, "time", "completed")
        said = counts["output"] + counts["reasoning"] if {"output", "reasoning"} & counts.keys() else None
        yield TokenRecord(
            self._id,
            f"{self._id}:{message_id}",
            input=whole(counts.get("input")),
            cache_read=whole(counts.get("cache_read")),
            cache_write=whole(counts.get("cache_write")),
            output=whole(said),
            reasoning=whole(counts.get("reasoning")),
            cost_microdollars=cost,
            model=_model(info),
            message=message_id,
            counted_at=normalise(completed, self._tz) or self._time(info, "created"),
        )

    def _time(self, info: dict[str, Any], which: str) -> str | None:
        return normalise(field(info, "time", which), self._tz)

    def _metadata(self, info: dict[str, Any]) -> dict[str, Any] | None:
        cwd = text_or_none(field(info, "path", "cwd"))
        known = {
            "kind": "compact_summary" if info.get("summary") is True else None,
            "provider": text_or_none(info.get("providerID") or field(info, "model", "providerID")),
            "cwd": None if cwd == self._info.get("directory") else cwd,
            "headline": text_or_none(field(info, "summary", "title")),
        }
        extra = {key: without_payloads(item) for key, item in info.items() if key not in _OF_THE_RECORD}
        kept = {**extra, **{key: item for key, item in known.items() if item is not None}}
        return {key: item for key, item in kept.items() if item not in (None, {}, [])} or None


def agent_of(path: Path) -> str:
    """Return whose store a file is: OpenCode's, or that of one of the programs made from it.

    They write the same, each in a folder and a database of its own name: the nearest tells.
    """
    for name in (path.name, *(folder.name for folder in path.absolute().parents[:4])):
        known = _AGENTS.get(re.split(r"[.-]", name.lstrip("."), maxsplit=1)[0].lower())
        if known:
            return known
    return AGENT


def _session(info: dict[str, Any], agent: str, scope: str, tz: tzinfo | None) -> SessionRecord:
    native_id, parent = text_or_none(info.get("id")) or "", text_or_none(info.get("parentID"))
    title, project = text_or_none(info.get("title")), text_or_none(info.get("directory"))
    return SessionRecord(
        session_id(agent, native_id, scope),
        agent,
        native_id,
        # Outside of a repository OpenCode may give the root folder, which is no project.
        project=None if project == "/" else project,
        parent_id=session_id(agent, parent, scope) if parent else None,
        relation="subagent" if parent else None,
        # Titles begin as placeholders ("New session - 2026-..."), until a model has thought of one.
        title=None if title and _PLACEHOLDER.fullmatch(title) else title,
        model=_model(info),
        started_at=normalise(field(info, "time", "created"), tz),
        metadata=_session_metadata(info, tz),
    )


def _session_metadata(info: dict[str, Any], tz: tzinfo | None) -> dict[str, Any] | None:
    changes = {kind: whole(field(info, "summary", kind)) for kind in ("additions", "deletions", "files")}
    known = {
        **{key: text_or_none(info.get(key)) for key in _TEXTS},
        "share_url": text_or_none(field(info, "share", "url")),
        "reverted_to": text_or_none(field(info, "revert", "messageID")),
        "archived_at": normalise(field(info, "time", "archived"), tz),
        "changes": {kind: count for kind, count in changes.items() if count} or None,
    }
    return {key: item for key, item in known.items() if item is not None} or None


def _joined(texts: list[str]) -> str | None:
    return "\n\n".join(texts) or None


def _model(info: dict[str, Any]) -> str | None:
    given = (info.get("modelID"), field(info, "model", "modelID"), field(info, "model", "id"))
    return next(filter(None, map(text_or_none, given)), None)


def _tool_call(call_id: str, part: dict[str, Any]) -> ToolCallRecord:
    arguments = arguments_text(without_payloads(field(part, "state", "input")))
    return ToolCallRecord(call_id, text_or_none(part.get("tool")), arguments)
