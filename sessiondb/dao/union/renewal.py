"""What becomes of a stored text when its file says another one, and what was taken out of either as a secret."""

from __future__ import annotations

import re
from typing import Any

_REDACTED = "[redacted:"
_SPACE = re.compile(r"\s")


def renewed(stored: str | None, new: str | None) -> str | None:
    """Return the text that takes the place of a stored one: the new one, where there is any."""
    return replaced(stored, new) if new else stored


def replaced(stored: str | None, new: str | None) -> str | None:
    """Return what takes the place of stored JSON: the new one, unless it has a secret that was left out before."""
    return stored if stored and _REDACTED in stored and _REDACTED not in (new or "") else new


def filled(stored: Any, new: Any) -> Any:
    """Return what takes the place of a stored value that is no text: the new one, where it is known."""
    return stored if new is None else new


def is_cut_at_a_secret(stored: str, new: str) -> bool:
    """Say whether a stored text ends in the part of a secret that was written by then, and is there in the new one
    as a whole: taken out.
    """
    if len(new) <= len(stored) or _REDACTED not in new:
        return False
    pairs = enumerate(zip(stored, new, strict=False))
    same = next((at for at, (one, other) in pairs if one != other), len(stored))
    mark = new.rfind(_REDACTED, 0, same + len(_REDACTED))
    return mark >= 0 and same <= new.find("]", mark) and not _SPACE.search(stored, same)
