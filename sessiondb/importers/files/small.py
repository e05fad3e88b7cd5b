"""Read small files that lie beside a log and tell of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sessiondb.chat.content import clean
from sessiondb.importers.files.json_lines import object_of


def read_object(path: Path) -> dict[str, Any]:
    """Return the object of a JSON file, an empty one where there is none that can be read."""
    try:
        return object_of(clean(json.loads(path.read_bytes())))
    except (OSError, ValueError, RecursionError):
        return {}
