"""What a line costs, in calls of functions: unlike seconds, these are the same on every machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from sessiondb.importers import claude_code
from sessiondb.importers.files.source import Source

_ANSWERS = 200
_USAGE = {
    "input_tokens": 3,
    "cache_creation_input_tokens": 500,
    "cache_read_input_tokens": 9000,
    "output_tokens": 80,
}


def _lines() -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for number in range(_ANSWERS):
        about = {
            "id": f"msg_01{number:022x}",
            "role": "assistant",
            "model": "claude-opus-4-5",
            "usage": _USAGE,
        }
        call = {"type": "tool_use", "id": f"toolu_{number}", "name": "Read", "input": {"file_path": "a.py"}}
        answer = {
            "type": "tool_result",
            "tool_use_id": f"toolu_{number}",
            "content": "text",
            "is_error": False,
        }
        for kind, message in (
            ("assistant", about | {"content": [{"type": "text", "text": "Let me look."}]}),
            ("assistant", about | {"content": [call]}),
            ("user", {"role": "user", "content": [answer]}),
        ):
            lines.append(
                {
                    "sessionId": "5d1c7f6e-0000-4000-8000-000000000001",
                    "gitBranch": "main",
                    "cwd": "/home/dev/project",
                    "type": kind,
                    "message": message,
                    "uuid": f"00000000-1111-4000-8000-{len(lines):012x}",
                    "timestamp": "2026-03-01T09:15:23.123Z",
                }
            )
    return lines


def test_a_line_costs_few_calls(tmp_path: Path) -> None:
    path = tmp_path / "5d1c7f6e-0000-4000-8000-000000000001.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in _lines()))
    list(claude_code.read(Source(path)))
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        records = list(claude_code.read(Source(path)))
    finally:
        sys.setprofile(None)
    assert len(records) == 2 + 3 * _ANSWERS
    # 45 when this was written, 56 before: a new field should take a call or two at most.
    assert calls / (3 * _ANSWERS) < 48
