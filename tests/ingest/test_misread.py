"""What an earlier version misread is put right by the next import of the same file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.dao.lookups import Lookups
from sessiondb.dao.sessions.details import SessionDetails
from sessiondb.importers import claude_code, opencode
from sessiondb.importers.base import MessageRecord, SessionRecord
from sessiondb.ingest.run import Ingest
from sessiondb.records.imports import Unfilled

ID = "5b0e7c1d-3f52-4f0e-9d55-0c4f6f1f2a10"
WHEN = "2026-10-01T08:00:00.000Z"
# Of an agent that there is no importer of, and of one that there is.
FOREIGN = {"id": f"T-{ID}", "title": "Roses", "messages": []}
MISREAD = {
    "type": "user",
    "uuid": "q1",
    "sessionId": ID,
    "timestamp": WHEN,
    "message": {"parts": [{"text": "Dry?"}]},
}


@pytest.fixture
def db(tmp_path: Path) -> Iterator[SessionDB]:
    with SessionDB(tmp_path / "x.db") as db:
        yield db


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps(FOREIGN) + "\n", encoding="utf-8")
    return path


def age(db: SessionDB, path: Path, format: str, *sessions: str) -> None:
    """Let the ledger say that an earlier version has read a file as of some format."""
    db.connection.execute(
        "UPDATE imports SET format = ?, parser_version = 1 WHERE path = ?", (format, str(path))
    )
    for session in sessions:
        db.connection.execute(
            "INSERT OR IGNORE INTO import_sessions (import_id, session_id)"
            " SELECT id, ? FROM imports WHERE path = ?",
            (session, str(path)),
        )


def misread(db: SessionDB, path: Path) -> None:
    """Import a file as the version did that took it for Claude Code's."""
    run(db, path)
    with db.connection.transaction():
        db.connection.execute("INSERT OR IGNORE INTO agents VALUES ('claude-code')")
        db.connection.execute(
            "INSERT INTO sessions (id, agent, native_id, started_at, last_active_at, title, title_source)"
            " VALUES (:id, 'claude-code', :id, :at, :at, 'no such words', 'prompt')",
            {"id": ID, "at": WHEN},
        )
        db.connection.execute(
            "INSERT INTO messages (session_id, seq, role, external_id) VALUES (?, 1, 'user', 'q1')", (ID,)
        )
        age(db, path, "claude-code", ID)


def details(db: SessionDB) -> SessionDetails:
    return SessionDetails(db.connection, Lookups(db.connection))


def run(db: SessionDB, path: Path) -> list[str]:
    return [one.reason for one in Ingest(db.connection).run([str(path)]).skipped]


def sessions(db: SessionDB) -> list[tuple[Any, ...]]:
    return db.connection.rows("SELECT id, agent, title, message_count FROM sessions")


def test_a_log_of_another_agent_taken_for_claude_code_is_taken_back(db: SessionDB, log: Path) -> None:
    misread(db, log)
    named = "is a log of Amp, which sessiondb does not read yet"
    assert run(db, log) == [f"{named}; what an earlier version took from it (1 session) is removed"]
    assert sessions(db) == []
    assert db.connection.value("SELECT count(*) FROM deletions") == 0
    assert run(db, log) == [named]


@pytest.mark.parametrize("mark", ["tag", "note", "title", "pin"])
def test_what_a_person_put_on_a_misread_session_waits_for_its_importer(
    db: SessionDB, log: Path, mark: str
) -> None:
    misread(db, log)
    if mark == "tag":
        details(db).add_tags(ID, ["roses"])
    elif mark == "note":
        db.notes.add("decision", "Water on Mondays", session_id=ID)
    elif mark == "title":
        details(db).set_title(ID, "The dry bed")
    else:
        details(db).set_pinned(ID)
    run(db, log)
    assert sessions(db) == [(ID, "amp", "The dry bed" if mark == "title" else None, 0)]


def test_a_qwen_log_taken_for_claude_code_becomes_what_it_is(db: SessionDB, log: Path) -> None:
    misread(db, log)
    log.write_text(json.dumps(MISREAD) + "\n", encoding="utf-8")
    details(db).add_tags(ID, ["roses"])
    assert run(db, log) == []
    assert sessions(db) == [(ID, "qwen-code", "Dry?", 1)]
    assert details(db).tags(ID) == ["roses"]


def test_a_session_that_another_file_gave_too_or_that_goes_on_here_stays(db: SessionDB, log: Path) -> None:
    misread(db, log)
    db.connection.execute(
        "INSERT INTO messages (session_id, seq, role, content) VALUES (?, 2, 'user', 'And now?')", (ID,)
    )
    assert run(db, log) == ["is a log of Amp, which sessiondb does not read yet"]
    assert sessions(db) == [(ID, "claude-code", "no such words", 2)]


def test_a_log_that_no_importer_of_today_knows_takes_nothing_back(db: SessionDB, log: Path) -> None:
    misread(db, log)
    log.write_text('{"some": "thing else"}\n', encoding="utf-8")
    assert run(db, log) == ["is not a session log that sessiondb knows"]
    assert len(sessions(db)) == 1


def test_records_that_a_lower_version_got_wrong_are_replaced_not_added_to(
    db: SessionDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"{ID}.jsonl"
    line = {"type": "user", "uuid": "u1", "sessionId": ID, "timestamp": WHEN, "message": {"content": "Dry?"}}
    path.write_text(json.dumps(line) + "\n", encoding="utf-8")
    right = [SessionRecord(ID, "claude-code", ID), MessageRecord(ID, "user", "Dry?", "u1", WHEN)]
    wrong = [*right, MessageRecord(ID, "user", "Dry?", "u1-again", WHEN)]
    monkeypatch.setattr(claude_code, "read", lambda source: iter(wrong))
    run(db, path)
    details(db).add_tags(ID, ["roses"])
    monkeypatch.setattr(claude_code, "read", lambda source: iter(right))
    monkeypatch.setattr(claude_code, "version", claude_code.version + 1)
    run(db, path)
    assert sessions(db) == [(ID, "claude-code", "Dry?", 2)]
    monkeypatch.setattr(claude_code, "version", claude_code.version + 1)
    monkeypatch.setattr(claude_code, "wrong_before", claude_code.version, raising=False)
    run(db, path)
    assert sessions(db) == [(ID, "claude-code", "Dry?", 1)]
    assert details(db).tags(ID) == ["roses"]


def test_an_index_that_names_the_session_too_does_not_keep_what_was_wrong(
    db: SessionDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, index = tmp_path / f"{ID}.jsonl", tmp_path / "index.jsonl"
    line = {"type": "user", "uuid": "u1", "sessionId": ID, "timestamp": WHEN, "message": {"content": "Dry?"}}
    for file in (path, index):
        file.write_text(json.dumps(line) + "\n", encoding="utf-8")
    right = [SessionRecord(ID, "claude-code", ID), MessageRecord(ID, "user", "Dry?", "u1", WHEN)]
    wrong = [*right, MessageRecord(ID, "user", "Dry?", "u1-again", WHEN)]
    monkeypatch.setattr(claude_code, "read", lambda source: iter(wrong))
    run(db, path)
    monkeypatch.setattr(claude_code, "read", lambda source: iter(right))
    run(db, index)
    for is_index, count in ((False, 2), (True, 1)):
        is_told = is_index
        monkeypatch.setattr(
            claude_code, "is_index", lambda path, is_told=is_told: is_told and "index" in path, raising=False
        )
        monkeypatch.setattr(claude_code, "version", claude_code.version + 1)
        monkeypatch.setattr(claude_code, "wrong_before", claude_code.version)
        run(db, path)
        assert sessions(db)[0][3] == count


def test_lines_that_a_file_has_lost_since_are_not_taken_for_wrong(
    db: SessionDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"{ID}.jsonl"
    line = {"type": "user", "uuid": "u1", "sessionId": ID, "timestamp": WHEN, "message": {"content": "Dry?"}}
    lines = [json.dumps(line | {"uuid": f"u{number}"}) + "\n" for number in range(3)]
    path.write_text("".join(lines), encoding="utf-8")
    run(db, path)
    path.write_text(lines[1], encoding="utf-8")
    monkeypatch.setattr(claude_code, "version", claude_code.version + 1)
    monkeypatch.setattr(claude_code, "wrong_before", claude_code.version)
    run(db, path)
    assert sessions(db) == [(ID, "claude-code", "Dry?", 3)]


def test_a_crush_database_taken_for_opencode_gets_its_name_and_keeps_its_tags(
    db: SessionDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "crush.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(
            "CREATE TABLE sessions (id TEXT, parent_session_id TEXT, title TEXT, created_at INTEGER);"
            "CREATE TABLE messages (id TEXT, session_id TEXT, role TEXT, parts TEXT, created_at INTEGER);"
            "CREATE TABLE goose_db_version (version_id INTEGER);"
            "INSERT INTO sessions VALUES ('one', NULL, 'Roses', 1790000000);"
            "INSERT INTO messages VALUES ('m1', 'one', 'user', '[]', 1790000000);"
        )
    monkeypatch.setattr(opencode, "version", 1)
    run(db, path)
    ((old, agent, *_),) = sessions(db)
    assert agent == "opencode"
    details(db).add_tags(old, ["roses"])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("ALTER TABLE messages ADD provider TEXT")
    monkeypatch.setattr(opencode, "version", 2)
    run(db, path)
    ((new, agent, title, count),) = sessions(db)
    assert (agent, title, count) == ("crush", "Roses", 1)
    assert new != old
    assert details(db).tags(new) == ["roses"]


def test_what_cannot_be_read_again_because_its_log_is_gone_is_told_once(
    db: SessionDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(session: str) -> str:
        message = {
            "id": f"msg_{session}", "role": "assistant", "model": "claude-opus-4-8", "content": "Beds.",
            "usage": {"input_tokens": 3, "output_tokens": 4},
        }  # fmt: skip
        line = {
            "type": "assistant",
            "uuid": session,
            "sessionId": session,
            "timestamp": WHEN,
            "message": message,
        }
        return json.dumps(line) + "\n"

    ids = [f"6f1c1e0e-0f3c-4c6e-9d7e-00000000000{number}" for number in range(3)]
    for id in ids:
        (tmp_path / f"{id}.jsonl").write_text(answer(id), encoding="utf-8")
    assert db.import_logs(tmp_path).unfilled == []
    (tmp_path / f"{ids[0]}.jsonl").unlink()
    assert db.import_logs(tmp_path).unfilled == []

    monkeypatch.setattr(claude_code, "version", claude_code.version + 1)

    assert db.import_logs(tmp_path).unfilled == [Unfilled("claude-code", logs=1, sessions=1, responses=1)]
    assert db.import_logs(tmp_path).unfilled == []
    (tmp_path / f"{ids[1]}.jsonl").unlink()
    assert db.import_logs(tmp_path).unfilled == []
