"""A large removal goes past the triggers of search: it must leave what they would have left."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.dao import deletion, removal
from sessiondb.dao.search import indexes
from sessiondb.dao.search.indexes import ALL, SearchIndex
from sessiondb.dao.search.repair import IndexRepair
from sessiondb.storage.connection import Connection
from sessiondb.storage.turns import Turns
from tests.helpers.waiting import HANG, until

TABLES = ("sessions", "messages", "tool_calls", "token_counts", "notes", "search_segments", "search_state")
DROPPED = ("old-0", "old-1", "old-2")


@pytest.fixture
def db(db: SessionDB) -> SessionDB:
    for age in ("old", "new"):
        for number in range(3):
            name = f"{age}-{number}"
            db.sessions.start("agent", id=name, project="/work/app", title=f"the {name} one 标题")
            for line in range(4):
                call = {"id": f"c{line}", "name": "ls", "arguments": {"path": f"./数据/{name}"}}
                db.messages.append(name, "user", f"hello {name} 你好 {line}")
                db.messages.append(name, "assistant", None, tool_calls=[call])
                db.messages.append(name, "tool", f"src {name}", tool_call_id=f"c{line}")
            db.tokens.add(name, input=1, output=2, request_key=f"r-{name}")
            db.notes.add("decision", f"keep {name} 记忆", session_id=name)
    return db


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let few rows count as many."""
    monkeypatch.setattr(deletion, "MANY", 1)


def contents(db: SessionDB) -> dict[str, Any]:
    found = {table: db.connection.rows(f"SELECT * FROM {table} ORDER BY 1") for table in TABLES}
    words = ("hello", "old", "new", "你好", "数据", "src", "标题", "记忆")
    return found | {word: sorted(str(hit.session_id) for hit in db.search(word).hits) for word in words}


def assert_sound(db: SessionDB) -> None:
    assert db.connection.rows("PRAGMA integrity_check") == [("ok",)]
    assert db.connection.rows("PRAGMA foreign_key_check") == []
    assert IndexRepair(db.connection).damaged() == []
    assert [one.check for one in db.check()] == []


@pytest.mark.parametrize("change", ["", "pending", "stale", "foreign trigger", "missing state"])
def test_a_large_removal_leaves_what_a_small_one_leaves(
    db: SessionDB, change: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    copy = tmp_path / "copy.db"
    db.backup(copy)
    left = []
    for path, rows in ((db.path, 10**9), (copy, 1)):
        monkeypatch.setattr(deletion, "MANY", rows)
        with SessionDB(path) as one:
            _change(one, change)
            one.remove(*DROPPED)
            if change == "foreign trigger":
                assert one.connection.value("SELECT count(*) FROM gone") == 36
            left.append(contents(one))
            for _ in SearchIndex(one.connection).catch_up():
                pass
            if change != "missing state":
                assert IndexRepair(one.connection).damaged() == []
    assert left[0] == left[1]


def _change(db: SessionDB, change: str) -> None:
    run = db.connection.execute
    if change == "pending":
        with db.connection.transaction(), SearchIndex(db.connection).bulk():
            run("UPDATE tool_calls SET is_error = 0")
        # Of the tool calls, which an import leaves for later, some are in the index.
        run("UPDATE search_state SET pending_from = 7 WHERE index_name = 'tool_calls_fts'")
        run(
            "INSERT INTO tool_calls_fts (tool_calls_fts, rowid, name, arguments, result)"
            " SELECT 'delete', id, name, arguments, result FROM tool_calls WHERE id >= 7"
        )
        run("DELETE FROM search_segments WHERE source = 'tool_call' AND row_id >= 7")
    elif change == "stale":
        IndexRepair(db.connection).mark_stale("messages_fts")
    elif change == "foreign trigger":
        run("CREATE TABLE gone (id INTEGER)")
        run("CREATE TRIGGER theirs AFTER DELETE ON messages BEGIN INSERT INTO gone VALUES (old.id); END")
    elif change == "missing state":
        run("DELETE FROM search_state WHERE index_name = 'notes_fts'")


@pytest.mark.usefixtures("many")
def test_calls_go_with_their_message_whosesoever_they_are(db: SessionDB) -> None:
    db.connection.execute("UPDATE tool_calls SET session_id = 'new-0' WHERE session_id = 'old-0'")
    db.remove("old-0")
    assert_sound(db)
    assert "old-0" not in {hit.session_id for hit in db.search("数据").hits}


@pytest.mark.usefixtures("many")
def test_a_purge_of_many_leaves_no_byte(db: SessionDB) -> None:
    db.messages.append("old-1", "user", "the password is swordfish")
    db.remove(*DROPPED, purge=True)
    db.connection.maintain("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"swordfish" not in db.path.read_bytes()
    assert_sound(db)


@pytest.mark.usefixtures("many")
def test_notes_of_a_project_are_found_after_a_prune_of_many(db: SessionDB) -> None:
    note = db.notes.add("decision", "tabs not spaces 缩进", session_id="old-1", project="/work/app")
    db.prune("9999-01-01", include_open=True)
    assert [hit.note_id for word in ("spaces", "缩进") for hit in db.search(word).hits] == [note.id] * 2
    assert_sound(db)


@pytest.fixture
def transactions(many: None, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the transactions of a removal that takes one session at a time."""
    monkeypatch.setattr(deletion, "_SESSIONS", (1, 1, 1))
    begun: list[int] = []
    remove_some = deletion.Deletion._remove_some

    def counted(self: deletion.Deletion, *args: Any, **options: Any) -> int:
        begun.append(self._done)
        return remove_some(self, *args, **options)

    monkeypatch.setattr(deletion.Deletion, "_remove_some", counted)
    return begun


@pytest.mark.parametrize(("is_wanted", "expected"), [(True, [0, 1, 2]), (False, [0])])
def test_a_removal_lets_others_write_as_soon_as_one_waits(
    db: SessionDB,
    transactions: list[int],
    is_wanted: bool,
    expected: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Connection, "is_wanted", is_wanted)
    db.remove(*DROPPED)
    assert transactions == expected
    assert_sound(db)


@pytest.mark.parametrize("limit", ["_LONGEST", "_MOST"])
def test_a_removal_has_an_end_though_nobody_waits(
    db: SessionDB, transactions: list[int], limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connection, "is_wanted", False)
    monkeypatch.setattr(deletion, limit, 0)
    db.remove(*DROPPED)
    assert transactions == [0, 1, 2]


def segments(db: SessionDB, index: str) -> set[int]:
    return set(db.connection.column(f"SELECT DISTINCT segid FROM {index}_idx"))


@pytest.mark.usefixtures("transactions")
def test_what_leaves_in_one_transaction_is_one_segment_of_each_index(
    db: SessionDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connection, "is_wanted", False)
    db.optimize()
    names = [index.name for index in ALL]
    before = [len(segments(db, name)) for name in names]
    db.remove(*DROPPED)
    assert (before, [len(segments(db, name)) for name in names]) == ([1] * len(ALL), [2] * len(ALL))
    assert_sound(db)


@pytest.mark.parametrize("is_same_process", [True, False])
def test_a_writer_hears_that_another_waits(db: SessionDB, is_same_process: bool) -> None:
    """Another handle of the lock file is what another process has."""
    ours = Turns(db.path, HANG)
    theirs = ours if is_same_process else Turns(db.path, HANG)
    with ours.held("a removal"):
        waiting = threading.Thread(target=_write, args=(theirs,))
        waiting.start()
        until(ours.are_wanted, "word that another waits")
    waiting.join()
    ours.close()
    theirs.close()


def _write(turns: Turns) -> None:
    with turns.held("an append"):
        pass


@pytest.mark.parametrize(("room", "expected"), [(0, 0), (1 << 60, 1000)], ids=["room", "no room"])
def test_a_page_gets_into_the_file_once_for_several_transactions(
    db: SessionDB, transactions: list[int], room: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails where SQLite copies the log after each transaction, or goes on to let it grow afterwards."""
    monkeypatch.setattr(deletion, "_ROOM", room)
    found: list[int] = []

    def look(*_: object) -> None:
        found.extend(db.connection.sqlite.execute("PRAGMA wal_autocheckpoint").fetchone())

    db.remove(*DROPPED, progress=look)
    assert set(found) == {expected}
    assert db.connection.value("PRAGMA wal_autocheckpoint") == 1000


def test_optimize_merges_each_index_in_steps(db: SessionDB, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "_MERGED", (1, 1, 1))
    merges: list[str] = []
    db.connection.sqlite.set_trace_callback(lambda sql: merges.append(sql) if "'merge'" in sql else None)
    before = contents(db)
    db.optimize()
    db.connection.sqlite.set_trace_callback(None)
    assert contents(db) == before
    assert sum("INSERT INTO messages_fts " in sql for sql in merges) > 1
    for index in ALL:
        assert len(db.connection.rows(f"SELECT DISTINCT segid FROM {index.name}_idx")) == 1
    assert_sound(db)


def test_the_indexes_shrink_where_much_is_removed(db: SessionDB, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "_SHARE", 0.1)
    for line in range(300):
        db.messages.append("old-0", "user", " ".join(f"word{line * 40 + number}" for number in range(40)))
    size = "SELECT sum(length(block)) FROM messages_fts_data"
    before = db.connection.value(size)
    db.remove("old-0")
    assert db.connection.value(size) < before / 4
    assert_sound(db)


@pytest.mark.parametrize("index", [index.name for index in ALL])
@pytest.mark.parametrize("most", [1, 1000])
def test_a_damaged_index_is_put_aside_and_the_removal_goes_on(
    db: SessionDB, index: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "MANY", most)
    with db.connection.transaction():
        db.connection.execute(f"UPDATE {index}_data SET block = x'ffffffff'")
    removed = db.remove(*DROPPED)
    assert (sorted(removed.sessions), removed.messages) == (sorted(DROPPED), 36)
    db.repair()
    assert_sound(db)
    assert {str(hit.session_id) for hit in db.search("hello").hits} == {"new-0", "new-1", "new-2"}
