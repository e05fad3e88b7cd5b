"""Tool calls are indexed beside the writer: the index is the same, whatever happens to the process that makes it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.dao.search import tool_indexer
from sessiondb.dao.search.indexes import TOOLS, SearchIndex
from sessiondb.dao.search.tool_indexer import Texts, ToolIndexer
from sessiondb.dao.tables import Tables
from sessiondb.dao.union.writer import ImportWriter
from sessiondb.errors import DatabaseError
from sessiondb.ingest import read_ahead, run

DATA = Path(__file__).parents[2] / "data"
LOGS = [DATA / agent for agent in ("claude-code", "codex", "nanobot", "hermes")]

_WORDS = f"CREATE VIRTUAL TABLE temp.words USING fts5vocab(main, {TOOLS}, instance)"
_INSERT = (
    "INSERT INTO tool_calls (id, session_id, position, name, arguments, result) VALUES (?, 's', 0, ?, ?, ?)"
)

_KILLED = """
import os, signal, sys
from sessiondb import SessionDB
from sessiondb.dao.search import tool_indexer
from sessiondb.ingest import read_ahead, run
os.sched_getaffinity = lambda pid: {0, 1}
read_ahead.WORTHWHILE_BYTES = tool_indexer.WORTHWHILE_BYTES = run.BULK_BYTES = 1
owner, name = sys.argv[2].split(".")
setattr(getattr(tool_indexer, owner), name, lambda *given: os.kill(os.getpid(), signal.SIGKILL))
SessionDB.import_into(sys.argv[1], *sys.argv[3:], read_ahead=True)
"""


@pytest.fixture
def adopted(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Let the process pay for any file; give how each of its indexes was taken."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1}, raising=False)
    monkeypatch.setattr(read_ahead, "WORTHWHILE_BYTES", 1)
    monkeypatch.setattr(tool_indexer, "WORTHWHILE_BYTES", 1)
    monkeypatch.setattr(run, "BULK_BYTES", 1)
    taken: list[bool] = []
    adopt = ToolIndexer.adopt

    def note(self: ToolIndexer, index: SearchIndex) -> bool:
        taken.append(adopt(self, index))
        return taken[-1]

    monkeypatch.setattr(ToolIndexer, "adopt", note)
    return taken


@pytest.fixture
def usual(tmp_path: Path) -> list[Any]:
    """What an import into an open database has in its index."""
    with SessionDB(tmp_path / "usual.db") as db:
        db.import_logs(*LOGS)
    return held(tmp_path / "usual.db")


def held(path: Path) -> list[Any]:
    """Return each word of the tool index with its place, the prepared texts, and what waits to be indexed."""
    with SessionDB(path) as db:
        assert db.check() == []
        sqlite = db.connection.sqlite
        sqlite.execute(_WORDS)
        words = sqlite.execute("SELECT term, doc, col, offset FROM words ORDER BY 1, 2, 3, 4").fetchall()
        return [
            words,
            db.connection.rows("SELECT source, row_id, part, content FROM search_segments ORDER BY 1, 2, 3"),
            db.connection.rows("SELECT index_name, pending_from FROM search_state ORDER BY 1"),
        ]


def test_the_index_is_the_one_of_any_other_import(
    tmp_path: Path, adopted: list[bool], usual: list[Any]
) -> None:
    SessionDB.import_into(tmp_path / "new.db", *LOGS, read_ahead=True)

    assert adopted == [True]
    assert held(tmp_path / "new.db") == usual
    assert not list(tmp_path.glob("*.tools*"))


def test_the_index_grows_with_later_imports_and_appends(tmp_path: Path, adopted: list[bool]) -> None:
    SessionDB.import_into(tmp_path / "new.db", *LOGS, read_ahead=True)

    with SessionDB(tmp_path / "new.db") as db:
        session = db.sessions.start("agent").id
        call = {"id": "c1", "name": "Grep", "arguments": {"pattern": "zanzibar"}}
        db.messages.append(session, "assistant", "Let me look.", tool_calls=[call])
        db.messages.append(session, "tool", "quokka.py", tool_call_id="c1")
        assert [hit.session_id for hit in db.search("zanzibar quokka", scope="tools").hits] == [session]
        db.optimize()
        assert db.check() == []


def _dies(self: ToolIndexer, rows: list[Texts]) -> None:
    self._process.kill()
    self._process.wait()
    self._parts.put(rows)


def _is_undone(self: ToolIndexer, rows: list[Texts]) -> None:
    take(self, rows)
    take(self, rows)


def _is_half_a_character(self: ToolIndexer, rows: list[Texts]) -> None:
    take(self, [(*rows[0][:3], "\ud800"), *rows[1:]])


def _is_of_another_call(self: ToolIndexer, rows: list[Texts]) -> None:
    take(self, [*rows, (rows[-1][0] + 1000, "Read", None, None)])


take = ToolIndexer.take


@pytest.mark.parametrize("fault", [_dies, _is_undone, _is_half_a_character, _is_of_another_call])
def test_calls_are_indexed_as_ever_where_the_process_fails(
    tmp_path: Path,
    adopted: list[bool],
    usual: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[[ToolIndexer, list[Texts]], None],
) -> None:
    monkeypatch.setattr(ToolIndexer, "take", fault)

    SessionDB.import_into(tmp_path / "new.db", *LOGS, read_ahead=True)

    assert adopted == [False]
    assert held(tmp_path / "new.db") == usual


def test_calls_are_indexed_as_ever_where_its_file_cannot_be_written(
    tmp_path: Path, adopted: list[bool], usual: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = ToolIndexer.__init__

    def init(self: ToolIndexer, connection: Any) -> None:
        connection.path.with_name(f"{connection.path.name}.tools-journal").mkdir()
        connection.path.with_name(f"{connection.path.name}.tools").write_text("no database, but a text")
        begin(self, connection)

    monkeypatch.setattr(ToolIndexer, "__init__", init)
    monkeypatch.setattr(Path, "unlink", lambda self, missing_ok: None)

    SessionDB.import_into(tmp_path / "new.db", *LOGS, read_ahead=True)

    assert adopted == [False]
    assert held(tmp_path / "new.db") == usual


def test_calls_are_indexed_as_ever_where_the_tables_of_an_index_cannot_be_written(
    tmp_path: Path, adopted: list[bool], usual: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = ToolIndexer._copy

    def fail(self: ToolIndexer, made: sqlite3.Connection) -> None:
        copy(self, made)
        raise DatabaseError("table tool_calls_fts_data may not be modified")

    monkeypatch.setattr(ToolIndexer, "_copy", fail)

    SessionDB.import_into(tmp_path / "new.db", *LOGS, read_ahead=True)

    assert adopted == [False]
    assert held(tmp_path / "new.db") == usual


def test_calls_that_triggers_have_indexed_stay_indexed(
    tmp_path: Path, adopted: list[bool], usual: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "BULK_BYTES", 1 << 40)

    SessionDB.import_into(tmp_path / "new.db", *LOGS, read_ahead=True)

    assert adopted == [False]
    assert held(tmp_path / "new.db")[0] == usual[0]


@pytest.mark.parametrize("at", ["ToolIndexer.take", "ToolIndexer.adopt", "SearchIndex.complete_from"])
def test_a_kill_leaves_no_database_and_the_next_import_clears_up(
    tmp_path: Path, adopted: list[bool], usual: list[Any], at: str
) -> None:
    folder = tmp_path / "new"

    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, str(folder / "s.db"), at, *map(str, LOGS)], check=False
    )

    assert killed.returncode == -signal.SIGKILL
    assert [path.name[:17] for path in folder.iterdir()] == [".s.db.first-load-"]
    SessionDB.import_into(folder / "s.db", *LOGS, read_ahead=True)
    assert adopted == [True]
    assert {path.name for path in folder.iterdir()} - {"s.db.lock"} == {"s.db"}
    assert held(folder / "s.db") == usual


def test_a_transaction_that_is_undone_costs_the_index_made_beside_it(
    tmp_path: Path, adopted: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = ImportWriter.begin

    def fail(self: ImportWriter, path: str, *rest: Any) -> None:
        if path.endswith("c2a9e6f8-1b47-4d05-8e3c-70d5f2b6a914.jsonl"):
            self.flush()
            raise ValueError("odd")
        begin(self, path, *rest)

    monkeypatch.setattr(ImportWriter, "begin", fail)

    SessionDB.import_into(tmp_path / "new.db", *LOGS, read_ahead=True)

    assert adopted == [False]
    assert held(tmp_path / "new.db")[0]


def test_calls_that_changed_or_went_after_they_were_handed_on_are_found_as_they_are(tmp_path: Path) -> None:
    with Tables(tmp_path / "new.db", unshared=True) as db:
        connection, index = db.connection, SearchIndex(db.connection)
        rows: list[Texts] = [(id, "Read", f"apple{id}", f"pear{id}") for id in range(1, 6)]
        with ToolIndexer(connection) as indexer:
            with connection.transaction(), index.bulk():
                db.sessions.start("agent", id="s")
                connection.executemany(_INSERT, rows)
                connection.execute(_INSERT, (6, "Read", "apple6", None))
            indexer.take(rows)
            with connection.transaction():
                connection.execute("UPDATE tool_calls SET result = 'plum' WHERE id IN (2, 6)")
                connection.execute("UPDATE tool_calls SET result = '桃子' WHERE id = 2")
                connection.execute("DELETE FROM tool_calls WHERE id = 4")

            assert indexer.adopt(index)

        assert index.damaged() == []
        found = connection.rows(
            f"SELECT rowid FROM {TOOLS} WHERE {TOOLS} MATCH 'apple2 OR apple4 OR plum OR pear2'"
        )
        assert found == [(2,), (6,)]
        assert connection.rows("SELECT row_id FROM search_segments") == [(2,)]
