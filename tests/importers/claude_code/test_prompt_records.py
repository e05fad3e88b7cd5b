"""User lines, queued prompts and notices as records."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from sessiondb.importers.base import MessageRecord, Record, ToolResult
from sessiondb.importers.claude_code.lines import lenient
from sessiondb.importers.claude_code.prompts import Slot, notice_records, queued_records, turn_records

SLOT = Slot("s", False, "u1", "2026-04-02T08:00:00.000Z")
CHILD = SLOT._replace(is_child=True)
FILE = "<ide_opened_file>moss.py</ide_opened_file>"
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "bW9zcw=="}}
SHA256 = hashlib.sha256(b"moss").hexdigest()
HASHED = {
    "type": "image",
    "source": {"type": "base64", "sha256": SHA256, "media_type": "image/png", "bytes": 4},
}


def row(role: Any, content: str | None, **more: Any) -> MessageRecord:
    return MessageRecord("s", role, content, "u1", "2026-04-02T08:00:00.000Z")._replace(**more)


def answer(call_id: str | None, result: str | None, **more: Any) -> ToolResult:
    made = ToolResult("s", call_id, result, None, "2026-04-02T08:00:00.000Z", external_id="u1")
    return made._replace(**more)


def turn(content: Any, slot: Slot = SLOT, **flags: Any) -> list[Record]:
    line = lenient({"type": "user", "message": {"content": content}, **flags})
    assert line.message
    return turn_records(slot, line, line.message)


@pytest.mark.parametrize(
    ("content", "flags", "expected"),
    [
        ("Repair it.", {}, [row("user", "Repair it.")]),
        (["Repair", {"type": "text", "text": "it."}], {}, [row("user", "Repair\n\nit.")]),
        (None, {}, []),
        ("", {}, []),
        ([], {}, []),
        ("Base directory", {"isMeta": True}, [row("system", "Base directory", metadata={"kind": "meta"})]),
        (
            "So far.",
            {"isCompactSummary": True},
            [row("system", "So far.", metadata={"kind": "compact_summary"})],
        ),
        (
            [{"type": "text", "text": FILE}, {"type": "text", "text": "Repair it."}],
            {},
            [
                row("system", FILE, external_id="u1#context", metadata={"kind": "environment"}),
                row("user", "Repair it."),
            ],
        ),
    ],
)
def test_a_user_line_becomes_rows(content: Any, flags: dict[str, Any], expected: list[Record]) -> None:
    assert turn(content, **flags) == expected


def test_images_go_with_what_was_typed_and_stand_as_hashes() -> None:
    (typed,) = turn([{"type": "text", "text": "Which moss?"}, IMAGE])
    (alone,) = turn([IMAGE])
    (meta,) = turn([IMAGE], isMeta=True)
    for record, role, text in ((typed, "user", "Which moss?"), (alone, "user", None), (meta, "system", None)):
        assert isinstance(record, MessageRecord)
        assert (record.role, record.content) == (role, text)
        assert record.parts == [HASHED]


def test_tools_answers_come_first_and_a_text_beside_them_is_no_prompt() -> None:
    told = turn(
        [
            {"type": "tool_result", "tool_use_id": "t1", "content": "moss", "is_error": True},
            {
                "type": "tool_result",
                "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
            },
            {"type": "tool_result", "tool_use_id": "t3"},
            {"type": "text", "text": "Go on."},
        ]
    )
    assert told == [
        answer("t1", "moss", is_error=True),
        answer(None, "a\n\nb", external_id="u1#2"),
        answer("t3", None, external_id="u1#3"),
        row("system", "Go on.", metadata={"kind": "meta"}),
    ]


def test_what_is_no_text_in_an_answer_is_kept_as_parts() -> None:
    told = turn(
        [{"type": "tool_result", "tool_use_id": "t1", "content": [IMAGE, {"type": "text", "text": "moss"}]}]
    )
    (made,) = told
    assert isinstance(made, ToolResult)
    assert made.result == "moss"
    assert made.parts == [HASHED]


def queued(slot: Slot = SLOT, **fields: Any) -> list[Record]:
    line = lenient({"attachment": {"type": "queued_command", **fields}})
    assert line.attachment
    return queued_records(slot, line.attachment)


@pytest.mark.parametrize(
    ("fields", "role", "metadata"),
    [
        ({}, "user", {"queued": True}),
        ({"commandMode": "prompt", "origin": {"kind": "human"}}, "user", {"queued": True}),
        ({"commandMode": "task-notification"}, "system", {"kind": "notice"}),
        ({"commandMode": "prompt", "origin": {"kind": "peer"}}, "system", {"kind": "notice"}),
        ({"isMeta": True}, "system", {"kind": "meta"}),
    ],
)
def test_a_queued_prompt_is_the_users_if_a_person_typed_it(
    fields: dict[str, Any], role: str, metadata: dict[str, Any]
) -> None:
    assert queued(prompt="And mulch.", **fields) == [row(role, "And mulch.", metadata=metadata)]


def test_queued_prompts_come_in_blocks_too() -> None:
    (typed,) = queued(prompt=[{"type": "text", "text": "Like this:"}, IMAGE])
    assert isinstance(typed, MessageRecord)
    assert (typed.role, typed.content, len(typed.parts or ())) == ("user", "Like this:", 1)
    assert queued(prompt="<task-notification>done</task-notification>") == [
        row("system", "<task-notification>done</task-notification>", metadata={"kind": "notice"})
    ]
    assert queued(CHILD, prompt="Faster.", origin={"kind": "coordinator"}) == [
        row("user", "Faster.", metadata={"queued": True})
    ]
    assert queued() == []


@pytest.mark.parametrize(
    ("fields", "text", "metadata"),
    [
        (
            {"subtype": "compact_boundary", "content": "Conversation compacted"},
            "Conversation compacted",
            {"kind": "notice", "subtype": "compact_boundary"},
        ),
        (
            {"subtype": "local_command", "content": "/cost"},
            "/cost",
            {"kind": "command", "subtype": "local_command"},
        ),
        (
            {"subtype": "api_error", "error": {"error": {"error": {"message": "Overloaded"}}}},
            "Overloaded",
            {"kind": "notice", "subtype": "api_error"},
        ),
        ({"content": "Resumed", "error": {"formatted": "not looked at"}}, "Resumed", {"kind": "notice"}),
    ],
)
def test_a_system_line_that_showed_text_is_kept(
    fields: dict[str, Any], text: str, metadata: dict[str, str]
) -> None:
    assert notice_records(SLOT, lenient(fields)) == [row("system", text, metadata=metadata)]


@pytest.mark.parametrize("fields", [{}, {"content": " "}, {"content": {"a": 1}}, {"error": {"status": 529}}])
def test_a_system_line_without_text_is_dropped(fields: dict[str, Any]) -> None:
    assert notice_records(SLOT, lenient(fields)) == []


REJECTED = "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. no file was written)."


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (
            'User has answered your questions: "Which? (as in "new")"="The dry one", "When?"="Now". You can now go.',
            "The dry one\nNow",
        ),
        (
            'User has answered your question: "Which?"="Other" user notes: only at dawn. You can now go on.',
            "Other\nonly at dawn",
        ),
        (
            f"{REJECTED} To tell you how to proceed, the user said:\nUse the can.\n\nNot the hose.",
            "Use the can.\n\nNot the hose.",
        ),
        (
            f"{REJECTED} To tell you how to proceed, the user said:\nNo.\n\nNote: The user's next message is.",
            "No.",
        ),
        (f"{REJECTED} STOP what you are doing and wait for the user to tell you how to proceed.", None),
        ("grep: the user said:\nno", None),
        (None, None),
    ],
)
def test_what_a_person_said_in_a_tools_answer_is_theirs(result: str | None, said: str | None) -> None:
    records = turn([{"type": "tool_result", "tool_use_id": "t1", "content": result}])
    assert records == [
        answer("t1", result),
        *([row("user", said, external_id="u1#said", metadata={"via": "answer"})] if said else []),
    ]
    assert turn([{"type": "tool_result", "tool_use_id": "t1", "content": result}], CHILD) == [
        answer("t1", result)
    ]
