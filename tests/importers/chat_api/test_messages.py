"""Messages in the shapes of the chat APIs, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from sessiondb.importers.base import Fingerprints, MessageRecord, TokenRecord, ToolCallRecord, ToolResult
from sessiondb.importers.chat_api.messages import message_records, token_record

PNG = "data:image/png;base64,aGVsbG8="
STORED_PNG = {
    "sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    "media_type": "image/png",
    "bytes": 5,
}


def records(*messages: dict[str, Any]) -> list[MessageRecord | ToolResult]:
    """Return the records of a conversation, without the ids that are hashes."""
    fingerprints = Fingerprints({})
    found = [record for message in messages for record in message_records("s", message, fingerprints)]
    assert all(record.external_id for record in found)
    return [record._replace(external_id=None) for record in found]


def ids(*messages: dict[str, Any]) -> list[str | None]:
    fingerprints = Fingerprints({})
    return [
        record.external_id for message in messages for record in message_records("s", message, fingerprints)
    ]


def test_an_openai_turn_becomes_a_prompt_a_call_its_answer_and_a_reply() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "ls", "arguments": '{"path": "\\u00e9"}'}}
    assert records(
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "What is here?", "name": "ann"},
        {"role": "assistant", "content": "", "tool_calls": [call], "reasoning_content": "Look first."},
        {"role": "tool", "tool_call_id": "c1", "name": "ls", "content": "a.py"},
        {
            "role": "assistant",
            "content": "One file.",
            "model": "m-1",
            "finish_reason": "stop",
            "refusal": None,
        },
    ) == [
        MessageRecord("s", "system", "Be brief.", metadata={"role": "developer"}),
        MessageRecord("s", "user", "What is here?", metadata={"name": "ann"}),
        MessageRecord(
            "s",
            "assistant",
            reasoning="Look first.",
            tool_calls=(ToolCallRecord("c1", "ls", '{"path":"é"}'),),
        ),
        ToolResult("s", "c1", "a.py", name="ls"),
        MessageRecord("s", "assistant", "One file.", model="m-1", finish_reason="stop"),
    ]


def test_an_anthropic_turn_becomes_the_same_rows() -> None:
    thinking = {"type": "thinking", "thinking": "Look first.", "signature": "c2ln"}
    use = {"type": "tool_use", "id": "t1", "name": "ls", "input": {"path": "é"}}
    result = {
        "type": "tool_result",
        "tool_use_id": "t1",
        "content": [{"type": "text", "text": "no such folder"}],
    }
    assert records(
        {"role": "user", "content": [{"type": "text", "text": "What is"}, {"type": "text", "text": "here?"}]},
        {"role": "assistant", "content": [thinking, {"type": "redacted_thinking", "data": "x"}, use]},
        {"role": "user", "content": [{**result, "is_error": True}, {"type": "text", "text": "Never mind."}]},
        {"role": "user", "content": [{**result, "cache_control": {"type": "ephemeral"}}]},
    ) == [
        MessageRecord("s", "user", "What is\n\nhere?"),
        MessageRecord(
            "s",
            "assistant",
            reasoning="Look first.",
            tool_calls=(ToolCallRecord("t1", "ls", '{"path":"é"}'),),
        ),
        ToolResult("s", "t1", "no such folder", is_error=True),
        MessageRecord("s", "user", "Never mind."),
        ToolResult("s", "t1", "no such folder"),
    ]


def test_answers_of_the_providers_own_tools_follow_their_calls() -> None:
    use = {"type": "server_tool_use", "id": "w1", "name": "web_search", "input": {"query": "quokka"}}
    result = {"type": "web_search_tool_result", "tool_use_id": "w1", "content": [{"type": "hit", "url": "u"}]}
    assert records(
        {"role": "assistant", "content": [use, result, {"type": "text", "text": "Found it."}]}
    ) == [
        MessageRecord(
            "s",
            "assistant",
            "Found it.",
            tool_calls=(ToolCallRecord("w1", "web_search", '{"query":"quokka"}'),),
        ),
        ToolResult("s", "w1", None, parts=[{"type": "hit", "url": "u"}]),
    ]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ({"id": "c", "name": "ls", "arguments": {"a": 1}}, ToolCallRecord("c", "ls", '{"a":1}')),
        ({"id": 7, "custom": {"name": "sh", "input": "ls -l"}}, ToolCallRecord("7", "sh", "ls -l")),
        ({"function": {"name": "ls", "arguments": ""}}, ToolCallRecord(None, "ls", "")),
        ({"id": "c", "function": None}, ToolCallRecord("c", None, None)),
        ("ls()", ToolCallRecord(None, None, "ls()")),
    ],
)
def test_tool_calls_are_read_in_every_shape(call: Any, expected: ToolCallRecord) -> None:
    assert records({"role": "assistant", "content": None, "tool_calls": [call]}) == [
        MessageRecord("s", "assistant", tool_calls=(expected,))
    ]


def test_functions_of_the_first_api_are_calls_without_ids() -> None:
    call = {"name": "ls", "arguments": "{}"}
    assert records(
        {"role": "assistant", "content": None, "function_call": call},
        {"role": "function", "name": "ls", "content": {"files": ["a.py"]}},
    ) == [
        MessageRecord("s", "assistant", tool_calls=(ToolCallRecord(None, "ls", "{}"),)),
        ToolResult("s", None, '{"files":["a.py"]}', name="ls"),
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"reasoning": "Hm."},
        {"reasoning_content": "Hm.", "thinking_blocks": [{"type": "thinking", "thinking": "Hm."}]},
        {
            "reasoning_content": "",
            "thinking_blocks": [{"type": "thinking", "thinking": "Hm.", "signature": "x"}],
        },
        {"reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}, {"text": "Hm."}]},
        {"reasoning_details": [{"type": "reasoning.summary", "summary": "Hm."}]},
        {"content": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}]},
    ],
)
def test_reasoning_is_stored_once_whatever_its_field(fields: dict[str, Any]) -> None:
    assert records({"role": "assistant", "content": None, **fields}) == [
        MessageRecord("s", "assistant", reasoning="Hm.")
    ]


def test_images_are_replaced_by_their_hashes() -> None:
    url = {"type": "image_url", "image_url": {"url": PNG}}
    source = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGVsbG8="}}
    stored = [
        {"type": "image_url", "image_url": {"url": STORED_PNG}},
        {"type": "image", "source": {"type": "base64", **STORED_PNG}},
    ]
    assert records(
        {"role": "user", "content": ["See.", url, source]},
        {"role": "tool", "tool_call_id": "c", "content": [url, source], "raw": PNG},
    ) == [
        MessageRecord("s", "user", "See.", parts=stored),
        ToolResult("s", "c", None, parts=stored, metadata={"raw": STORED_PNG}),
    ]


def test_equal_messages_have_ids_of_their_own_and_the_same_ones_again() -> None:
    yes = {"role": "user", "content": "yes"}
    conversation = [yes, {"role": "assistant", "content": "yes"}, yes]
    assert len(set(ids(*conversation))) == 3
    assert ids(*conversation) == ids(*deepcopy(conversation))
    assert ids(*conversation, {"role": "user", "content": "no"})[:3] == ids(*conversation)


def test_what_is_noted_on_a_message_later_leaves_its_id() -> None:
    message = {"role": "assistant", "content": "Done."}
    assert ids(message) == ids({**message, "latency_ms": 12, "reasoning_content": "Hm.", "model": "m"})


def nodes(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value inside a decoded JSON value."""
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*path, key)
            yield from nodes(item, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    copy = deepcopy(value)
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = new
    return copy


FULL = {
    "role": "assistant",
    "content": [
        {"type": "text", "text": "t"},
        {"type": "thinking", "thinking": "h"},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "h"}]},
        {"type": "tool_use", "id": "1", "name": "n", "input": {"a": 1}},
        {
            "type": "tool_result",
            "tool_use_id": "1",
            "content": [{"type": "text", "text": "r"}],
            "is_error": False,
        },
        {"type": "image", "source": {"data": "aGVsbG8=", "media_type": "image/png"}},
    ],
    "tool_calls": [{"id": "c", "type": "function", "function": {"name": "n", "arguments": "{}"}}],
    "function_call": {"name": "n", "arguments": "{}"},
    "reasoning_details": [{"text": "h"}],
    "tool_call_id": "c",
    "name": "n",
    "model": "m",
    "finish_reason": "stop",
    "is_error": True,
}


@pytest.mark.parametrize("role", ["assistant", "user", "tool"])
@pytest.mark.parametrize(
    "hostile", [None, True, 7, 0.5, "x", [], [[1]], {}, {"type": []}, [{"type": {"a": 1}}]]
)
def test_odd_values_anywhere_never_raise(role: str, hostile: Any) -> None:
    message = {**FULL, "role": role}
    for path in nodes(message):
        assert records(replaced(message, path, hostile))


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"input_tokens": 1200, "output_tokens": 85}, (1200, None, None, 85, None)),
        ({"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}, (10, None, None, 4, None)),
        (
            {
                "prompt_tokens": 100,
                "completion_tokens": 40,
                "prompt_tokens_details": {"cached_tokens": 60},
                "completion_tokens_details": {"reasoning_tokens": 30},
            },
            (40, 60, None, 40, 30),
        ),
        (
            {"input_tokens": 100, "input_tokens_details": {"cached_tokens": 60}, "output_tokens": 4},
            (40, 60, None, 4, None),
        ),
        (
            {
                "input_tokens": 3,
                "cache_read_input_tokens": 50,
                "cache_creation_input_tokens": 7,
                "output_tokens": 9,
            },
            (3, 50, 7, 9, None),
        ),
        ({"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 9}}, (0, 9, None, None, None)),
        ({"prompt_tokens": "many", "input_tokens": -1, "output_tokens": 0}, (None, None, None, 0, None)),
        (
            {"prompt_tokens_details": [], "completion_tokens_details": 3, "output_tokens": 2},
            (None, None, None, 2, None),
        ),
    ],
)
def test_usage_of_either_api_falls_into_disjoint_buckets(usage: Any, counts: tuple[Any, ...]) -> None:
    assert token_record("s", "k", usage) == TokenRecord("s", "k", *counts)


@pytest.mark.parametrize("usage", [None, {}, [], "12", {"total_tokens": 14}, {"input_tokens": True}])
def test_usage_without_counts_is_no_record(usage: Any) -> None:
    assert token_record("s", "k", usage) is None
