"""Lines decoded fast and leniently."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from sessiondb.importers.claude_code.lines import (
    Line,
    Message,
    Other,
    Redacted,
    ServerToolUse,
    Text,
    Thinking,
    ToolAnswer,
    ToolUse,
    Usage,
    decode,
    gist,
    joined,
    lenient,
    tool_input,
)

LINE: dict[str, Any] = {
    "type": "assistant",
    "uuid": "a1",
    "timestamp": "2026-04-02T08:00:00.000Z",
    "isSidechain": False,
    "costUSD": 0.25,
    "userType": "external",
    "toolUseResult": {"never": "decoded"},
    "message": {
        "id": "m1",
        "model": "claude-opus-4-6",
        "content": [
            {"type": "text", "text": "Moss."},
            {"type": "thinking", "thinking": "Hm.", "signature": "x"},
            {"type": "redacted_thinking", "data": "x"},
            {"type": "tool_result", "tool_use_id": "t1", "content": ["ok", {}], "is_error": True},
        ],
        "usage": {"input_tokens": 1, "output_tokens": 2, "output_tokens_details": {"thinking_tokens": 1}},
    },
    "attachment": {"type": "queued_command", "prompt": ["x"], "isMeta": True},
}

FOUND = [{"type": "web_search_result", "url": "u", "encrypted_content": "x"}, 3]


def test_both_ways_of_reading_agree() -> None:
    assert lenient(LINE) == decode(json.dumps(LINE).encode())


def test_tool_input_is_the_same_text_whichever_way_a_line_is_read() -> None:
    call = {
        "type": "tool_use",
        "id": "t1",
        "name": "Bash",
        "input": {"command": 'ls "ü"', "lines": [1, None]},
    }
    raw = json.dumps({"message": {"content": [call]}}, ensure_ascii=False, separators=(",", ":")).encode()
    texts = []
    for line in (decode(raw), lenient(json.loads(raw))):
        assert line.message
        assert isinstance(line.message.content, list)
        block = line.message.content[0]
        assert isinstance(block, ToolUse)
        texts.append(tool_input(block.input))
    assert texts == ['{"command":"ls \\"ü\\"","lines":[1,null]}'] * 2


@pytest.mark.parametrize(
    "block",
    [{"type": "image", "source": {}}, {"type": "\0"}, {"no": "type"}, {"type": "text"}, "bare text", 7],
)
def test_the_fast_way_refuses_blocks_it_would_lose(block: Any) -> None:
    raw = json.dumps({"type": "user", "message": {"content": [block]}}).encode()
    with pytest.raises(ValueError, match=r"Expected|Invalid|missing"):
        decode(raw)


def test_odd_values_are_left_out_and_odd_blocks_kept() -> None:
    line = lenient(
        {
            "type": ["user"],
            "uuid": 5,
            "isMeta": "yes",
            "timestamp": 17,
            "message": {
                "content": [
                    "bare text",
                    None,
                    7,
                    {"type": "text", "text": None},
                    {"type": {}},
                    {"type": "image", "source": {}},
                    {"type": "mcp_tool_use", "id": 1, "name": "find"},
                    {"type": "web_search_tool_result", "tool_use_id": "s1", "content": FOUND},
                ],
                "usage": {"input_tokens": -1, "output_tokens": True, "cache_read_input_tokens": 2**70},
            },
        }
    )
    expected = ServerToolUse(None, "find")
    content: list[Any] = [
        Text("bare text"),
        Other(7),
        Other({"type": "text", "text": None}),
        Other({"type": {}}),
        Other({"type": "image", "source": {}}),
        expected,
        ToolAnswer("s1", [{"type": "web_search_result", "url": "u"}, 3]),
    ]
    assert line.message
    assert isinstance(line.message.content, list)
    call = line.message.content[5]
    assert isinstance(call, ServerToolUse)
    call.input = expected.input = Raw(b"")  # a Raw equals only itself
    assert line == Line(timestamp=17, message=Message(content=content, usage=Usage()))


@pytest.mark.parametrize("message", [None, "error", 7, []])
def test_what_is_no_message_is_left_out(message: Any) -> None:
    assert lenient({"message": message, "attachment": message}) == Line()


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"", None),
        (b'{"a":1}', '{"a":1}'),
        (b'{ "a": "\xc3\xbc" }', '{ "a": "ü" }'),
        (b'{"a":"\\u00fc \\ud83c\\udf31"}', '{"a":"ü 🌱"}'),
        (b'{"a":"C:\\\\users"}', '{"a":"C:\\\\users"}'),
        (b'{"a":"\\u0000"}', '{"a":"\ufffd"}'),
    ],
)
def test_tool_input_has_its_characters_as_themselves(raw: bytes, text: str | None) -> None:
    assert tool_input(Raw(raw)) == text


def test_texts_are_joined_by_a_blank_line() -> None:
    assert joined(["a", "b"]) == "a\n\nb"
    assert joined([]) is None


def test_a_gist_tells_contents_apart() -> None:
    contents: list[Any] = [
        "Moss",
        [Text("Fern")],
        [Thinking("Hm")],
        [ToolAnswer("t1", "Moss")],
        [ToolAnswer("t1", ["Moss"])],
        [ServerToolUse("t1", "find", Raw(b"{}"))],
        [ServerToolUse("t1", "find", Raw(b"[]"))],
        [Other({"a": 1})],
        [Redacted()],
        None,
    ]
    gists = [gist(content) for content in contents]
    assert len(set(gists)) == len(contents)
