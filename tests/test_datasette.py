"""The bare file in Datasette, with no metadata: search boxes, links that show titles, views."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("datasette") / "sessions.db"
    with SessionDB(path) as db:
        session = db.sessions.start(
            "my-agent", project="/home/ann/parser", title="Mending the parser", model="some-model"
        )
        db.messages.append(session.id, "user", "Where is the tokenizer?")
        call = {"id": "c1", "name": "grep", "arguments": {"pattern": "def tokenize"}}
        db.messages.append(session.id, "assistant", "Let me look.", tool_calls=[call])
        db.messages.append(session.id, "tool", "lexer.py:12: def tokenize", tool_call_id="c1")
        db.tokens.add(session.id, model="some-model", input=5, output=7, request_key="r1")
        db.notes.add("followup", "Write the lexer's tests", session_id=session.id, due_at="2026-12-01")
        db.sessions.end([session.id])
        db.connection.maintain("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.mark.parametrize(
    ("table", "word", "found"),
    [
        ("sessions", "parser", 1),
        ("messages", "tokenizer", 1),
        ("tool_calls", "lexer", 1),
        ("notes", "tests", 1),
    ],
)
def test_table_has_a_search_box_that_finds(
    database: Path, browse: Callable[..., list[Any]], table: str, word: str, found: int
) -> None:
    page, hits, misses = browse(
        database,
        f"/sessions/{table}",
        f"/sessions/{table}.json?_search={word}&_shape=array",
        f"/sessions/{table}.json?_search=zzzz&_shape=array",
    )
    assert 'type="search"' in page.text
    assert (len(hits.json()), misses.json()) == (found, [])


@pytest.mark.parametrize(
    ("table", "label"),
    [
        ("messages", "Mending the parser"),
        ("tool_calls", "Mending the parser"),
        ("token_counts", "some-model"),
        ("notes", "parser"),
        ("sessions", "parser"),
        ("sessions", "my-agent"),
    ],
)
def test_foreign_keys_are_links_that_show_titles(
    database: Path, browse: Callable[..., list[Any]], table: str, label: str
) -> None:
    (page,) = browse(database, f"/sessions/{table}")
    assert f">{label}</a>" in page.text


@pytest.mark.parametrize(
    ("view", "column", "value"),
    [
        ("session_overview", "title", "Mending the parser"),
        ("transcript", "text", "Where is the tokenizer?"),
        ("daily_tokens", "output", 7),
        ("model_tokens", "model", "some-model"),
        ("open_followups", "body", "Write the lexer's tests"),
    ],
)
def test_views_are_there_and_read_well(
    database: Path, browse: Callable[..., list[Any]], view: str, column: str, value: object
) -> None:
    home, rows = browse(database, "/sessions", f"/sessions/{view}.json?_shape=array")
    assert f"/sessions/{view}" in home.text
    assert rows.json()[0][column] == value
