"""A session for the OpenAI Agents SDK (openai.github.io/openai-agents-python), which is not imported here.

db = SessionDB("sessions.db")
result = await Runner.run(agent, "Hello", session=AgentsSession("user-42", db))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessiondb.chat.content import json_text, text_and_parts
from sessiondb.dao.search.guard import despite_search
from sessiondb.errors import Conflict
from sessiondb.records import Message, Session
from sessiondb.storage.values import row_limit

if TYPE_CHECKING:
    from sessiondb.database import SessionDB


class AgentsSession:
    """What `Runner.run(..., session=...)` takes: a conversation, kept in the open session of its key.

    `session_id` names the conversation; the key is `<agent>:<session_id>` unless given. The session is
    started when the first item comes; `fields` are those of `Sessions.start`, such as project or title.
    Items come back equal to those that were added, key by key in the same order, and are searchable and
    shown like any message. Messages that the session has from elsewhere come as items too. Every call
    works off the event loop, and one call is one transaction.
    """

    def __init__(
        self,
        session_id: str,
        db: SessionDB,
        *,
        agent: str = "openai-agents",
        key: str | None = None,
        **fields: Any,
    ) -> None:
        self.session_id = session_id
        self.session_settings: Any = None
        self._db = db
        self._agent = agent
        self._key = key or f"{agent}:{session_id}"
        self._fields = fields

    @property
    def session(self) -> Session | None:
        """The session as the database has it, None before the first item."""
        open_id = self._db.sessions.open_id(self._key)
        return None if open_id is None else self._db.sessions.get(open_id)

    async def get_items(self, limit: int | None = None) -> list[Any]:
        """Return the latest `limit` items in order, by default as many as `session_settings` say, or all."""
        if limit is None:
            limit = getattr(self.session_settings, "limit", None)
        return await self._db.run(self._items, limit)

    async def add_items(self, items: list[Any]) -> None:
        """Add items, all of them or none. Raises Conflict where the session was ended while this ran."""
        await self._db.run(self._add, items)

    async def pop_item(self) -> Any | None:
        """Remove the latest item and return it; None where there is none.

        Raises Conflict where the latest message stands for several items, as one from elsewhere may.
        """
        return await self._db.run(self._pop)

    async def clear_session(self) -> None:
        """Remove all items."""
        await self._db.run(self._clear)

    def _items(self, limit: int | None) -> list[Any]:
        row_limit(limit)
        open_id = self._db.sessions.open_id(self._key)
        if open_id is None:
            return []
        if limit is None:
            return [item for message in self._db.messages.transcript(open_id) for item in _items_of(message)]
        found: list[Any] = []
        for message in self._db.messages.newest_first(open_id, batch=max(1, min(limit, 500))):
            if len(found) >= limit:
                break
            found += reversed(_items_of(message))
        return found[:limit][::-1]

    def _add(self, items: list[Any]) -> None:
        if not items:
            return

        def write() -> None:
            session = self._db.sessions.get_or_start(self._key, self._agent, **self._fields)
            for item in items:
                self._db.messages.append(session.id, **_message_of(item), native_item=item)

        despite_search(self._db.connection, write)

    def _pop(self) -> Any | None:
        def write() -> Any | None:
            open_id = self._db.sessions.open_id(self._key)
            message = None if open_id is None else self._db.messages.remove_last(open_id)
            if message is None:
                return None
            items = _items_of(message)
            if len(items) != 1:
                raise Conflict(
                    f"message {message.seq} of {open_id} stands for {len(items)} items: none was removed"
                )
            return items[0]

        return despite_search(self._db.connection, write)

    def _clear(self) -> None:
        open_id = self._db.sessions.open_id(self._key)
        if open_id is not None:
            self._db.messages.clear(open_id)


def _message_of(item: dict[str, Any]) -> dict[str, Any]:
    """Return what an item says as the fields of a message: what people search and read."""
    kind = item.get("type") or "message"
    if kind == "message":
        return {"role": item.get("role", "assistant"), "content": _text(item.get("content"))}
    if kind == "reasoning":
        return {"role": "assistant", "reasoning": _text(item.get("summary"))}
    if kind.endswith("_output"):
        return {"role": "tool", "tool_call_id": item.get("call_id"), "content": _text(item.get("output"))}
    if "call_id" in item:
        given = next((item[name] for name in ("arguments", "input", "action") if name in item), None)
        call = {"id": item["call_id"], "name": item.get("name") or kind, "arguments": given}
        return {"role": "assistant", "tool_calls": [call]}
    return {"role": "assistant"}


def _text(content: Any) -> str | None:
    if not isinstance(content, list):
        return json_text(content)
    text, parts = text_and_parts(content)
    return text if text is not None else json_text(parts)


def _items_of(message: Message) -> list[Any]:
    """Return the item that a message was, or those that say the same."""
    if "native_item" in message.metadata:
        return [message.metadata["native_item"]]
    items: list[Any] = []
    if message.role != "tool" and message.content is not None:
        items.append({"role": message.role, "content": message.content})
    for call in message.tool_calls:
        if call.message_id == message.id:
            asked = {"call_id": call.call_id, "name": call.name, "arguments": call.arguments or "{}"}
            items.append({"type": "function_call", **asked})
        if call.result_message_id == message.id:
            items.append(
                {"type": "function_call_output", "call_id": call.call_id, "output": call.result or ""}
            )
    return items
