"""Messages and tool calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sessiondb.records.record import Record


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ToolCall(Record):
    """A call of a tool, with its answer. `arguments` is JSON text, or the plain text that the tool takes."""

    id: int
    session_id: str
    name: str | None
    arguments: str | None = None
    result: str | None = None
    is_error: bool | None = None
    call_id: str | None = None
    position: int = 0
    message_id: int | None = None
    result_message_id: int | None = None
    called_at: str | None = None
    returned_at: str | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Message(Record):
    """One row of a conversation.

    `tool_calls` are those an assistant message asks for; for a `tool` row, whose content is None, the one
    that it answers. `parts` is what is not plain text, as a decoded JSON list.
    """

    id: int
    session_id: str
    seq: int
    role: str
    content: str | None = None
    reasoning: str | None = None
    parts: list[Any] | None = None
    external_id: str | None = None
    model: str | None = None
    finish_reason: str | None = None
    created_at: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    tool_calls: tuple[ToolCall, ...] = ()

    @property
    def text(self) -> str:
        """Return what was said: the content, or the answers of a tool row."""
        if self.role == "tool":
            return "\n".join(call.result for call in self.tool_calls if call.result)
        return self.content or ""
