"""Claude.ai's data export: blocks and text, attachments, tools, branches, and what is broken in real ones."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sessiondb.errors import ImportFailed
from sessiondb.importers import claude_ai
from sessiondb.importers.base import MessageRecord, Record, SessionRecord, ToolCallRecord, ToolResult
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Problem, Source
from tests.helpers.odd_values import assert_storable, with_odd_values

ID = "7a1e4b52-3c0d-4f4e-8a3b-2d9c6f1e0b77"
ROOT = "00000000-0000-4000-8000-000000000000"


def message(uuid: str, sender: str, *blocks: Any, **more: Any) -> dict[str, Any]:
    """Return a message; text stands for a block of text."""
    content = [{"type": "text", "text": block} if isinstance(block, str) else block for block in blocks]
    return {
        "uuid": uuid,
        "text": "This block is not supported on your current device yet.",
        "content": content,
        "sender": sender,
        "created_at": "2026-03-01T09:15:23.123456Z",
        "updated_at": "2026-03-01T09:15:24Z",
        "attachments": [],
        "files": [],
        **more,
    }


CALL = {"type": "tool_use", "name": "web_search", "input": {"query": "reef"}}
FOUND = {"type": "knowledge", "title": "Reefs", "url": "https://a.example", "text": "Corals grow."}
ANSWER = {"type": "tool_result", "name": "web_search", "content": [FOUND], "is_error": False}
MESSAGES = [
    message(
        "m1",
        "human",
        "What grows on a reef?",
        attachments=[
            {"file_name": "notes.txt", "file_type": "txt", "file_size": 9, "extracted_content": "my notes"}
        ],
        files=[{"file_name": "reef.png"}],
    ),
    message(
        "m2",
        "assistant",
        {"type": "thinking", "thinking": "Search first."},
        "I will look.",
        CALL,
        ANSWER,
        {"type": "text", "text": "Corals.", "citations": [{"url": "https://a.example"}]},
        {"type": "token_budget"},
    ),
]
CONVERSATION: dict[str, Any] = {
    "uuid": ID,
    "name": "On reefs",
    "summary": "Corals and such.",
    "created_at": "2026-03-01T09:15:00.000001+00:00",
    "updated_at": "2026-03-05T10:00:00Z",
    "account": {"uuid": "acc-1"},
    "project": {"uuid": "p1", "name": "Reefs"},
    "chat_messages": MESSAGES,
}
SAID_AT = "2026-03-01T09:15:23.123Z"


def write(folder: Path, *conversations: Any) -> Path:
    path = folder / "conversations.json"
    path.write_text(json.dumps(list(conversations)), encoding="utf-8")
    return path


def read(path: Path) -> tuple[list[Record], list[Problem]]:
    source = Source(path)
    return list(claude_ai.read(source)), source.problems


def records_of(folder: Path, *messages: Any) -> list[Record]:
    return read(write(folder, {**CONVERSATION, "chat_messages": list(messages)}))[0][1:]


def test_a_conversation_becomes_a_session(tmp_path: Path) -> None:
    records, problems = read(write(tmp_path, CONVERSATION))
    assert problems == []
    assert records == [
        SessionRecord(
            ID,
            "claude-ai",
            ID,
            project_name="Reefs",
            title="On reefs",
            started_at="2026-03-01T09:15:00.000Z",
            metadata={"summary": "Corals and such."},
        ),
        MessageRecord(
            ID,
            "user",
            "What grows on a reef?\n\nmy notes",
            "m1",
            SAID_AT,
            parts=[
                {"type": "attachment", "file_name": "notes.txt", "file_type": "txt", "file_size": 9},
                {"type": "file", "file_name": "reef.png"},
            ],
        ),
        MessageRecord(
            ID,
            "assistant",
            "I will look.\n\nCorals.",
            "m2",
            SAID_AT,
            reasoning="Search first.",
            metadata={"citations": [{"url": "https://a.example"}]},
            tool_calls=(ToolCallRecord("#1", "web_search", '{"query":"reef"}'),),
        ),
        ToolResult(
            ID,
            "#1",
            "Reefs\nhttps://a.example\nCorals grow.",
            False,
            SAID_AT,
            "web_search",
            records[3].external_id if isinstance(records[3], ToolResult) else None,
        ),
    ]


@pytest.mark.parametrize(
    ("content", "text", "said"),
    [
        ([{"type": "text", "text": "Blocks"}], "Text", "Blocks"),
        ([], "Text", "Text"),
        (None, "Text", "Text"),
        ("no list", "Text", "Text"),
        ("no list", None, "no list"),
        ([{"type": "text", "text": ""}], "", None),
        ([{"type": "voice_note", "title": "Aloud", "text": "Spoken"}], "", "Aloud\nSpoken"),
    ],
)
def test_blocks_are_read_before_text(tmp_path: Path, content: Any, text: Any, said: str | None) -> None:
    given = {**message("m", "human"), "content": content, "text": text}
    assert records_of(tmp_path, given) == [MessageRecord(ID, "user", said, "m", SAID_AT)]


def test_call_ids_of_newer_exports_are_kept(tmp_path: Path) -> None:
    call, answer = {**CALL, "id": "toolu_1"}, {**ANSWER, "tool_use_id": "toolu_1"}
    said, result = records_of(tmp_path, message("m", "assistant", call, answer))
    assert isinstance(said, MessageRecord)
    assert isinstance(result, ToolResult)
    assert [said.tool_calls[0].call_id, result.call_id] == ["toolu_1", "toolu_1"]
    assert said.content is None


def test_the_branch_that_ends_last_is_taken(tmp_path: Path) -> None:
    tree = [
        ("q1", ROOT, "human"),
        ("a1", "q1", "assistant"),
        ("q2", ROOT, "human"),
        ("a2", "q2", "assistant"),
    ]
    messages = [message(uuid, sender, uuid, parent_message_uuid=parent) for uuid, parent, sender in tree]
    records, _ = read(write(tmp_path, {**CONVERSATION, "chat_messages": messages}))
    assert [getattr(record, "content", None) for record in records[1:]] == ["q2", "a2"]
    assert isinstance(records[0], SessionRecord)
    assert records[0].metadata == {"summary": "Corals and such.", "messages_on_other_branches": 2}


def test_messages_that_do_not_all_name_a_parent_are_taken_in_their_order(tmp_path: Path) -> None:
    messages = [message("a", "human", "one", parent_message_uuid=ROOT), message("b", "human", "two")]
    assert [getattr(record, "content", None) for record in records_of(tmp_path, *messages)] == ["one", "two"]


def test_a_conversation_without_messages_is_a_session(tmp_path: Path) -> None:
    records, problems = read(
        write(tmp_path, {**CONVERSATION, "name": "", "project": None, "chat_messages": []})
    )
    assert records == [
        SessionRecord(
            ID,
            "claude-ai",
            ID,
            started_at="2026-03-01T09:15:00.000Z",
            last_active_at="2026-03-05T10:00:00.000Z",
            metadata={"summary": "Corals and such."},
        )
    ]
    assert problems == []


def test_a_zip_file_is_read_like_what_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "data-2026-03-01-batch-0000.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("users.json", '[{"email_address": "ann@example.com"}]')
        archive.writestr("conversations.json", json.dumps([CONVERSATION]))
    assert claude_ai.sniff(Sample(path)) == 2
    assert read(path) == read(write(tmp_path, CONVERSATION))


def test_what_is_broken_is_reported_and_the_rest_read(tmp_path: Path) -> None:
    broken = {**CONVERSATION, "uuid": "c2", "chat_messages": [None, *MESSAGES]}
    records, problems = read(write(tmp_path, None, {**CONVERSATION, "chat_messages": None}, broken))
    assert [type(record).__name__ for record in records] == [
        "SessionRecord", "SessionRecord", "MessageRecord", "MessageRecord", "ToolResult",
    ]  # fmt: skip
    assert [problem.reason for problem in problems] == [
        "conversation 1 is none: it has no uuid",
        "conversation 2 has no list of messages",
        "conversation c2 has messages that are no objects",
    ]


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ('[{"uuid": "c", "chat_messages": []}]', 2),
        ('[{"uuid": "c", "name": "", "account": {}}]', 1),
        ('[{"uuid": "c"}]', 0),
        ('[{"mapping": {}}]', 0),
        ("[]", 0),
    ],
)
def test_the_export_is_told_by_its_messages(tmp_path: Path, text: str, score: int) -> None:
    path = tmp_path / "conversations.json"
    path.write_text(text, encoding="utf-8")
    assert claude_ai.sniff(Sample(path)) == score


def test_a_file_without_conversations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportFailed, match="has no Claude"):
        read(write(tmp_path, {"mapping": {}}))


@pytest.mark.once
def test_odd_values_anywhere_never_raise(tmp_path: Path) -> None:
    for conversation in with_odd_values(CONVERSATION):
        records, _ = read(write(tmp_path, conversation, CONVERSATION))
        assert_storable(records)
        assert len(records) >= 4


def test_a_real_export_is_read(corpus: Path) -> None:
    path = corpus / "claude-ai-export/osteele_claude-chat-viewer/conversations.json"
    records, problems = read(path)
    assert [record.native_id for record in records if isinstance(record, SessionRecord)] == [
        "test-conv-1",
        "test-conv-2",
    ]
    said = [record for record in records if isinstance(record, MessageRecord)]
    assert Counter(record.role for record in said) == {"user": 3, "assistant": 3}
    times = [record.created_at for record in said if record.created_at]
    assert (min(times), max(times)) == ("2024-12-01T10:00:00.000Z", "2024-12-02T14:16:00.000Z")
    assert problems == []


def test_a_real_export_with_errors_loses_only_what_is_broken(corpus: Path) -> None:
    path = corpus / "claude-ai-export/osteele_claude-chat-viewer/conversations-multiple-errors.json"
    records, problems = read(path)
    assert [(record.role, record.content) for record in records if isinstance(record, MessageRecord)] == [
        ("user", "Hello, this is a valid message"),
        ("user", "Message with invalid content"),
        ("user", "This is valid"),
        ("assistant", "Invalid message"),
    ]
    assert [problem.reason for problem in problems] == ["conversation 2 has no list of messages"]
