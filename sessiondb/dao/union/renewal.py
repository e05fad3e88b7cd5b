"""What becomes of a stored text when its file says another one, and what was taken out of either as a secret."""

from __future__ import annotations

import re

_REDACTED = "[redacted:"
_SPACE = re.compile(r"\s")


def renewed(stored: str | None, new: str | None) -> str | None:
    """Return the text that takes the place of a stored one: the new one, but for none, or for a secret left in it."""
    if not new or (stored and _REDACTED in stored and _REDACTED not in new):
        return stored
    return new


def renewal(column: str, new: str) -> str:
    """Return `renewed` as SQL, of a column and a parameter."""
    keeps_secret = f"instr({column}, '{_REDACTED}') AND NOT instr({new}, '{_REDACTED}')"
    return f"CASE WHEN coalesce({new}, '') = '' OR {keeps_secret} THEN {column} ELSE {new} END"


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
