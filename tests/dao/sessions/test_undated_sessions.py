"""Sessions that nothing dates but their file, and empty ones: never the latest, never too old."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.dao.removal import Removals
from sessiondb.errors import NotFound
from sessiondb.ingest.run import Ingest
from sessiondb.records import SessionFilter

OLD, NEW = "2020-01-01T00:00:00Z", "2999-01-01T00:00:00.000Z"


def undated(folder: Path, name: str, mtime: float) -> Path:
    path = folder / f"{name}.jsonl"
    path.write_text(json.dumps({"messages": [{"role": "user", "content": f"hello {name}"}]}) + "\n")
    os.utime(path, (mtime, mtime))
    return path


@pytest.fixture
def db(tmp_path: Path) -> Iterator[SessionDB]:
    """Make a database of a dated session, an undated one that is younger by its file, and an empty one."""
    with SessionDB(tmp_path / "s.db") as db:
        db.sessions.start("codex", id="dated", started_at=OLD)
        db.messages.append("dated", "user", "hi", created_at=OLD)
        db.sessions.end("dated", at=OLD)
        db.sessions.start("codex", id="empty", started_at="2024-01-01T00:00:00Z")
        (tmp_path / "logs").mkdir()
        undated(tmp_path / "logs", "a", 1_750_000_000)
        Ingest(db.connection).run([str(tmp_path / "logs")])
        yield db


def test_a_session_without_times_is_listed_after_all_that_have_some(db: SessionDB) -> None:
    listed = [session.id for session in db.sessions.page(SessionFilter())]
    assert listed[0] == "dated"
    assert listed[2] == "empty"
    for limit in range(1, 4):
        pages = [db.sessions.page(SessionFilter(), limit=limit, offset=at) for at in range(0, 3, limit)]
        assert [session.id for page in pages for session in page] == listed
    assert db.sessions.page(SessionFilter(), offset=3) == []
    assert db.sessions.resolve("@last").id == "dated"


def test_it_says_that_its_file_dates_it(db: SessionDB) -> None:
    session = db.sessions.page(SessionFilter())[1]
    assert session.last_active_at == "2025-06-15T15:06:40.000Z"
    assert session.metadata["dated_by_file"] == session.last_active_at


def test_it_is_not_pruned_or_ended_for_its_age_and_is_counted(db: SessionDB) -> None:
    removal = Removals(db.connection).prune(NEW, SessionFilter(), include_open=True)
    assert sorted(removal.sessions) == ["dated", "empty"]
    assert removal.kept["undated"] == 1
    (session,) = db.sessions.page(SessionFilter())
    db.sessions.reopen(session.id)
    assert db.sessions.end_stale(NEW) == []
    Removals(db.connection).remove([session.id])


def test_later_activity_dates_it(db: SessionDB) -> None:
    session = db.sessions.page(SessionFilter())[1]
    db.sessions.reopen(session.id)
    db.messages.append(session.id, "user", "on we go")
    assert db.sessions.resolve("@last").id == session.id


def test_a_log_that_says_when_dates_it(db: SessionDB, tmp_path: Path) -> None:
    path = tmp_path / "logs" / "b.jsonl"
    lines = '{"role": "session_meta"}\n{"role": "user", "content": "hi", "timestamp": null}\n'
    path.write_text(lines)
    Ingest(db.connection, format="hermes").run([str(path)])
    assert db.sessions.get(_hermes(db)).metadata.get("dated_by_file")
    path.write_text(lines + '{"role": "user", "content": "later", "timestamp": "2021-05-01T10:00:00Z"}\n')
    Ingest(db.connection, format="hermes").run([str(path)])
    session = db.sessions.get(_hermes(db))
    assert (session.started_at[:10], session.last_active_at[:10]) == ("2021-05-01", "2021-05-01")
    assert "dated_by_file" not in session.metadata


def _hermes(db: SessionDB) -> str:
    return str(db.connection.value("SELECT id FROM sessions WHERE agent = 'hermes'"))


def test_where_all_are_empty_none_is_the_last(tmp_path: Path) -> None:
    with SessionDB(tmp_path / "e.db") as db:
        db.sessions.start("codex", id="empty")
        with pytest.raises(NotFound, match="no session has both messages and times"):
            db.sessions.resolve("@last")


def test_prune_takes_undated_sessions_where_it_is_told_to(db: SessionDB) -> None:
    planned = db.prune(NEW, include_undated=True, dry_run=True)
    assert planned.undated == 1
    assert "undated" not in planned.kept
    removal = db.prune(NEW, include_undated=True)
    assert (sorted(removal.sessions), removal.undated) == (sorted(planned.sessions), 1)
    assert "dated" in removal.sessions


def test_an_undated_session_takes_no_place_of_those_that_prune_keeps(db: SessionDB) -> None:
    assert db.prune(NEW, keep=1).sessions == []
    assert db.prune(NEW, include_undated=True, keep=1, dry_run=True).undated == 1


def test_the_latest_session_is_one_that_someone_has_worked_in(db: SessionDB) -> None:
    latest = db.sessions.latest()
    assert latest is not None
    assert latest.id == "dated"


def test_where_all_are_undated_or_empty_the_latest_is_one_of_them(tmp_path: Path) -> None:
    with SessionDB(tmp_path / "new.db") as db:
        db.sessions.start("me", id="first")
        latest = db.sessions.latest()
        assert latest is not None
        assert latest.id == "first"


def test_a_cleared_session_is_still_the_latest(db: SessionDB) -> None:
    db.sessions.start("me", id="cleared", started_at="2024-03-01T00:00:00Z")
    db.messages.append("cleared", "user", "wipe this")
    db.messages.clear("cleared")
    latest = db.sessions.latest()
    assert latest is not None
    assert latest.id == "cleared"
