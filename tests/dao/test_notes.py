"""Notes that age: what became of them, by whom, and what took their place."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.errors import InvalidInput, NotFound
from sessiondb.records.notes import STATUSES, NoteChange
from sessiondb.storage.migrations import APPLICATION_ID, migrations

PROJECT = "/home/mira/quill"
AT = "2026-03-0{}T08:00:00.000Z"


@pytest.fixture
def db(tmp_path: Path) -> Iterator[SessionDB]:
    with SessionDB(tmp_path / "sessions.db") as db:
        yield db


def test_a_superseding_note_takes_the_place_of_the_old_one_which_says_so(db: SessionDB) -> None:
    old = db.notes.add("decision", "Tests live in tests/", project=PROJECT, created_at=AT.format(1))
    new = db.notes.add(
        "decision", "Tests live in spec/", supersedes=old.id, author="mira", created_at=AT.format(2)
    )
    old = db.notes.get(old.id)

    assert (new.project, new.supersedes, new.status) == (PROJECT, old.id, "open")
    assert (old.status, old.superseded_by, old.resolved_at) == ("superseded", new.id, AT.format(2))
    assert old.history == [NoteChange(AT.format(2), "superseded", "mira")]
    assert [note.body for note in db.notes.find(is_open=True)] == ["Tests live in spec/"]


def test_a_note_that_supersedes_one_of_a_session_without_a_project_belongs_to_that_session(
    db: SessionDB,
) -> None:
    session = db.sessions.start("agent")
    old = db.notes.add("question", "Why?", session_id=session.id)
    assert db.notes.add("question", "Why?", supersedes=old.id).session_id == session.id
    assert db.notes.get(old.id).status == "superseded"


def test_a_note_cannot_supersede_one_that_is_not_there(db: SessionDB) -> None:
    with pytest.raises(NotFound, match="there is no note 7"):
        db.notes.add("decision", "Tests live in spec/", project=PROJECT, supersedes=7)
    assert db.notes.find() == []


def test_the_history_of_a_note_keeps_who_changed_it_and_when(db: SessionDB) -> None:
    note = db.notes.add("followup", "Water the fig", project=PROJECT)
    db.notes.set_status(note.id, "done", "watered", author="noor", at=AT.format(3))
    db.notes.set_status(note.id, "done", author="someone else", at=AT.format(4))
    db.notes.set_status(note.id, "open", author="mira", at=AT.format(5))
    note = db.notes.set_status(note.id, "obsolete", at=AT.format(6))

    assert note.history == [
        NoteChange(AT.format(3), "done", "noor"),
        NoteChange(AT.format(5), "open", "mira"),
        NoteChange(AT.format(6), "obsolete", None),
    ]
    assert (note.status, note.resolved_at, note.resolution) == ("obsolete", AT.format(6), "watered")


@pytest.mark.parametrize("last", STATUSES)
def test_the_last_change_counts_by_whatever_clock(db: SessionDB, last: str) -> None:
    note = db.notes.add("followup", "Water the fig", project=PROJECT)
    for status in ("done", "obsolete" if last != "obsolete" else "done", last):
        note = db.notes.set_status(note.id, status, at=AT.format(3))
    assert note.status == last
    assert (note.resolved_at is None) == (last == "open")


def test_an_open_note_has_no_time_at_which_it_was_resolved(db: SessionDB) -> None:
    note = db.notes.add("followup", "Water the fig", project=PROJECT)
    db.notes.resolve(note.id)
    assert db.notes.set_status(note.id, "open").resolved_at is None
    assert db.connection.rows("SELECT body FROM open_followups") == [("Water the fig",)]


def test_an_unknown_status_is_refused_with_those_there_are(db: SessionDB) -> None:
    note = db.notes.add("followup", "Water the fig", project=PROJECT)
    with pytest.raises(InvalidInput, match="give one of open, done, superseded, obsolete"):
        db.notes.set_status(note.id, "forgotten")


def test_a_brief_tells_what_is_current_alone(db: SessionDB) -> None:
    old = db.notes.add("decision", "Tests live in tests/", project=PROJECT)
    db.notes.add("decision", "Tests live in spec/", supersedes=old.id)
    for kind in ("decision", "failure", "win", "workstream", "question", "followup", "summary"):
        for status in ("done", "superseded", "obsolete"):
            note = db.notes.add(kind, f"{kind} that is {status}", project=PROJECT)
            db.notes.set_status(note.id, status)
    text = db.continuity.brief(project=PROJECT)
    assert "Tests live in spec/" in text
    assert "Tests live in tests/" not in text
    assert "that is" not in text


def test_a_reopened_decision_is_in_the_brief_again(db: SessionDB) -> None:
    note = db.notes.add("decision", "Tests live in tests/", project=PROJECT)
    db.notes.set_status(note.id, "obsolete")
    db.notes.set_status(note.id, "open")
    assert "Tests live in tests/" in db.continuity.brief(project=PROJECT)


def test_a_new_summary_supersedes_the_former_one(db: SessionDB) -> None:
    db.continuity.set_summary("Digging", project=PROJECT)
    new = db.continuity.set_summary("Planting", project=PROJECT)
    (old,) = db.notes.find(kind="summary", is_open=False)
    assert (old.status, old.superseded_by) == ("superseded", new.id if new else None)


def test_when_the_new_note_is_removed_the_old_one_stays_as_it_was(db: SessionDB) -> None:
    session = db.sessions.start("agent")
    old = db.notes.add("decision", "Tests live in tests/", project=PROJECT)
    db.notes.add("decision", "Tests live in spec/", session_id=session.id, supersedes=old.id)
    db.remove(session.id)
    old = db.notes.get(old.id)
    assert (old.status, old.superseded_by) == ("superseded", None)


def test_notes_that_an_older_version_resolved_are_done_since_then(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with sqlite3.connect(path, isolation_level=None) as old:
        for migration in migrations()[:9]:
            old.executescript(migration.sql)
        old.execute("PRAGMA user_version = 9")
        old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        old.execute("INSERT INTO meta (key, value) VALUES ('database_id', 'abc')")
        old.execute("INSERT INTO projects (path, name) VALUES (?, 'quill')", (PROJECT,))
        for body, resolved_at in (("open still", None), ("watered", AT.format(4))):
            old.execute(
                "INSERT INTO notes (project_id, kind, body, created_at, resolved_at, resolution)"
                " VALUES (1, 'followup', ?, ?, ?, 'by hand')",
                (body, AT.format(1), resolved_at),
            )
    old.close()

    with SessionDB(path) as db:
        notes = {note.body: note for note in db.notes.find()}
        assert notes["open still"].history == []
        assert notes["open still"].status == "open"
        assert notes["watered"].history == [NoteChange(AT.format(4), "done", None)]
        assert (notes["watered"].status, notes["watered"].resolved_at) == ("done", AT.format(4))
        assert {note.resolution for note in notes.values()} == {"by hand"}


def test_a_session_that_an_import_ended_ends_with_its_last_note(db: SessionDB) -> None:
    for reason in ("imported", "done"):
        db.sessions.start("quill", id=reason, started_at="2026-03-01T08:00:00Z")
        db.sessions.end(reason, reason, at="2026-03-01T09:00:00Z")
        db.notes.add("decision", "Later", session_id=reason, created_at="2026-03-02T08:00:00Z")

    ends = [db.sessions.get(id).ended_at for id in ("imported", "done")]
    assert ends == ["2026-03-02T08:00:00.000Z", "2026-03-01T09:00:00.000Z"]
