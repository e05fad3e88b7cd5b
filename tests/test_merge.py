"""Merging two databases: a union that loses nothing, repeats nothing and brings nothing back."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB, merge
from sessiondb.dao.care import Care
from sessiondb.errors import DatabaseForeign, DatabaseMissing, InvalidInput
from sessiondb.export import export
from sessiondb.merge import MergeReport
from tests.stores import AT, contents, count, fill, remove

Change = Callable[[SessionDB], Any]


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    return fill(tmp_path / "ours.db")


@pytest.fixture
def theirs(tmp_path: Path, ours: Path) -> Path:
    """Return a copy of our database, as another machine has it."""
    with SessionDB(ours) as db:
        Care(db.connection).back_up(tmp_path / "theirs.db")
    return tmp_path / "theirs.db"


def change(path: Path, *changes: Change) -> None:
    with SessionDB(path) as db:
        for make in changes:
            make(db)


def merged(path: Path, other: Path) -> MergeReport:
    with SessionDB(path) as db:
        report = merge.merge(db, other)
        assert Care(db.connection).check() == []
    return report


def counts(report: MergeReport) -> tuple[list[str], list[str], list[str], int, int]:
    return report.added, report.updated, report.removed, report.messages, report.notes


def said(session_id: str, text: str, second: int, **more: Any) -> Change:
    return lambda db: db.messages.append(session_id, "user", text, created_at=AT.format(second), **more)


def texts(path: Path, session_id: str) -> list[tuple[int, str]]:
    with SessionDB(path, read_only=True) as db:
        return [(message.seq, message.text) for message in db.messages.transcript(session_id)]


def exported(path: Path) -> bytes:
    with SessionDB(path, read_only=True) as db:
        return b"".join(export(db))


def test_an_empty_database_becomes_equal(tmp_path: Path, theirs: Path) -> None:
    report = merged(tmp_path / "new.db", theirs)

    assert counts(report) == (["before", "strange", "chat", "tools"], [], [], 9, 4)
    assert exported(tmp_path / "new.db") == exported(theirs)


def test_a_database_is_its_own_copy(ours: Path, theirs: Path) -> None:
    before = exported(ours)

    report = merged(ours, theirs)

    assert counts(report) == ([], [], [], 0, 0)
    assert sorted(report.unchanged) == ["before", "chat", "strange", "tools"]
    assert exported(ours) == before


def test_the_other_database_is_left_as_it_was(ours: Path, theirs: Path) -> None:
    change(ours, said("chat", "More", 58))
    before = theirs.read_bytes()

    merged(ours, theirs)

    assert theirs.read_bytes() == before


def test_what_is_only_in_the_log_of_the_other_comes_too(tmp_path: Path, ours: Path) -> None:
    with SessionDB(ours) as db:
        said("chat", "Not in the file yet", 58)(db)
        copy = tmp_path / "copy.db"
        shutil.copy(ours, copy)
        shutil.copy(f"{ours}-wal", f"{copy}-wal")

    merged(tmp_path / "new.db", copy)

    assert texts(tmp_path / "new.db", "chat")[-1] == (3, "Not in the file yet")


@pytest.mark.parametrize("large", [False, True], ids=["small", "large"])
def test_new_messages_come_after_ours(
    ours: Path, theirs: Path, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        monkeypatch.setattr(merge, "LARGE", 0)
        monkeypatch.setattr(merge, "BATCH_BYTES", 0)
    change(theirs, said("chat", "A word for walruses", 55), lambda db: db.sessions.end("chat", at=AT.format(56)))

    report = merged(ours, theirs)

    assert counts(report) == ([], ["chat"], [], 1, 0)
    assert exported(ours) == exported(theirs)
    with SessionDB(ours) as db:
        assert [hit.seq for hit in db.search("walruses").hits] == [3]
        assert (db.sessions.get("chat").message_count, db.sessions.get("chat").end_reason) == (3, "ended")
    assert counts(merged(ours, theirs)) == ([], [], [], 0, 0)


def test_ours_come_first_where_both_went_on(ours: Path, theirs: Path) -> None:
    change(ours, said("chat", "Ours", 52), said("chat", "Ours too", 54))
    change(theirs, said("chat", "Theirs", 51), said("chat", "Theirs too", 53))

    merged(ours, theirs)

    assert texts(ours, "chat")[2:] == [(3, "Ours"), (4, "Ours too"), (5, "Theirs"), (6, "Theirs too")]
    before = exported(ours)
    assert counts(merged(ours, theirs)) == ([], [], [], 0, 0)
    assert exported(ours) == before


def test_both_ways_hold_the_same_messages(ours: Path, theirs: Path) -> None:
    change(ours, said("chat", "Ours", 52))
    change(theirs, said("chat", "Theirs", 51))
    merged(ours, theirs)

    merged(theirs, ours)

    assert sorted(text for _, text in texts(ours, "chat")) == sorted(text for _, text in texts(theirs, "chat"))


def test_messages_that_only_they_have_go_in_where_they_stand(ours: Path, theirs: Path) -> None:
    """Ours is of the middle of the conversation, theirs of all of it."""
    for path, words in ((ours, "cde"), (theirs, "abcdefg")):
        change(path, lambda db: db.sessions.start("hermes", id="talk", started_at=AT.format(0)))
        change(path, *(said("talk", word, ord(word) - 90) for word in words))
    change(ours, lambda db: db.sessions.consolidate("talk", 2))

    report = merged(ours, theirs)

    assert texts(ours, "talk") == list(enumerate("abcdefg", start=1))
    assert report.messages == 4
    with SessionDB(ours) as db:
        assert db.sessions.get("talk").consolidated == 4


def test_the_one_that_has_summarised_more_says_how_much(ours: Path, theirs: Path) -> None:
    change(theirs, lambda db: db.sessions.consolidate("tools", 4))

    merged(ours, theirs)

    with SessionDB(ours) as db:
        assert db.sessions.get("tools").consolidated == 4


def test_messages_are_known_by_their_agents_own_id(ours: Path, theirs: Path) -> None:
    for path, words in ((ours, "ab"), (theirs, "bac")):
        change(path, lambda db: db.sessions.start("hermes", id="talk", started_at=AT.format(0)))
        change(path, *(said("talk", word, index, external_id=word) for index, word in enumerate(words)))

    merged(ours, theirs)

    assert texts(ours, "talk") == [(1, "a"), (2, "b"), (3, "c")]


def test_a_message_that_has_grown_grows_here(ours: Path, theirs: Path) -> None:
    for path, text in ((ours, "Once upon"), (theirs, "Once upon a time")):
        change(path, lambda db: db.sessions.start("hermes", id="talk", started_at=AT.format(0)))
        change(path, said("talk", text, 1, external_id="m"))

    assert merged(ours, theirs).updated == ["talk"]
    assert texts(ours, "talk") == [(1, "Once upon a time")]
    merged(theirs, ours)
    assert texts(theirs, "talk") == [(1, "Once upon a time")]


def test_equal_words_at_other_times_are_other_messages(ours: Path, theirs: Path) -> None:
    change(ours, said("chat", "go on", 52))
    change(theirs, said("chat", "go on", 53))

    assert merged(ours, theirs).messages == 1


def test_an_answer_that_they_have_closes_our_call(ours: Path, theirs: Path) -> None:
    call = {"id": "c7", "name": "date", "arguments": {}}
    for path in (ours, theirs):
        change(path, lambda db: db.messages.append("chat", "assistant", tool_calls=[call], created_at=AT.format(52)))
    change(theirs, lambda db: db.messages.append("chat", "tool", "Monday", tool_call_id="c7", created_at=AT.format(53)))

    merged(ours, theirs)

    with SessionDB(ours) as db:
        assert [(c.name, c.result) for c in db.messages.transcript("chat")[-1].tool_calls] == [("date", "Monday")]
        assert db.sessions.get("chat").tool_call_count == 1
    assert contents_of(ours, "tool_calls") == contents_of(theirs, "tool_calls")


def test_an_answer_that_came_without_its_call_gets_it(ours: Path, theirs: Path) -> None:
    call = {"id": "c7", "name": "date", "arguments": {}}
    answer = {"tool_call_id": "c7", "created_at": AT.format(53)}
    change(theirs, lambda db: db.messages.append("chat", "assistant", tool_calls=[call], created_at=AT.format(52)))
    for path in (ours, theirs):
        change(path, lambda db: db.messages.append("chat", "tool", "Monday", **answer))

    merged(ours, theirs)

    assert contents_of(ours, "tool_calls") == contents_of(theirs, "tool_calls")
    assert contents_of(ours, "messages") == contents_of(theirs, "messages")


def contents_of(path: Path, table: str) -> list[Any]:
    with SessionDB(path, read_only=True) as db:
        return contents(db)[table]


def test_another_answer_to_one_call_is_kept_beside_ours(ours: Path, theirs: Path) -> None:
    call = {"id": "c7", "name": "date", "arguments": {}}
    for path, day, id in ((ours, "Monday", "a"), (theirs, "Tuesday", "b")):
        change(path, lambda db: db.messages.append("chat", "assistant", tool_calls=[call], created_at=AT.format(52)))
        with SessionDB(path) as db:
            db.messages.append("chat", "tool", day, tool_call_id="c7", external_id=id, created_at=AT.format(ord(id) - 44))

    merged(ours, theirs)

    assert [text for _, text in texts(ours, "chat")[-2:]] == ["Monday", "Tuesday"]
    before = exported(ours)
    assert counts(merged(ours, theirs)) == ([], [], [], 0, 0)
    assert exported(ours) == before


def test_a_response_is_counted_once_and_the_greater_output_wins(ours: Path, theirs: Path) -> None:
    change(theirs, lambda db: db.tokens.set("tools", "r1", input=9, output=30, counted_at=AT.format(25)))
    change(theirs, lambda db: db.add_tokens("tools", request_key="r2", output=4, counted_at=AT.format(26)))
    change(ours, lambda db: db.add_tokens("tools", request_key="r3", output=100, counted_at=AT.format(27)))

    merged(ours, theirs)

    with SessionDB(ours) as db:
        assert db.tokens.total("tools").output == 30 + 4 + 100 + 2
        assert count(db, "token_counts") == 5


def test_a_session_takes_over_what_it_did_not_know(ours: Path, theirs: Path) -> None:
    change(ours, lambda db: db.sessions.add_tags("chat", ["ours"]))
    change(
        theirs,
        lambda db: db.sessions.add_tags("chat", ["theirs"]),
        lambda db: db.sessions.set_project("chat", "/srv/boats"),
        lambda db: db.sessions.set_pinned("chat"),
        lambda db: db.sessions.set_metadata("chat", {"mood": "wild", "wind": 7}),
        said("chat", "Later", 57),
    )

    merged(ours, theirs)

    with SessionDB(ours) as db:
        session = db.sessions.get("chat")
        assert (session.project, session.pinned) == ("/srv/boats", True)
        assert session.metadata == {"mood": "wild", "wind": 7, "depth": [1, {"x": None}]}
        assert db.sessions.tags("chat") == ["a,b", "ours", "theirs", "water"]


def test_of_two_open_sessions_of_a_key_the_later_one_stays_open(tmp_path: Path, ours: Path) -> None:
    theirs = tmp_path / "other.db"
    change(theirs, lambda db: db.sessions.start("hermes", id="newer", key="telegram:7", started_at=AT.format(59)))
    older = tmp_path / "older.db"
    change(older, lambda db: db.sessions.start("hermes", id="older", key="telegram:7", started_at=AT.format(0)))

    merged(ours, theirs)
    merged(ours, older)

    with SessionDB(ours) as db:
        found = {id: db.sessions.get(id) for id in ("newer", "chat", "older")}
        assert {id: session.end_reason for id, session in found.items()} == {
            "newer": None, "chat": "merged", "older": "merged",
        }  # fmt: skip
        assert found["chat"].ended_at == found["chat"].last_active_at
    assert counts(merged(ours, theirs)) == ([], [], [], 0, 0)


def test_what_they_removed_is_removed_here(ours: Path, theirs: Path) -> None:
    change(theirs, lambda db: remove(db, "tools", "rm", "2026-03-05T00:00:00.000Z"))

    report = merged(ours, theirs)

    assert counts(report) == ([], [], ["tools"], 0, 0)
    assert exported(ours) == exported(theirs)
    with SessionDB(ours) as db:
        assert db.search("amounts").hits == []


def test_what_was_removed_here_does_not_come_back(ours: Path, theirs: Path) -> None:
    change(ours, lambda db: remove(db, "tools", "rm", "2026-03-05T00:00:00.000Z"))
    before = exported(ours)

    report = merged(ours, theirs)

    assert (report.kept_away, report.messages, exported(ours)) == (["tools"], 0, before)


@pytest.mark.parametrize("is_ours", [False, True], ids=["removed there", "removed here"])
@pytest.mark.parametrize("saved_by", ["pin", "activity"])
def test_a_session_outlives_its_removal_where_it_is_pinned_or_went_on(
    ours: Path, theirs: Path, is_ours: bool, saved_by: str
) -> None:
    removing, keeping = (ours, theirs) if is_ours else (theirs, ours)
    change(removing, lambda db: remove(db, "chat", "rm", "2026-03-05T00:00:00.000Z"))
    if saved_by == "pin":
        change(keeping, lambda db: db.sessions.set_pinned("chat"))
    else:
        change(keeping, lambda db: db.messages.append("chat", "user", "Hi", created_at="2026-03-05T00:00:01Z"))

    merged(ours, theirs)

    with SessionDB(ours) as db:
        assert db.sessions.get("chat").message_count >= 2
        assert [row[0] for row in contents(db)["deletions"]] == ["gone"]
    assert counts(merged(ours, theirs)) == ([], [], [], 0, 0)


@pytest.mark.parametrize("is_ours", [False, True], ids=["pruned there", "pruned here"])
def test_the_notes_of_a_project_outlive_a_prune(ours: Path, theirs: Path, is_ours: bool) -> None:
    pruning = ours if is_ours else theirs
    change(pruning, lambda db: remove(db, "tools", "prune", "2026-03-05T00:00:00.000Z"))

    merged(ours, theirs)

    assert [row[:5] for row in contents_of(ours, "notes") if row[3] == "decision"] == [
        (None, "/home/mira/quill", "quill", "decision", "Amounts are fractions.")
    ] * 2


def test_notes_are_one_by_what_they_say_and_what_became_of_them_is_kept(ours: Path, theirs: Path) -> None:
    change(
        theirs,
        lambda db: db.notes.resolve(db.notes.find(kind="question")[0].id, "Because.", at=AT.format(58)),
        lambda db: db.notes.translate(db.notes.find(kind="question")[0].id, {"fr": "Pourquoi ?"}),
        lambda db: db.notes.add("win", "It works", session_id="chat", created_at=AT.format(58)),
    )

    report = merged(ours, theirs)

    assert report.notes == 1
    assert exported(ours) == exported(theirs)


def test_three_machines_come_to_the_same(tmp_path: Path, ours: Path, theirs: Path) -> None:
    third = tmp_path / "third.db"
    shutil.copy(theirs, third)
    change(ours, said("chat", "From the first", 51))
    change(theirs, lambda db: db.sessions.end("chat", "done", at=AT.format(59)))
    change(third, lambda db: remove(db, "tools", "rm", "2026-03-05T00:00:00.000Z"))

    for other in (theirs, third):
        merged(ours, other)
    for path in (theirs, third):
        merged(path, ours)

    assert exported(ours) == exported(theirs) == exported(third)


def test_progress_is_told_in_sessions(ours: Path, theirs: Path) -> None:
    told: list[tuple[str, int, int]] = []
    with SessionDB(ours) as db:
        merge.merge(db, theirs, progress=lambda *step: told.append(step))

    assert told == [("read", 4, 4)]


def test_what_is_no_database_of_ours_is_refused_in_words(tmp_path: Path, ours: Path) -> None:
    foreign, newer = tmp_path / "foreign.db", tmp_path / "newer.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE t (a)")
    connection.close()
    change(newer, lambda db: db.connection.execute("PRAGMA user_version = 99"))

    with SessionDB(ours) as db:
        with pytest.raises(DatabaseForeign, match="is a SQLite database of another program"):
            merge.merge(db, foreign)
        with pytest.raises(DatabaseForeign, match="has schema 99, and this sessiondb knows up to"):
            merge.merge(db, newer)
        with pytest.raises(DatabaseMissing, match="there is no database .*absent.db to merge"):
            merge.merge(db, tmp_path / "absent.db")
        with pytest.raises(InvalidInput, match="is the database itself"):
            merge.merge(db, ours)


def test_a_merge_that_stops_is_completed_by_the_next(
    ours: Path, theirs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merge, "BATCH_BYTES", 0)
    new = tmp_path / "new.db"

    def stop(phase: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with SessionDB(new) as db, pytest.raises(KeyboardInterrupt):
        merge.merge(db, theirs, progress=stop)
    with SessionDB(new) as db:
        assert 0 < count(db, "sessions") < 4

    merged(new, theirs)

    assert exported(new) == exported(theirs)


