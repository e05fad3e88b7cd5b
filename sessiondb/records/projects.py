"""How the folder of a project is written."""

from __future__ import annotations

import os
import re
from pathlib import PurePosixPath, PureWindowsPath

from sessiondb.errors import InvalidInput

_DRIVE = r"(?:[\\/]{2}[?.][\\/])?([A-Za-z]):(?=[\\/]|$)"


def normal_path(path: str | os.PathLike[str]) -> str:
    """Return a folder's path without a closing slash, as agents write it either way.

    One on a Windows drive has the drive's letter in upper case and backslashes: shells and editors differ in both.
    Raises InvalidInput for what is no path.
    """
    try:
        text = os.fsdecode(path)
    except TypeError as error:
        raise InvalidInput(f"a project is the path of a folder, not {type(path).__name__}") from error
    drive = re.match(_DRIVE, text)
    if drive is None:
        return text.rstrip("/\\") or text[:1]
    below = text[drive.end() :].replace("/", "\\").rstrip("\\")
    return f"{drive[1].upper()}:{below or chr(92)}"


def folder_name(path: str) -> str:
    """Return the last part of a POSIX or Windows path, which names the project for people."""
    pure = PureWindowsPath(path) if "\\" in path else PurePosixPath(path)
    return pure.name or path
