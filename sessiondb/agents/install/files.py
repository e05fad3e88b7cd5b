"""A settings file read as it is, and replaced as a whole: never half of it, never another's change lost."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from sessiondb.errors import Conflict, InvalidInput

BOM = "\ufeff"


def read(path: Path) -> bytes | None:
    """Return what a file holds, None where there is none. Raises InvalidInput where it cannot be read."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            raise InvalidInput(
                f"{path} is a link to {os.readlink(path)}, which does not exist: fix or remove the link, and try again"
            ) from None
        return None
    except IsADirectoryError as error:
        raise InvalidInput(f"{path} is a folder: move it away, and try again") from error
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be read ({error.strerror}): give yourself the right to, and try again"
        ) from error


def decoded(path: Path, content: bytes | None) -> tuple[str, str]:
    """Return a file's byte order mark, "" where it has none, and its text. Raises InvalidInput for no UTF-8."""
    try:
        text = (content or b"").decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8: save it as UTF-8, and try again") from error
    return (BOM, text[1:]) if text.startswith(BOM) else ("", text)


def check_writable(path: Path) -> None:
    """Raise InvalidInput where a file is read-only, which somebody meant, or its folder lets nothing be made."""
    target = Path(os.path.realpath(path))
    try:
        mode = target.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        folder = next((parent for parent in target.parents if os.path.exists(parent)), target.parent)
    else:
        if not stat.S_IMODE(mode) & 0o222 or not os.access(target, os.W_OK):
            raise InvalidInput(
                f"{target} is read-only: run `chmod u+w` on it, or add the entries where it is generated"
            )
        folder = target.parent
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK | os.X_OK):
        raise InvalidInput(f"nothing can be written in {folder}: give yourself the right to, and try again")


def replace(path: Path, content: bytes | None, *, expected: bytes | None) -> list[Path]:
    """Replace a file by a new one with the same mode and owner, or delete it, and return the folders made for it.

    A link stays, and its target is replaced. Raises Conflict where the file does not hold what was expected any more,
    and InvalidInput where it cannot be written.
    """
    target = Path(os.path.realpath(path))
    made = [parent for parent in target.parents if not os.path.exists(parent)]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if read(target) != expected:
            raise Conflict(f"{path} has changed in the meantime: try again")
        if content is None:
            target.unlink(missing_ok=True)
        else:
            _put(target, content)
        _sync_folder(target.parent)
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be written ({error.strerror}): nothing of it was changed"
        ) from error
    return made


def _put(target: Path, content: bytes) -> None:
    before = target.stat() if target.exists() else None
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".sessiondb", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, stat.S_IMODE(before.st_mode) if before else 0o666 & ~_umask())
        if before is not None and hasattr(os, "chown") and (before.st_uid, before.st_gid) != _owner(name):
            # Without the right to, the file belongs to whoever writes it.
            with contextlib.suppress(PermissionError):
                os.chown(name, before.st_uid, before.st_gid)
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _owner(name: str) -> tuple[int, int]:
    found = os.stat(name)
    return found.st_uid, found.st_gid


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Let a rename outlive a power cut, where folders can be synced."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
