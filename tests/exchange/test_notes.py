"""What becomes of notes goes with them: by export and import, by merge, there and back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.exchange.export import export
from sessiondb.exchange.merge import merge
from sessiondb.records import Note
from sessiondb.records.notes import NoteChange

PROJECT = "/home/mira/quill"
AT = "2026-03-0{}T08:00:00.000Z"

Carry = Callable[[Path, Path], None]


def by_export(source: Path, target: Path) -> None:
    file = source.with_suffix(".jsonl")
    with SessionDB(source, read_only=True) as db:
        file.write_bytes(b"".join(export(db)))
    with SessionDB(target) as db:
        assert not db.import_logs(file).skipped


def by_merge(source: Path, target: Path) -> None:
    with SessionDB(target) as db:
        merge(db, source)


carried = pytest.mark.parametrize("carry", [by_export, by_merge])


def state(path: Path) -> dict[str, tuple[str, str | None, list[NoteChange], str | None]]:
    """Return status, time, history and what each note supersedes, by their texts."""
    with SessionDB(path, read_only=True) as db:
        notes = {note.id: note for note in db.notes.find()}
        return {note.body: _of(note, notes) for note in notes.values()}


def _of(note: Note, notes: dict[int, Note]) -> tuple[str, str | None, list[NoteChange], str | None]:
    replaced = None if note.supersedes is None else notes[note.supersedes].body
    return note.status, note.resolved_at, note.history, replaced


def aged(path: Path) -> Path:
    """Make a database in which a note of a session supersedes one that an export has after it."""
    with SessionDB(path) as db:
        db.sessions.start("agent", id="s1", started_at=AT.format(1))
        db.sessions.start("agent", id="s2", started_at=AT.format(2))
        old = db.notes.add("decision", "grey", project=PROJECT, created_at=AT.format(1))
        second = db.notes.add(
            "decision", "white", session_id="s1", supersedes=old.id, author="mira", created_at=AT.format(2)
        )
        db.notes.add("decision", "cream", session_id="s2", supersedes=second.id, created_at=AT.format(3))
        gone = db.notes.add("followup", "paint", session_id="s1", created_at=AT.format(1))
        db.notes.set_status(gone.id, "obsolete", author="noor", at=AT.format(4))
    return path


@carried
def test_status_history_and_what_a_note_supersedes_arrive(tmp_path: Path, carry: Carry) -> None:
    source = aged(tmp_path / "a.db")
    target = tmp_path / "b.db"
    carry(source, target)
    assert state(target) == state(source)
    assert state(target)["white"] == (
        "superseded", AT.format(3), [NoteChange(AT.format(3), "superseded", None)], "grey"
    )  # fmt: skip
    carry(source, target)
    assert state(target) == state(source)


@carried
def test_what_two_machines_did_to_one_note_is_the_same_on_both_in_the_end(
    tmp_path: Path, carry: Carry
) -> None:
    ours, theirs = tmp_path / "a.db", tmp_path / "b.db"
    aged(ours)
    by_merge(ours, theirs)
    for path, status, day in ((ours, "open", 6), (theirs, "done", 5)):
        with SessionDB(path) as db:
            (note,) = (note for note in db.notes.find() if note.body == "paint")
            db.notes.set_status(note.id, status, author=path.name, at=AT.format(day))
    carry(ours, theirs)
    carry(theirs, ours)
    assert state(ours) == state(theirs)
    status, resolved_at, history, _ = state(ours)["paint"]
    assert (status, resolved_at) == ("open", None)
    assert [change.author for change in history] == ["noor", "b.db", "a.db"]


@pytest.mark.parametrize("redact", [False, True])
def test_a_note_finds_what_it_supersedes_when_that_comes_later(tmp_path: Path, redact: bool) -> None:
    with SessionDB(tmp_path / "a.db") as source, SessionDB(tmp_path / "b.db") as target:
        for name, day in (("s1", 1), ("s2", 2)):
            source.sessions.start("agent", id=name, started_at=AT.format(day))
        old = source.notes.add("decision", "ask mira@example.com", session_id="s1", created_at=AT.format(1))
        source.notes.add("decision", "ask nobody", session_id="s2", supersedes=old.id)
        for name in ("s2", "s1"):
            file = tmp_path / f"{name}.jsonl"
            file.write_bytes(b"".join(export(source, [name], redact=redact)))
            assert b"mira@" not in file.read_bytes() or (name == "s1" and not redact)
            target.import_logs(file)
            awaiting = target.connection.value("SELECT count(*) FROM notes WHERE awaits IS NOT NULL")
            assert awaiting == (1 if name == "s2" else 0)
        new = next(note for note in target.notes.find() if note.body == "ask nobody")
        assert new.supersedes is not None
        assert target.notes.get(new.supersedes).body.startswith("ask ")


def test_an_export_of_an_older_version_is_read_with_its_resolved_notes_done(tmp_path: Path) -> None:
    file = tmp_path / "old.jsonl"
    file.write_text(
        '{"type":"header","format":"sessiondb-export","version":2}\n'
        '{"type":"note","kind":"followup","body":"water","created_at":"2026-03-01T08:00:00.000Z",'
        '"project":"/home/mira/quill","resolved_at":"2026-03-04T08:00:00.000Z"}\n'
    )
    with SessionDB(tmp_path / "a.db") as db:
        for _ in range(2):
            db.import_logs(file)
        (note,) = db.notes.find()
        assert (note.status, note.resolved_at) == ("done", AT.format(4))
        assert note.history == [NoteChange(AT.format(4), "done", None)]


def test_notes_of_an_export_that_supersede_one_another_in_a_circle_do_no_harm(tmp_path: Path) -> None:
    source = aged(tmp_path / "a.db")
    with SessionDB(source) as db:
        db.connection.execute("UPDATE notes SET supersedes = 3 WHERE id = 1")
    by_export(source, tmp_path / "b.db")
    assert len(state(tmp_path / "b.db")) == 4
    with SessionDB(tmp_path / "b.db") as db:
        assert "cream" in db.continuity.brief("s2")


def test_a_name_that_makes_no_sense_is_refused_as_a_line(tmp_path: Path) -> None:
    file = tmp_path / "hostile.jsonl"
    file.write_text(
        '{"type":"header","format":"sessiondb-export","version":3}\n'
        '{"type":"note","kind":"win","body":"x","created_at":"2026-03-01T08:00:00.000Z",'
        '"project":"/p","supersedes":"nonsense"}\n'
    )
    with SessionDB(tmp_path / "a.db") as db:
        report = db.import_logs(file)
        assert len(report.skipped) == 1
        assert db.notes.find() == []
