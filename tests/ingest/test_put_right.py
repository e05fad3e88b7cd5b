"""What a version took for another agent's, or refused, is put right by the next import: every format, one by one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.dao.lookups import Lookups
from sessiondb.dao.sessions.details import SessionDetails
from sessiondb.ingest import reading
from sessiondb.ingest.run import Ingest
from tests.importers.test_neighbours import DATABASES, GEMINIS, LOGS, write

AT = "2026-10-01T08:00:00.000Z"
Log = tuple[Path, list[list[Any]]]
OLD = "0e9f6f0e-3f52-4f0e-9d55-0c4f6f1f2a99"
# A log of each format, by a function that writes it; two of them hold no messages. A history of prompts
# is not among them: it never takes the place of what a session is.
LOG_OF: dict[str, Callable[[Path], Path]] = {
    format: lambda folder, name=name, values=values: write(folder / name, values)  # type: ignore[misc]
    for format, name, values in reversed(LOGS)
    if name != "base_state.json" and values != [GEMINIS] and not format.endswith("-history")
}
LOG_OF |= dict(reversed(DATABASES))


def contents(db: SessionDB) -> list[list[Any]]:
    return [
        sorted(db.connection.rows(query), key=repr)
        for query in (
            "SELECT id, agent, native_id, title, message_count FROM sessions",
            "SELECT session_id, seq, role, content, external_id FROM messages",
            "SELECT session_id, request_key, input, output FROM token_counts",
        )
    ]


@pytest.fixture(params=LOG_OF)
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Log:
    """Return a log that gives one session, and what a database holds of that."""
    path = LOG_OF[request.param](tmp_path)
    with SessionDB(tmp_path / "right.db") as db:
        Ingest(db.connection).run([str(path)])
        found = contents(db)
    assert (len(found[0]), bool(found[1])) == (1, True)
    return path, found


def refuse(db: SessionDB, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Import a file as a version did that knows no such format."""
    with monkeypatch.context() as before:
        before.setattr(reading, "detect", lambda sample: None)
        report = Ingest(db.connection).run([str(path)])
    assert [one.reason for one in report.skipped] == ["is not a session log that sessiondb knows"]
    db.connection.execute("UPDATE imports SET parser_version = 1")


def misread(db: SessionDB, path: Path, session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Import a file as a version did that took it for OpenAI's chat API, and tag what that gave, with a note."""
    refuse(db, path, monkeypatch)
    with db.connection.transaction():
        db.connection.execute("INSERT OR IGNORE INTO agents VALUES ('openai-chat')")
        db.connection.execute(
            "INSERT INTO sessions (id, agent, native_id, started_at, last_active_at, title, title_source)"
            " VALUES (?, 'openai-chat', 'x', ?, ?, 'no such words', 'prompt')",
            (session, AT, AT),
        )
        db.connection.execute(
            "INSERT INTO messages (session_id, seq, role, content, external_id)"
            " VALUES (?, 1, 'user', 'no such words', 'q1')",
            (session,),
        )
        db.connection.execute("UPDATE imports SET format = 'openai-chat'")
        db.connection.execute(
            "INSERT INTO import_sessions (import_id, session_id) SELECT id, ? FROM imports", (session,)
        )
    SessionDetails(db.connection, Lookups(db.connection)).add_tags(session, ["marigolds"])
    db.notes.add("decision", "Water on Mondays", session_id=session)


def test_a_log_that_was_refused_is_imported(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, right = log
    with SessionDB(tmp_path / "x.db") as db:
        refuse(db, path, monkeypatch)
        assert contents(db) == [[], [], []]
        Ingest(db.connection).run([str(path)])
        assert contents(db) == right


@pytest.mark.parametrize("is_same", [False, True])
def test_a_log_that_was_taken_for_another_agents_is_replaced_and_keeps_tags_and_notes(
    log: Log, tmp_path: Path, is_same: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, right = log
    ((id, *_),) = right[0]
    with SessionDB(tmp_path / "x.db") as db:
        misread(db, path, id if is_same else OLD, monkeypatch)
        Ingest(db.connection).run([str(path)])
        assert contents(db) == right
        assert "marigolds" in SessionDetails(db.connection, Lookups(db.connection)).tags(id)
        assert db.connection.rows("SELECT session_id, body FROM notes") == [(id, "Water on Mondays")]
        assert db.connection.value("SELECT count(*) FROM deletions") == 0
