"""What a bill needs is kept, filled from logs that are read again, and goes wherever the tokens go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.records.sessions import BILLING_DETAILS
from tests.helpers.stores import exported, merged

SESSION = "6f0f2c1e-8f0b-4e52-9c8b-0b7a3e1f5d11"
USAGE = {
    "input_tokens": 3,
    "cache_creation_input_tokens": 1_000_000,
    "cache_read_input_tokens": 20,
    "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 1_000_000},
    "output_tokens": 50,
    "service_tier": "standard",
    "speed": "fast",
    "inference_geo": "us",
    "server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 1},
}
DETAILS = (0, 1_000_000, None, "standard", "fast", "us", 3, '{"web_fetch": 1}', "beds", None)
READ = f"SELECT {', '.join(BILLING_DETAILS)} FROM token_counts"


def write_log(folder: Path, usage: dict[str, Any] = USAGE) -> Path:
    about = {"sessionId": SESSION, "timestamp": "2026-04-02T08:00:00.000Z", "gitBranch": "beds"}
    said = [{"type": "text", "text": "Yes."}]
    answer = {
        "role": "assistant",
        "id": "msg_01MossFernLichen000001",
        "model": "claude-opus-4-8",
        "usage": usage,
    }
    lines = [
        {**about, "type": "user", "uuid": "u1", "message": {"role": "user", "content": "Is the bed dry?"}},
        {**about, "type": "assistant", "uuid": "a1", "message": {**answer, "content": said}},
    ]  # fmt: skip
    path = folder / f"{SESSION}.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write_log(tmp_path)


def test_one_line_with_everything_stands_in_the_database(db: SessionDB, log: Path) -> None:
    db.import_logs(log)
    assert db.connection.rows(READ) == [DETAILS]


def test_a_database_of_an_older_release_is_filled_from_the_logs_that_are_left(
    db: SessionDB, log: Path
) -> None:
    db.import_logs(log)
    with db.connection.transaction():
        db.connection.execute(
            f"UPDATE token_counts SET {', '.join(f'{name} = NULL' for name in BILLING_DETAILS)}"
        )
        db.connection.execute("UPDATE imports SET parser_version = parser_version - 1")

    db.import_logs(log)

    assert db.connection.value("SELECT count(*) FROM messages") == 2
    assert db.connection.rows(READ) == [DETAILS]
    assert db.tokens.total(SESSION).cache_write == 1_000_000


def test_a_count_of_other_tokens_fills_nothing(db: SessionDB, tmp_path: Path) -> None:
    plain = {"input_tokens": 3, "output_tokens": 50}
    db.import_logs(write_log(tmp_path, {**plain, "speed": "fast"}))
    db.import_logs(write_log(tmp_path, {**plain, "input_tokens": 4, "inference_geo": "us"}))
    # The greater input is the later word.
    assert db.connection.row("SELECT input, speed, inference_geo FROM token_counts") == (4, None, "us")


def test_exports_and_merges_carry_what_a_bill_needs(tmp_path: Path, log: Path) -> None:
    ours, theirs, export = tmp_path / "ours.db", tmp_path / "theirs.db", tmp_path / "all.jsonl"
    with SessionDB(theirs) as db:
        db.import_logs(log)
        db.export(export)
    merged(ours, theirs)
    assert exported(ours) == exported(theirs)
    for path, source in ((ours, None), (tmp_path / "read.db", export)):
        with SessionDB(path) as db:
            if source:
                db.import_logs(source)
            assert db.connection.rows(READ) == [DETAILS]


def test_a_merge_fills_what_the_other_database_knows(tmp_path: Path, log: Path) -> None:
    ours, theirs = tmp_path / "ours.db", tmp_path / "theirs.db"
    for path in (ours, theirs):
        with SessionDB(path) as db:
            db.import_logs(log)
    with SessionDB(ours) as db, db.connection.transaction():
        db.connection.execute("UPDATE token_counts SET cache_write_1h = NULL, speed = NULL")
    merged(ours, theirs)
    with SessionDB(ours) as db:
        assert db.connection.rows(READ) == [DETAILS]
