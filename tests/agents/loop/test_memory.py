"""What a hook has told stands in transcripts, but is not taken for what was said there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.agents.loop.memory import framed
from sessiondb.chat.memory_frame import is_framed
from sessiondb.records import SessionFilter
from tests.helpers import codex_logs, gemini_logs

TOLD = framed("Amounts are kept as fractions.")
ESCAPED = TOLD.replace("<", "&lt;").replace(">", "&gt;")


def codex_log(folder: Path) -> Path:
    lines = [
        codex_logs.header(),
        codex_logs.message("developer", TOLD, 1),
        codex_logs.message("user", "Cups?", 2),
    ]
    return codex_logs.write(folder / codex_logs.FILE, lines)


def gemini_log(folder: Path) -> Path:
    lines: list[Any] = [
        gemini_logs.HEADER,
        gemini_logs.user("u1", f"<hook_context>{ESCAPED}</hook_context>\n\nCups?"),
    ]
    return gemini_logs.write(
        folder / "tmp" / "p" / "chats" / "session-2026-04-29T21-39-0d9f2f0e.jsonl", lines
    )


@pytest.mark.parametrize("write", [codex_log, gemini_log])
def test_a_search_does_not_find_what_a_hook_has_quoted(db: SessionDB, tmp_path: Path, write: Any) -> None:
    db.notes.add("decision", "Amounts are kept as fractions.", project="/home/j/tides")
    db.import_logs(write(tmp_path))
    (session,) = db.sessions.page(SessionFilter(), limit=10)
    assert [(message.role, message.text) for message in db.messages.transcript(session.id)] == [
        ("user", "Cups?")
    ]
    assert [hit.source for hit in db.search("fractions", scope="all").hits] == ["note"]


@pytest.mark.parametrize(
    ("text", "is_ours"),
    [
        (TOLD, True),
        (f"\n{TOLD}\n", True),
        (f"<hook_context>{ESCAPED}</hook_context>", True),
        (f"{TOLD}\nand more", False),
        (f"Look: {TOLD}", False),
        (json.dumps(TOLD), False),
        ("", False),
        (None, False),
    ],
)
def test_it_is_known_by_its_frame_around_the_whole(text: str | None, is_ours: bool) -> None:
    assert is_framed(text) == is_ours
