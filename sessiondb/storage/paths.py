"""Paths as callers give them, and those at which only a database, or what SQLite keeps beside it, may lie."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sessiondb.errors import InvalidInput
from sessiondb.storage.files import is_open

_COMPANIONS = ("-wal", "-shm", "-journal", ".lock")


def given_path(given: Any, what: str) -> Path:
    """Return the path that a caller gave for something, with the home folder for `~`.

    Raises InvalidInput as `path_name` does, and for a home folder that is not known.
    """
    name = path_name(given, what)
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise InvalidInput(f"{name}: there is no home folder of that name, give the whole path") from error


def path_name(given: Any, what: str) -> str:
    """Return the path that a caller gave as text. Raises InvalidInput for what is none, and one with a NUL in it."""
    try:
        name = os.fsdecode(given)
    except TypeError as error:
        raise InvalidInput(f"{what} must be the path of a file, not {type(given).__name__}") from error
    if not name:
        raise InvalidInput(f"the path of {what} is empty: give that of a file")
    if "\0" in name:
        raise InvalidInput(f"{name!r} is not a path: it contains a NUL character")
    try:
        os.fsencode(name)
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"{name!r} is not a path: it holds characters that no file name can have"
        ) from error
    return name


def refuse_databases(path: Path) -> None:
    """Raise InvalidInput where a path that is to be written is that of a database, or of what belongs to one."""
    refuse_companions(path)
    if _is_database(path):
        raise InvalidInput(f"{path} is a database, which this would destroy: give another name")


def refuse_companions(path: Path) -> None:
    """Raise InvalidInput where a path is that of a log or lock of the database beside it, be there one or not."""
    for ending in _COMPANIONS:
        if path.name.endswith(ending) and _is_database(database := Path(str(path)[: -len(ending)])):
            raise InvalidInput(f"{path} belongs to the database {database}: give another name")


def _is_database(path: Path) -> bool:
    """Say whether a path is that of a SQLite file, also through a link."""
    # One that is open here is not looked into: to close it would drop SQLite's locks.
    if is_open(path):
        return True
    if not path.is_file():
        return False
    from sessiondb.storage.pages import MAGIC

    try:
        with open(path, "rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False
