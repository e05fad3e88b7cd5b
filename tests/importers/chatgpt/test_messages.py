"""What the messages of a ChatGPT export are: every kind of content, what is hidden, tools, attachments."""

from __future__ import annotations

from typing import Any

import pytest

from sessiondb.importers.base import MessageRecord, ToolResult
from sessiondb.importers.chatgpt.messages import message_record
from tests.helpers.chatgpt_export import HIDDEN, ID, message


def record_of(said: dict[str, Any]) -> MessageRecord | ToolResult:
    return message_record(ID, "node", said, None)


@pytest.mark.parametrize(
    ("content", "text", "parts"),
    [
        ({"parts": ["One", "Two"]}, "One\n\nTwo", None),
        ("plain", "plain", None),
        (
            {
                "content_type": "multimodal_text",
                "parts": [
                    {"content_type": "image_asset_pointer", "asset_pointer": "file-service://f1"},
                    "What is this?",
                    {"content_type": "audio_transcription", "text": "A cat."},
                ],
            },
            "What is this?\n\nA cat.",
            [{"content_type": "image_asset_pointer", "asset_pointer": "file-service://f1"}],
        ),
        (
            {"content_type": "tether_browsing_display", "result": "L0: a page", "summary": None},
            "L0: a page",
            None,
        ),
        (
            {"content_type": "tether_quote", "url": "https://a.example", "title": "A", "text": "quoted"},
            "A\n\nhttps://a.example\n\nquoted",
            None,
        ),
        (
            {"content_type": "new_kind", "state": {"x": 1}},
            None,
            [{"content_type": "new_kind", "state": {"x": 1}}],
        ),
        ({"content_type": "text", "parts": [""]}, None, None),
        (None, None, None),
    ],
)
def test_each_kind_of_content_is_read(content: Any, text: str | None, parts: Any) -> None:
    said = {**message("u", "user", "x"), "content": content}
    assert record_of(said) == MessageRecord(ID, "user", text, "u", parts=parts)


def test_thoughts_are_reasoning() -> None:
    thoughts = {"content_type": "thoughts", "thoughts": [{"summary": "Counting", "content": "Six sevens."}]}
    recap = {"content_type": "reasoning_recap", "content": "Thought for 4 seconds"}
    assert record_of(message("a", "assistant", thoughts)) == MessageRecord(
        ID, "assistant", None, "a", reasoning="Counting\n\nSix sevens."
    )
    assert record_of(message("b", "assistant", recap)) == MessageRecord(
        ID, "assistant", None, "b", reasoning="Thought for 4 seconds"
    )


ABOUT = {"about_user_message": "I am a diver.", "about_model_message": "Be brief."}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (message("m", "user", "Context", metadata=HIDDEN), ("Context", "hidden")),
        (message("m", "user", "Context", weight=0.0), ("Context", "hidden")),
        (message("m", "system", "You are an assistant."), ("You are an assistant.", "notice")),
        (
            message("m", "user", {"content_type": "user_editable_context", "user_profile": "I am a diver."}),
            ("I am a diver.", "instructions"),
        ),
        (
            message(
                "m", "assistant", {"content_type": "model_editable_context", "model_set_context": "Dives."}
            ),
            ("Dives.", "memory"),
        ),
        (
            message(
                "m",
                "system",
                "",
                metadata={"is_user_system_message": True, "user_context_message_data": ABOUT},
            ),
            ("I am a diver.\n\nBe brief.", "instructions"),
        ),
    ],
)
def test_what_is_put_in_unseen_is_role_system(said: Any, expected: tuple[str, str]) -> None:
    text, kind = expected
    assert record_of(said) == MessageRecord(ID, "system", text, "m", metadata={"kind": kind})


def test_hidden_words_of_the_assistant_stay_its_own() -> None:
    record = MessageRecord(ID, "assistant", "Aside", "m", metadata={"hidden": True})
    assert record_of(message("m", "assistant", "Aside", metadata=HIDDEN)) == record


@pytest.mark.parametrize(
    ("status", "is_error"), [("success", False), ("failed_with_in_kernel_exception", True)]
)
def test_a_run_that_failed_is_an_error(status: str, is_error: bool) -> None:
    said = message("t", "tool", "", metadata={"aggregate_result": {"status": status}})
    record = record_of(said)
    assert isinstance(record, ToolResult)
    assert record.is_error is is_error


def test_attachments_and_citations_are_kept() -> None:
    metadata = {
        "attachments": [{"id": "file-1", "name": "reef.pdf", "size": 12, "mimeType": "application/pdf"}],
        "citations": [{"metadata": {"url": "https://a.example"}}],
        "request_id": "r1",
    }
    assert record_of(message("m", "user", "Read this.", channel="final", metadata=metadata)) == MessageRecord(
        ID,
        "user",
        "Read this.",
        "m",
        parts=[
            {
                "type": "attachment",
                "id": "file-1",
                "name": "reef.pdf",
                "size": 12,
                "mimeType": "application/pdf",
            }
        ],
        metadata={"citations": [{"metadata": {"url": "https://a.example"}}], "channel": "final"},
    )


def test_a_message_without_an_id_is_known_by_its_node() -> None:
    said = {**message("m", "user", "Hi"), "id": None}
    assert record_of(said) == MessageRecord(ID, "user", "Hi", "node")


def test_a_message_of_an_unknown_author_is_role_system() -> None:
    said = {**message("m", "user", "Hi"), "author": {"role": "critic"}}
    assert record_of(said) == MessageRecord(
        ID, "system", "Hi", "m", metadata={"kind": "notice", "role": "critic"}
    )


def test_payloads_are_replaced_by_their_hash() -> None:
    content = {"content_type": "multimodal_text", "parts": [{"url": "data:image/png;base64,aGVsbG8="}]}
    digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    payload = {"sha256": digest, "media_type": "image/png", "bytes": 5}
    assert record_of(message("m", "user", content)) == MessageRecord(
        ID, "user", None, "m", parts=[{"url": payload}]
    )
