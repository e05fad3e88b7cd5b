"""Content blocks from one chat API's way of writing to the other's; what both know stays as it is."""

from __future__ import annotations

from typing import Any

from sessiondb.records import Message

_TEXT = frozenset(("text", "input_text", "output_text"))
_THOUGHTS = frozenset(("thinking", "redacted_thinking"))


def whole_content(message: Message) -> str | list[Any] | None:
    """Return a message's content as one: the text, or the list that it came as.

    Of an imported message the database has the text and, apart, the blocks that are no text.
    """
    if "content" in message.metadata:
        given: str = message.metadata["content"]
        return given
    if message.parts is None:
        return message.content
    if message.content is None or any(is_text(part) for part in message.parts):
        return message.parts
    return [{"type": "text", "text": message.content}, *message.parts]


def is_text(block: Any) -> bool:
    """Say whether a block is plain text, in any of its spellings."""
    return isinstance(block, str) or kind(block) in _TEXT


def is_answer(block: Any) -> bool:
    """Say whether a block is a tool's answer, as Anthropic writes it."""
    return kind(block).endswith("tool_result")


def is_call(block: Any) -> bool:
    """Say whether a block asks for a tool, as Anthropic writes it."""
    return kind(block).endswith("tool_use")


def kind(block: Any) -> str:
    """Return a block's type, "" where it has none."""
    found = block.get("type", "text" if "text" in block else "") if isinstance(block, dict) else ""
    return found if isinstance(found, str) else ""


def openai_content(content: str | list[Any] | None) -> str | list[Any] | None:
    """Return content as OpenAI's chat API takes it, without calls, answers and thoughts."""
    if not isinstance(content, list):
        return content
    kept = [
        _openai_block(block)
        for block in content
        if not is_call(block) and not is_answer(block) and kind(block) not in _THOUGHTS
    ]
    return kept if kept or not content else None


def anthropic_content(content: str | list[Any] | None) -> str | list[Any] | None:
    """Return content as Anthropic's API takes it."""
    return [_anthropic_block(block) for block in content] if isinstance(content, list) else content


def _openai_block(block: Any) -> Any:
    if _lacks_payload(block):
        return _placeholder(block)
    source = block.get("source") if kind(block) == "image" else None
    if not isinstance(source, dict):
        return block
    url = source.get("url") or f"data:{source.get('media_type')};base64,{source.get('data')}"
    return {"type": "image_url", "image_url": {"url": url}}


def _anthropic_block(block: Any) -> Any:
    if isinstance(block, str):
        return {"type": "text", "text": block}
    if _lacks_payload(block):
        return _placeholder(block)
    image = block.get("image_url") if kind(block) in ("image_url", "input_image") else None
    url = image.get("url") if isinstance(image, dict) else image
    if isinstance(url, str):
        return {"type": "image", "source": _source(url)}
    if kind(block) in ("input_text", "output_text"):
        return {"type": "text", "text": block.get("text")}
    return block


def _source(url: str) -> dict[str, Any]:
    head, comma, data = url.partition(",")
    if comma and head.startswith("data:") and head.endswith(";base64"):
        return {"type": "base64", "media_type": head[5:-7], "data": data}
    return {"type": "url", "url": url}


def _lacks_payload(block: Any) -> bool:
    return isinstance(block, dict) and _stub(block) is not None


def _placeholder(block: dict[str, Any]) -> dict[str, Any]:
    stub = _stub(block) or {}
    return {"type": "text", "text": f"[{stub.get('media_type') or 'file'}, {stub['bytes']} bytes, not kept]"}


def _stub(value: Any) -> dict[str, Any] | None:
    """Return what an import left of a base64 payload inside a block."""
    if not isinstance(value, dict):
        return None
    if {"sha256", "media_type", "bytes"} <= value.keys():
        return value
    return next((found for item in value.values() if (found := _stub(item)) is not None), None)
