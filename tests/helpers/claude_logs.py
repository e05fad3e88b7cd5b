"""Small transcripts of Claude Code, in the layout of its folder."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PROJECT = "/home/mira/src/quill"
SESSIONS = [f"5e1f0000-0000-4000-8000-00000000000{number}" for number in range(10)]


def at(minute: int) -> str:
    """Return a moment of 1 March 2026, 9 o'clock."""
    return f"2026-03-01T09:{minute:02}:00.000Z"


def prompt(session: str, text: str, minute: int = 0, **more: Any) -> dict[str, Any]:
    """Return the line of what a person typed."""
    return {
        "type": "user", "uuid": f"{session[:-6]}{session[-2:]}1{minute:03}", "sessionId": session, "cwd": PROJECT,
        "timestamp": at(minute), "message": {"role": "user", "content": text}, **more,
    }  # fmt: skip


def answer(session: str, text: str, minute: int = 1) -> dict[str, Any]:
    """Return the line of an answer, with its tokens."""
    message = {
        "id": f"msg_{session[-4:]}{minute:02}0123456789abcdef", "role": "assistant", "model": "claude-opus-4-5",
        "content": [{"type": "text", "text": text}], "usage": {"input_tokens": 10, "output_tokens": 5},
    }  # fmt: skip
    return {
        "type": "assistant", "uuid": f"{session[:-6]}{session[-2:]}2{minute:03}", "sessionId": session, "cwd": PROJECT,
        "timestamp": at(minute), "message": message,
    }  # fmt: skip


def write(path: Path, lines: Iterable[Any]) -> Path:
    """Write JSON lines to a file, and make its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return path


def transcript(home: Path, session: str, *texts: str, project: str = "-home-mira-src-quill") -> Path:
    """Write a session of prompts and answers below Claude Code's folder."""
    lines = []
    for number, text in enumerate(texts or ("Where are the tests?",)):
        lines += [prompt(session, text, 2 * number), answer(session, f"About: {text}", 2 * number + 1)]
    return write(home / "projects" / project / f"{session}.jsonl", lines)
