"""Room on the disk that is kept for removals: to remove rows is to write to the log first, which a full disk refuses.

A file beside a large database takes the room, `sessions.db.reserve`. A load of many rows or `optimize` makes it; a
removal on a disk that is about full gives it up, and makes it anew once there is room again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

SIZE = 16 * 1024 * 1024
"""Bytes of the reserve: what the log of a removal takes, which goes in parts."""

LARGE = 64 * 1024 * 1024
"""Bytes from which on a database has one: to remove from a smaller one would give the disk nothing to speak of."""

LOG, TIGHT_LOG = 1000, 100
"""Pages of the log that SQLite brings into the file at once; and on a disk that is about full."""


def place(database: Path) -> Path:
    """Return the path of a database's reserve."""
    return database.with_name(f"{database.name}.reserve")


def keep(database: Path) -> None:
    """Make the reserve of a large database, where the disk has plenty of room and there is none yet."""
    reserve = place(database)
    with contextlib.suppress(OSError):
        if reserve.exists() or database.stat().st_size < LARGE or _free(database) < 4 * SIZE:
            return
        file = os.open(reserve, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            _fill(file)
        except OSError:
            reserve.unlink(missing_ok=True)
        finally:
            os.close(file)


def release(database: Path) -> bool:
    """Give the reserve up where the disk has less room than that; say whether room is short, with it or without one."""
    try:
        if _free(database) < SIZE:
            place(database).unlink(missing_ok=True)
        return _free(database) < 2 * SIZE
    except OSError:
        return False


def has_room(database: Path, size: int) -> bool:
    """Say whether the disk has that many bytes left."""
    try:
        return _free(database) >= size
    except OSError:
        return False


def _free(database: Path) -> int:
    return shutil.disk_usage(database.absolute().parent).free


def _fill(file: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, SIZE)
        return
    for _ in range(SIZE // (1024 * 1024)):
        os.write(file, bytes(1024 * 1024))
