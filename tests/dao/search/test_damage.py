"""Each way in which search can be damaged: what agents write is kept, and `doctor --fix` mends all of it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.dao.maintenance import Maintenance
from sessiondb.dao.search.indexes import ALL, SearchIndex
from sessiondb.dao.search.repair import IndexRepair
from sessiondb.storage.migrations import schema_objects

PAGE = 4096

BY_SQL = {
    "no structure": "DELETE FROM {name}_data WHERE id = 10",
    "no averages": "DELETE FROM {name}_data WHERE id = 1",
    "junk": "UPDATE {name}_data SET block = x'ffffffff'",
    "no list of pages": "DELETE FROM {name}_idx",
    "foreign version": "UPDATE {name}_config SET v = 99 WHERE k = 'version'",
    "dropped": "DROP TABLE {name}",
    "dropped in part": "DROP TABLE {name}_data",
}
OF_THE_SCHEMA = [
    "DROP TABLE search_state",
    "DELETE FROM search_state",
    "DROP TRIGGER search_texts_ii",
    "DROP VIEW search_texts",
    "DROP TABLE search_segments",
    "DROP TRIGGER messages_ai",
    "DROP TRIGGER tool_calls_segments_ai",
]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "sessions.db"
    with SessionDB(path) as db:
        for session in ("s0", "s1"):
            db.sessions.start("me", id=session, title=f"title 测试 {session}")
            for number in range(20):
                db.messages.append(session, "user", f"words 测试放在哪里 {number} ipsum")
                call = {"id": f"c{number}", "name": "ls", "arguments": {"number": number}}
                db.messages.append(session, "assistant", f"answer {number}", tool_calls=[call])
                db.messages.append(session, "tool", f"result 測試 {number}", tool_call_id=f"c{number}")
            db.notes.add("win", "noted 测试", session_id=session)
        Maintenance(db.connection).optimize()
    return path


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(sound, tmp_path / "sessions.db"))


def damage(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def zero(path: Path, table: str) -> None:
    """Overwrite the first page of a table, as a bad disk would."""
    with closing(sqlite3.connect(path)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * PAGE)
        file.write(bytes(PAGE))


def write_everything(db: SessionDB) -> None:
    db.messages.append("s1", "user", "a zebra 测试")
    db.messages.append("s1", "assistant", "yes", tool_calls=[{"id": "z", "name": "ls"}])
    db.notes.add("win", "新 words", session_id="s1")
    db.sessions.start("me", title="新 title")
    with db.turn("s0") as turn:
        turn.append("user", "a turn 测试")


def assert_kept_and_mended(path: Path) -> None:
    with SessionDB(path) as db:
        write_everything(db)
        assert db.messages.last_seq("s1") == 62
        assert db.messages.last_seq("s0") == 61
        assert Maintenance(db.connection).repair() == []
        assert [len(db.search(word).hits) for word in ("zebra", "ipsum", "哪里", "turn")] == [1, 2, 2, 1]
        assert db.connection.rows("PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("index", [index.name for index in ALL])
@pytest.mark.parametrize("kind", BY_SQL)
def test_a_damaged_index_stops_no_append_and_is_mended(path: Path, index: str, kind: str) -> None:
    damage(path, BY_SQL[kind].format(name=index))
    assert_kept_and_mended(path)


@pytest.mark.parametrize("statement", OF_THE_SCHEMA)
def test_a_missing_part_of_search_stops_no_append_and_is_mended(path: Path, statement: str) -> None:
    damage(path, statement)
    assert_kept_and_mended(path)


@pytest.mark.parametrize("table", ["data", "idx", "docsize", "config"])
@pytest.mark.parametrize("index", ["messages_fts", "search_segments_fts"])
def test_a_damaged_page_of_an_index_stops_no_append_and_is_mended(path: Path, index: str, table: str) -> None:
    zero(path, f"{index}_{table}")
    assert_kept_and_mended(path)


@pytest.mark.parametrize("table", ["search_blocks", "search_facets"])
def test_damaged_facets_stop_no_append_and_are_mended(path: Path, table: str) -> None:
    with SessionDB(path) as db:
        Maintenance(db.connection).optimize()
        assert db.connection.value("SELECT count(*) FROM search_blocks")
    zero(path, table)
    assert_kept_and_mended(path)
    with SessionDB(path) as db:
        assert db.connection.value("SELECT count(*) FROM search_blocks")


def test_search_says_what_it_misses_while_an_index_is_put_aside(path: Path) -> None:
    damage(path, "DELETE FROM messages_fts_data WHERE id = 10")
    with SessionDB(path) as db:
        db.messages.append("s1", "user", "a zebra")
        assert db.search("title").pending == 121
        Maintenance(db.connection).repair()
        assert db.search("title").pending == 0


def test_little_that_was_left_pending_is_indexed_by_the_next_write(path: Path) -> None:
    damage(path, "UPDATE search_state SET pending_from = 120 WHERE index_name = 'messages_fts'")
    with SessionDB(path) as db:
        db.messages.append("s1", "user", "a zebra")
        assert len(db.search("zebra").hits) == 1
        assert not SearchIndex(db.connection).is_behind("messages_fts")


def test_an_index_that_waits_for_nothing_is_found_and_mended(path: Path) -> None:
    damage(
        path,
        "UPDATE search_state SET pending_from = (SELECT max(id) + 1 FROM messages)"
        " WHERE index_name = 'messages_fts'",
    )
    with SessionDB(path) as db:
        found = Maintenance(db.connection).check()
        assert [finding.problem for finding in found] == ["the index messages_fts takes no new rows"]
        assert Maintenance(db.connection).repair() == []
        db.messages.append("s1", "user", "a zebra")
        assert len(db.search("zebra").hits) == 1


def test_a_full_disk_puts_no_index_aside(path: Path) -> None:
    with SessionDB(path) as db:
        pages = db.connection.value("PRAGMA page_count")
        db.connection.sqlite.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(Exception, match="the disk is full: nothing of this write was kept"):
            db.messages.append("s1", "user", "much " * 20_000)
        db.connection.sqlite.execute("PRAGMA max_page_count = 1000000")
        db.messages.append("s1", "user", "a zebra")
        assert [len(db.search(word).hits) for word in ("zebra", "ipsum")] == [1, 2]
        assert Maintenance(db.connection).check() == []


def test_the_options_of_an_index_made_anew_are_those_of_the_schema(path: Path) -> None:
    options = "SELECT k, v FROM {name}_config ORDER BY k"
    with SessionDB(path) as db:
        for index in ALL:
            before = db.connection.rows(options.format(name=index.name))
            IndexRepair(db.connection).rebuild(index.name)
            after: dict[str, int] = dict(db.connection.rows(options.format(name=index.name)))
            assert dict(before).items() <= after.items()
        assert "set_aside" not in " ".join(
            row[0] for row in db.connection.rows("SELECT name FROM sqlite_master")
        )
        present = {row[0] for row in db.connection.rows("SELECT name FROM sqlite_master")}
        assert schema_objects().keys() <= present
