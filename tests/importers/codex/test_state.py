"""What Codex's database says of sessions: names, pins, who began whom."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.importers import codex
from sessiondb.importers.files.sample import Sample
from sessiondb.ingest.discovery import is_candidate
from sessiondb.ingest.run import Ingest
from tests.helpers.codex_logs import header, message

FIRST, CHILD, GONE = (f"019ce14a-7d30-7b52-9c1e-4a6f0d83e2b{number}" for number in range(3))
SCHEMA = """
CREATE TABLE threads (id TEXT, rollout_path TEXT, title TEXT, name TEXT, archived INTEGER, is_pinned INTEGER);
CREATE TABLE thread_spawn_edges (parent_thread_id TEXT, child_thread_id TEXT, status TEXT);
"""


def store(folder: Path) -> Path:
    """Make Codex's folder, moved from where its database says it is."""
    sessions = folder / "sessions" / "2026"
    sessions.mkdir(parents=True)
    path = folder / "state_5.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(SCHEMA)
        for number, (id, name) in enumerate(((FIRST, "Tides"), (CHILD, None), (GONE, "Lost"))):
            rollout = f"sessions/2026/rollout-{id}.jsonl"
            if id != GONE:
                lines = [header(id=id), message("user", f"Prompt {number}", 1)]
                (folder / rollout).write_text(
                    "".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8"
                )
            row = (id, f"/elsewhere/.codex/{rollout}", f"Prompt {number}", name, number, number == 0)
            connection.execute("INSERT INTO threads VALUES (?, ?, ?, ?, ?, ?)", row)
        connection.execute("INSERT INTO thread_spawn_edges VALUES (?, ?, 'done')", (FIRST, CHILD))
    return path


@pytest.mark.parametrize("database_first", [True, False])
def test_names_pins_and_parents_join_the_sessions_of_the_files(tmp_path: Path, database_first: bool) -> None:
    database = store(tmp_path / "codex")
    assert codex.sniff(Sample(database)) == 2
    with SessionDB(tmp_path / "x.db") as db:
        places = [str(database), str(tmp_path / "codex" / "sessions")]
        for place in places if database_first else reversed(places):
            assert Ingest(db.connection).run([place]).skipped == []
        found = [db.sessions.get(id) for id in (FIRST, CHILD)]
        assert db.connection.value("SELECT count(*) FROM sessions") == 2
    assert [(one.title, one.pinned, one.parent_id, one.relation) for one in found] == [
        ("Tides", True, None, None),
        ("Prompt 1", False, FIRST, "subagent"),
    ]
    assert found[1].metadata["archived"] is True


@pytest.mark.parametrize("name", ["logs_2", "goals_1", "memories_1", "queue_1", "thread_history_1"])
def test_the_other_databases_are_passed_over(name: str) -> None:
    assert not is_candidate(f"{name}.sqlite")
    assert is_candidate("state_5.sqlite")
