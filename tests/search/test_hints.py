"""What a search says beside its hits is true."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sessiondb import SessionDB
from sessiondb.search.ladder import MAX_READ_INSIDE

Say = Callable[..., str]


def test_what_filters_leave_out_is_no_slip(db: SessionDB, say: Say) -> None:
    say("a star", agent="hermes")
    say("a start")
    result = db.search("star agent:codex")
    assert (result.total, result.remarks) == (0, ("1 found without agent",))


def test_what_filters_leave_out_is_not_looked_for_inside_words(db: SessionDB, say: Say) -> None:
    say("SimpleTodos is a name", agent="hermes")
    say("useSimpleTodos is another")
    assert db.search("SimpleTodos agent:codex").remarks == ("1 found without agent",)


def test_a_slip_of_a_word_that_tool_calls_hold_is_one_of_messages(db: SessionDB, say: Say) -> None:
    say("the scrolling is slow")
    call = {"name": "Grep", "arguments": {"pattern": "scroling"}}
    db.messages.append(db.sessions.start("codex").id, "assistant", "I look.", tool_calls=[call])
    assert db.search("scroling").remarks == (
        "few messages match: tool calls are listed too",
        'no message holds "scroling": looked for "scrolling"',
    )


@pytest.mark.parametrize("query", ["quokkas", "quokkas zebras", "quokkas agent:codex"])
def test_a_word_that_nothing_holds_is_not_called_common(db: SessionDB, say: Say, query: str) -> None:
    say(*(f"number {number}" for number in range(MAX_READ_INSIDE + 100)))
    result = db.search(query)
    assert (result.total, result.truncated, result.remarks) == (0, False, ())


def test_how_many_messages_were_read_for_a_part_of_words_is_said(db: SessionDB, say: Say) -> None:
    say(*["nothing"] * (MAX_READ_INSIDE + 100))
    say("useSimpleTodos is a name", at="2026-03-02")
    result = db.search("SimpleTodos")
    assert (result.total, result.truncated) == (1, False)
    assert result.remarks == (
        f'nothing holds "SimpleTodos" as a word: found inside longer ones of the newest {MAX_READ_INSIDE} messages',
    )


def test_symbols_are_read_for_and_filters_alone_are_not_called_so(db: SessionDB, say: Say) -> None:
    say("a || b")
    assert db.search.explain("||") == [
        "words: ||",
        "looked in: talk",
        "found by reading for the words, in the order of time: 1",
    ]
    assert db.search.explain("agent:codex")[-1] == "found by filters alone, in the order of time: 1"


@pytest.mark.parametrize("text", ["", " ", '"', "(((", "--", "*", "\0"])
def test_a_text_without_anything_to_search_for_is_named(db: SessionDB, say: Say, text: str) -> None:
    say("deploy")
    assert db.search(text).remarks == ("there is nothing to search for: give a word or a field",)
    assert db.search(text, agent="codex").remarks == ()
