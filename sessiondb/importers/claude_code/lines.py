"""The lines of a Claude Code transcript as typed values: decoded fast, or leniently where a line is odd.

Only what an import uses is decoded. The rest is passed over, such as `toolUseResult`, which says again what
the tool answered.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, TypeVar

from msgspec import Meta, Raw, Struct, ValidationError, convert
from msgspec.json import Decoder
from msgspec.structs import fields

from sessiondb.chat.content import json_text
from sessiondb.chat.text import clean_json

S = TypeVar("S", bound=Struct)

_Count = Annotated[int, Meta(ge=0, lt=2**62)]


# gc=False: these hold no circles, and a large file makes millions of them, which the collector need not visit.
class Text(Struct, tag="text", gc=False):
    text: str


class Thinking(Struct, tag="thinking", gc=False):
    thinking: str


class Redacted(Struct, tag="redacted_thinking", gc=False):
    """Thinking that only the provider can read."""


class ToolUse(Struct, tag="tool_use", gc=False):
    id: str | None = None
    name: str | None = None
    input: Raw = Raw(b"")


class ServerToolUse(ToolUse, tag="server_tool_use", gc=False):
    """A call that the provider answers itself, inside the same message."""


class ToolAnswer(Struct, tag="tool_result", gc=False):
    tool_use_id: str | None = None
    content: Any = None
    is_error: bool | None = None


class Other(Struct, tag="\0", gc=False):
    """A block of a type not named above, kept as it is; its tag is one that no line holds."""

    value: Any


Block = Text | Thinking | Redacted | ToolUse | ServerToolUse | ToolAnswer | Other


class OutputDetails(Struct, gc=False):
    thinking_tokens: _Count | None = None


class CacheCreation(Struct, gc=False):
    """What the cache took, by how long it keeps it."""

    ephemeral_5m_input_tokens: _Count | None = None
    ephemeral_1h_input_tokens: _Count | None = None
    ephemeral_12h_input_tokens: _Count | None = None


class Counts(Struct, gc=False):
    """Tokens: the input is without what the cache gave and took; keys not named here repeat these."""

    input_tokens: _Count | None = None
    cache_creation_input_tokens: _Count | None = None
    cache_read_input_tokens: _Count | None = None
    cache_creation: CacheCreation | None = None
    output_tokens: _Count | None = None
    output_tokens_details: OutputDetails | None = None

    @property
    def cache_write(self) -> int | None:
        """Return what the cache took. Some gateways give only the parts of the sum, or say that it is 0."""
        if self.cache_creation_input_tokens or self.cache_creation is None:
            return self.cache_creation_input_tokens
        return sum(count or 0 for count in self.cache_writes)

    @property
    def cache_writes(self) -> tuple[int | None, int | None, int | None]:
        """Return what the cache took for 5 minutes, for an hour and for 12; None where the answer does not say."""
        parts = self.cache_creation
        if parts is None:
            return (None, None, None)
        found = (
            parts.ephemeral_5m_input_tokens,
            parts.ephemeral_1h_input_tokens,
            parts.ephemeral_12h_input_tokens,
        )
        # Gateways that do not know write zeros beside a sum that is none.
        return found if any(found) or not self.cache_creation_input_tokens else (None, None, None)

    @property
    def reasoning(self) -> int | None:
        """Return how much of the output was thinking."""
        return self.output_tokens_details.thinking_tokens if self.output_tokens_details else None


class Iteration(Counts, gc=False):
    """One of the model calls that an answer was made of."""

    type: str | None = None
    model: str | None = None


# What `iterations` lists is in the sums already, but for the two kinds that sessions.py counts beside them.
class Usage(Counts, gc=False):
    """The tokens of an answer: the sums of its calls, but for those of an advisor and of a compaction."""

    iterations: list[Iteration] | None = None
    service_tier: str | None = None
    speed: str | None = None
    inference_geo: str | None = None
    server_tool_use: dict[str, Any] | None = None


class Message(Struct, gc=False):
    model: str | None = None
    id: str | None = None
    role: str | None = None
    content: str | list[Block] | None = None
    stop_reason: str | None = None
    usage: Usage | None = None


class Attachment(Struct, gc=False):
    type: str | None = None
    prompt: Any = None
    commandMode: str | None = None
    source_uuid: str | None = None
    isMeta: bool | None = None
    origin: Any = None


class Line(Struct, gc=False):
    """One line, under the names of the format and mostly in its order, in which they are found fastest."""

    parentUuid: str | None = None
    isSidechain: bool | None = None
    agentId: str | None = None
    cwd: str | None = None
    sessionId: str | None = None
    version: str | None = None
    gitBranch: str | None = None
    type: str | None = None
    message: Message | None = None
    requestId: str | None = None
    uuid: str | None = None
    timestamp: Any = None
    attachment: Attachment | None = None
    isMeta: bool | None = None
    isCompactSummary: bool | None = None
    isVisibleInTranscriptOnly: bool | None = None
    isApiErrorMessage: bool | None = None
    origin: Any = None
    forkedFrom: Any = None
    costUSD: float | None = None
    subtype: str | None = None
    content: Any = None
    error: Any = None
    summary: str | None = None
    leafUuid: str | None = None
    customTitle: str | None = None
    agentName: str | None = None
    aiTitle: str | None = None
    session_id: str | None = None
    parent_tool_use_id: str | None = None
    effort: str | None = None
    totalCostUSD: float | None = None
    modelUsage: dict[str, Any] | None = None


decode = Decoder(Line).decode

_NESTED: dict[str, type[Struct]] = {
    "message": Message,
    "attachment": Attachment,
    "usage": Usage,
    "output_tokens_details": OutputDetails,
    "cache_creation": CacheCreation,
}
_BLOCKS: dict[str, type[Block]] = {
    "text": Text,
    "thinking": Thinking,
    "redacted_thinking": Redacted,
    "tool_use": ToolUse,
    "server_tool_use": ServerToolUse,
    "mcp_tool_use": ServerToolUse,
    "tool_result": ToolAnswer,
}


def lenient(value: Any) -> Line:
    """Return the line that a decoded JSON object is, without the values that are of a wrong type."""
    return _as(Line, value)


def tool_input(raw: Raw) -> str | None:
    """Return a tool call's input as JSON text, characters as themselves, None where there is none.

    Raises UnicodeDecodeError for bytes that are no UTF-8.
    """
    text = bytes(raw).decode()
    if "\\u" not in text:
        return text or None
    try:
        return json.dumps(clean_json(json.loads(text)), ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return text


def joined(texts: list[str]) -> str | None:
    """Return the texts of several blocks as one, None for none."""
    return "\n\n".join(texts) if texts else None


# Lines without a uuid (of the web, of old releases) are known again by their time and what they say.
def gist(content: str | list[Block] | None) -> str:
    """Return text that stands for a message's content where two messages are to be told apart."""
    if content is None or isinstance(content, str):
        return content or ""
    return "\x1e".join(map(_gist_of_block, content))


def _gist_of_block(block: Block) -> str:
    if isinstance(block, Text):
        return block.text
    if isinstance(block, ToolUse):
        return f"{block.id} {block.name} {bytes(block.input)!r}"
    if isinstance(block, ToolAnswer):
        return f"{block.tool_use_id} {json_text(block.content)}"
    return block.thinking if isinstance(block, Thinking) else repr(block)


def _as(kind: type[S], value: dict[str, Any]) -> S:
    """Return a struct with those values of a decoded object that are of the right type."""
    found: dict[str, Any] = {}
    for field in fields(kind):
        item = value.get(field.name)
        if field.name in _NESTED:
            item = _as(_NESTED[field.name], item) if isinstance(item, dict) else None
        elif field.name == "content" and kind is Message:
            item = _content(item)
        elif field.name == "input":
            item = Raw(json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode() if item else b"")
        else:
            try:
                item = convert(item, field.type)
            except ValidationError:
                continue
        if item is not None:
            found[field.name] = item
    return kind(**found)


def _content(value: Any) -> str | list[Block] | None:
    if value is None or isinstance(value, str):
        return value
    blocks = value if isinstance(value, list) else [value]
    return [_block(block) for block in blocks if block is not None]


def _block(value: Any) -> Block:
    if isinstance(value, str):
        return Text(value)
    name = value.get("type") if isinstance(value, dict) else None
    if not isinstance(name, str):
        return Other(value)
    kind = _BLOCKS.get(name)
    if kind in (Text, Thinking) and not isinstance(value.get(name), str):
        return Other(value)
    if kind:
        return _as(kind, value)
    # `web_search_tool_result` and its like: one type for each tool that the provider runs itself.
    return _server_answer(value) if name.endswith("_tool_result") else Other(value)


def _server_answer(value: dict[str, Any]) -> ToolAnswer:
    """Return the answer of a provider's own tool, without what is enciphered for the provider."""
    answer = _as(ToolAnswer, value)
    if isinstance(answer.content, list):
        for item in answer.content:
            if isinstance(item, dict):
                item.pop("encrypted_content", None)
    return answer
