"""Estimate how many tokens a model will count, for what no API has counted yet."""

from __future__ import annotations

from typing import Any

from sessiondb.chat.content import json_text, without_payloads

PER_MESSAGE = 4
"""Tokens that a message takes beside what is said in it."""

PER_PAYLOAD = 1500
"""Tokens of an image or another file in base64, whose length says nothing."""


def text_tokens(text: str | None) -> int:
    """Estimate the tokens of a text: one for 4 bytes of UTF-8.

    These are 4 letters of English or 2 of Arabic, and a little more than one Chinese character. Byte-pair
    vocabularies come out near that; for one model's exact count, ask its API.
    """
    return (len(text.encode("utf-8", "replace")) + 3) // 4 if text else 0


def parts_tokens(parts: list[Any] | None) -> int:
    """Estimate the tokens of content that is a list of parts."""
    total = 0
    for part in parts or ():
        plain = without_payloads(part)
        total += text_tokens(json_text(plain)) + (PER_PAYLOAD if plain != part else 0)
    return total
