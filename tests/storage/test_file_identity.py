"""A database whose file is taken away, replaced or emptied while it is open takes no more writes, and says why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.errors import DatabaseError


def remove(path: Path) -> None:
    path.unlink()


def move(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))


def replace(path: Path) -> None:
    with SessionDB(path.with_name("other.db")) as other:
        other.sessions.start("other", id="other")
    path.with_name("other.db").replace(path)


def empty(path: Path) -> None:
    path.write_bytes(b"")


WAYS: dict[str, tuple[Callable[[Path], None], str]] = {
    "removed": (remove, "was removed or moved while it was open"),
    "moved": (move, "was removed or moved while it was open"),
    "replaced": (replace, "was replaced by another file while it was open"),
    "emptied": (empty, "was emptied while it was open: restore a backup"),
}


@pytest.mark.parametrize("way", WAYS)
def test_no_write_is_acknowledged_that_would_be_lost(tmp_path: Path, way: str) -> None:
    path = tmp_path / "sessions.db"
    change, said = WAYS[way]
    db = SessionDB(path)
    try:
        db.sessions.start("agent", id="s")
        db.messages.append("s", "user", "before")
        change(path)
        for _ in range(2):
            with pytest.raises(DatabaseError, match=said):
                db.messages.append("s", "user", "after")
        with pytest.raises(DatabaseError, match=said):
            db.messages.transcript("s")
    finally:
        db.close()


def test_a_log_removed_beside_an_open_database_takes_no_write_and_loses_none(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    db = SessionDB(path)
    try:
        db.sessions.start("agent", id="s")
        db.messages.append("s", "user", "before")
        Path(f"{path}-wal").unlink()
        for _ in range(2):
            with pytest.raises(DatabaseError, match="-wal was removed while it was in use"):
                db.messages.append("s", "user", "after")
    finally:
        db.close()
    with SessionDB(path) as again:
        assert [message["content"] for message in again.history("s")] == ["before"]
        again.messages.append("s", "user", "after")


def test_a_log_put_in_the_place_of_one_in_use_takes_no_write(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    db = SessionDB(path)
    try:
        db.sessions.start("agent", id="s")
        log = Path(f"{path}-wal")
        log.with_name("copy").write_bytes(log.read_bytes())
        log.with_name("copy").replace(log)
        with pytest.raises(DatabaseError, match="-wal was replaced while it was in use"):
            db.messages.append("s", "user", "after")
    finally:
        db.close()
