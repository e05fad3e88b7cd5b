"""Tokens are counted once a response, and added or set as told."""

from __future__ import annotations

import pytest

from sessiondb import SessionDB
from sessiondb.errors import Conflict, InvalidInput
from sessiondb.records import Tokens


@pytest.fixture
def db(db: SessionDB) -> SessionDB:
    db.sessions.start("me", id="s")
    return db


def test_add_counts_a_response_once(db: SessionDB) -> None:
    counts = {
        "input": 100,
        "cache_read": 50,
        "cache_write": 10,
        "output": 30,
        "reasoning": 12,
        "cost_microdollars": 7,
    }
    assert db.add_tokens("s", request_key="r1", model="m", **counts)
    assert not db.add_tokens("s", request_key="r1", model="m", **counts)
    assert db.add_tokens("s", request_key="r2", input=1)
    assert db.add_tokens("s", output=2)
    assert db.add_tokens("s", output=2)
    assert db.tokens.total("s") == Tokens(101, 50, 10, 34, 12, 7)
    assert db.sessions.get("s").tokens == db.tokens.total("s")


def test_one_request_key_may_be_in_several_sessions(db: SessionDB) -> None:
    db.sessions.start("me", id="t")
    assert [db.add_tokens(session, request_key="r1", input=1) for session in "sts"] == [True, True, False]


def test_set_takes_the_place_of_what_was_counted(db: SessionDB) -> None:
    db.set_tokens("s", "totals", input=100, output=10, model="m")
    db.set_tokens("s", "totals", input=250)
    db.add_tokens("s", request_key="r1", input=1)
    assert db.tokens.total("s") == Tokens(input=251)
    assert db.tokens.of_request("s", "totals") == Tokens(input=250)
    assert db.tokens.of_request("s", "nothing") is None


def test_tokens_nobody_counted_are_unknown_and_not_zero(db: SessionDB) -> None:
    assert db.tokens.total("s") == Tokens()


def test_what_cannot_be_counted_is_refused(db: SessionDB) -> None:
    with pytest.raises(TypeError, match="there is no token bucket 'total': give some of input, cache_read"):
        db.add_tokens("s", total=3)
    with pytest.raises(InvalidInput, match="there cannot be -1 input tokens"):
        db.add_tokens("s", input=-1)
    with pytest.raises(Conflict, match="cannot count tokens for session nowhere"):
        db.add_tokens("nowhere", input=1)
    with pytest.raises(Conflict, match="cannot count tokens for session s, message 99"):
        db.add_tokens("s", input=1, message_id=99)
    assert db.tokens.total("s") == Tokens()


def test_a_response_keeps_what_its_bill_needs(db: SessionDB) -> None:
    told = {
        "cache_write": 9,
        "cache_write_5m": 2,
        "cache_write_1h": 7,
        "service_tier": "batch",
        "speed": "fast",
    }
    more = {"inference_geo": "us", "web_searches": 3, "server_tools": {"web_fetch": 1}, "git_branch": "beds"}
    db.add_tokens("s", request_key="r1", **told, **more)
    row = db.connection.row(f"SELECT {', '.join({**told, **more})} FROM token_counts")
    assert row == (*told.values(), "us", 3, '{"web_fetch": 1}', "beds")


@pytest.mark.parametrize(
    "wrong", [{"speed": 2}, {"web_searches": "three"}, {"server_tools": "fetch"}, {"input": 1.5}]
)
def test_a_detail_of_another_type_is_refused(db: SessionDB, wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(wrong))):
        db.add_tokens("s", **wrong)
