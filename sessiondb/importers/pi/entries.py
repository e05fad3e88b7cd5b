"""Turn the entries of one session of Pi into records; see __init__.py for the format."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from sessiondb.chat.content import (
    arguments_text,
    text_and_parts,
    text_or_none,
    whole,
    without_payloads,
)
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
from sessiondb.importers.pi.owner import Index, channel_of, parent_of
from sessiondb.importers.pi.prompts import take_apart
from sessiondb.timestamps import normalise

_SUMMARIES = {"compaction": "compact_summary", "branch_summary": "branch_summary"}
_OF_A_CALL = ("toolCall", "thinking")
_COUNTS = ("input", "cacheRead", "cacheWrite", "output")
# Their entries name what they answer to, which may be a call, and never branch.
_IN_ONE_CHAIN = frozenset(("openclaw", "qclaw"))


class Session:
    """One session on its way to records; `state` is what the next import of its file must know.

    `native_of_file` is the id of a session whose header does not tell it, or is not there.
    """

    def __init__(self, source: Source, state: dict[str, Any], agent: str, folder: str, index: Index) -> None:
        self.native_of_file = ""
        self._source = source
        self._state = state
        self._agent = agent
        self._folder = folder
        self._index = index
        self._begun = False

    def take(self, entry: dict[str, Any]) -> Iterator[Record]:
        """Yield the records of an entry."""
        kind = entry.get("type")
        if not isinstance(kind, str):
            self._source.problem("not an entry of a session: it has no type")
            return
        at = self._time(entry)
        if "id" not in self._state:
            self._begin(entry if kind == "session" else {})
        if not self._begun:
            self._begun = True
            yield self._record()
        if kind == "session":
            yield from self._header(entry)
        try:
            yield from list(self._entry(kind, entry, at))
        except RecursionError:
            self._source.problem("nested too deeply")
        if kind != "session":
            # Entries are a tree: an edited prompt goes on from an earlier entry, and what came after that stays in the
            # file. All of it was said, so all is stored, and a message that begins a branch says what it goes on from.
            self._state["last_entry"] = text_or_none(entry.get("id"))

    def finish(self) -> Iterator[Record]:
        """Yield what is known of the session by now."""
        state = self._state
        if "id" in state:
            known = {"title": state.get("title"), "model": state.get("model")}
            yield self._record(started_at=state.get("first"), last_active_at=state.get("last"), **known)

    def _record(self, **known: Any) -> SessionRecord:
        return SessionRecord(self._state["id"], self._agent, self._state["native"], **known)

    def _begin(self, header: dict[str, Any]) -> None:
        native_id = text_or_none(header.get("id")) or self.native_of_file
        self._state["native"] = native_id
        self._state["id"] = session_id(self._agent, native_id, self._folder)

    def _time(self, entry: dict[str, Any]) -> str | None:
        at = normalise(entry.get("timestamp"), self._source.tz)
        if at:
            self._state["first"] = min(at, self._state.get("first") or at)
            self._state["last"] = max(at, self._state.get("last") or at)
        return at

    def _header(self, header: dict[str, Any]) -> Iterator[Record]:
        # A fork may begin with its parent's lines, that one's header among them.
        if text_or_none(header.get("id")) not in (None, self._state["native"]):
            return  # of another session, which this one began with
        native_id = self._state["native"]
        parent = parent_of(header, self._folder)
        key = self._index.key_of(native_id)
        spawner = self._index.spawned_by(key) if key else None
        known: dict[str, Any] = {}
        if spawner:
            known = {"parent_id": session_id(self._agent, spawner, self._folder), "relation": "subagent"}
        elif parent:
            parent_id = session_id(self._agent, parent.native_id, parent.folder)
            known = {"parent_id": parent_id, "relation": "fork"}
        yield self._record(
            key=key,
            channel=channel_of(key) if key else None,
            project=text_or_none(header.get("cwd")),
            **known,
        )

    def _entry(self, kind: str, entry: dict[str, Any], at: str | None) -> Iterator[Record]:
        if kind == "message":
            yield from self._message(entry, object_of(entry.get("message")), at)
        elif kind in _SUMMARIES:
            yield from self._inject(entry, text_or_none(entry.get("summary")), _SUMMARIES[kind], at)
        elif kind == "custom_message":
            text, parts = text_and_parts(entry.get("content"))
            yield from self._inject(entry, text, text_or_none(entry.get("customType")) or "meta", at, parts)
        elif kind == "model_change":
            self._state["model"] = text_or_none(entry.get("modelId")) or self._state.get("model")
        elif kind == "session_info":
            self._state["title"] = text_or_none(entry.get("name")) or self._state.get("title")

    def _message(self, entry: dict[str, Any], message: dict[str, Any], at: str | None) -> Iterator[Record]:
        role = message.get("role")
        if role == "user":
            yield from self._user(entry, message, at)
        elif role == "assistant":
            yield from self._assistant(entry, message, at)
        elif role == "toolResult":
            text, parts = text_and_parts(message.get("content"))
            failed = message.get("isError")
            yield ToolResult(
                self._state["id"],
                text_or_none(message.get("toolCallId")),
                text,
                failed if isinstance(failed, bool) else None,
                at,
                text_or_none(message.get("toolName")),
                self._id(entry, "tool", text),
                parts,
            )
        elif role == "bashExecution":
            said = (f"$ {text_or_none(message.get('command')) or ''}", text_or_none(message.get("output")))
            yield from self._inject(entry, "\n".join(filter(None, said)), "command", at)
        else:
            text, parts = text_and_parts(message.get("content") or message.get("summary"))
            kind = text_or_none(message.get("customType")) or "meta"
            yield from self._inject(entry, text, kind, at, parts)

    def _user(self, entry: dict[str, Any], message: dict[str, Any], at: str | None) -> Iterator[Record]:
        text, parts = text_and_parts(message.get("content"))
        turn = take_apart(text or "")
        id = self._id(entry, "user", text)
        if turn.injected and (turn.typed or parts):
            context = MessageRecord(self._state["id"], "system", turn.injected, f"{id}#context", at)
            yield context._replace(metadata={"kind": turn.kind})
        elif turn.injected:
            yield from self._inject(entry, turn.injected, turn.kind, at)
            return
        metadata = self._branch(entry)
        yield MessageRecord(
            self._state["id"], "user", turn.typed or None, id, at, parts=parts, metadata=metadata or None
        )

    def _inject(
        self, entry: dict[str, Any], text: str | None, kind: str, at: str | None, parts: Any = None
    ) -> Iterator[Record]:
        if text or parts:
            id = self._id(entry, kind, text)
            metadata = {"kind": kind, **self._branch(entry)}
            yield MessageRecord(self._state["id"], "system", text, id, at, parts=parts, metadata=metadata)

    def _assistant(self, entry: dict[str, Any], message: dict[str, Any], at: str | None) -> Iterator[Record]:
        content = message.get("content")
        blocks = objects_of(content)
        thoughts = [
            text_or_none(block.get("thinking")) for block in blocks if block.get("type") == "thinking"
        ]
        # Calls and thoughts have places of their own in a record.
        said = [block for block in blocks if block.get("type") not in _OF_A_CALL]
        text, parts = text_and_parts(said if isinstance(content, list) else content)
        calls = [_call(block) for block in blocks if block.get("type") == "toolCall"]
        id = self._id(entry, "assistant", text)
        model = text_or_none(message.get("model"))
        self._state["model"] = model or self._state.get("model")
        details = {
            "provider": text_or_none(message.get("provider")),
            "error": text_or_none(message.get("errorMessage")),
            **self._branch(entry),
        }
        yield MessageRecord(
            self._state["id"],
            "assistant",
            text,
            id,
            at,
            "\n\n".join(thought for thought in thoughts if thought) or None,
            parts,
            model,
            text_or_none(message.get("stopReason")),
            {key: value for key, value in details.items() if value} or None,
            tuple(calls),
        )
        yield from self._tokens(object_of(message.get("usage")), id, model, at)

    def _tokens(self, usage: dict[str, Any], id: str, model: str | None, at: str | None) -> Iterator[Record]:
        # The input is without the cache, and the output with reasoning, as they are stored.
        asked, read, written, said = (_count(usage.get(name)) for name in _COUNTS)
        cost = object_of(usage.get("cost")).get("total")
        if not any((asked, read, written, said)) and not cost:
            return
        yield TokenRecord(
            self._state["id"],
            id,
            input=asked,
            cache_read=read,
            cache_write=written,
            output=said,
            cost_microdollars=microdollars(cost),
            model=model,
            message=id,
            counted_at=at,
        )

    def _branch(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Return which entry a message goes on from, if that is not the one before it."""
        if self._agent in _IN_ONE_CHAIN:
            return {}
        parent, last = text_or_none(entry.get("parentId")), self._state.get("last_entry")
        return {"goes_on_from": parent} if parent and last and parent != last else {}

    def _id(self, entry: dict[str, Any], role: str, text: str | None) -> str:
        """Return an id that no other entry in the world has, and each copy of this one."""
        # An entry's own id has 8 digits and is unique within its file alone. A fork copies entries as they are, so that
        # a digest of all that they hold is the same in both.
        named = (entry.get("id"), entry.get("timestamp"), role, text)
        digest = hashlib.sha256("\0".join(map(str, named)).encode("utf-8", "surrogatepass")).hexdigest()
        return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"


def _call(block: dict[str, Any]) -> ToolCallRecord:
    arguments = arguments_text(without_payloads(block.get("arguments")))
    return ToolCallRecord(text_or_none(block.get("id")), text_or_none(block.get("name")), arguments)


def _count(value: Any) -> int | None:
    count = whole(value)
    return count if count is not None and count >= 0 else None
