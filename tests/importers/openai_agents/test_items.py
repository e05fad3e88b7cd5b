"""The items of an Agents SDK session: what users, models and the provider's own tools put there."""

from __future__ import annotations

from typing import Any

import pytest

from sessiondb.importers.base import MessageRecord, Record, ToolCallRecord, ToolResult
from sessiondb.importers.openai_agents.items import Conversation

AT = "2026-03-01T09:00:00.000Z"
FAKE = {"id": "__fake_id__"}
PAYLOAD = {
    "sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    "media_type": "image/png",
    "bytes": 5,
}


def records_of(*items: dict[str, Any]) -> list[Record]:
    """Return the records of items, which are rows 1, 2 and so on."""
    conversation = Conversation("s")
    found = [record for row, item in enumerate(items, 1) for record in conversation.add(row, item, AT)]
    return [*found, *conversation.close()]


@pytest.mark.parametrize(
    ("item", "text", "parts"),
    [
        ({"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}, "Hi", None),
        ({"role": "user", "content": None}, None, None),
        (
            {
                "role": "user",
                "content": [{"type": "input_image", "image_url": "data:image/png;base64,aGVsbG8="}],
            },
            None,
            [{"type": "input_image", "image_url": PAYLOAD}],
        ),
    ],
)
def test_what_the_user_sends_is_read(item: Any, text: str | None, parts: Any) -> None:
    (record,) = records_of(item)
    assert isinstance(record, MessageRecord)
    assert (record.role, record.content, record.parts) == ("user", text, parts)


@pytest.mark.parametrize(
    ("role", "metadata"),
    [
        ("system", {"kind": "instructions"}),
        ("developer", {"kind": "instructions"}),
        ("critic", {"kind": "notice", "role": "critic"}),
    ],
)
def test_other_roles_are_role_system(role: str, metadata: Any) -> None:
    (record,) = records_of({"role": role, "content": "Be brief."})
    assert isinstance(record, MessageRecord)
    assert (record.role, record.content, record.metadata) == ("system", "Be brief.", metadata)


def test_the_providers_own_tools_are_told_apart_though_their_ids_are_not() -> None:
    asking, *answers = records_of(
        {**FAKE, "type": "web_search_call", "status": "completed", "action": {"query": "bay"}},
        {**FAKE, "type": "code_interpreter_call", "code": "1 + 1", "outputs": [{"logs": "2"}]},
        {**FAKE, "type": "mcp_call", "name": "tide", "arguments": "{}", "output": None, "error": "no tide"},
        {**FAKE, "type": "image_generation_call", "result": "aGVsbG8="},
    )
    assert isinstance(asking, MessageRecord)
    assert asking.tool_calls == (
        ToolCallRecord("#1", "web_search", '{"query":"bay"}'),
        ToolCallRecord("#2", "code_interpreter", "1 + 1"),
        ToolCallRecord("#3", "tide", "{}"),
        ToolCallRecord("#4", "image_generation", None),
    )
    assert answers == [
        ToolResult("s", "#2", '[{"logs":"2"}]', False, AT),
        ToolResult("s", "#3", "no tide", True, AT),
        ToolResult("s", "#4", None, None, AT, parts=[PAYLOAD]),
    ]


def test_a_refusal_is_what_was_said() -> None:
    content = [{"type": "refusal", "refusal": "I will not."}]
    (record,) = records_of({"type": "message", "role": "assistant", "content": content})
    assert isinstance(record, MessageRecord)
    assert record.content == "I will not."


def test_pointers_and_lists_of_tools_are_left_out() -> None:
    assert records_of({"type": "item_reference", "id": "m1"}, {"type": "mcp_list_tools", "tools": []}) == []


def test_items_of_unknown_types_are_kept_as_parts() -> None:
    item = {"type": "hologram", "depth": 3, "encrypted_content": "x"}
    assert records_of(item) == [
        MessageRecord("s", "assistant", None, "1", AT, parts=[{"type": "hologram", "depth": 3}])
    ]


def test_what_is_encrypted_is_noted() -> None:
    conversation = Conversation("s")
    assert list(conversation.add(1, {"__enc__": 1, "payload": "gAAAA"}, AT)) == []
    assert conversation.is_encrypted


def test_each_row_of_a_reply_knows_its_message() -> None:
    conversation = Conversation("s")
    said: dict[str, Any] = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "Hi"}],
    }
    thought: dict[str, Any] = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}
    for row, item in enumerate(({"role": "user", "content": "Hello"}, thought, said), 1):
        list(conversation.add(row, item, AT))
    assert conversation.replies == {2: "2", 3: "2"}
