"""JSON that another program has broken costs its own row, which is named, and nothing else."""

from __future__ import annotations

import contextlib
import io
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.records import SessionFilter

MOMENT = "2026-01-01T00:00:00Z"
PLACES = {
    "sessions.metadata": (
        "UPDATE sessions SET metadata = ? WHERE id = 'broken'",
        "sessions.metadata of broken",
    ),
    "messages.parts": (
        "UPDATE messages SET parts = ? WHERE session_id = 'broken' AND seq = 1",
        "messages.parts of message 1 of session broken",
    ),
    "messages.metadata": (
        "UPDATE messages SET metadata = ? WHERE session_id = 'broken' AND seq = 1",
        "messages.metadata of message 1 of session broken",
    ),
    "tool_calls.arguments": ("UPDATE tool_calls SET arguments = ? WHERE session_id = 'broken'", ""),
    "token_counts.server_tools": (
        "UPDATE token_counts SET server_tools = ? WHERE session_id = 'broken'",
        "token_counts.server_tools of response r-broken",
    ),
}
READS: dict[str, Callable[[SessionDB], Any]] = {
    "list": lambda db: len(db.sessions.page(SessionFilter())),
    "last": lambda db: db.sessions.resolve("@last").agent,
    "latest": lambda db: db.sessions.latest() is not None,
    "show": lambda db: len(db.transcript("broken").messages),
    "show a fork": lambda db: len(db.transcript("fork").messages),
    "history": lambda db: len(db.history("broken")),
    "search": lambda db: len(db.search("hello").hits),
    "usage": lambda db: len(db.usage("session").rows),
    "stats": lambda db: db.stats().total,
    "brief": lambda db: "keep" in db.continuity.brief("broken"),
    "prune": lambda db: len(db.prune("1d", include_open=True, dry_run=True).sessions),
    "rm": lambda db: db.remove("broken", dry_run=True).messages,
    "export": lambda db: db.export(io.BytesIO()).sessions,
    "export as Markdown": lambda db: db.export(io.BytesIO(), format="md").sessions,
    "export redacted": lambda db: db.export(io.BytesIO(), redact=True).sessions,
}


@pytest.fixture
def db(db: SessionDB) -> SessionDB:
    for id in ("whole", "broken", "fork"):
        parent: dict[str, Any] = {"parent": "broken", "relation": "fork"} if id == "fork" else {}
        db.sessions.start("me", id=id, metadata={"a": 1}, started_at=MOMENT, **parent)
        db.messages.append(id, "user", [{"type": "text", "text": f"hello {id}"}], zap=3, created_at=MOMENT)
        call = {"id": "c", "name": "ls", "arguments": {"path": "."}}
        db.messages.append(id, "assistant", "x", tool_calls=[call], created_at=MOMENT)
        db.tokens.add(id, input=1, output=2, request_key=f"r-{id}", server_tools={"fetch": 1})
        db.notes.add("decision", f"keep {id}", session_id=id, created_at=MOMENT)
    return db


def _break(db: SessionDB, place: str, text: str) -> None:
    with contextlib.closing(sqlite3.connect(db.path)) as other, other:
        other.execute("PRAGMA ignore_check_constraints = ON")
        other.execute(PLACES[place][0], (text,))


@pytest.mark.parametrize("place", PLACES)
def test_broken_json_hides_nothing_else(db: SessionDB, place: str) -> None:
    before = {name: read(db) for name, read in READS.items()}
    for text in ('{"a":', "nonsense", '"text"', "[1]", "3", ""):
        _break(db, place, text)
        assert {name: read(db) for name, read in READS.items()} == before


@pytest.mark.parametrize("place", [place for place in PLACES if PLACES[place][1]])
def test_broken_json_is_named_and_an_export_of_the_rest_is_read_back(
    db: SessionDB, place: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _break(db, place, '{"a":')
    with caplog.at_level(logging.WARNING, logger="sessiondb"):
        db.export(tmp_path / "all.jsonl")
    assert any(PLACES[place][1] in record.getMessage() for record in caplog.records)
    assert any(place in finding.problem for finding in db.check())
    with SessionDB(tmp_path / "new.db") as new:
        report = new.import_logs(str(tmp_path / "all.jsonl"))
        assert (len(report.sessions_added), report.skipped) == (3, [])
    with SessionDB(tmp_path / "merged.db") as merged:
        assert len(merged.merge(db.path).added) == 3
        assert merged.check() == []


@pytest.mark.parametrize("place", PLACES)
def test_sessions_with_broken_json_are_written_and_removed(db: SessionDB, place: str) -> None:
    _break(db, place, '{"a":')
    db.sessions.set_metadata("broken", {"b": 2})
    db.messages.append("broken", "user", "more")
    db.sessions.end("broken")
    assert db.remove("broken").sessions == ["broken"]
    assert len(db.transcript("fork").messages) >= 2
