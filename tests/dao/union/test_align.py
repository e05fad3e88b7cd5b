"""Bringing two orders of messages into one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessiondb.dao.union.align import Alignment, Known, digest
from sessiondb.records.export_rows import CallRow, MessageRow, raw_json

Said = list[tuple[str, str | None]]


def message(seq: int, text: str, at: str | None = None, external_id: str | None = None) -> MessageRow:
    return MessageRow(seq, "user", text, created_at=at, external_id=external_id)


def known(said: Said) -> list[Known]:
    return [
        Known(index, index + 1, None, digest(message(1, text)), at, True)
        for index, (text, at) in enumerate(said)
    ]


def aligned(ours: Said, theirs: Said) -> Said:
    """Return both as one, found by what they say and when."""
    alignment = Alignment(known(ours))
    all_said = dict(enumerate(ours))
    for number, (text, at) in enumerate(theirs):
        row = message(number + 1, text, at)
        if alignment.find(row) is None:
            all_said[len(all_said)] = (text, at)
            alignment.add(len(all_said) - 1, row)
    order = alignment.order()
    return list(all_said.values()) if order is None else [all_said[index] for index in order]


def words(text: str) -> Said:
    return [(letter, None) for letter in text]


@pytest.mark.parametrize(
    ("ours", "theirs", "both"),
    [
        ("abc", "abc", "abc"),
        ("abc", "abcde", "abcde"),
        ("abcde", "abc", "abcde"),
        ("cd", "abcdef", "abcdef"),
        ("abx", "aby", "abxy"),
        ("axb", "ayb", "axyb"),
        ("aab", "aaab", "aaab"),
        ("", "ab", "ab"),
        ("ab", "", "ab"),
        ("ab", "xy", "abxy"),
    ],
)
def test_two_orders_become_one(ours: str, theirs: str, both: str) -> None:
    assert aligned(words(ours), words(theirs)) == words(both)


@given(
    *(
        st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from((None, "1", "2"))), max_size=8)
        for _ in range(2)
    )
)
def test_ours_keep_their_order_and_a_second_time_changes_nothing(ours: Said, theirs: Said) -> None:
    both = aligned(ours, theirs)

    rest = iter(both)
    assert all(said in rest for said in ours)
    assert aligned(both, theirs) == both


def test_turns_of_both_come_in_order_of_time() -> None:
    assert aligned([("a", "1"), ("d", "4")], [("b", "2"), ("c", "3")]) == [*zip("abcd", "1234", strict=True)]


def test_the_answer_of_a_tool_stays_behind_its_call() -> None:
    ours = [Known(1, 1, None, b"a", "1", True), Known(2, 2, None, b"b", "4")]
    alignment = Alignment(ours)

    assert alignment.find(message(1, "c", "2")) is None
    alignment.add(3, message(1, "c", "2"))

    assert alignment.order() is None


def test_a_time_that_one_does_not_know_fits_any() -> None:
    assert aligned([("a", "1")], [("a", None)]) == [("a", "1")]
    assert aligned([("a", "1")], [("a", "2")]) == [("a", "1"), ("a", "2")]


def test_an_id_goes_before_words_and_place() -> None:
    alignment = Alignment([Known(1, 1, "x", b"", None), Known(2, 2, "y", digest(message(1, "a")), None)])

    assert alignment.find(message(1, "a", external_id="y")) is not None
    assert alignment.find(message(2, "other words", external_id="x")) is not None
    assert alignment.order() is None


def test_messages_of_one_id_are_taken_one_after_the_other() -> None:
    alignment = Alignment([Known(index, index, "x", b"", None) for index in (1, 2)])

    found = [alignment.find(message(1, "a", external_id="x")) for _ in range(3)]

    assert [one and one.id for one in found] == [1, 2, None]


def test_a_digest_tells_apart_what_is_said_asked_and_answered() -> None:
    rows = [
        MessageRow(1, "user", "a"),
        MessageRow(1, "assistant", "a"),
        MessageRow(1, "assistant", "a", tool_calls=[CallRow("c1")]),
        MessageRow(1, "assistant", "a", tool_calls=[CallRow(None, name="ls", arguments="{}")]),
        MessageRow(1, "tool", answers=[CallRow("c1", result="x")]),
        MessageRow(1, "tool", answers=[CallRow(None, result="x")]),
        MessageRow(1, "user", parts=raw_json('[{"sha256": "1"}]')),
        MessageRow(1, "user", parts=raw_json('[{"sha256": "2"}]')),
    ]

    assert len({digest(row) for row in rows}) == len(rows)
    assert digest(rows[0]) == digest(
        MessageRow(9, "user", "a", model="m", created_at="then", external_id="e")
    )
