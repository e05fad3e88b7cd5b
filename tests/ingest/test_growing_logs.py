"""Logs that grow between imports: read line by line, each is in the end what it is when it is read as a whole."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from tests.helpers import codex_logs as codex
from tests.helpers import gemini_logs as gemini
from tests.helpers.stores import contents
from tests.importers.test_kimi import LOG as KIMIS
from tests.importers.test_neighbours import LOGS

SAMPLES = Path(__file__).parents[1] / "data"
SPOKEN = {"role": "user", "content": "Dry?", "timestamp": "2026-03-01T10:00:02"}
METADATA = {
    "_type": "metadata",
    "key": "cli:direct",
    "created_at": "2026-03-01T10:00:00",
    "updated_at": "2026-03-01T10:00:09",
    "metadata": {"title": "Beds"},
}
ANSWER = {"role": "assistant", "content": "Left.", "timestamp": "2026-03-01T10:00:03"}
CODEXES = [
    codex.header(),
    codex.message("user", "Dry?", 2),
    codex.message("assistant", "Left.", 3),
    codex.tokens(4, (9, 4, 5, 0), (9, 4, 5, 0)),
    # Only now the model is named.
    codex.context(5, model="m-1"),
    codex.message("assistant", "Or right.", 6),
    codex.tokens(7, (20, 4, 11, 0), (11, 0, 6, 0)),
]

ANSWERED = gemini.reply(
    "g1", "Look.", toolCalls=[gemini.call("c1", {"output": "dry"})], **gemini.tokens(input=9)
)
GEMINIS = [
    gemini.HEADER,
    gemini.user("u1", "Which bed is dry?"),
    # A message that is written again takes the place of what it was.
    gemini.reply("g1", "Lo"),
    ANSWERED,
    {"$set": {"lastUpdated": "2026-04-29T21:41:00.000Z"}},
    # The person goes back to before them, and asks another thing.
    gemini.user("u2", "<hook_context>Mind.</hook_context>And the left one?"),
    gemini.reply("g2", "Wet.", **gemini.tokens(input=12, output=3)),
    {"$rewindTo": "u2"},
    gemini.user("u3", "And the right one?"),
    {"$rewindTo": "u1"},
    gemini.user("u4", "Which bed is wet?"),
    gemini.reply("g4", "The left one.", **gemini.tokens(input=14, output=4)),
]


def written(lines: list[Any]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


MADE: list[tuple[str, bytes]] = [
    *((name, written(lines)) for _, name, lines in LOGS if name.endswith(".jsonl") and len(lines) > 1),
    ("cli_direct.jsonl", written([METADATA, SPOKEN, ANSWER])),
    ("cli_direct.jsonl", written([SPOKEN, ANSWER, METADATA])),
    ("cli_direct.jsonl", written([SPOKEN, METADATA, ANSWER])),
    ("rollout.jsonl", written(CODEXES)),
    ("session-2026-04-29T21-39-0d9f2f0e.jsonl", written(GEMINIS)),
    ("wire.jsonl", written([{"type": "metadata", "protocol_version": "1.4"}, *KIMIS[1:]])),
    *((str(path.relative_to(SAMPLES)), path.read_bytes()) for path in sorted(SAMPLES.rglob("*.jsonl"))),
]


def write(path: Path, data: bytes) -> Path:
    """Write a log that was always changed at one time: by that sessions are dated of which no line has a time."""
    path.write_bytes(data)
    os.utime(path, (1_772_359_200, 1_772_359_200))
    return path


def held(db: SessionDB) -> dict[str, list[Any]]:
    """Return all that is in a database, but for its own id."""
    db.connection.execute("UPDATE sessions SET origin = NULL")
    return contents(db)


@pytest.mark.parametrize(("name", "log"), MADE, ids=[name for name, _ in MADE])
def test_a_log_read_line_by_line_is_what_it_is_as_a_whole(tmp_path: Path, name: str, log: bytes) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with SessionDB(tmp_path / "whole.db") as db:
        db.import_logs(write(path, log))
        whole = held(db)
    assert whole["messages"]
    with SessionDB(tmp_path / "lines.db") as db:
        lines = log.splitlines(keepends=True)
        for end in range(1, len(lines) + 1):
            db.import_logs(write(path, b"".join(lines[:end])))
        assert held(db) == whole


def said(db: SessionDB) -> list[Any]:
    return db.connection.rows("SELECT session_id, seq, role, content FROM messages ORDER BY session_id, seq")


@pytest.mark.parametrize(("name", "log"), MADE, ids=[name for name, _ in MADE])
def test_objects_that_share_a_line_are_all_read(tmp_path: Path, name: str, log: bytes) -> None:
    """Two programs that write at once may leave no end of a line between them."""
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with SessionDB(tmp_path / "apart.db") as db:
        db.import_logs(write(path, log))
        apart = said(db)
    first, second, rest = log.split(b"\n", 2)
    with SessionDB(tmp_path / "joined.db") as db:
        db.import_logs(write(path, first + second + b"\n" + rest))
        assert said(db) == apart


def test_what_an_index_told_of_a_session_stays_when_its_log_is_read_anew(tmp_path: Path) -> None:
    """Hermes keeps title and tokens of a session in an index beside its log, which begins without a message."""
    native = "20260301_090000_a1b2c3d4"
    entry = {
        "session_key": "agent:main:telegram:dm", "session_id": native, "display_name": "Ann", "platform": "telegram",
        "created_at": "2026-03-01T09:00:00", "updated_at": "2026-03-01T09:05:00", "input_tokens": 300,
        "output_tokens": 40, "total_tokens": 340,
    }  # fmt: skip
    index = tmp_path / "sessions" / "sessions.json"
    index.parent.mkdir()
    index.write_text(json.dumps({"agent:main:telegram:dm": entry}))
    lines = [
        {"role": "session_meta", "model": "m-1", "tools": [], "timestamp": "2026-03-01T09:00:01"},
        SPOKEN,
    ]
    with SessionDB(tmp_path / "x.db") as db:
        for end in (1, 2):
            write(index.with_name(f"{native}.jsonl"), written(lines[:end]))
            db.import_logs(index.parent)
        session = db.sessions.get(native)
        assert (session.title, session.tokens.input, session.message_count) == ("Ann", 300, 1)
