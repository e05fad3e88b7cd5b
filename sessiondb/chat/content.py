"""Message content as the providers write it: text and parts, tool arguments, base64 payloads."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from sessiondb.chat.text import clean_text

_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*;base64,([A-Za-z0-9+/=_\s-]*)")
_TEXT_TYPES = frozenset(("text", "input_text", "output_text", "summary_text"))


def payload(data: str, media_type: str | None) -> dict[str, Any]:
    """Return what stands for a base64 payload: its SHA-256, media type and size in bytes."""
    import base64
    import binascii
    import hashlib

    try:
        raw = base64.b64decode(data, validate=False)
    except (binascii.Error, ValueError):
        raw = data.encode("utf-8", "replace")
    return {"sha256": hashlib.sha256(raw).hexdigest(), "media_type": media_type, "bytes": len(raw)}


def without_payloads(value: Any) -> Any:
    """Return a decoded JSON value in which every base64 payload is replaced by its hash, media type and size.

    Payloads are `data:` URLs anywhere, Anthropic's `source.data` and Gemini's `inlineData.data`.
    """
    if isinstance(value, str):
        match = _DATA_URL.match(value) if value.startswith("data:") else None
        return payload(match[2], match[1]) if match else value
    if isinstance(value, list):
        return [without_payloads(item) for item in value]
    if not isinstance(value, dict):
        return value
    data = value.get("data")
    media_type = value.get("media_type") or value.get("mimeType") or value.get("mime_type")
    if isinstance(data, str) and isinstance(media_type, str):
        rest = {key: without_payloads(item) for key, item in value.items() if key != "data"}
        return {**rest, **payload(data, media_type)}
    return {key: without_payloads(item) for key, item in value.items()}


def text_and_parts(content: Any) -> tuple[str | None, list[Any] | None]:
    """Split message content as the APIs know it (text, a list of parts, null) into plain text and what is not
    text.

    Text blocks are joined by a blank line; the other blocks are returned as they are but for base64 payloads.
    """
    if content is None or isinstance(content, str):
        return content, None
    if not isinstance(content, list):
        return None, [without_payloads(content)]
    texts: list[str] = []
    parts: list[Any] = []
    for block in content:
        text = block if isinstance(block, str) else _text_of(block)
        if text is None:
            parts.append(without_payloads(block))
        else:
            texts.append(text)
    return ("\n\n".join(texts) if texts else None), parts or None


def _text_of(block: Any) -> str | None:
    kind = block.get("type", "text") if isinstance(block, dict) else None
    if isinstance(kind, str) and kind in _TEXT_TYPES:
        text = block.get("text", block.get("value"))
        return text if isinstance(text, str) else None
    return None


def json_text(value: Any) -> str | None:
    """Return a value as JSON text, characters as themselves; None stays None, and a str is taken to be text
    already.
    """
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def arguments_text(value: Any) -> str | None:
    """Return a tool call's arguments as text: JSON with characters as themselves, or the plain text that the
    tool takes.
    """
    if isinstance(value, str) and "\\u" in value:
        try:
            return clean_text(json.dumps(json.loads(value), ensure_ascii=False, separators=(",", ":")))
        except (ValueError, RecursionError):
            return value
    return json_text(value)


def whole(value: Any) -> int | None:
    """Return a count as int, None for what is no finite number (a bool is none)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if math.isfinite(value) and abs(value) < 2**62 else None


def text_or_none(value: Any) -> str | None:
    """Return a str that is not empty, a number as text, None for anything else: ids and names as logs write
    them.
    """
    if isinstance(value, str):
        return clean_text(value) or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None
