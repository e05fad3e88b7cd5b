"""Folders as editors write them: paths, and URIs with escapes and drives."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

_SCHEME = re.compile(r"[A-Za-z][\w+.-]+://")
_DRIVE = re.compile(r"/[A-Za-z]:(?:/|\Z)")


class Place(NamedTuple):
    """A folder or file, and the machine that it is on, None for this one."""

    path: str | None
    remote: str | None = None


def place_of(text: str | None) -> Place:
    """Return the place that a path or URI names; neither where it is none."""
    if not text or not _SCHEME.match(text):
        return Place(text or None)
    try:
        url = urlsplit(text)
    except ValueError:
        return Place(None)
    path = unquote(url.path)
    if _DRIVE.match(path):
        path = path[1:].replace("/", "\\")
    return Place(path or None, unquote(url.netloc) or None if url.scheme != "file" else None)
