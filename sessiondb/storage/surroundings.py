"""What is around a database: the file system that it lies on, and the SQLite libraries of this process."""

from __future__ import annotations

import os
import re
from pathlib import Path

_MOUNTS, _MAPS = Path("/proc/self/mountinfo"), Path("/proc/self/maps")

_NETWORK = re.compile(
    r"(nfs\d?|cifs|smb\d?|smbfs|ncpfs|afs|9p|ceph|lustre|gpfs|glusterfs|ocfs2|gfs2|davfs|vboxsf|prl_fs"
    r"|fuse\.(sshfs|glusterfs|ceph|rclone|davfs2?|s3fs|gvfsd-fuse|vmhgfs-fuse|smbnetfs))"
)

# Files that have SQLite in them. Python's own module has it from libsqlite3, or in itself where there is none.
_LIBRARY = re.compile(r"(libsqlite3|libsqlcipher|apsw/|pysqlite3/|sqlean/|sqlcipher3/|libsql)[^ ]*\.so")


def network_file_system(path: Path) -> str | None:
    """Return the kind of network file system that a path lies on, None for a local one or where nothing tells."""
    place = os.path.realpath(path)
    best = ("", "")
    for mount, kind in _mounts():
        if (place == mount or place.startswith(mount.rstrip("/") + "/")) and len(mount) >= len(best[0]):
            best = (mount, kind)
    return best[1] if _NETWORK.fullmatch(best[1]) else None


def sqlite_libraries() -> list[str]:
    """Return the files of SQLite that are loaded in this process; nothing where the system does not tell.

    Two of them do not know of each other's locks: one that closes a file drops those of the other.
    """
    try:
        lines = _MAPS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    names = {line.split(maxsplit=5)[5] for line in lines if line.count("/")}
    return sorted(name for name in names if _LIBRARY.search(name))


def _mounts() -> list[tuple[str, str]]:
    """Return where file systems are mounted, and of what kind they are; see proc(5)."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        before, separator, after = line.partition(" - ")
        if separator and len(fields := before.split()) > 4:
            found.append((re.sub(r"\\(\d{3})", _character, fields[4]), after.split()[0]))
    return found


def _character(match: re.Match[str]) -> str:
    return chr(int(match[1], 8))
