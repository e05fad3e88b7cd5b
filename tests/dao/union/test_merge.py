"""What a merge makes of removed sessions and of notes."""

from __future__ import annotations

from pathlib import Path

import pytest

from sessiondb import SessionDB
from tests.helpers.stores import AT, change, contents, contents_of, counts, exported, merged, remove


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
        change(
            keeping, lambda db: db.messages.append("chat", "user", "Hi", created_at="2026-03-05T00:00:01Z")
        )

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

    kept = [row[:5] for row in contents_of(ours, "notes") if row[4] == "Amounts are fractions."]
    assert kept == [(None, "/home/mira/quill", "quill", "decision", "Amounts are fractions.")] * 2


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
