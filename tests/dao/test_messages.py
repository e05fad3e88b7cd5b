"""The live append, and what it makes of each shape a message comes in."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.dao.messages import Messages
from sessiondb.errors import Conflict, InvalidInput, NotFound
from sessiondb.records import Message

ANTHROPIC_CALL = [
    {"type": "thinking", "thinking": "A folder, I suppose.", "signature": "s"},
    {"type": "text", "text": "Let me look."},
    {"type": "tool_use", "id": "t1", "name": "ls", "input": {"path": "."}},
]
ANTHROPIC_ANSWER = [
    {
        "type": "tool_result",
        "tool_use_id": "t1",
        "content": [{"type": "text", "text": "tests/"}],
        "is_error": False,
    }
]


@pytest.fixture
def db(db: SessionDB) -> SessionDB:
    db.sessions.start("me", id="s")
    return db


def said(message: Message) -> dict[str, Any]:
    calls = [
        (call.call_id, call.name, call.arguments, call.result, call.is_error) for call in message.tool_calls
    ]
    fields = ("role", "content", "reasoning", "parts", "metadata")
    return {**{name: getattr(message, name) for name in fields}, "calls": calls}


def empty(**fields: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "role": "user",
        "content": None,
        "reasoning": None,
        "parts": None,
        "metadata": {},
        "calls": [],
    }
    return {**base, **fields}


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "text": ({"role": "user", "content": "Hi"}, empty(content="Hi")),
    "nothing": ({"role": "assistant"}, empty(role="assistant")),
    "speaker": (
        {"role": "user", "content": "Hi", "name": "ann"},
        empty(content="Hi", metadata={"name": "ann"}),
    ),
    "developer": (
        {"role": "developer", "content": "Be brief."},
        empty(role="system", content="Be brief.", metadata={"role": "developer"}),
    ),
    "further fields": (
        {"role": "assistant", "content": "Hi", "refusal": None, "media": ["a.png"], "_hidden": True},
        empty(
            role="assistant", content="Hi", metadata={"refusal": None, "media": ["a.png"], "_hidden": True}
        ),
    ),
    "parts": (
        {
            "role": "user",
            "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "u"}}],
        },
        empty(
            content="a",
            parts=[{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "u"}}],
        ),
    ),
    "no parts": ({"role": "user", "content": []}, empty(parts=[])),
    "plain call": (
        {"role": "assistant", "tool_calls": [{"id": "c1", "name": "ls", "arguments": {"path": "ä"}}]},
        empty(role="assistant", calls=[("c1", "ls", '{"path":"ä"}', None, None)]),
    ),
    "call of OpenAI": (
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "ls", "arguments": '{"a": 1}'}}
            ],
        },
        empty(role="assistant", calls=[("c1", "ls", '{"a": 1}', None, None)]),
    ),
    "call with more to it": (
        {
            "role": "assistant",
            "tool_calls": [{"id": "c1", "name": "ls", "arguments": {}, "thought_signature": "x"}],
        },
        empty(
            role="assistant",
            calls=[("c1", "ls", "{}", None, None)],
            metadata={
                "tool_calls": {"0": {"id": "c1", "name": "ls", "arguments": {}, "thought_signature": "x"}}
            },
        ),
    ),
    "blocks of Anthropic": (
        {"role": "assistant", "content": ANTHROPIC_CALL},
        empty(
            role="assistant",
            content="Let me look.",
            reasoning="A folder, I suppose.",
            parts=ANTHROPIC_CALL,
            calls=[("t1", "ls", '{"path":"."}', None, None)],
        ),
    ),
    "a call that stands twice": (
        {
            "role": "assistant",
            "content": ANTHROPIC_CALL[1:],
            "tool_calls": [{"id": "t1", "name": "ls", "args": {}}],
        },
        empty(
            role="assistant",
            content="Let me look.",
            parts=ANTHROPIC_CALL[1:],
            calls=[("t1", "ls", '{"path":"."}', None, None)],
        ),
    ),
    "answer to no call": (
        {"role": "tool", "content": "42", "tool_call_id": "c0", "name": "ask", "is_error": True},
        empty(role="tool", metadata={"name": "ask"}, calls=[("c0", "ask", None, "42", True)]),
    ),
    "answer of Anthropic": (
        {"role": "user", "content": ANTHROPIC_ANSWER},
        empty(
            role="tool",
            parts=ANTHROPIC_ANSWER,
            metadata={"role": "user"},
            calls=[("t1", None, None, "tests/", False)],
        ),
    ),
    "answer and more": (
        {"role": "user", "content": [*ANTHROPIC_ANSWER, {"type": "text", "text": "Go on."}]},
        empty(
            content="Go on.",
            parts=[*ANTHROPIC_ANSWER, {"type": "text", "text": "Go on."}],
            calls=[("t1", None, None, "tests/", False)],
        ),
    ),
    "what SQLite cannot hold": (
        {"role": "user", "content": "a\0b\ud83d", "trace": "c\0\ud83d"},
        empty(content="a\ufffdb\ufffd", metadata={"trace": "c\0\ud83d", "content": "a\0b\ud83d"}),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_shape_of_message_is_understood(db: SessionDB, case: str) -> None:
    given, stored = CASES[case]
    message = db.messages.append("s", **given)
    assert said(message) == stored
    assert db.messages.get(message.id) == message


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (
            {"role": "robot"},
            "unknown role 'robot': give one of system, user, assistant, tool, developer, function,"
            " session_meta",
        ),
        ({"role": "user", "content": {1, 2}}, "a message of role user holds something that is not JSON"),
        (
            {"role": "user", "content": "x", "tool_call_id": "c1"},
            "a message of role user cannot answer a tool call",
        ),
        ({"role": "user", "tool_calls": [{"id": "c1"}]}, "a message of role user cannot have tool calls"),
        ({"role": "assistant", "tool_calls": "ls"}, "^tool_calls must be a list of calls, not 'ls'"),
        (
            {"role": "assistant", "tool_calls": [{"name": "ls", "arguments": {1}}]},
            "holds something that is not JSON",
        ),
        (
            {"role": "assistant", "tool_calls": ["ls"]},
            "^a tool call must be a dict with id, name and arguments, not 'ls'",
        ),
        ({"role": "user", "content": "x", "score": float("nan")}, "cannot store a dict as JSON"),
        ({"role": "user", "content": [object()]}, "cannot store a list as JSON"),
        ({"role": "user", "content": "x", "created_at": "soon"}, "cannot read the time 'soon'"),
    ],
)
def test_what_makes_no_sense_is_refused(db: SessionDB, given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        db.messages.append("s", **given)
    assert db.messages.transcript("s") == []


def test_seq_has_no_gaps_and_times_are_stored_in_utc(db: SessionDB) -> None:
    moment = datetime(2026, 3, 1, 10, tzinfo=timezone(timedelta(hours=2)))
    written = [db.messages.append("s", "user", str(n), created_at=moment) for n in range(3)]
    assert [(message.seq, message.created_at) for message in written] == [
        (1, "2026-03-01T08:00:00.000Z"),
        (2, "2026-03-01T08:00:00.000Z"),
        (3, "2026-03-01T08:00:00.000Z"),
    ]


def test_appending_needs_an_open_session(db: SessionDB) -> None:
    with pytest.raises(NotFound, match="there is no session nowhere: start it first"):
        db.messages.append("nowhere", "user", "Hi")
    db.sessions.end("s")
    with pytest.raises(Conflict, match=r"session s ended at .*: reopen it first"):
        db.messages.append("s", "user", "Hi")


def test_an_answer_goes_to_the_latest_open_call_of_its_id(db: SessionDB) -> None:
    for result in ("first", "second"):
        db.messages.append(
            "s", "assistant", tool_calls=[{"id": "call_0", "name": "ls"}, {"id": "b", "name": "cat"}]
        )
        db.messages.append("s", "tool", result, tool_call_id="call_0")
    db.messages.append("s", "function", "by name", name="cat")
    results = [
        [(call.call_id, call.result) for call in message.tool_calls]
        for message in db.messages.transcript("s")
        if message.role == "assistant"
    ]
    assert results == [[("call_0", "first"), ("b", None)], [("call_0", "second"), ("b", "by name")]]
    assert db.sessions.get("s").tool_call_count == 4


def test_messages_are_read_backwards_in_batches_down_to_a_place(db: SessionDB) -> None:
    for number in range(1, 11):
        db.messages.append("s", "user", str(number))
    assert [message.seq for message in db.messages.newest_first("s", after=2, batch=3)] == [
        10,
        9,
        8,
        7,
        6,
        5,
        4,
        3,
    ]
    assert next(db.messages.newest_first("s", batch=3)).content == "10"


def test_unanswered_are_the_calls_an_agent_was_cut_off_at(db: SessionDB) -> None:
    assert db.messages.unanswered("s") == []
    db.messages.append("s", "user", "Look.")
    db.messages.append("s", "assistant", tool_calls=[{"id": "a", "name": "ls"}, {"id": "b", "name": "cat"}])
    assert [call.call_id for call in db.messages.unanswered("s")] == ["a", "b"]
    db.messages.append("s", "tool", "x", tool_call_id="a")
    assert [call.call_id for call in db.messages.unanswered("s")] == ["b"]
    db.messages.append("s", "user", "Never mind.")
    assert db.messages.unanswered("s") == []


def test_remove_last_takes_back_what_the_message_did(db: SessionDB) -> None:
    question = db.messages.append("s", "user", "Look.")
    asked = db.messages.append("s", "assistant", tool_calls=[{"id": "a", "name": "ls"}])
    answer = db.messages.append("s", "tool", "x", tool_call_id="a")
    orphan = db.messages.append("s", "tool", "y", tool_call_id="nobody")
    db.sessions.consolidate("s", 4)
    assert db.messages.remove_last("s") == orphan
    assert db.messages.remove_last("s") == answer
    assert db.messages.transcript("s") == [question, asked]
    assert db.messages.remove_last("s") == asked
    assert db.sessions.consolidated("s") == 1
    assert db.messages.remove_last("s") == question
    assert db.messages.remove_last("s") is None
    session = db.sessions.get("s")
    assert (session.message_count, session.tool_call_count, session.consolidated) == (0, 0, 0)


def test_clear_leaves_an_empty_session(db: SessionDB) -> None:
    db.messages.append("s", "assistant", "x", tool_calls=[{"id": "a", "name": "ls"}])
    db.messages.append("s", "tool", "x", tool_call_id="a")
    db.sessions.consolidate("s", 2)
    assert db.messages.clear("s") == 2
    assert db.messages.transcript("s") == []
    assert db.messages.append("s", "user", "again").seq == 1
    session = db.sessions.get("s")
    assert (session.message_count, session.tool_call_count, session.consolidated) == (1, 0, 0)
    with pytest.raises(NotFound, match="there is no session nowhere to clear"):
        db.messages.clear("nowhere")


class Role(str, Enum):
    USER = "user"


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": "Where?"},
        {"role": "user", "content": ""},
        {"role": "user", "content": "a\0b \ud800 ü 数据库"},
        {"role": Role.USER, "content": "of an enumeration"},
        {"role": "user", "content": [{"type": "image", "url": "x"}, {"type": "text", "text": "\0"}]},
        {"role": "user", "content": "x", "seen": (1, 2), "odd": {3: [None, 1.5, 2**70]}},
        {
            "role": "assistant",
            "content": "y",
            "model": "m\0",
            "reasoning": "z\ud800",
            "finish_reason": "stop",
        },
        {"role": "assistant", "content": "y", "external_id": "id\0", "name": "who"},
        {"role": "assistant", "content": ANTHROPIC_CALL},
        {"role": "user", "content": ANTHROPIC_ANSWER},
        {"role": "user", "content": ANTHROPIC_ANSWER * 2 + [{"type": "text", "text": "And now?"}]},
        {"role": "assistant", "content": ANTHROPIC_CALL + ANTHROPIC_ANSWER},
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "c1\0", "name": "ls\ud800", "arguments": {"path": "ü"}},
                {"id": "c2", "name": "cat", "arguments": "plain"},
                {"name": "cat"},
            ],
        },
        {"role": "tool", "content": "found\0", "tool_call_id": "open", "is_error": True},
        {"role": "tool", "content": "found", "tool_call_id": "unknown", "is_error": False},
        {"role": "tool", "content": "found", "name": "grep"},
        {"role": "tool", "content": None, "tool_call_id": "open"},
        {"role": "developer", "content": "d", "created_at": "2026-03-01T09:15:23Z"},
    ],
)
def test_append_returns_what_reading_it_back_does(db: SessionDB, message: dict[str, Any]) -> None:
    asked: list[dict[str, Any]] = [
        {"id": "other", "name": "ls"},
        {"id": "open", "name": "grep", "arguments": {"for": "x"}},
        {"id": "t1", "name": "ls"},
    ]
    db.messages.append("s", "assistant", tool_calls=asked)

    returned = db.messages.append("s", **message)

    assert returned == db.messages.get(returned.id)
    assert type(returned.role) is str


def test_an_append_reads_nothing_back(db: SessionDB, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Messages, "get", None)

    db.messages.append("s", "assistant", "Let me look.", tool_calls=[{"id": "c1", "name": "ls"}])
    answer = db.messages.append("s", "tool", "tests/", tool_call_id="c1")

    assert [(call.name, call.result) for call in answer.tool_calls] == [("ls", "tests/")]
