"""A database that is gone when it is closed, as programs and their tests ask for with ":memory:"."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any


def temporary_folder(owner: object) -> tuple[Path, Callable[[], Any]]:
    """Return a private folder and what removes it, at the latest with its owner or the process that made it.

    It is a folder because a database is read and written through several connections, which cannot share
    what is in memory.
    """
    folder = tempfile.mkdtemp(prefix="sessiondb-")
    return Path(folder), weakref.finalize(owner, _remove, folder, os.getpid())


def _remove(folder: str, process: int) -> None:
    # A child that was forked has a copy of the owner, and must leave the folder to its parent.
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
