"""A session that is removed hands over what its forks go on from; a fork's conversation begins with what it shares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.dao import deletion
from sessiondb.dao.maintenance import Maintenance
from sessiondb.dao.removal import Removals
from sessiondb.ingest.run import Ingest
from sessiondb.storage.connection import Connection
from tests.helpers.fork_logs import Line, copied, id_of, said, talk, transcript

A, B, C, D = map(id_of, (1, 2, 3, 4))


@pytest.fixture
def db(tmp_path: Path) -> Iterator[SessionDB]:
    with SessionDB(tmp_path / "x.db") as db:
        yield db
        assert Maintenance(db.connection).check() == []


def fill(db: SessionDB, folder: Path, *logs: list[Line]) -> None:
    for log in logs:
        Ingest(db.connection).run([str(transcript(folder, log))])


def whole(db: SessionDB, session: str) -> list[str | None]:
    """Return what a person reads of a session: texts, and tools' answers."""
    return [message.text for message in db.transcript(session).messages]


def own(db: SessionDB, session: str) -> list[str | None]:
    return [message.text for message in db.messages.transcript(session)]


FIRST = [*talk(A, 2, 3), *talk(A, 4)]
SECOND = [*copied(FIRST[:3], B), *talk(B, 6, 7)]
THIRD = [*copied(SECOND, C), *talk(C, 8)]
FOURTH = [*copied(FIRST[:1], D), *talk(D, 10)]
TEXTS = {
    A: ["Say 2", "Text 3", "Result 3", "Say 4"],
    B: ["Say 2", "Text 3", "Result 3", "Say 6", "Text 7", "Result 7"],
    C: ["Say 2", "Text 3", "Result 3", "Say 6", "Text 7", "Result 7", "Say 8"],
    D: ["Say 2", "Say 10"],
}


def test_a_fork_is_read_with_what_it_shares_and_holds_its_own_part(db: SessionDB, tmp_path: Path) -> None:
    fill(db, tmp_path, FIRST, SECOND, THIRD, FOURTH)
    assert {session: whole(db, session) for session in TEXTS} == TEXTS
    assert own(db, C) == ["Say 8"]
    assert [message["content"] for message in db.history(C)] == TEXTS[C]
    assert [message["content"] for message in db.history(C, limit=2)] == ["Say 8"]
    assert [message.text for message in db.transcript(C, first=-1, last=1).messages] == [
        "Text 7",
        "Result 7",
        "Say 8",
    ]


@pytest.mark.parametrize(
    "gone",
    [[A], [B], [A, B], [B, A], [A, C], [A, D], [A, B, C], [A, B, D], [B, C, D]],
    ids=lambda gone: "".join(id[7] for id in gone),
)
@pytest.mark.parametrize("how", ["one by one", "at once", "as many, in parts"])
def test_removed_sessions_leave_to_the_others_what_they_go_on_from(
    db: SessionDB, tmp_path: Path, gone: list[str], how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails where a live session loses its beginning with an old one."""
    logs = [FIRST, SECOND, THIRD, FOURTH]
    fill(db, tmp_path, *logs)
    if how == "as many, in parts":
        monkeypatch.setattr(Connection, "is_wanted", False)
        monkeypatch.setattr(deletion, "MANY", 1)
        monkeypatch.setattr(deletion, "_SESSIONS", (1, 1, 1))
    for ids in [[id] for id in gone] if how == "one by one" else [gone]:
        Removals(db.connection).remove(ids)
    left = [session for session in TEXTS if session not in gone]
    assert {session: whole(db, session) for session in left} == {session: TEXTS[session] for session in left}
    stored = db.connection.rows("SELECT external_id FROM messages WHERE external_id IS NOT NULL")
    assert len(stored) == len(set(stored))
    assert sum(db.sessions.get(id).tokens.output or 0 for id in left) <= 10
    before = {session: own(db, session) for session in left}
    db.connection.execute("UPDATE imports SET mtime_ns = 0")
    Ingest(db.connection).run([str(tmp_path)])
    assert {session: own(db, session) for session in left} == before


@pytest.mark.parametrize("dry_run", [True, False])
def test_the_preview_counts_what_stays_with_others(db: SessionDB, tmp_path: Path, dry_run: bool) -> None:
    fill(db, tmp_path, FIRST, SECOND)
    removal = Removals(db.connection).remove([A], dry_run=dry_run)
    assert (removal.messages, removal.handed_over) == (1, 3)
    assert removal.bytes == len("Say 4")
    assert db.sessions.get(B).title == "Say 6"
    assert db.sessions.get(B).parent_id == (A if dry_run else None)
    assert own(db, B) == TEXTS[B][3 if dry_run else 0 :]


def test_tokens_go_with_the_messages_that_they_were_counted_for(db: SessionDB, tmp_path: Path) -> None:
    fill(db, tmp_path, FIRST, SECOND)
    Removals(db.connection).remove([A])
    assert db.sessions.get(B).tokens.output == 3 + 7


def test_a_removed_session_stays_away_when_its_file_is_read_again(db: SessionDB, tmp_path: Path) -> None:
    fill(db, tmp_path, FIRST, SECOND)
    Removals(db.connection).remove([A])
    db.connection.execute("UPDATE imports SET mtime_ns = 0")
    fill(db, tmp_path, [*FIRST, said(A, 20)], SECOND)
    assert db.connection.rows("SELECT id FROM sessions") == [(B,)]
    assert whole(db, B) == TEXTS[B]


def test_the_last_turn_of_a_fork_that_says_nothing_yet_is_the_original_s(
    db: SessionDB, tmp_path: Path
) -> None:
    fill(db, tmp_path, FIRST, SECOND)
    db.connection.execute("DELETE FROM messages WHERE session_id = ?", (B,))
    assert [message["content"] for message in db.history(B)] == TEXTS[B][:3]
    assert [message["content"] for message in db.history(B, limit=1)] == ["Say 2"]
