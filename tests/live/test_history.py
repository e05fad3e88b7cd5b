"""The end of a conversation, cut where it may be cut."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessiondb import SessionDB
from sessiondb.chat.outgoing import openai_messages
from sessiondb.chat.token_estimate import parts_tokens, text_tokens
from sessiondb.errors import InvalidInput, NotFound

Step = tuple[str, int]


@pytest.fixture
def db(db: SessionDB) -> SessionDB:
    db.sessions.start("me", id="s")
    return db


def write(db: SessionDB, session_id: str, steps: list[Step]) -> None:
    """Write a conversation. A "call" asks for 1 to 3 tools; a "cut" one lacks the first answer."""
    with db.turn(session_id) as turn:
        for number, (kind, size) in enumerate(steps):
            if kind in ("user", "system"):
                turn.append(kind, f"{kind} {number} " + "x" * size)
            elif kind == "say":
                turn.append("assistant", f"say {number} " + "x" * size)
            else:
                ids = [f"{number}.{call}" for call in range(1 + size % 3)]
                turn.append(
                    "assistant", f"call {number}", tool_calls=[{"id": id, "name": "ls"} for id in ids]
                )
                for id in ids[kind == "cut" :]:
                    turn.append("tool", f"result {id}", tool_call_id=id)


def brief(messages: list[dict[str, Any]]) -> list[str]:
    return [str(message["content"]).strip("x ") for message in messages]


TALK: list[Step] = [("user", 0), ("call", 1), ("say", 0), ("user", 0), ("call", 0), ("say", 0)]


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (
            500,
            [
                "user 0",
                "call 1",
                "result 1.0",
                "result 1.1",
                "say 2",
                "user 3",
                "call 4",
                "result 4.0",
                "say 5",
            ],
        ),
        (
            9,
            [
                "user 0",
                "call 1",
                "result 1.0",
                "result 1.1",
                "say 2",
                "user 3",
                "call 4",
                "result 4.0",
                "say 5",
            ],
        ),
        (8, ["user 3", "call 4", "result 4.0", "say 5"]),
        (4, ["user 3", "call 4", "result 4.0", "say 5"]),
        (3, ["user 3", "say 5"]),
        (2, ["user 3", "say 5"]),
        (1, ["user 3"]),
        (0, []),
    ],
)
def test_the_latest_turns_that_fit_are_given(db: SessionDB, limit: int, expected: list[str]) -> None:
    write(db, "s", TALK)
    assert brief(db.history("s", limit=limit)) == expected


@pytest.mark.parametrize(
    ("consolidated", "expected"),
    [
        (
            0,
            [
                "user 0",
                "call 1",
                "result 1.0",
                "result 1.1",
                "say 2",
                "user 3",
                "call 4",
                "result 4.0",
                "say 5",
            ],
        ),
        (1, ["user 3", "call 4", "result 4.0", "say 5"]),
        (5, ["user 3", "call 4", "result 4.0", "say 5"]),
        (7, ["user 3", "say 5"]),
        (9, []),
    ],
)
def test_what_is_consolidated_is_left_out(db: SessionDB, consolidated: int, expected: list[str]) -> None:
    write(db, "s", TALK)
    db.sessions.consolidate("s", consolidated)
    assert brief(db.history("s")) == expected


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (6, ["user 0", "call 199", "result 199.0", "result 199.1", "call 200", "result 200.0"]),
        (5, ["user 0", "call 200", "result 200.0"]),
        (2, ["user 0"]),
    ],
)
def test_a_long_turn_keeps_its_opening_and_its_last_steps(
    db: SessionDB, limit: int, expected: list[str]
) -> None:
    write(db, "s", [("user", 0), *[("call", number) for number in range(198)], ("call", 1), ("call", 0)])
    assert brief(db.history("s", limit=limit)) == expected


def test_counted_tokens_go_before_estimates(db: SessionDB) -> None:
    db.messages.append("s", "user", "x" * 400)
    said = db.messages.append("s", "assistant", "x" * 400)
    db.messages.append("s", "user", "x" * 40)
    assert len(db.history("s", max_tokens=100 + 100 + 10 + 3 * 4)) == 3
    assert len(db.history("s", max_tokens=100 + 100 + 10 + 3 * 4 - 1)) == 1
    db.add_tokens("s", message_id=said.id, output=50, reasoning=20)
    assert len(db.history("s", max_tokens=100 + 30 + 10 + 3 * 4)) == 3
    assert len(db.history("s", max_tokens=100 + 30 + 10 + 3 * 4 - 1)) == 1
    assert db.history("s", max_tokens=13) == []


def test_without_a_limit_all_turns_are_given(db: SessionDB) -> None:
    write(db, "s", [("user", 0), ("say", 0)] * 300)
    assert len(db.history("s", limit=None)) == 600
    assert len(db.history("s")) == 500


@pytest.mark.parametrize("wrong", [{"limit": -1}, {"max_tokens": -1}])
def test_a_limit_below_0_is_refused(db: SessionDB, wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidInput, match="must be 0 or more, or None for no limit, not -1"):
        db.history("s", **wrong)  # type: ignore[arg-type]


def test_what_a_store_says_of_the_session_is_not_sent(db: SessionDB) -> None:
    talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    for message in ({"role": "session_meta", "tools": []}, talk[0], {"role": "session_meta"}, talk[1]):
        db.messages.append("s", **message)
    assert db.history("s") == db.history("s", limit=2) == db.history("s", format="anthropic") == talk
    assert db.sessions.get("s").message_count == 2


def test_both_limits_hold_at_once(db: SessionDB) -> None:
    write(db, "s", TALK)
    assert brief(db.history("s", limit=8, max_tokens=1000)) == ["user 3", "call 4", "result 4.0", "say 5"]
    assert brief(db.history("s", limit=8, max_tokens=15)) == ["user 3", "say 5"]


def test_an_empty_session_has_no_history_and_a_missing_one_raises(db: SessionDB) -> None:
    assert db.history("s") == []
    with pytest.raises(NotFound, match="there is no session nowhere"):
        db.history("nowhere")
    with pytest.raises(InvalidInput, match="unknown message format 'gemini': give one of openai, anthropic"):
        db.history("s", format="gemini")


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("测试", 2), ("اختبار", 3)]
)
def test_a_text_is_a_token_for_4_bytes(text: str, tokens: int) -> None:
    assert text_tokens(text) == tokens


def test_a_picture_is_not_measured_by_its_bytes() -> None:
    url = "data:image/png;base64," + "A" * 100_000
    assert 1500 < parts_tokens([{"type": "image_url", "image_url": {"url": url}}]) < 1600


def check_openai(messages: list[dict[str, Any]], is_last_open: bool) -> None:
    """Check what OpenAI's API demands: each call answered right behind its message, each answer asked for."""
    waiting: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            waiting.remove(message["tool_call_id"])
            continue
        assert not waiting
        waiting = [call["id"] for call in message.get("tool_calls", ())]
    assert not waiting or is_last_open
    assert not messages or messages[0]["role"] == "user"


def check_anthropic(messages: list[dict[str, Any]], is_last_open: bool) -> None:
    """Check what Anthropic's API demands: all calls of a message answered in the next one."""
    for message, after in zip(messages, [*messages[1:], None], strict=False):
        blocks = message["content"] if isinstance(message["content"], list) else []
        asked = {block["id"] for block in blocks if block["type"] == "tool_use"}
        if asked and not (after is None and is_last_open):
            assert after is not None
            answered = {block["tool_use_id"] for block in after["content"] if block["type"] == "tool_result"}
            assert asked == answered or (is_last_open and after is messages[-1])
    assert not messages or messages[0]["role"] == "user"


STEPS = st.lists(
    st.tuples(st.sampled_from(["user", "say", "call", "call", "cut", "system"]), st.integers(0, 60)),
    max_size=25,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, limit=st.integers(0, 30), max_tokens=st.none() | st.integers(0, 300), data=st.data())
def test_wherever_it_is_cut_both_apis_take_it(
    db: SessionDB, steps: list[Step], limit: int, max_tokens: int | None, data: st.DataObject
) -> None:
    session = db.sessions.start("me")
    write(db, session.id, steps)
    db.sessions.consolidate(session.id, data.draw(st.integers(0, db.messages.last_seq(session.id))))
    is_last_open = bool(db.messages.unanswered(session.id))
    found = db.history(session.id, limit=limit, max_tokens=max_tokens)
    check_openai(found, is_last_open)
    check_anthropic(
        db.history(session.id, limit=limit, max_tokens=max_tokens, format="anthropic"), is_last_open
    )
    assert len(found) <= limit
    if max_tokens is not None:
        assert sum(4 + text_tokens(message["content"]) for message in found) <= max_tokens
    everything = openai_messages(db.messages.transcript(session.id))
    assert found[1:] == everything[len(everything) - len(found) + 1 :]
