"""A load past the triggers leaves the indexes as the triggers would, and in few pieces."""

from __future__ import annotations

from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.dao.search.indexes import SearchIndex
from sessiondb.dao.search.repair import IndexRepair
from sessiondb.ingest import run

_TEXTS = [f"第{number}次修改数据库的索引" for number in range(60)]


def load(db: SessionDB, first: int, texts: list[str]) -> None:
    rows = [(number, number, text) for number, text in enumerate(texts, first)]
    with db.connection.transaction(), SearchIndex(db.connection).bulk():
        db.connection.executemany(
            "INSERT INTO messages (id, session_id, seq, role, content) VALUES (?, 's', ?, 'user', ?)", rows
        )


def pieces(db: SessionDB) -> int:
    return int(db.connection.value("SELECT count(DISTINCT segid) FROM search_segments_fts_idx"))


def test_prepared_texts_are_indexed_in_one_statement(db: SessionDB) -> None:
    db.sessions.start("me", id="s")
    load(db, 1, _TEXTS)

    assert db.connection.value("SELECT count(*) FROM search_segments WHERE source = 'message'") == 60
    assert pieces(db) == 1
    assert IndexRepair(db.connection).damaged() == []
    assert {hit.message_id for hit in db.search("第7次").hits} == {8}

    load(db, 61, [*_TEXTS, "no such text"])
    assert pieces(db) == 2
    found = "SELECT count(*) FROM search_segments_fts WHERE search_segments_fts MATCH ?"
    assert db.connection.value(found, ('"索 引"',)) == 120


def test_a_load_while_prepared_texts_wait_leaves_them_waiting(db: SessionDB) -> None:
    db.sessions.start("me", id="s")
    search = SearchIndex(db.connection)
    repair = IndexRepair(db.connection)
    repair.mark_stale("search_segments_fts")
    load(db, 1, _TEXTS)

    assert search.pending("search_segments_fts") == 60
    assert list(search.catch_up())
    assert search.pending("search_segments_fts") == 0
    assert repair.damaged() == []


def test_a_load_without_such_texts_leaves_their_index_alone(db: SessionDB) -> None:
    db.sessions.start("me", id="s")
    load(db, 1, ["plain", "naïve → accents"])

    assert pieces(db) == 0
    assert not SearchIndex(db.connection).is_behind("search_segments_fts")


@pytest.mark.parametrize(("part", "segments"), [(0, 1), (1e9, 4)])
def test_a_large_import_leaves_talk_in_one_segment_for_appends_to_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: float, segments: int
) -> None:
    data = Path(__file__).parents[2] / "data"
    for name, value in (("BULK_BYTES", 1), ("MERGED_BYTES", 1), ("MERGED_PART", part)):
        monkeypatch.setattr(run, name, value)
    with SessionDB(tmp_path / "s.db") as db:
        for agent in ("claude-code", "codex", "hermes", "nanobot"):
            db.import_logs(data / agent)

        assert db.connection.value("SELECT count(DISTINCT segid) FROM messages_fts_idx") == segments
        assert db.check() == []
        assert db.search("lisbon").hits
