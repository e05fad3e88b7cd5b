"""Every text and number that comes into the library is stored clean, or refused in words."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from sessiondb import Channel, SessionDB
from sessiondb.errors import InvalidInput, NotFound, SessionDBError

ODD = "a\udce9b\0c"
CLEAN = "a\ufffdb\ufffdc"


@pytest.fixture
def db(db: SessionDB) -> SessionDB:
    db.sessions.start("me", id="s")
    return db


TEXTS: dict[str, Callable[[SessionDB, str], Any]] = {
    "agent": lambda db, text: db.sessions.start(text).agent,
    "id": lambda db, text: db.sessions.start("me", id=text).id,
    "key": lambda db, text: db.sessions.start("me", key=text).key,
    "project": lambda db, text: db.sessions.start("me", project=text).project,
    "title": lambda db, text: db.sessions.start("me", title=text).title,
    "model": lambda db, text: db.sessions.start("me", model=text).model,
    "tag": lambda db, text: db.sessions.tags(db.sessions.start("me", tags=[text]).id)[0],
    "reason": lambda db, text: db.sessions.end("s", text) and db.sessions.get("s").end_reason,
    "platform": lambda db, text: _channel(db, Channel(text)).platform,
    "chat": lambda db, text: _channel(db, Channel("x", chat_id=text)).chat_id,
    "user": lambda db, text: _channel(db, Channel("x", user_name=text)).user_name,
    "content": lambda db, text: db.messages.append("s", "user", text).content,
    "reasoning": lambda db, text: db.messages.append("s", "assistant", "x", reasoning=text).reasoning,
    "message's model": lambda db, text: db.messages.append("s", "assistant", "x", model=text).model,
    "finish reason": lambda db, text: (
        db.messages.append("s", "assistant", "x", finish_reason=text).finish_reason
    ),
    "external id": lambda db, text: db.messages.append("s", "user", "x", external_id=text).external_id,
    "tool": lambda db, text: _call(db, name=text).name,
    "call": lambda db, text: _call(db, id=text).call_id,
    "note": lambda db, text: db.notes.add("win", text, session_id="s").body,
    "context": lambda db, text: db.notes.add("win", "x", session_id="s", context=text).context,
    "author": lambda db, text: db.notes.add("win", "x", session_id="s", author=text).author,
    "resolution": lambda db, text: (
        db.notes.resolve(db.notes.add("win", "x", session_id="s").id, text).resolution
    ),
    "translation": lambda db, text: db.notes.add(
        "win", "x", session_id="s", translations={"de": text}
    ).translations["de"],
}


def _titled(db: SessionDB, title: str) -> str | None:
    db.sessions.set_title("s", title)
    return db.sessions.get("s").title


def _channel(db: SessionDB, channel: Channel) -> Channel:
    found = db.sessions.start("me", channel=channel).channel
    assert found is not None
    return found


def _call(db: SessionDB, **call: str) -> Any:
    return db.messages.append("s", "assistant", tool_calls=[{"id": "c", "name": "ls", **call}]).tool_calls[0]


TEXTS["new title"] = _titled


@pytest.mark.parametrize("what", TEXTS)
def test_no_text_ends_with_a_traceback(db: SessionDB, what: str) -> None:
    assert TEXTS[what](db, ODD) == CLEAN


@pytest.mark.parametrize("what", ["agent", "title", "key", "reason", "note"])
@pytest.mark.parametrize("value", [b"bytes", object(), ["list"]])
def test_what_is_no_text_is_refused_in_words(db: SessionDB, what: str, value: Any) -> None:
    with pytest.raises(SessionDBError):
        TEXTS[what](db, value)


@pytest.mark.parametrize(
    "look_up",
    [
        lambda db: db.sessions.get(ODD),
        lambda db: db.sessions.resolve(ODD),
        lambda db: db.messages.append(ODD, "user", "x"),
        lambda db: db.messages.find("s", ODD),
    ],
)
def test_odd_names_are_not_found(db: SessionDB, look_up: Callable[[SessionDB], object]) -> None:
    with pytest.raises(NotFound):
        look_up(db)


@pytest.mark.parametrize(
    "count", [2**63, 2**62, -1, 1.5, 3.0, float("nan"), float("inf"), True, "5", b"5", [5]], ids=repr
)
def test_a_count_that_is_none_is_refused(db: SessionDB, count: Any) -> None:
    with pytest.raises(InvalidInput):
        db.tokens.add("s", input=count)
    with pytest.raises(InvalidInput):
        db.tokens.set("s", "r", output=count)
    assert db.sessions.get("s").tokens.input is None


@pytest.mark.parametrize("count", [2**63, 1.0, True, "1"], ids=repr)
def test_only_whole_numbers_of_messages_are_consolidated(db: SessionDB, count: Any) -> None:
    db.messages.append("s", "user", "x")
    with pytest.raises(InvalidInput):
        db.sessions.consolidate("s", count)


def test_a_number_beyond_64_bits_is_refused_in_words(db: SessionDB) -> None:
    with pytest.raises(InvalidInput, match="a number is too large to be stored"):
        db.messages.get(2**63)
    with pytest.raises(InvalidInput, match="a number is too large to be stored"):
        db.tokens.add("s", message_id=2**63, input=1)


@pytest.mark.parametrize("is_outer", [True, False], ids=["in a transaction", "alone"])
def test_many_rows_are_cleaned_as_one_is(db: SessionDB, is_outer: bool) -> None:
    rows = ((name,) for name in ("plain", "a\0b", "c\udce9", "d\0\udce9"))
    with db.connection.transaction() if is_outer else contextlib.nullcontext():
        db.connection.executemany("INSERT INTO tags (name) VALUES (?)", rows)
    names = db.connection.rows("SELECT name FROM tags ORDER BY id")
    assert names == [("plain",), ("a\ufffdb",), ("c\ufffd",), ("d\ufffd\ufffd",)]


@pytest.mark.parametrize(("odd", "words"), [(object(), "cannot store object"), (2**63, "too large")])
def test_an_odd_value_in_many_rows_is_refused_in_words(db: SessionDB, odd: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        db.connection.executemany("INSERT INTO tags (name) VALUES (?)", [("plain",), (odd,)])
    assert db.connection.rows("SELECT name FROM tags") == []
