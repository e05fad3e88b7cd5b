"""The fixtures that all other tests rely on."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sessiondb import SessionDB, timestamps
from sessiondb.storage import migrations
from tests.helpers import further_cases, memory, new_databases


@pytest.mark.parametrize(
    "find",
    [
        pytest.param(Path.home, id="home"),
        pytest.param(lambda: Path("~/.claude").expanduser(), id="tilde"),
        *(
            pytest.param(lambda name=name: Path(os.environ[name]), id=name)
            for name in (
                "XDG_CACHE_HOME",
                "XDG_CONFIG_HOME",
                "XDG_DATA_HOME",
                "CLAUDE_CONFIG_DIR",
                "CODEX_HOME",
                "HERMES_HOME",
                "LLM_USER_PATH",
                "SESSIONDB_PATH",
            )
        ),
    ],
)
def test_nothing_of_the_users_can_be_written(find: Callable[[], Path], unwritable_home: Path) -> None:
    place = find()

    assert unwritable_home in place.parents
    with pytest.raises(NotADirectoryError):
        place.mkdir(parents=True)
    with pytest.raises(NotADirectoryError):
        place.write_text("stray")


def test_child_processes_cannot_write_to_the_home_either() -> None:
    stray = "import pathlib; (pathlib.Path.home() / 'stray').mkdir(parents=True)"

    done = subprocess.run([sys.executable, "-c", stray], capture_output=True, text=True, check=False)

    assert (done.returncode, "NotADirectoryError" in done.stderr) == (1, True)


def test_a_new_database_is_the_one_that_the_migrations_make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SessionDB(tmp_path / "copied.db").close()
    assert migrations._upgrade is not new_databases.upgrade
    monkeypatch.setattr(migrations, "_upgrade", new_databases.upgrade)
    SessionDB(tmp_path / "migrated.db").close()

    copied, migrated = held(tmp_path / "copied.db"), held(tmp_path / "migrated.db")

    assert copied == migrated
    assert len(copied["rows"]) > 100


def test_each_new_database_is_known_by_its_own_id(tmp_path: Path) -> None:
    def made(name: str) -> str:
        SessionDB(tmp_path / name).close()
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            (found,) = connection.execute("SELECT value FROM meta WHERE key = 'database_id'").fetchone()
        return str(found)

    assert made("one.db") != made("other.db")


def held(path: Path) -> dict[str, Any]:
    """Return all that a database file holds, but for its id."""
    pragmas = (
        "application_id", "auto_vacuum", "encoding", "freelist_count", "journal_mode", "page_count", "page_size",
        "user_version",
    )  # fmt: skip
    with closing(sqlite3.connect(path)) as connection:
        found: dict[str, Any] = {name: connection.execute(f"PRAGMA {name}").fetchone() for name in pragmas}
        connection.execute("UPDATE meta SET value = '' WHERE key = 'database_id'")
        found["rows"] = list(connection.iterdump())
    return found


def test_no_two_sessions_start_at_one_moment(db: SessionDB) -> None:
    for number in range(20):
        db.sessions.start("agent", id=f"s{number}")

    started = [db.sessions.get(f"s{number}").started_at for number in range(20)]

    assert sorted(set(started)) == started
    assert timestamps.now() > started[-1]


@pytest.mark.parametrize(
    ("free", "flags", "environment", "expected"),
    [
        pytest.param(memory.ROOM, 0, {}, "memory", id="room"),
        pytest.param(memory.ROOM - 1, 0, {}, None, id="too little room"),
        pytest.param(memory.ROOM, os.ST_NOEXEC, {}, None, id="no program can be started there"),
        pytest.param(memory.ROOM, 0, {"TMPDIR": "said"}, "said", id="TMPDIR"),
    ],
)
def test_temporary_folders_are_in_memory_where_there_is_room(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    free: int,
    flags: int,
    environment: dict[str, str],
    expected: str | None,
) -> None:
    monkeypatch.setattr(memory, "MEMORY", tmp_path / "memory")
    (tmp_path / "memory").mkdir()
    monkeypatch.setattr(os, "environ", {name: str(tmp_path / value) for name, value in environment.items()})
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_flag=flags))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    monkeypatch.setattr(tempfile, "tempdir", "unknown")

    memory.use()

    found = os.environ.get("TMPDIR")
    assert (found is not None and Path(found).is_relative_to(tmp_path / str(expected))) == bool(expected)


def test_a_folder_on_a_disk_is_not_in_memory() -> None:
    with memory.disk_folder() as folder:
        assert memory.MEMORY not in folder.parents
        assert list(folder.iterdir()) == []
    assert not folder.exists()


def test_of_many_cases_the_first_and_the_last_are_for_each_python(tmp_path: Path) -> None:
    once: list[str] = []

    def item(file: str, name: str, *fixtures: str) -> Any:
        nodeid = f"{file}::{name}"
        return SimpleNamespace(
            path=tmp_path / file,
            nodeid=nodeid,
            fixturenames=fixtures,
            add_marker=lambda mark: once.append(name),
        )

    names = [f"{test}[{case}]" for test in ("test_a", "test_b") for case in range(4)]
    further_cases.leave_to_one_python(
        [
            *(item("dao/test_one.py", name) for name in names),
            *(item("dao/query/test_text.py", f"test_c[{case}]") for case in range(4)),
            *(item("test_top.py", f"test_d[{case}]") for case in range(4)),
            item("cli/test_real.py", "test_e", "corpus"),
        ],
        tmp_path,
    )

    assert sorted(once) == ["test_a[1]", "test_a[2]", "test_b[1]", "test_b[2]", "test_e"]
