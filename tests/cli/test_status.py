"""sessiondb status."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from sessiondb import SessionDB
from sessiondb.chat.text import short_bytes
from sessiondb.storage.migrations import SCHEMA_VERSION

Run = Callable[..., Result]


def test_status_in_words(filled: Path, run: Run) -> None:
    assert run("status").stdout == (
        f"file         {filled}\n"
        f"size         {short_bytes(filled.stat().st_size)}\n"
        f"format       schema {SCHEMA_VERSION}, SQLite {sqlite3.sqlite_version}, journal wal\n"
        "sessions     3, 1 of them open\n"
        "             2 hermes\n"
        "             1 codex\n"
        "messages     4, 1 tool call, 1 note\n"
    )


def test_status_puts_the_numbers_of_agents_below_each_other(filled: Path, run: Run) -> None:
    with SessionDB(filled) as db:
        for number in range(9):
            db.sessions.start("codex", id=f"more{number}")

    lines = run("status").stdout.splitlines()

    assert lines[4:6] == ["             10 codex", "              2 hermes"]


def test_status_in_json(filled: Path, run: Run) -> None:
    assert json.loads(run("status", "--json").stdout) == {
        "path": str(filled),
        "bytes": filled.stat().st_size,
        "free_bytes": 0,
        "schema": SCHEMA_VERSION,
        "sqlite": sqlite3.sqlite_version,
        "journal": "wal",
        "sessions": 3,
        "open_sessions": 1,
        "messages": 4,
        "tool_calls": 1,
        "notes": 1,
        "agents": {"hermes": 2, "codex": 1},
        "pending": {},
        "files": 0,
        "last_import_at": None,
    }


def test_status_tells_of_imports_and_of_what_waits(samples: Path, path: Path, run: Run) -> None:
    run("import", str(samples / "agentloop"))
    with SessionDB(path) as db, db.connection.transaction():
        db.connection.execute("UPDATE search_state SET pending_from = 0 WHERE index_name = 'messages_fts'")

    lines = run("status").stdout.splitlines()

    assert lines[-2].startswith("imported     2 files, last at 20")
    assert lines[-1] == "pending      9 rows cannot be searched yet (messages_fts): `sessiondb optimize`"
