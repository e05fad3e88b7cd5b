"""Read a task as the extensions keep it: a folder of files, each of which has a part of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sessiondb.chat.content import text_or_none, whole
from sessiondb.errors import ImportFailed
from sessiondb.importers.base import MessageRecord, Record, SessionRecord, TokenRecord, session_id
from sessiondb.importers.chat_api.billing import microdollars
from sessiondb.importers.cline.messages import Conversation
from sessiondb.importers.files.json_lines import object_of, objects_of
from sessiondb.importers.files.packed import plain_path
from sessiondb.importers.files.source import Source
from sessiondb.timestamps import normalise

MESSAGES = "api_conversation_history.json"
SHOWN = "ui_messages.json"

_ITEM = "history_item.json"
_AGENTS = {
    "saoudrizwan.claude-dev": "cline",
    "rooveterinaryinc.roo-cline": "roo-code",
    "roo": "roo-code",
    "kilocode.kilo-code": "kilo-code",
    "kilo": "kilo-code",
}
_SPOKEN_BY_USER = frozenset(("task", "user_feedback", "user_feedback_diff"))
_SPOKEN_BY_MODEL = frozenset(("text", "completion_result", "followup", "plan_mode_respond"))


def agent_of(path: Path) -> str:
    """Return whose task a file is of: the extension's folder tells, or a file that only Roo Code and its kin write."""
    found = next((_AGENTS[part] for part in reversed(path.parts[:-1]) if part in _AGENTS), None)
    return found or ("roo-code" if (path.parent / _ITEM).exists() else "cline")


def times_of(messages: list[dict[str, Any]], source: Source) -> tuple[str | None, str | None]:
    """Return the times of the first and the last of the messages that have one."""
    moments = [whole(message.get("ts")) or 0 for message in messages]
    known = [moment for moment in moments if moment > 0]
    if not known:
        return None, None
    return normalise(min(known), source.tz), normalise(max(known), source.tz)


def read(source: Source, messages: list[dict[str, Any]]) -> Iterator[Record]:
    """Yield the task of a file of messages, its tokens from what was shown."""
    task = _Task(source)
    shown = task.shown()
    conversation = Conversation(task.id, source)
    conversation.model = task.model
    records = [record for message in messages for record in conversation.records(message)]
    yield task.session(
        messages, project=task.project or conversation.project, model=task.model or conversation.model
    )
    yield from records
    yield from task.tokens(shown, conversation.answers, conversation.model)


def read_shown(source: Source, shown: list[dict[str, Any]]) -> Iterator[Record]:
    """Yield a task of which there is only what was shown: what was said, and the tokens."""
    task = _Task(source)
    yield task.session(shown, project=task.project, model=task.model)
    for number, one in enumerate(shown):
        kind, text = one.get("say") or one.get("ask"), text_or_none(one.get("text"))
        role: Any = "user" if kind in _SPOKEN_BY_USER else "assistant" if kind in _SPOKEN_BY_MODEL else None
        if role and text and one.get("partial") is not True:
            at = normalise(one.get("ts"), source.tz)
            yield MessageRecord(task.id, role, text, f"{one.get('ts')}:{number}", at)
    yield from task.tokens(shown, [], task.model)


class _Task:
    """What the files of a task's folder say of it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._path = plain_path(source.path).absolute()
        self._native_id = self._path.parent.name
        self._agent = agent_of(self._path)
        self._scope = str(self._path.parent.parent)
        self._item = self._read_item()
        self.id = session_id(self._agent, self._native_id, self._scope)
        self.model = text_or_none(self._item.get("modelId"))
        folders = (self._item.get("workspace"), self._item.get("cwdOnTaskInitialization"))
        self.project = next(filter(None, map(text_or_none, folders)), None)

    def session(
        self, messages: list[dict[str, Any]], project: str | None, model: str | None
    ) -> SessionRecord:
        """Return the record of the session, with the times of its messages, or of the task where they have none."""
        tz, item = self._source.tz, self._item
        first, last = times_of(messages, self._source)
        begun = int(self._native_id) if self._native_id.isdecimal() and len(self._native_id) < 15 else None
        parent = text_or_none(item.get("parentTaskId"))
        details = {"mode": text_or_none(item.get("mode")), "cost": item.get("totalCost") or None}
        return SessionRecord(
            self.id,
            self._agent,
            self._native_id,
            project=project,
            parent_id=session_id(self._agent, parent, self._scope) if parent else None,
            relation="subagent" if parent else None,
            title=None,
            model=model,
            started_at=first or normalise(begun, tz),
            last_active_at=last or normalise(item.get("ts"), tz),
            metadata={key: value for key, value in details.items() if value} or None,
        )

    def shown(self) -> list[dict[str, Any]]:
        """Return what was shown of the task, [] where that is gone."""
        return objects_of(self._beside(self._path.with_name(SHOWN)))

    def tokens(
        self, shown: list[dict[str, Any]], answers: list[str], model: str | None
    ) -> Iterator[TokenRecord]:
        """Yield the tokens of each request; where there are as many as answers, they are those of the answers."""
        requests = [one for one in shown if one.get("say") == "api_req_started"]
        counted = [(one, counts) for one in requests if (counts := _counts(one)) is not None]
        messages: list[str | None] = [*answers] if len(answers) == len(counted) else [None] * len(counted)
        for (one, counts), message in zip(counted, messages, strict=True):
            asked, read, written, said = (whole(counts.get(key)) for key in _COUNTS)
            yield TokenRecord(
                self.id,
                f"{self.id}:{one.get('ts')}",
                input=asked,
                cache_read=read,
                cache_write=written,
                output=said,
                cost_microdollars=microdollars(counts.get("cost")),
                model=text_or_none(object_of(one.get("modelInfo")).get("modelId")) or model,
                message=message,
                counted_at=normalise(one.get("ts"), self._source.tz),
            )

    def _read_item(self) -> dict[str, Any]:
        item = object_of(self._beside(self._path.with_name(_ITEM)))
        if item:
            return item
        history = objects_of(self._beside(self._path.parents[2] / "state" / "taskHistory.json"))
        return next((one for one in history if text_or_none(one.get("id")) == self._native_id), {})

    def _beside(self, path: Path) -> Any:
        try:
            return Source(path).document()
        except (OSError, ImportFailed):
            return None


_COUNTS = ("tokensIn", "cacheReads", "cacheWrites", "tokensOut")


def _counts(shown: dict[str, Any]) -> dict[str, Any] | None:
    try:
        counts = object_of(json.loads(shown.get("text") or "null"))
    except (TypeError, ValueError, RecursionError):
        return None
    return counts if any(whole(counts.get(key)) for key in _COUNTS) else None
