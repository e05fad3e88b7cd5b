"""What Gemini CLI's messages become: prompts, injected text, calls and their answers."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from sessiondb.importers.base import MessageRecord, ToolCallRecord, ToolResult
from tests.helpers.gemini_logs import HEADER, NOON, SESSION, call, records, reply, user, write
from tests.helpers.records import of


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("<session_context>\nToday is ...", "environment"),
        ("This is the Gemini CLI. We are ...", "environment"),
        ("<state_snapshot>...", "compact_summary"),
        ("System: Please continue.", "meta"),
    ],
)
def test_what_the_program_says_as_the_user_is_no_prompt(tmp_path: Path, text: str, kind: str) -> None:
    """Injected context is a system row that says what it is."""
    found = of(MessageRecord, records(write(tmp_path / "s.jsonl", [HEADER, user("u1", text)])))
    assert found == [MessageRecord(SESSION, "system", text, "u1", NOON, metadata={"kind": kind})]


def test_prompt_is_what_was_typed(tmp_path: Path) -> None:
    """What the screen showed is the prompt; what was sent besides, such as a file's text, is a part."""
    sent = [
        {"text": "Look at @a.txt"},
        {"text": "\n--- a.txt ---\nhello"},
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
    ]
    found = of(
        MessageRecord,
        records(write(tmp_path / "s.jsonl", [HEADER, user("u1", sent, displayContent="Look at @a.txt")])),
    )
    image = {"sha256": hashlib.sha256(b"\0\0\0").hexdigest(), "media_type": "image/png", "bytes": 3}
    parts = [
        {"inlineData": {"mimeType": "image/png", **image}},
        {"sent": "Look at @a.txt\n--- a.txt ---\nhello"},
    ]
    assert found == [MessageRecord(SESSION, "user", "Look at @a.txt", "u1", NOON, parts=parts)]


def test_answers_in_user_messages_are_no_prompts(tmp_path: Path) -> None:
    """Calls and answers that stand in the content, as for the API, meet by id or else by name and order."""
    asked = [
        {"functionCall": {"name": "ls", "args": {"dir": where}}, "thoughtSignature": "x"}
        for where in ("a", "b")
    ]
    answered = [{"functionResponse": {"name": "ls", "response": {"output": what}}} for what in ("A", "B")]
    failed = [{"functionResponse": {"id": "c9", "name": "cat", "response": {"error": "no such file"}}}]
    found = records(
        write(tmp_path / "s.jsonl", [HEADER, reply("g1", asked), user("u1", answered), user("u2", failed)])
    )
    assert found[1:] == [
        MessageRecord(
            SESSION,
            "assistant",
            None,
            "g1",
            NOON,
            model="g-3",
            tool_calls=(
                ToolCallRecord("g1:0", "ls", '{"dir":"a"}'),
                ToolCallRecord("g1:1", "ls", '{"dir":"b"}'),
            ),
        ),
        ToolResult(SESSION, "g1:0", "A", False, NOON, "ls", "u1:0"),
        ToolResult(SESSION, "g1:1", "B", False, NOON, "ls", "u1:1"),
        ToolResult(SESSION, "c9", "no such file", True, NOON, "cat", "u2:0"),
    ]


def test_call_is_kept_once_where_content_and_record_have_it(tmp_path: Path) -> None:
    """A compression copies calls into the content, and the answers of a whole turn into each call."""
    answers = [{"functionResponse": {"id": c, "name": "ls", "response": {"output": c}}} for c in ("c1", "c2")]
    calls: list[Any] = [
        {"id": c, "name": "ls", "args": {}, "result": answers, "status": "success"} for c in ("c1", "c2")
    ]
    content = [
        {"functionCall": {"id": "c1", "name": "ls", "args": {}}},
        {"functionCall": {"name": "ls", "args": {}}},
    ]
    lines = [HEADER, reply("g1", content, toolCalls=calls), user("u1", answers)]
    found = records(write(tmp_path / "s.jsonl", lines))
    assert [[c.call_id for c in message.tool_calls] for message in of(MessageRecord, found)] == [["c1", "c2"]]
    assert [(result.call_id, result.result) for result in of(ToolResult, found)] == [
        ("c1", "c1"),
        ("c2", "c2"),
    ]


@pytest.mark.parametrize(
    ("fields", "result"),
    [
        ({"status": "success", "result": None}, (None, False, None)),
        ({"status": "executing", "result": None}, None),
        ({"status": "error", "result": None, "resultDisplay": "broken"}, ("broken", True, None)),
        ({"status": "cancelled", "result": None}, (None, True, {"status": "cancelled"})),
        (
            {"result": [{"functionResponse": {"id": "c", "response": {"n": 1}}}], "agentId": "sub-1"},
            ('{"n":1}', False, {"agent_id": "sub-1"}),
        ),
    ],
)
def test_answer_says_how_the_call_ended(
    tmp_path: Path, fields: dict[str, Any], result: tuple[Any, ...] | None
) -> None:
    """A call that still runs has no answer; a cancelled one failed."""
    lines = [HEADER, reply("g1", "", toolCalls=[{**call("c", {}), **fields}])]
    found = [
        (r.result, r.is_error, r.metadata)
        for r in of(ToolResult, records(write(tmp_path / "s.jsonl", lines)))
    ]
    assert found == ([] if result is None else [result])


@pytest.mark.parametrize(
    ("text", "typed", "context"),
    [
        (
            "Water it\n\n<hook_context>\ndry\n</hook_context>",
            "Water it",
            "<hook_context>\ndry\n</hook_context>",
        ),
        ("<hook_context>dry</hook_context>\nWater it", "Water it", "<hook_context>dry</hook_context>"),
        (
            "Water it <untrusted_context>a</untrusted_context>\n<hook_context>b</hook_context>",
            "Water it",
            "<untrusted_context>a</untrusted_context>\n\n<hook_context>b</hook_context>",
        ),
        ("<hook_context>dry</hook_context>", None, "<hook_context>dry</hook_context>"),
        ("What is <hook_context>?", "What is <hook_context>?", None),
        ("Is <hook_context>x</hook_context> a tag?", "Is <hook_context>x</hook_context> a tag?", None),
    ],
)
def test_what_hooks_put_into_a_prompt_was_not_typed(
    tmp_path: Path, text: str, typed: str | None, context: str | None
) -> None:
    found = records(write(tmp_path / "a.jsonl", [HEADER, user("u1", [{"text": text}])]))
    messages = [record for record in found if isinstance(record, MessageRecord)]
    assert [message.content for message in messages if message.role == "user"] == ([typed] if typed else [])
    assert [(message.content, message.metadata) for message in messages if message.role == "system"] == (
        [(context, {"kind": "meta"})] if context else []
    )


def test_the_wrapper_around_what_a_tool_answered_is_no_part_of_it(tmp_path: Path) -> None:
    wrapped = {"output": "<untrusted_context>\nOutput: dry\n</untrusted_context>"}
    asked = reply("g1", "", toolCalls=[call("c1", wrapped)])
    found = records(write(tmp_path / "a.jsonl", [HEADER, user("u1", "Look"), asked]))
    assert [record.result for record in found if isinstance(record, ToolResult)] == ["Output: dry"]
