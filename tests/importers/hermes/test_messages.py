"""Hermes' messages as records: what was typed, what was injected, calls and answers."""

from __future__ import annotations

import base64
import hashlib
from datetime import timezone
from pathlib import Path
from typing import Any

import pytest

from sessiondb.importers.base import MessageRecord, ToolCallRecord, ToolResult
from sessiondb.importers.files.source import Source
from sessiondb.importers.hermes.messages import Conversation

MOMENT = "2026-04-29T21:33:43.146865"
NOTE = "[System note: Your previous turn [an answer] was cut off. Finish it first.]"
SUMMARY = "[CONTEXT COMPACTION — REFERENCE ONLY] They spoke of ferns."
END = "--- END OF CONTEXT SUMMARY — respond to the message below, not the summary above ---"
PROCESS = "[IMPORTANT: Background process proc_1 completed.\nOutput:\n]] done ]\n\nall of it]"


def converse(*messages: Any, distinct: bool = False) -> list[MessageRecord | ToolResult]:
    conversation = Conversation(Source(Path("x"), tz=timezone.utc), "s", distinct=distinct)
    return [record for message in messages for record in conversation.records(message)]


def said(content: Any, role: str = "user", **fields: Any) -> dict[str, Any]:
    return {"role": role, "content": content, "timestamp": MOMENT, **fields}


def told(records: list[MessageRecord | ToolResult]) -> list[tuple[str, str | None, str | None]]:
    """Return role, kind and text of each record that is a message."""
    rows = [record for record in records if isinstance(record, MessageRecord)]
    return [(row.role, (row.metadata or {}).get("kind"), row.content) for row in rows]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[Ann] Does it rain?", [("user", None, "[Ann] Does it rain?")]),
        ("  two  spaces\n", [("user", None, "  two  spaces\n")]),
        (NOTE, [("system", "notice", NOTE)]),
        (f"{NOTE}\n\nAnd now?", [("system", "notice", NOTE), ("user", None, "And now?")]),
        ("[System note: never closed", [("system", "notice", "[System note: never closed")]),
        (f"{NOTE}\n\n{PROCESS}", [("system", "notice", NOTE), ("system", "notice", PROCESS)]),
        (PROCESS, [("system", "notice", PROCESS)]),
        (SUMMARY, [("system", "compact_summary", SUMMARY)]),
        (
            f"{SUMMARY}\n\n{END}\n\nWhere were we?",
            [("system", "compact_summary", f"{SUMMARY}\n\n{END}"), ("user", None, "Where were we?")],
        ),
        (
            "[SYSTEM: The user has invoked a skill]",
            [("user", None, "[SYSTEM: The user has invoked a skill]")],
        ),
        ("", [("user", None, None)]),
        (None, [("user", None, None)]),
    ],
)
def test_injected_text_is_kept_apart_from_what_was_typed(
    text: str | None, expected: list[tuple[str, str | None, str]]
) -> None:
    assert told(converse(said(text))) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"display_kind": "hidden"}, ("system", "hidden", "Go on.")),
        ({"display_kind": "process_wakeup"}, ("system", "notice", "Go on.")),
        ({"display_kind": "steer"}, ("user", None, "Go on.")),
        ({"display_kind": ["hidden"]}, ("user", None, "Go on.")),
        ({"_compressed_summary": 1}, ("system", "compact_summary", "Go on.")),
        ({"_compressed_summary": 0}, ("user", None, "Go on.")),
        ({"role": "system"}, ("system", "instructions", "Go on.")),
        ({"role": "function"}, ("system", "meta", "Go on.")),
    ],
)
def test_the_store_may_say_that_nobody_typed_a_message(
    fields: dict[str, Any], expected: tuple[str, str | None, str]
) -> None:
    assert told(converse({**said("Go on."), **fields})) == [expected]


def test_an_answer_carries_its_calls_its_thoughts_and_nothing_twice() -> None:
    call = {
        "id": "fc_1",
        "call_id": "call_1",
        "type": "function",
        "function": {"name": "web", "arguments": '{"q":"f\\u00f6hn"}'},
    }
    plain = {"name": "ls", "arguments": {"path": "."}, "id": "call_2"}
    answer = said(
        " \n",
        role="assistant",
        tool_calls=[call, plain, "odd"],
        reasoning="Look it up.",
        reasoning_content="Look it up.",
        codex_message_items=[{"text": "again"}],
        finish_reason="tool_calls",
        token_count=7,
    )
    (record,) = converse(answer)
    assert record == MessageRecord(
        "s",
        "assistant",
        None,
        record.external_id,
        "2026-04-29T21:33:43.146Z",
        reasoning="Look it up.",
        finish_reason="tool_calls",
        metadata={"token_count": 7},
        tool_calls=(
            ToolCallRecord("call_1", "web", '{"q":"föhn"}'),
            ToolCallRecord("call_2", "ls", '{"path":"."}'),
        ),
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"reasoning": "a", "reasoning_content": "b"}, "a"),
        ({"reasoning": " ", "reasoning_content": "b"}, "b"),
        ({"reasoning_details": '[{"type":"reasoning.text","text":"c"},{"data":"signed"}]'}, "c"),
        ({"codex_reasoning_items": [{"summary": [{"type": "summary_text", "text": "d"}]}]}, "d"),
        ({"reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]}, None),
        ({"reasoning_details": "no JSON"}, None),
    ],
)
def test_reasoning_is_the_readable_text(fields: dict[str, Any], expected: str | None) -> None:
    (record,) = converse(said("Yes.", role="assistant", **fields))
    assert isinstance(record, MessageRecord)
    assert (record.content, record.reasoning) == ("Yes.", expected)


@pytest.mark.parametrize(
    ("content", "fields", "failed"),
    [
        ('{"error": "no such path"}', {}, True),
        ('{"output": "", "error": null}', {}, None),
        ('{"error": "cut off', {}, None),
        ("No results.", {"finish_reason": "error"}, True),
        ("an error", {}, None),
        ("", {}, None),
    ],
)
def test_a_tool_failed_where_its_answer_says_so(
    content: str, fields: dict[str, Any], failed: bool | None
) -> None:
    (record,) = converse(said(content, role="tool", tool_call_id="call_1", tool_name="ls", **fields))
    assert record == ToolResult(
        "s", "call_1", content, failed, "2026-04-29T21:33:43.146Z", "ls", record.external_id
    )


def test_pictures_are_kept_by_hash_in_either_spelling() -> None:
    image = base64.b64encode(b"png").decode()
    encoded = '\ufffdjson:[{"type":"text","text":"See:"},{"type":"image_url","image_url":{"url":"%s"}}]'
    url = f"data:image/png;base64,{image}"
    listed = [{"type": "text", "text": "See:"}, {"type": "image_url", "image_url": {"url": url}}]
    payload = {"sha256": hashlib.sha256(b"png").hexdigest(), "media_type": "image/png", "bytes": 3}
    for content in (encoded % url, listed):
        (record,) = converse(said(content))
        assert (record.metadata, record.parts) == (
            None,
            [{"type": "image_url", "image_url": {"url": payload}}],
        )
        assert told([record]) == [("user", None, "See:")]
    assert told(converse(said("\ufffdjson:broken"))) == [("user", None, "\ufffdjson:broken")]


def test_further_fields_that_say_something_are_kept() -> None:
    (record,) = converse(
        said("Hi", message_id="88", observed=1, compacted=0, api_content="Hi and more", note=None)
    )
    assert record.metadata == {"message_id": "88", "observed": 1}


def test_equal_messages_of_one_moment_are_copies_only_where_the_store_makes_them() -> None:
    twice = [said("ok"), said("ok"), {**said("ok"), "timestamp": 1.5}]
    timeless = {"role": "user", "content": "ok"}
    assert len({record.external_id for record in converse(*twice)}) == 3
    assert len(converse(*twice, distinct=True)) == 2
    assert len(converse(timeless, timeless, distinct=True)) == 2


@pytest.mark.parametrize("message", [None, 7, "text", [], {}, {"role": 3}, {"content": "x"}])
def test_what_is_no_message_is_reported(message: Any) -> None:
    source = Source(Path("x"))
    source.line, source.end = 4, 99
    assert Conversation(source, "s").records(message) == []
    assert Conversation(source, "s").records(message, "message 2") == []
    assert source.problems == [
        (4, 99, "not a message: it has no role"),
        (None, None, "message 2: not a message: it has no role"),
    ]
