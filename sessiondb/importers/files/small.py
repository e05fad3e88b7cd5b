"""Read small files that lie beside a log and tell of it."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

from sessiondb.chat.text import clean_json
from sessiondb.importers.files.json_lines import object_of
from sessiondb.importers.files.limits import MAX_BESIDE, in_words


def bytes_beside(path: Path) -> bytes:
    """Return all bytes of a small file. Raises OSError, also for one that is not small."""
    with open(path, "rb") as handle:
        data = handle.read(MAX_BESIDE + 1)
    if len(data) > MAX_BESIDE:
        raise OSError(errno.EFBIG, f"is larger than {in_words(MAX_BESIDE)}", str(path))
    return data


def read_object(path: Path) -> dict[str, Any]:
    """Return the object of a JSON file, an empty one where there is none that can be read."""
    try:
        return object_of(clean_json(json.loads(bytes_beside(path))))
    except (OSError, ValueError, RecursionError):
        return {}
