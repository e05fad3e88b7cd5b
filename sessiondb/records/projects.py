"""How the folder of a project is written."""

from __future__ import annotations

import os
from pathlib import PurePosixPath, PureWindowsPath


def normal_path(path: str | os.PathLike[str]) -> str:
    """Return a folder's path without a closing slash, as agents write it either way."""
    text = os.fspath(path)
    return text.rstrip("/\\") or text[:1]


def folder_name(path: str) -> str:
    """Return the last part of a POSIX or Windows path, which names the project for people."""
    pure = PureWindowsPath(path) if "\\" in path else PurePosixPath(path)
    return pure.name or path
