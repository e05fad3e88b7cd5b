"""Private folders beside a database, in which it is tried out or made; those of killed processes are swept away.

Beside it, for no other place is sure to have room for it, to be on the same disk, and to be as safe from other
people's eyes.
"""

from __future__ import annotations

import contextlib
import glob
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from sessiondb.storage.locks import ProcessMark, is_left

MARK = "in-use"
"""The file in the folder that is locked while its process lives."""

KINDS = DRY_RUN, FIRST_LOAD = "dry-run", "first-load"
"""What such folders are for, as their names say."""

_LONG = 24 * 3600
"""Seconds after which a folder without a mark is taken for left."""


@contextlib.contextmanager
def folder_beside(path: Path, kind: str) -> Iterator[Path]:
    """Yield a private folder beside the database of an absolute path; at the end of the block it is gone.

    Raises OSError where it cannot be made.
    """
    folder = tempfile.TemporaryDirectory(prefix=_prefix(path, kind), dir=path.parent)
    with folder as name, ProcessMark(Path(name) / MARK):
        yield Path(name)


def sweep(database: Path) -> None:
    """Remove the folders that killed processes have left beside a database."""
    path = database.absolute()
    # What cannot be cleared up now can be the next time.
    with contextlib.suppress(OSError):
        for kind in KINDS:
            for folder in path.parent.glob(f"{glob.escape(_prefix(path, kind))}*"):
                if _is_left(folder):
                    shutil.rmtree(folder, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    mark = folder / MARK
    # Killed before it made the mark, which takes no time.
    is_old = not mark.exists() and time.time() - folder.stat().st_mtime > _LONG
    return is_old or is_left(mark)


def _prefix(path: Path, kind: str) -> str:
    return f".{path.name}.{kind}-"
