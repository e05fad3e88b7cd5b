"""Files that go away, cannot be read or have odd names during an import: each loses only itself, and not for ever."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.importers import claude_code, openai_chat
from sessiondb.importers.files import source as source_module
from sessiondb.ingest import read_ahead
from sessiondb.ingest.run import Ingest
from sessiondb.ingest.watch import Watch

CHAT = '{"messages": [{"role": "user", "content": "%s"}]}\n'


@pytest.fixture
def db(tmp_path: Path) -> Iterator[SessionDB]:
    with SessionDB(tmp_path / "sessions.db") as opened:
        yield opened


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Make three chats, a, b and c."""
    folder = tmp_path / "logs"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.jsonl").write_text(CHAT % f"from {name}")
    return folder


def said(db: SessionDB) -> list[str]:
    return [row[0] for row in db.connection.rows("SELECT content FROM messages ORDER BY content")]


def run(db: SessionDB, path: Path | str, **options: Any) -> list[str]:
    """Import and return why files were skipped."""
    return [skipped.reason for skipped in Ingest(db.connection, **options).run([str(path)]).skipped]


def odd_name(folder: Path, name: bytes) -> Path:
    path = folder / os.fsdecode(name)
    try:
        path.touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    return path


def test_a_file_name_that_is_no_utf8_is_read_like_any_other(db: SessionDB, logs: Path) -> None:
    odd_name(logs, b"odd\xff.jsonl").write_text(CHAT % "from an odd name")
    odd_name(logs, b"bad\xfe.jsonl").write_text("no log\n")

    for _ in range(2):
        report = Ingest(db.connection).run([str(logs)])
        assert [(skipped.path, skipped.reason) for skipped in report.skipped] == [
            (f"{logs}/bad\\xfe.jsonl", "is not a session log that sessiondb knows")
        ]
        assert said(db) == ["from a", "from an odd name", "from b", "from c"]
    paths = [row[0] for row in db.connection.rows("SELECT path FROM imports ORDER BY path")]
    assert f"{logs}/odd\\xff.jsonl" in paths
    assert report.sessions_unchanged == 4


def test_a_session_named_by_such_a_file_has_the_name_escaped(db: SessionDB, logs: Path) -> None:
    log = '{"role": "session_meta"}\n{"role": "user", "content": "hi", "timestamp": "2026-03-01T09:00:00"}\n'
    odd_name(logs, b"odd\xff.jsonl").write_text(log)
    assert run(db, logs) == []
    names = db.connection.rows("SELECT native_id FROM sessions WHERE agent = 'hermes'")
    assert names == [("odd\\xff",)]


def test_a_file_deleted_while_it_is_read_loses_nobody_elses_sessions(
    db: SessionDB, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = openai_chat.read

    def delete_and_read(source: Any) -> Iterator[Any]:
        yield from read(source)
        if source.path.name == "b.jsonl":
            source.path.unlink()

    monkeypatch.setattr(openai_chat, "read", delete_and_read)
    assert run(db, logs) == ["cannot be read: No such file or directory"]
    assert said(db) == ["from a", "from b", "from c"]


@pytest.mark.parametrize("change", ["unlink", "truncate", "replace"])
def test_a_file_changed_before_it_is_read_loses_only_itself(db: SessionDB, logs: Path, change: str) -> None:
    read = openai_chat.read

    def spoil(source: Any) -> Iterator[Any]:
        path = source.path
        if path.name == "b.jsonl" and "from b" in path.read_text():
            if change == "unlink":
                path.unlink()
            elif change == "truncate":
                os.truncate(path, 10)
            else:
                (path.parent / "new").write_text(CHAT % "anew")
                os.replace(path.parent / "new", path)
        yield from read(source)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openai_chat, "read", spoil)
        run(db, logs)
    assert {"from a", "from c"} <= set(said(db))
    (logs / "b.jsonl").write_text(CHAT % "from b again")
    run(db, logs)
    assert {"from a", "from b again", "from c"} <= set(said(db))


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE, errno.EACCES, errno.ENOSPC])
@pytest.mark.parametrize("at", ["first", "later"])
def test_a_file_that_could_not_be_read_once_is_read_by_the_next_import(
    db: SessionDB, logs: Path, number: int, at: str
) -> None:
    opened = source_module.open_bytes
    seen: list[Path] = []

    def fail(path: Path) -> Any:
        if path.name == "b.jsonl":
            seen.append(path)
            if at == "first" or len(seen) > 1:
                raise OSError(number, os.strerror(number))
        return opened(path)

    with pytest.MonkeyPatch.context() as patch:
        for module in (source_module, openai_chat, *_users_of_open_bytes()):
            patch.setattr(module, "open_bytes", fail, raising=False)
        assert run(db, logs) == [f"cannot be read: {os.strerror(number)}"]
        assert run(db, logs) == [f"cannot be read: {os.strerror(number)}"]
    assert said(db) == ["from a", "from c"]
    assert run(db, logs) == []
    assert said(db) == ["from a", "from b", "from c"]
    assert db.connection.rows("SELECT * FROM import_errors") == []


def _users_of_open_bytes() -> list[Any]:
    from sessiondb.importers.files import json_stream, sample

    return [json_stream, sample, claude_code]


def test_a_database_that_its_owner_has_locked_is_read_by_the_next_import(
    db: SessionDB, tmp_path: Path
) -> None:
    store = tmp_path / "state.db"
    owner = sqlite3.connect(store, isolation_level=None)
    owner.executescript(
        "CREATE TABLE schema_version (version INTEGER);"
        "CREATE TABLE sessions (id TEXT, source TEXT, started_at REAL);"
        "CREATE TABLE messages (id INTEGER, session_id, role, content, tool_call_id, timestamp REAL);"
    )
    owner.execute("INSERT INTO sessions VALUES ('20260301_091500_abcdef', 'cli', 1772356500.0)")
    owner.execute(
        "INSERT INTO messages VALUES (1, '20260301_091500_abcdef', 'user', 'hello', NULL, 1772356500.0)"
    )
    connect = sqlite3.connect
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", lambda *given, **how: connect(*given, **{**how, "timeout": 0}))
        owner.execute("BEGIN EXCLUSIVE")
        (reason,) = run(db, store)
        assert reason.endswith("database is locked")
        owner.execute("ROLLBACK")
    owner.close()
    assert run(db, store) == []
    assert said(db) == ["hello"]


def test_a_lost_reading_process_and_an_odd_file_stop_nothing(
    db: SessionDB, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sessiondb.dao.union.writer import ImportWriter

    monkeypatch.setattr(read_ahead, "WORTHWHILE_BYTES", 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1}, raising=False)
    add = ImportWriter.add

    def refuse(writer: ImportWriter, record: Any) -> None:
        if getattr(record, "content", None) == "from b":
            raise TypeError("an odd record")
        add(writer, record)

    def die(ahead: read_ahead.ReadAhead) -> tuple[int, bytes]:
        ahead.close()
        raise read_ahead.ReaderLost("lost")

    monkeypatch.setattr(ImportWriter, "add", refuse)
    monkeypatch.setattr(read_ahead.ReadAhead, "_block", die)
    (reason,) = run(db, logs, read_ahead=True)
    assert "an odd record" in reason
    assert said(db) == ["from a", "from c"]


def test_a_file_that_could_not_be_read_is_told_again_by_the_watch(logs: Path) -> None:
    now = [0.0]
    watch = Watch([str(logs)])
    rounds = watch.updates(
        1.0, sleep=lambda seconds: bool(now.__setitem__(0, now[0] + seconds)), clock=lambda: now[0]
    )
    assert next(rounds) == [str(logs)]
    watch.later([str(logs / "b.jsonl")])
    assert next(rounds) == [str(logs / "b.jsonl")]
    assert now[0] >= 60


def test_a_folder_nested_a_thousand_deep_is_read(db: SessionDB, logs: Path) -> None:
    deep, made = logs, os.open(logs, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=made)
        made, above = os.open("d", os.O_RDONLY, dir_fd=made), made
        os.close(above)
        deep = deep / "d"
    os.close(made)
    (deep / "deep.jsonl").write_text(CHAT % "from the deep")
    watch = Watch([str(logs)])

    assert run(db, logs) == []

    assert said(db) == ["from a", "from b", "from c", "from the deep"]
    assert str(deep / "deep.jsonl") in watch._files
    with deep.joinpath("deep.jsonl").open("a") as file:
        file.write(CHAT % "more")
    assert watch.changes() == [str(deep / "deep.jsonl")]
    _take_apart(logs / "d")


def _take_apart(folder: Path) -> None:
    """Remove a folder that is nested deeper than Python's own functions go."""
    subprocess.run(["rm", "-r", str(folder)], check=True)


@pytest.mark.parametrize("size", [17, 65])
def test_a_line_that_is_too_long_to_tell_a_format_by_is_named(tmp_path: Path, size: int) -> None:
    line = json.dumps({"type": "user", "sessionId": "s", "message": {"content": "x" * (size << 20)}})
    (tmp_path / "one.jsonl").write_text(line + "\n")

    with SessionDB(tmp_path / "x.db") as db:
        (skipped,) = db.import_logs(tmp_path / "one.jsonl").skipped

    assert (
        skipped.reason == "is not a session log that sessiondb knows, judging by its lines of at most 16 MiB"
    )
