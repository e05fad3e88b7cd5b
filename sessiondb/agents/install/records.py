"""What settings files held before something was installed, kept beside our own data, by which it is undone.

One file for each settings file, in the platform's folder for state. A settings file can hold secrets, so that only its
owner can read what is kept.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from sessiondb.agents.install import files
from sessiondb.settings.paths import user_state


@dataclass(frozen=True, slots=True)
class Record:
    """What a file held before, None where there was none; the digest of what was written; folders made for it."""

    path: str
    before: bytes | None
    after: str
    made: tuple[str, ...] = field(default=())


def folder() -> Path:
    """Return where records are kept."""
    return user_state() / "sessiondb" / "install"


def digest(content: bytes | None) -> str:
    """Return what tells one content from another."""
    return "" if content is None else hashlib.sha256(content).hexdigest()


def find(path: Path) -> Record | None:
    """Return the record of a file, None where nothing is known of it or the record is broken."""
    content = files.read(_place(path))
    try:
        row = json.loads(content or b"null")
        before = row["before"]
        return Record(
            row["path"],
            None if before is None else base64.b64decode(before),
            row["after"],
            tuple(row["made"]),
        )
    except (ValueError, TypeError, KeyError):
        return None


def keep(record: Record) -> None:
    """Write a record, before the file that it is about."""
    place = _place(Path(record.path))
    before = None if record.before is None else base64.b64encode(record.before).decode()
    row = {"path": record.path, "before": before, "after": record.after, "made": list(record.made)}
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    files.replace(place, json.dumps(row).encode(), expected=files.read(place))
    os.chmod(place, 0o600)


def forget(path: Path) -> None:
    """Remove the record of a file."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        _place(path).unlink()


def keep_copy(path: Path, content: bytes) -> Path:
    """Keep what a person has made of a file of ours, and return where."""
    place = folder() / f"{digest(content)[:12]}-{path.name}"
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    files.replace(place, content, expected=files.read(place))
    return place


def _place(path: Path) -> Path:
    return folder() / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}.json"
