"""What OpenCode's messages and parts become: prompts, calls, answers, tokens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sessiondb.importers import opencode
from sessiondb.importers.base import MessageRecord, Record, TokenRecord, ToolResult
from sessiondb.importers.files.source import Source
from tests.helpers.opencode_messages import SES, START, Message, reply, text, tool
from tests.helpers.records import of


def user(number: int, *parts: dict[str, Any], **more: Any) -> Message:
    return {"id": f"msg_{number}", "role": "user", "time": {"created": START + number * 1000}, **more}, list(
        parts
    )


def tokens(*counts: int) -> dict[str, Any]:
    return dict(zip(("input", "output", "reasoning"), counts, strict=False)) | {
        "cache": {"read": 7, "write": 3}
    }


def records(folder: Path, *talk: Message) -> list[Record]:
    """Read a session of these messages from an export: all stores share the code below."""
    session = {"id": SES, "title": "Find the tests", "time": {"created": START}}
    document = {"info": session, "messages": [{"info": message, "parts": parts} for message, parts in talk]}
    path = folder / "export.json"
    path.write_text(json.dumps(document), "utf-8")
    return list(opencode.read(Source(path)))


@pytest.mark.parametrize(
    ("message", "counts"),
    [
        (reply(1, tokens=tokens(100, 10, 5)), (100, 7, 3, 15, 5, None)),
        (
            reply(
                1,
                {"type": "step-finish", "tokens": tokens(4, 2, 1), "cost": 0.5},
                {"type": "step-finish", "tokens": tokens(4, 2, 1), "cost": 0.5},
                tokens=tokens(4, 2, 1),
                cost=1.0,
            ),
            (8, 14, 6, 6, 2, 1_000_000),
        ),
        (reply(1, {"type": "step-finish", "tokens": tokens(4, 2, 1)}), (4, 7, 3, 3, 1, None)),
        (reply(1, tokens={"input": 120, "output": 16}, cost={"usd": 1}), (120, None, None, 16, None, None)),
        (
            reply(
                1, tokens={"input": 0, "output": 0, "reasoning": 0, "cache": {"read": 0, "write": 0}}, cost=0
            ),
            None,
        ),
    ],
)
def test_tokens_are_the_messages_own_or_the_sum_of_its_steps(
    tmp_path: Path, message: Message, counts: tuple[int | None, ...] | None
) -> None:
    """Whichever is more, never both; reasoning becomes part of output; no figures give no row."""
    found = of(TokenRecord, records(tmp_path, message))
    assert [record[2:8] for record in found] == ([] if counts is None else [counts])


@pytest.mark.parametrize(
    ("part", "answer"),
    [
        (tool("c"), ("a.txt", False)),
        (tool("c", status="success"), ("a.txt", False)),
        (tool("c", status="error", error="no such file"), ("no such file", True)),
        (tool("c", status="running"), None),
        (tool("c", status="pending"), None),
        ({**tool("c"), "tool": "invalid"}, ("a.txt", True)),
    ],
)
def test_call_has_an_answer_once_it_is_done(
    tmp_path: Path, part: dict[str, Any], answer: tuple[str, bool] | None
) -> None:
    """Call and answer are one part there, a call and a tool row here."""
    found = records(tmp_path, reply(1, part))
    assert [call.call_id for message in of(MessageRecord, found) for call in message.tool_calls] == ["c"]
    assert [(result.result, result.is_error) for result in of(ToolResult, found)] == (
        [answer] if answer else []
    )


@pytest.mark.parametrize(
    ("parts", "rows"),
    [
        ([text("Hi"), text("shown only", ignored=True)], [("user", "Hi")]),
        ([text("Summarise the task", synthetic=True)], [("system", "Summarise the task")]),
        ([{"type": "compaction", "auto": True}], [("system", None)]),
        ([{"type": "subtask", "prompt": "Review it", "agent": "general"}], [("user", "Review it")]),
        ([{"type": "file", "url": "file:///a", "mime": "text/plain"}], [("user", None)]),
        ([], [("user", None)]),
    ],
)
def test_user_row_is_what_a_person_typed(
    tmp_path: Path, parts: list[dict[str, Any]], rows: list[tuple[str, str | None]]
) -> None:
    """Text that the program adds stands apart; a message whose parts are lost is kept."""
    found = of(MessageRecord, records(tmp_path, user(1, *parts)))
    assert [(message.role, message.content) for message in found] == rows


def test_message_keeps_what_went_wrong_and_that_it_is_a_summary(tmp_path: Path) -> None:
    """Fields of meaning end up in the metadata."""
    error = {"name": "APIError", "data": {"message": "overloaded"}}
    found = of(MessageRecord, records(tmp_path, reply(1, text("So far ..."), summary=True, error=error)))
    assert [message.metadata for message in found] == [
        {"kind": "compact_summary", "provider": "p-1", "cwd": "/home/me/shop", "error": error}
    ]
