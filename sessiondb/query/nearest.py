"""Which known names a mistyped one is near to. Pure."""

from __future__ import annotations

from collections.abc import Iterable

_SHOWN = 3
_CUTOFF = 0.6


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Return up to three of the names that are like a name: that contain it, or differ in a few letters."""
    from difflib import get_close_matches

    wanted = name.lower()
    by_key: dict[str, str] = {}
    for full in known:
        by_key.setdefault(full.lower(), full)
        by_key.setdefault(_last_part(full).lower(), full)
    inside = [full for key, full in by_key.items() if wanted and wanted in key]
    close = get_close_matches(wanted, by_key, n=2 * _SHOWN, cutoff=_CUTOFF)
    close += get_close_matches(_last_part(wanted), by_key, n=_SHOWN, cutoff=_CUTOFF)
    return list(dict.fromkeys([*inside, *(by_key[key] for key in close)]))[:_SHOWN]


def _last_part(path: str) -> str:
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2]
