"""A purge leaves no byte of what is removed: not in the database, its log, an index or a side table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.errors import Conflict, DatabaseBusy, InvalidInput, NotFound

WORD = "xylographicsecret"
OTHER = "harmlessneighbour"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make a database with a session that has the word in every column a person can fill, and another without."""
    path = tmp_path / "sessions.db"
    with SessionDB(path) as db:
        for word, name in ((OTHER, "keep"), (WORD, "go")):
            db.sessions.start(
                "agent",
                id=name,
                title=f"{word} title",
                project=f"/srv/{word}/quill",
                model=f"{word}-model",
                tags=[f"{word}-tag"],
                metadata={"about": word},
                started_at="2026-01-05T08:00:00Z",
            )
            for number in range(30):
                asked = db.messages.append(
                    name,
                    "assistant",
                    f"{word} content {number}",
                    reasoning=f"{word} thought",
                    tool_calls=[{"id": f"c{number}", "name": word, "arguments": {"path": word}}],
                    created_at="2026-01-05T08:00:00Z",
                )
                db.messages.append(
                    name,
                    "tool",
                    f"{word} result",
                    tool_call_id=f"c{number}",
                    created_at="2026-01-05T08:00:00Z",
                )
            db.add_tokens(
                name, request_key=f"{word}-key", message_id=asked.id, model=f"{word}-model", input=1
            )
            db.notes.add("decision", f"{word} note", session_id=name, translations={"de": f"{word} Notiz"})
            db.sessions.end(name, reason=f"{word} ended", at="2026-01-05T09:00:00Z")
    return path


def files_with(folder: Path, word: str) -> list[str]:
    """Return the files that hold a word's bytes, whatever its case."""
    return sorted(file.name for file in folder.rglob("*.*") if word.encode() in file.read_bytes().lower())


def test_the_words_are_there_before_and_after_a_plain_removal(path: Path) -> None:
    with SessionDB(path) as db:
        db.remove("go")
        db.vacuum()
    assert files_with(path.parent, WORD) == ["sessions.db"]


@pytest.mark.parametrize("is_pruned", [True, False])
def test_no_byte_of_the_text_is_left_by_a_purge(path: Path, is_pruned: bool) -> None:
    with SessionDB(path) as db:
        if is_pruned:
            db.sessions.set_pinned("keep")
            removal = db.prune("2099-01-01", purge=True)
        else:
            removal = db.remove("go", purge=True)
        assert removal.sessions == ["go"]
        # Open still: the log is emptied at once, not by the last one to close.
        assert files_with(path.parent, WORD) == []
        assert [hit.session_id for hit in db.search(OTHER).hits] == ["keep"]
        assert db.check() == []
    assert files_with(path.parent, OTHER) == ["sessions.db"]


def test_what_was_removed_before_is_purged_by_its_id(path: Path) -> None:
    with SessionDB(path) as db:
        db.remove("go")
        assert db.remove("go", purge=True).sessions == []
        assert files_with(path.parent, WORD) == []
        with pytest.raises(NotFound):
            db.remove("never there", purge=True)


def test_a_dry_run_of_a_purge_changes_nothing(path: Path) -> None:
    with SessionDB(path) as db:
        before = db.connection.rows("SELECT * FROM messages")
        assert db.remove("go", purge=True, dry_run=True).sessions == ["go"]
        assert db.connection.rows("SELECT * FROM messages") == before


def test_a_purge_says_when_a_reader_keeps_bytes_in_the_log(path: Path) -> None:
    with SessionDB(path, time_budget=0.2) as db, SessionDB(path, read_only=True) as reader:
        with reader.connection.snapshot(), pytest.raises(DatabaseBusy, match=r"is being read|busy|locked"):
            reader.connection.rows("SELECT count(*) FROM messages")
            db.remove("go", purge=True)
        db.remove("go", purge=True)
        assert files_with(path.parent, WORD) == []


def log_of(folder: Path) -> Path:
    """Write a log of Claude Code with the word in it."""
    log = folder / "logs" / "5b0d7c1e-93f4-4a86-b1d2-6f0e8a47c359.jsonl"
    log.parent.mkdir()
    entry = {
        "type": "user",
        "uuid": "u1",
        "parentUuid": None,
        "sessionId": log.stem,
        "timestamp": "2026-03-02T08:00:00.000Z",
        "version": "2.1.0",
        "cwd": "/home/mira/quill",
        "message": {"role": "user", "content": f"{WORD} in a log"},
    }
    log.write_text(json.dumps(entry) + "\n")
    return log


def test_a_log_is_named_left_alone_and_not_imported_again(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    with SessionDB(tmp_path / "sessions.db") as db:
        db.import_logs(log)
        removal = db.remove(log.stem, purge=True)
        assert removal.elsewhere == [str(log)]
        assert WORD in log.read_text()
        # Read anew, as after an upgrade of the importer.
        db.import_logs(log)
        assert db.connection.value("SELECT count(*) FROM sessions") == 0
        assert files_with(tmp_path, WORD) == [log.name]


def test_a_backup_is_named_whatever_the_database_is_called(tmp_path: Path) -> None:
    (tmp_path / "s1.db.v9.backup").touch()
    with SessionDB(tmp_path / "s[1].db") as db:
        db.sessions.start("agent", id="go")
        backup = tmp_path / "s[1].db.v9.backup"
        db.backup(backup)
        assert db.remove("go", purge=True).elsewhere == [str(backup)]


@pytest.fixture
def forked(path: Path) -> Path:
    """Add a fork of the session that is to go, which shares its first ten messages."""
    with SessionDB(path) as db:
        db.sessions.start("agent", id="heir", parent="go", relation="fork", metadata={"forked_at": 10})
        db.messages.append("heir", "user", "mine alone")
    return path


def test_what_a_live_fork_shares_is_named_and_refused(forked: Path) -> None:
    with SessionDB(forked) as db:
        with pytest.raises(Conflict, match=r"1 session that would stay.*heir.*--with-copies"):
            db.remove("go", purge=True)
        assert len(db.messages.transcript("go")) == 60
        db.remove("go", "heir", purge=True)
        assert files_with(forked.parent, WORD) == []


def test_with_copies_a_purge_takes_it_from_the_fork_too(forked: Path) -> None:
    with SessionDB(forked) as db:
        db.remove("go", purge=True, with_copies=True)
        assert files_with(forked.parent, WORD) == []
        assert [message.text for message in db.messages.transcript("heir")] == ["mine alone"]


def test_copies_are_refused_without_a_purge(path: Path) -> None:
    with SessionDB(path) as db, pytest.raises(InvalidInput, match="add --purge"):
        db.remove("go", with_copies=True)
