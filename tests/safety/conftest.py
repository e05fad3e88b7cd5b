"""Where operations are stopped: in memory, for what a killed process leaves is the system's and no disk's."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")
ROOM = 256 * 2**20


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return an empty folder for the points of one operation: thousands of syncs of a disk show nothing more."""
    if not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < ROOM:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="sessiondb-", dir=MEMORY) as name:
        yield Path(name)
