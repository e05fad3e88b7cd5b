"""Make a whole database in a file of its own, which has its name only once it is complete."""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from sessiondb.storage.files import private_file


def back_up(target: Path, copy: Callable[[Path], object]) -> None:
    """Let `copy` write a database as it is now into a new file that only its owner can read.

    What stops in between, be it the power, leaves no file of that name, and the next backup to it removes
    what was written. Where another process was faster, its file stays. Raises OSError, and what `copy` raises.
    """
    with new_file(target) as part:
        copy(part)


@contextlib.contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """Yield an empty file beside a target, which gets its name when the block ends, and is gone when it raises."""
    # Several processes may be at it: each makes its own copy, and the first one gets the name.
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    private_file(part)
    try:
        yield part
        _give_name(part, target)
    finally:
        # By its name first: a folder that cannot be read now is no reason to leave it.
        _remove(part)
        sweep(target)


def sweep(target: Path, ending: str = ".part") -> None:
    """Remove what was not to be the target in the end, of this process and of others that were killed.

    Where the target is there too: a process may have been killed as soon as its copy had the name.
    """
    with contextlib.suppress(OSError):
        for left in target.parent.glob(f"{glob.escape(f'.{target.name}.')}*{ending}*"):
            _remove(left)


def sync(path: Path, mode: int = os.O_RDWR) -> None:
    """Bring a file, which nobody has open as a database, to the disk."""
    file = os.open(path, mode)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system knows how to."""
    with contextlib.suppress(OSError):
        sync(folder, os.O_RDONLY)


def _remove(left: Path) -> None:
    # What cannot be cleared up now can be the next time: what was made is whole all the same.
    with contextlib.suppress(OSError):
        left.unlink()


def _give_name(part: Path, target: Path) -> None:
    # Unlike a rename, a link takes no name from another process, which then removes this part too.
    try:
        with contextlib.suppress(FileExistsError, FileNotFoundError):
            os.link(part, target)
    except OSError:
        # There are file systems without links.
        part.replace(target)
