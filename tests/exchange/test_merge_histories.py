"""Merging databases that went on apart, each by chance: nothing lost, nothing made up, nothing twice."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.dao.removal import Removals
from sessiondb.errors import SessionDBError
from tests.helpers.stores import contents, copy_of, counts, exported, merged

NOTHING: tuple[list[str], list[str], list[str], int, int] = ([], [], [], 0, 0)


class History:
    """What happens by chance to the sessions of one or two databases."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.seconds = 0

    def now(self) -> str:
        self.seconds += 1
        return f"2026-03-01T{self.seconds // 60:02}:{self.seconds % 60:02}:00Z"

    def go_on(self, path: Path, most: int) -> None:
        with SessionDB(path) as db:
            for _ in range(self.chance.randrange(most)):
                # Much of it makes no sense, such as ending a session that is not there.
                with suppress(SessionDBError):
                    self.happen(db, self.chance.choice("abc"))

    def happen(self, db: SessionDB, session: str) -> None:
        pick, at = self.chance.choice, self.now()
        event = pick(
            (
                self.start,
                self.say,
                self.say,
                self.say,
                self.use_tools,
                self.use_tools,
                self.describe,
                self.judge,
                self.judge,
                self.leave,
            )
        )
        event(db, session, at)

    def start(self, db: SessionDB, session: str, at: str) -> None:
        db.sessions.start("x", id=session, key=self.chance.choice([None, "k"]), started_at=at)

    def say(self, db: SessionDB, session: str, at: str) -> None:
        text, id = self.chance.choice(["hi", "go on", f"at {at}"]), self.chance.choice([None, None, f"e{at}"])
        db.messages.append(session, "user", text, external_id=id, created_at=at)

    def use_tools(self, db: SessionDB, session: str, at: str) -> None:
        ids: list[str | None] = self.chance.choice([["c1"], ["c2", None], []])
        calls: list[dict[str, Any]] = [{"id": id, "name": "ls", "arguments": {}} for id in ids]
        if calls:
            db.messages.append(session, "assistant", None, tool_calls=calls, created_at=at)
        else:
            answered = self.chance.choice(["c1", "c2", "c9"])
            db.messages.append(session, "tool", f"at {at}", tool_call_id=answered, created_at=at)

    def describe(self, db: SessionDB, session: str, at: str) -> None:
        key, project = self.chance.choice([None, "r1"]), self.chance.choice([None, "/p"])
        db.add_tokens(session, request_key=key, output=self.chance.randrange(4), counted_at=at)
        db.notes.add(
            "win", self.chance.choice(["one", "two"]), session_id=session, project=project, created_at=at
        )
        db.sessions.add_tags(session, [self.chance.choice("xyz")])

    def judge(self, db: SessionDB, session: str, at: str) -> None:
        notes = db.notes.of_session(session)
        if not notes:
            return
        note = self.chance.choice(notes)
        if self.chance.random() < 0.3:
            db.notes.add("win", f"at {at}", session_id=session, supersedes=note.id, created_at=at)
        else:
            status = self.chance.choice(["open", "done", "obsolete"])
            db.notes.set_status(note.id, status, author=self.chance.choice([None, "mira"]), at=at)

    def leave(self, db: SessionDB, session: str, at: str) -> None:
        chance = self.chance.random()
        if chance < 0.5:
            db.sessions.end(session, self.chance.choice(["done", "left"]), at=at)
        elif chance < 0.8:
            db.sessions.reopen(session)
        else:
            Removals(db.connection).remove([session])


def rows(path: Path) -> dict[str, list[Any]]:
    with SessionDB(path, read_only=True) as db:
        return contents(db)


def said(held: dict[str, list[Any]]) -> set[Any]:
    """Return messages without their place: session, role, text, the agent's id, time."""
    return {(row[0], row[2], row[3], row[6], row[9]) for row in held["messages"]}


@pytest.mark.parametrize("seed", range(12))
def test_two_histories_become_one(tmp_path: Path, seed: int) -> None:
    ours, theirs = tmp_path / "ours.db", tmp_path / "theirs.db"
    history = History(seed)
    history.go_on(ours, 40)
    copy_of(ours, theirs)
    for path in (ours, theirs, ours):
        history.go_on(path, 40)
    before = [rows(ours), rows(theirs)]
    apart, other = copy_of(ours, tmp_path / "apart.db"), copy_of(theirs, tmp_path / "other.db")

    merged(ours, other)
    merged(theirs, apart)

    both = rows(ours)
    alive = {row[0] for row in both["sessions"]}
    assert said(both) == {message for held in before for message in said(held) if message[0] in alive}
    assert said(rows(theirs)) == said(both)
    for table in ("notes", "note_changes"):
        assert rows(theirs)[table] == both[table]
    results = {row[7] for held in before for row in held["tool_calls"] if row[0] in alive}
    assert {row[7] for row in both["tool_calls"]} >= results - {None}
    once = exported(ours)
    assert (counts(merged(ours, other)), exported(ours)) == (NOTHING, once)
    merged(tmp_path / "new.db", ours)
    assert exported(tmp_path / "new.db") == once
