"""Conversations that LibreChat exports."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sessiondb.importers import librechat
from sessiondb.importers.base import MessageRecord, Record, SessionRecord, TokenRecord, ToolResult
from tests.helpers.golden import assert_owed
from tests.helpers.records import of, read_all

ID = "5b0e7c1d-3f52-4f0e-9d55-0c4f6f1f2a10"
CALL = {"id": "c1", "name": "search", "args": '{"q": "beds"}', "output": "dry", "type": "tool_call"}


def message(number: int, is_user: bool, **more: Any) -> dict[str, Any]:
    return {
        "messageId": f"00000000-0000-4000-8000-{number:012}",
        "parentMessageId": f"00000000-0000-4000-8000-{number - 1:012}",
        "sender": "User" if is_user else "GPT",
        "isCreatedByUser": is_user,
        "createdAt": f"2026-10-01T08:00:{number:02}.000Z",
        **more,
    }


ASKED = message(1, True, text="Which bed is dry?", tokenCount=5)
ANSWERED = message(
    2,
    False,
    text="",
    content=[
        {"type": "think", "think": "Look."},
        {"type": "tool_call", "tool_call": CALL},
        {"type": "text", "text": {"value": "The left one."}},
    ],
    model="m",
    tokenCount=20,
)
LOG = {
    "conversationId": ID,
    "endpoint": "openAI",
    "title": "Beds",
    "options": {"model": "default-model"},
    "messages": [ASKED, ANSWERED],
}


def write(folder: Path, value: Any) -> Path:
    path = folder / "Beds.json"
    path.write_text(json.dumps(value, indent=2), "utf-8")
    return path


records = partial(read_all, librechat)


def rows(found: Iterable[Record]) -> list[tuple[str, str | None]]:
    return [(one.role, one.content) for one in of(MessageRecord, found)]


def test_a_conversation_has_its_prompts_answers_calls_and_tokens(tmp_path: Path) -> None:
    found = records(write(tmp_path, LOG))
    assert rows(found) == [("user", "Which bed is dry?"), ("assistant", "The left one.")]
    asked, answer = of(MessageRecord, found)
    assert asked.created_at == "2026-10-01T08:00:01.000Z"
    assert (answer.reasoning, answer.model, answer.external_id) == ("Look.", "m", ANSWERED["messageId"])
    assert [tuple(call) for call in answer.tool_calls] == [("c1", "search", '{"q": "beds"}')]
    assert [(one.call_id, one.result, one.name) for one in of(ToolResult, found)] == [("c1", "dry", "search")]
    (counted,) = of(TokenRecord, found)
    assert (counted.input, counted.output, counted.model) == (None, 20, "m")
    (session,) = of(SessionRecord, found)
    assert (session.id, session.agent, session.title, session.model) == (
        ID,
        "librechat",
        "Beds",
        "default-model",
    )


def test_it_gives_what_every_importer_owes(tmp_path: Path) -> None:
    assert_owed(librechat, write(tmp_path, LOG), in_parts=False)


def test_a_tree_gives_each_message_before_what_answers_it(tmp_path: Path) -> None:
    other = message(3, False, text="The right one.")
    tree = {
        **LOG,
        "recursive": True,
        "messages": [{**ASKED, "children": [{**ANSWERED, "children": []}, other]}],
    }
    assert [row[1] for row in rows(records(write(tmp_path, tree)))] == [
        "Which bed is dry?",
        "The left one.",
        "The right one.",
    ]


def test_a_title_that_nobody_gave_is_none_and_an_error_is_marked(tmp_path: Path) -> None:
    failed = message(2, False, content=[{"type": "error", "error": "no credit"}], error=True)
    found = records(write(tmp_path, {**LOG, "title": "New Chat", "messages": [ASKED, failed]}))
    assert of(SessionRecord, found)[0].title is None
    assert of(MessageRecord, found)[1].metadata == {"error": True}
    assert rows(found)[1] == ("assistant", "no credit")


@pytest.mark.parametrize("depth", [3000])
def test_a_deep_tree_is_read_whole(tmp_path: Path, depth: int) -> None:
    node: dict[str, Any] = {**message(depth % 60, True, text="x"), "messageId": str(depth)}
    nodes = [{**message(number % 60, True, text="x"), "messageId": str(number)} for number in range(60)]
    for one in reversed(nodes):
        node = {**one, "children": [node]}
    assert len(rows(records(write(tmp_path, {**LOG, "messages": [node]})))) == 61
