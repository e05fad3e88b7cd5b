"""Answers that are written while imports run: in whatever pieces they come, they are what one import makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB

SESSION = "5e1f0000-0000-4000-8000-000000000001"
ANSWER = "msg_01TqDZoU6FcpxB4u2AmpgWfZ"
_HELD = (
    "SELECT role, content, created_at, external_id FROM messages ORDER BY seq",
    "SELECT call_id, called_at, result FROM tool_calls ORDER BY id",
    "SELECT request_key, input, output, counted_at, message_id IS NULL FROM token_counts ORDER BY id",
)


def claude_line(number: int, role: str, content: Any, **more: Any) -> dict[str, Any]:
    about = {"type": role, "uuid": f"00000000-0000-4000-8000-{number:012}", "sessionId": SESSION}
    message = {"role": role, "content": content, **more}
    return {**about, "timestamp": f"2026-03-01T09:00:0{number}.000Z", "message": message}


def of_answer(number: int, block: dict[str, Any], asked: int = 9) -> dict[str, Any]:
    usage = {"input_tokens": asked, "output_tokens": 5}
    return claude_line(number, "assistant", [block], id=ANSWER, model="m", usage=usage)


def claude_code() -> list[dict[str, Any]]:
    calls = [
        {"type": "tool_use", "id": f"toolu_0{one}", "name": "Glob", "input": {"pattern": one}} for one in "ab"
    ]
    return [
        claude_line(1, "user", "Where are the tests?"),
        of_answer(2, {"type": "text", "text": "Let me look."}),
        *(of_answer(number, call) for number, call in enumerate(calls, 3)),
        claude_line(5, "user", [{"type": "tool_result", "tool_use_id": "toolu_0a", "content": "tests"}]),
    ]


def copilot() -> list[dict[str, Any]]:
    def event(second: int, kind: str, **data: Any) -> dict[str, Any]:
        about = {
            "id": f"00000000-0000-4000-8000-{second:012}",
            "timestamp": f"2026-03-01T09:00:0{second}.000Z",
        }
        return {"type": kind, "data": data, **about, "parentId": None}

    call = {"toolCallId": "call_1", "name": "bash", "arguments": {"command": "ls"}, "type": "function"}
    usage = {"model": "m", "inputTokens": 9, "outputTokens": 5, "apiCallId": "chatcmpl-1"}
    return [
        event(
            1,
            "session.start",
            sessionId=SESSION,
            version=1,
            producer="copilot-agent",
            copilotVersion="1.0.102",
        ),
        event(2, "user.message", content="Where are the tests?"),
        event(3, "session.usage_record", usage=usage),
        event(
            4,
            "assistant.message",
            messageId="m1",
            content="Look.",
            toolRequests=[call],
            apiCallId="chatcmpl-1",
        ),
    ]


LOGS = [
    pytest.param(f"projects/-p/{SESSION}.jsonl", claude_code, id="Claude Code"),
    pytest.param(f"session-state/{SESSION}/events.jsonl", copilot, id="Copilot CLI"),
]


def held(db: SessionDB) -> list[Any]:
    return [[tuple(row) for row in db.connection.rows(sql)] for sql in _HELD]


@pytest.mark.parametrize(("name", "made"), LOGS)
def test_an_answer_read_in_pieces_is_what_it_is_as_a_whole(tmp_path: Path, name: str, made: Any) -> None:
    lines = [json.dumps(line).encode() + b"\n" for line in made()]
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"".join(lines))
    with SessionDB(tmp_path / "whole.db") as db:
        db.import_logs(path)
        whole = held(db)
    assert [len(rows) for rows in whole][1:] in ([2, 1], [1, 1])
    with SessionDB(tmp_path / "pieces.db") as db:
        for end in range(1, len(lines) + 1):
            path.write_bytes(b"".join(lines[:end]))
            db.import_logs(path)
        assert held(db) == whole


@pytest.mark.parametrize("asked", [(9, 12), (12, 9)])
def test_of_two_counts_of_a_response_with_one_output_the_greater_input_holds(
    tmp_path: Path, asked: tuple[int, int]
) -> None:
    path = tmp_path / f"{SESSION}.jsonl"
    with SessionDB(tmp_path / "x.db") as db:
        for number, input in enumerate(asked, 2):
            with open(path, "a") as log:
                log.write(json.dumps(of_answer(number, {"type": "text", "text": "Look."}, input)) + "\n")
            db.import_logs(path)
        assert db.connection.rows("SELECT input, output FROM token_counts") == [(12, 5)]


def test_an_answer_whose_time_comes_later_stands_behind_its_prompt(tmp_path: Path) -> None:
    """What Claude Code printed has no times; its transcript may be read a line at a time beside it."""
    prompt, answer = claude_line(1, "user", "Dry?"), of_answer(2, {"type": "text", "text": "Left."})
    printed = {key: value for key, value in answer.items() if key not in ("timestamp", "sessionId")}
    (tmp_path / "run.jsonl").write_text(json.dumps({**printed, "session_id": SESSION}) + "\n")
    transcript = tmp_path / f"{SESSION}.jsonl"
    with SessionDB(tmp_path / "x.db") as db:
        db.import_logs(tmp_path / "run.jsonl")
        for line in (prompt, answer):
            with open(transcript, "a") as log:
                log.write(json.dumps(line) + "\n")
            db.import_logs(transcript)
        said = db.connection.rows("SELECT role, content FROM messages ORDER BY seq")
        assert said == [("user", "Dry?"), ("assistant", "Left.")]
