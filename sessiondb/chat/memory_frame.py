"""The frame around what this program tells a model, by which it is known again in a transcript."""

from __future__ import annotations

import re

BEGIN = "<sessiondb-memory>"
END = "</sessiondb-memory>"

# Gemini CLI puts it into a tag of its own, and escapes it.
_FRAMED = re.compile(
    r"\s*(?:<hook_context>\s*)?(?:<|&lt;)sessiondb-memory(?:>|&gt;).*"
    r"(?:<|&lt;)/sessiondb-memory(?:>|&gt;)\s*(?:</hook_context>\s*)?",
    re.DOTALL,
)


def is_framed(text: str | None) -> bool:
    """Say whether a text is nothing but what this program has told."""
    return text is not None and _FRAMED.fullmatch(text) is not None
