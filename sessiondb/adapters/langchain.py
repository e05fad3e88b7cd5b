"""A chat message history for LangChain (reference.langchain.com), which is imported with this module.

db = SessionDB("sessions.db")
chain = RunnableWithMessageHistory(model, lambda session_id: ChatMessageHistory(session_id, db))
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ToolMessage,
    convert_to_messages,
    message_to_dict,
    messages_from_dict,
)

from sessiondb.chat.content import text_and_parts
from sessiondb.dao.search.guard import despite_search
from sessiondb.records import Message, Session

if TYPE_CHECKING:
    from sessiondb.database import SessionDB

_ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool", "function": "function"}


class ChatMessageHistory(BaseChatMessageHistory):
    """A conversation, kept in the open session of its key, `<agent>:<session_id>` unless given.

    The session is started when the first messages come; `fields` are those of `Sessions.start`. Messages
    come back equal to those that were added; tokens that they report (`usage_metadata`) are counted.
    Messages that the session has from elsewhere come too.
    """

    def __init__(
        self,
        session_id: str,
        db: SessionDB,
        *,
        agent: str = "langchain",
        key: str | None = None,
        **fields: Any,
    ) -> None:
        self.session_id = session_id
        self._db = db
        self._agent = agent
        self._key = key or f"{agent}:{session_id}"
        self._fields = fields

    @property
    def session(self) -> Session | None:
        """The session as the database has it, None before the first message."""
        open_id = self._db.sessions.open_id(self._key)
        return None if open_id is None else self._db.sessions.get(open_id)

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]
        """All messages in order."""
        open_id = self._db.sessions.open_id(self._key)
        return (
            [] if open_id is None else [_given(message) for message in self._db.messages.transcript(open_id)]
        )

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Add messages, all of them or none."""
        if not messages:
            return

        def write() -> None:
            session = self._db.sessions.get_or_start(self._key, self._agent, **self._fields)
            with self._db.turn(session.id) as turn:
                for message in messages:
                    turn.append(**_fields(message), native_item=message_to_dict(message))
                    if isinstance(message, AIMessage) and message.usage_metadata:
                        turn.add_tokens(**_tokens(message))

        despite_search(self._db.connection, write)

    def clear(self) -> None:
        """Remove all messages."""
        open_id = self._db.sessions.open_id(self._key)
        if open_id is not None:
            self._db.messages.clear(open_id)


def _fields(message: BaseMessage) -> dict[str, Any]:
    """Return what a message says as fields: what people search and read."""
    content: Any = message.content
    fields: dict[str, Any] = {
        "role": _ROLES.get(message.type, "assistant"),
        "content": content if isinstance(content, str) else text_and_parts(content)[0],
    }
    if isinstance(message, AIMessage):
        fields["tool_calls"] = [
            {"id": call["id"], "name": call["name"], "arguments": call["args"]} for call in message.tool_calls
        ]
        fields["model"] = message.response_metadata.get("model_name")
    if isinstance(message, ToolMessage):
        fields |= {
            "tool_call_id": message.tool_call_id,
            "is_error": message.status == "error",
            "name": message.name,
        }
    return fields


def _tokens(message: AIMessage) -> dict[str, Any]:
    """Return the token buckets: LangChain's input contains what was read from and written to the cache."""
    usage: Any = message.usage_metadata
    details = usage.get("input_token_details") or {}
    cache_read, cache_write = details.get("cache_read"), details.get("cache_creation")
    return {
        "request_key": message.id,
        "model": message.response_metadata.get("model_name"),
        "input": max(0, usage["input_tokens"] - (cache_read or 0) - (cache_write or 0)),
        "cache_read": cache_read,
        "cache_write": cache_write,
        "output": usage["output_tokens"],
        "reasoning": (usage.get("output_token_details") or {}).get("reasoning"),
    }


def _given(message: Message) -> BaseMessage:
    """Return the message that was added, or one that says the same."""
    if "native_item" in message.metadata:
        return messages_from_dict([message.metadata["native_item"]])[0]
    said: dict[str, Any] = {"role": message.role, "content": message.text}
    for call in message.tool_calls:
        if call.result_message_id == message.id:
            said["tool_call_id"] = call.call_id
        else:
            function = {"name": call.name, "arguments": call.arguments or "{}"}
            said.setdefault("tool_calls", []).append(
                {"id": call.call_id, "type": "function", "function": function}
            )
    return convert_to_messages([said])[0]
