"""What was stored comes back as it came, and what came in one API's form goes out in the other's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.chat.outgoing import NO_ANSWER, OPENING, anthropic_messages, openai_messages

PNG = "iVBORw0KGgo="

OPENAI: list[dict[str, Any]] = [
    {"role": "user", "content": "Where are the tests?", "name": "ann"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "c1",
                "type": "function",
                "function": {"name": "ls", "arguments": '{"path": "测试", "\\u00e9": 1}'},
            },
            {"id": "c2", "type": "function", "function": {"name": "pwd", "arguments": "{}"}, "index": 1},
            {"id": "c3", "type": "custom", "custom": {"name": "grep", "input": "def test_"}},
        ],
        "refusal": None,
        "reasoning_content": "A folder, I suppose.",
    },
    {"role": "tool", "tool_call_id": "c2", "content": "/home/ann"},
    {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "tests/"}], "name": "ls"},
    {"role": "tool", "tool_call_id": "c3", "content": ""},
    {"role": "assistant", "content": "In tests/, الاختبارات هنا", "annotations": [], "audio": None},
    {"role": "developer", "content": "Answer in French."},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "And this?"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"}},
        ],
        "_runtime": {"nested": [1, 2.5, None, True]},
    },
    {"role": "assistant", "content": ""},
    {"role": "user", "content": "a\0b \ud83d \u2028 c"},
]

ANTHROPIC: list[dict[str, Any]] = [
    {"role": "user", "content": "Where are the tests?"},
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "A folder, I suppose.", "signature": "sig"},
            {"type": "redacted_thinking", "data": "xyz"},
            {"type": "text", "text": "Let me look."},
            {"type": "tool_use", "id": "t1", "name": "ls", "input": {"path": "测试"}},
            {"type": "tool_use", "id": "t2", "name": "shot", "input": {}},
        ],
    },
    {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "t1", "content": "tests/", "is_error": False},
            {
                "type": "tool_result",
                "tool_use_id": "t2",
                "content": [
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
                ],
            },
            {"type": "text", "text": "Hurry up, please."},
        ],
    },
    {
        "role": "assistant",
        "content": [
            {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "x"}},
            {
                "type": "web_search_tool_result",
                "tool_use_id": "s1",
                "content": [{"type": "web_search_result", "url": "u"}],
            },
            {"type": "text", "text": "Found.", "citations": [{"url": "u"}]},
        ],
    },
    {"role": "user", "content": [{"type": "text", "text": "Thanks", "cache_control": {"type": "ephemeral"}}]},
    {"role": "assistant", "content": "You're welcome."},
]


@pytest.fixture
def db(db: SessionDB) -> SessionDB:
    db.sessions.start("me", id="s")
    return db


def store(db: SessionDB, messages: list[dict[str, Any]]) -> None:
    with db.turn("s") as turn:
        for message in messages:
            turn.append(**message)


def test_openai_messages_come_back_as_they_came(db: SessionDB) -> None:
    store(db, OPENAI)
    assert openai_messages(db.messages.transcript("s")) == OPENAI


def test_anthropic_messages_come_back_as_they_came(db: SessionDB) -> None:
    store(db, ANTHROPIC)
    assert anthropic_messages(db.messages.transcript("s")) == ANTHROPIC


def test_openai_messages_go_out_in_the_form_of_anthropic(db: SessionDB) -> None:
    store(db, OPENAI)
    assert anthropic_messages(db.messages.transcript("s"), False) == [
        {"role": "user", "content": "Where are the tests?"},
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "c1", "name": "ls", "input": {"path": "测试", "é": 1}},
                {"type": "tool_use", "id": "c2", "name": "pwd", "input": {}},
                {"type": "tool_use", "id": "c3", "name": "grep", "input": {"input": "def test_"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c2", "content": "/home/ann"},
                {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "tests/"}]},
                {"type": "tool_result", "tool_use_id": "c3", "content": ""},
            ],
        },
        {"role": "assistant", "content": "In tests/, الاختبارات هنا"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "And this?"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
            ],
        },
        {"role": "user", "content": "a\0b \ud83d \u2028 c"},
    ]


def test_anthropic_messages_go_out_in_the_form_of_openai(db: SessionDB) -> None:
    store(db, ANTHROPIC)

    def call(id: str, name: str, arguments: str) -> dict[str, Any]:
        return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}

    assert openai_messages(db.messages.transcript("s")) == [
        {"role": "user", "content": "Where are the tests?"},
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "Let me look."}],
            "tool_calls": [call("t1", "ls", '{"path":"测试"}'), call("t2", "shot", "{}")],
        },
        {"role": "tool", "tool_call_id": "t1", "content": "tests/"},
        {
            "role": "tool",
            "tool_call_id": "t2",
            "content": '[{"type":"image","source":{"type":"base64","media_type":"image/png",'
            '"sha256":"4c4b6a3be1314ab86138bef4314dde022e600960d8689a2c8f8631802d20dab6","bytes":8}}]',
        },
        {"role": "user", "content": [{"type": "text", "text": "Hurry up, please."}]},
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "Found.", "citations": [{"url": "u"}]}],
            "tool_calls": [call("s1", "web_search", '{"query":"x"}')],
        },
        {"role": "tool", "tool_call_id": "s1", "content": '[{"type":"web_search_result","url":"u"}]'},
        {
            "role": "user",
            "content": [{"type": "text", "text": "Thanks", "cache_control": {"type": "ephemeral"}}],
        },
        {"role": "assistant", "content": "You're welcome."},
    ]


def test_a_call_that_was_cut_off_is_answered_once_the_talk_went_on(db: SessionDB) -> None:
    store(
        db,
        [
            {"role": "user", "content": "Look."},
            {"role": "assistant", "tool_calls": [{"id": "c1", "name": "ls"}]},
        ],
    )
    call = {"id": "c1", "type": "function", "function": {"name": "ls", "arguments": "{}"}}
    waiting = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
    ]
    assert openai_messages(db.messages.transcript("s")) == waiting
    store(db, [{"role": "user", "content": "Well?"}])
    assert openai_messages(db.messages.transcript("s")) == [
        *waiting,
        {"role": "tool", "tool_call_id": "c1", "content": NO_ANSWER},
        {"role": "user", "content": "Well?"},
    ]
    assert anthropic_messages(db.messages.transcript("s"))[2] == {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "c1", "content": NO_ANSWER, "is_error": True}],
    }


def test_a_conversation_that_the_assistant_begins_is_opened_for_anthropic(db: SessionDB) -> None:
    talk = [{"role": "assistant", "content": "Good morning."}, {"role": "user", "content": "Hi"}]
    store(db, [{"role": "system", "content": "Be kind."}, *talk])
    opened = [{"role": "user", "content": OPENING}, *talk]
    assert anthropic_messages(db.messages.transcript("s")) == opened
    assert openai_messages(db.messages.transcript("s"))[1:] == talk
    assert anthropic_messages([]) == []
    assert db.save("s", opened) == 0


def test_answers_stand_behind_their_calls_and_strays_are_left_out(db: SessionDB) -> None:
    store(
        db,
        [
            {"role": "tool", "content": "stray", "tool_call_id": "c0"},
            {"role": "assistant", "tool_calls": [{"id": "c1", "name": "ls"}]},
            {"role": "user", "content": "Still there?"},
            {"role": "tool", "content": "late", "tool_call_id": "c1", "is_error": True},
        ],
    )
    roles = [
        (message["role"], message["content"]) for message in openai_messages(db.messages.transcript("s"))
    ]
    assert roles == [("assistant", None), ("tool", "late"), ("user", "Still there?")]
    assert anthropic_messages(db.messages.transcript("s"))[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "c1", "content": "late", "is_error": True}
    ]


def test_an_imported_message_gives_its_text_and_what_is_left_of_its_pictures(db: SessionDB) -> None:
    message = db.messages.append("s", "user", "Look at this")
    stub = {"type": "base64", "media_type": "image/png", "sha256": "ab", "bytes": 8}
    with db.connection.transaction():
        parts = json.dumps([{"type": "image", "source": stub}])
        db.connection.execute("UPDATE messages SET parts = ? WHERE id = ?", (parts, message.id))
    expected = [
        {"type": "text", "text": "Look at this"},
        {"type": "text", "text": "[image/png, 8 bytes, not kept]"},
    ]
    for form in (openai_messages, anthropic_messages):
        assert form(db.messages.transcript("s"))[0]["content"] == expected


def test_fields_of_our_own_can_be_left_out(db: SessionDB) -> None:
    store(db, [{"role": "user", "content": "Hi", "name": "ann", "timestamp": "now"}])
    assert openai_messages(db.messages.transcript("s"), False) == [
        {"role": "user", "content": "Hi", "name": "ann"}
    ]
