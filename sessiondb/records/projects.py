"""How the folder of a project is written."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath


def normal_path(path: str) -> str:
    """Return a folder's path without a closing slash, as agents write it either way."""
    return path.rstrip("/\\") or path[:1]


def folder_name(path: str) -> str:
    """Return the last part of a POSIX or Windows path, which names the project for people."""
    pure = PureWindowsPath(path) if "\\" in path else PurePosixPath(path)
    return pure.name or path
