"""Room on the disk that is kept for removals."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from sessiondb import SessionDB
from sessiondb.cli.group import cli
from sessiondb.errors import DatabaseError
from sessiondb.storage import reserve

MB = 1024 * 1024


@pytest.fixture
def small_reserves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let databases of a megabyte have a reserve of another."""
    monkeypatch.setattr(reserve, "SIZE", MB)
    monkeypatch.setattr(reserve, "LARGE", MB)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a disk of 12 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(path: Path) -> None:
    with SessionDB(path) as db, db.connection.transaction():
        for session in range(20):
            id = f"session-{session:02}"
            at = f"2026-01-{session + 1:02}T00:00:00Z"
            db.sessions.start("agent", id=id, started_at=at)
            for number in range(100):
                db.messages.append(id, "user", f"{number} is a word of {session} " * 40, created_at=at)
            db.sessions.end(id, at=at)


def fill_up(disk: Path) -> None:
    """Take all room that is left."""
    with (disk / "other").open("wb") as file, contextlib.suppress(OSError):
        while True:
            os.write(file.fileno(), bytes(4096))


def test_a_small_database_has_no_reserve(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    fill(path)
    with SessionDB(path) as db:
        db.optimize()

    assert not reserve.place(path).exists()


@pytest.mark.usefixtures("small_reserves")
def test_a_large_database_has_one_that_only_its_owner_can_read(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    fill(path)
    with SessionDB(path) as db:
        db.optimize()

    found = reserve.place(path).stat()
    assert (found.st_size, found.st_blocks * 512 >= MB, stat.S_IMODE(found.st_mode)) == (MB, True, 0o600)


@pytest.mark.usefixtures("small_reserves")
def test_a_disk_with_room_keeps_the_reserve_through_removals(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    fill(path)
    with SessionDB(path) as db:
        db.optimize()
        db.remove("session-03")

    assert reserve.place(path).exists()


@pytest.mark.once
@pytest.mark.usefixtures("small_reserves")
@pytest.mark.parametrize("has_reserve", [True, False])
@pytest.mark.parametrize(
    "command", [["rm", "session-03", "session-04", "--yes"], ["prune", "--days", "1", "--yes"]]
)
def test_removals_work_on_a_full_disk(disk: Path, has_reserve: bool, command: list[str]) -> None:
    path = disk / "sessions.db"
    fill(path)
    with SessionDB(path) as db:
        db.optimize()
    if not has_reserve:
        reserve.place(path).unlink()
    fill_up(disk)
    with pytest.raises(DatabaseError), SessionDB(path) as db:
        db.sessions.start("agent", id="more")

    result = CliRunner().invoke(cli, ["--db", str(path), *command])

    # Without the reserve it fails of the full disk: this is what the reserve is for.
    assert (result.exit_code == 0) == has_reserve, result.output
    (disk / "other").unlink()
    with SessionDB(path) as db:
        count = db.connection.value("SELECT count(*) FROM sessions")
        assert db.check() == []
        db.optimize()
    assert count == (20 if not has_reserve else 18 if command[0] == "rm" else 0)
    assert shutil.disk_usage(disk).free
    assert reserve.place(path).exists()
