"""Temporary folders of tests in memory, where syncs are free; those of tests about disks and locks on a disk. And how
much memory a process takes.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOM = 2 * 2**30
DISK = Path("/var/tmp")
"""What lies there stays when a machine starts anew: it is no memory, as /tmp may be."""


def use() -> None:
    """Have this process and those that it starts make temporary folders in memory, unless TMPDIR says where."""
    if "TMPDIR" not in os.environ and _fits(MEMORY):
        # What a killed process leaves must not stay in memory; the folders of tests that failed do, three runs long.
        folder = tempfile.mkdtemp(prefix="sessiondb-tests-", dir=MEMORY)
        atexit.register(_remove, folder, os.getpid())
        # Tests with two users make folders in it that both of them find.
        os.chmod(folder, 0o711)
        os.environ["TMPDIR"] = folder
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
        tempfile.tempdir = None


@contextlib.contextmanager
def disk_folder() -> Iterator[Path]:
    """Lend an empty folder on a disk."""
    place = DISK if os.access(DISK, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="sessiondb-", dir=place) as name:
        yield Path(name).resolve()


def peak() -> int:
    """Return the most memory that this process has had in bytes; what getrusage says begins with its parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024


def _remove(folder: str, maker: int) -> None:
    if os.getpid() == maker:
        shutil.rmtree(folder, ignore_errors=True)


def _fits(folder: Path) -> bool:
    # Containers often have little room there, or forbid to start what tests write there.
    if not os.access(folder, os.W_OK) or os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return False
    return shutil.disk_usage(folder).free >= ROOM
