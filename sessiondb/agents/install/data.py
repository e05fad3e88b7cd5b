"""What settings hold, once they are read: objects, lists and values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Path = Sequence["str | int"]


def value_at(data: Any, path: Path) -> Any:
    """Return the value at a path of keys and indexes, None where there is none."""
    for key in path:
        if isinstance(key, int):
            data = data[key] if isinstance(data, list) and key < len(data) else None
        else:
            data = data.get(key) if isinstance(data, dict) else None
    return data


def named(path: Path) -> str:
    """Return a path as people write it."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).lstrip(".")
