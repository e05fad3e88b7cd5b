"""Play a Gemini CLI event log to its end, and keep what the messages that it took back had cost."""

from __future__ import annotations

from typing import Any, NamedTuple

from sessiondb.content import text_or_none


class Paid(NamedTuple):
    """The tokens of one API response, whether or not its message is still there."""

    tokens: dict[str, Any]
    model: Any
    timestamp: Any


class Chat:
    """The state of a chat: header, messages by id in order, and the tokens of every message ever written."""

    def __init__(self) -> None:
        self.header: dict[str, Any] = {}
        self.messages: dict[str, dict[str, Any]] = {}
        self.paid: dict[str, Paid] = {}

    def apply(self, record: Any) -> bool:
        """Apply one line; say False where it is no record of this format."""
        if not isinstance(record, dict):
            return False
        if isinstance(record.get("$rewindTo"), str):
            self._rewind(record["$rewindTo"])
        elif "id" in record:
            return self._put(record)
        elif isinstance(record.get("$set"), dict):
            self.set(record["$set"])
        elif "sessionId" in record:
            self.set(record)
        else:
            return False
        return True

    def set(self, changes: dict[str, Any]) -> None:
        """Set fields of the header; `messages` replaces all messages."""
        self.header.update((key, value) for key, value in changes.items() if key != "messages")
        if isinstance(changes.get("messages"), list):
            self.messages = {}
            for message in changes["messages"]:
                self._put(message)

    def _put(self, message: Any) -> bool:
        """Add a message, or replace in place the one with its id."""
        message_id = text_or_none(message.get("id")) if isinstance(message, dict) else None
        if message_id is None:
            return False
        self.messages[message_id] = message
        if isinstance(message.get("tokens"), dict):
            self.paid[message_id] = Paid(message["tokens"], message.get("model"), message.get("timestamp"))
        return True

    def _rewind(self, message_id: str) -> None:
        """Take back a message and all after it; an unknown id takes back everything, as in Gemini CLI."""
        ids = list(self.messages)
        first = ids.index(message_id) if message_id in self.messages else 0
        for taken_back in ids[first:]:
            del self.messages[taken_back]
