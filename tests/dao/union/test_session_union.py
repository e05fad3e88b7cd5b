"""One session from two databases: nothing twice, nothing lost, all in order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sessiondb import SessionDB
from tests.helpers.stores import AT, change, contents_of, count, counts, exported, merged, said, texts


def test_turns_come_in_order_of_time_where_both_went_on(ours: Path, theirs: Path) -> None:
    change(ours, said("chat", "Ours", 52), said("chat", "Ours too", 54))
    change(theirs, said("chat", "Theirs", 51), said("chat", "Theirs too", 53))

    merged(ours, theirs)

    assert texts(ours, "chat")[2:] == [(3, "Theirs"), (4, "Ours"), (5, "Theirs too"), (6, "Ours too")]
    before = exported(ours)
    assert counts(merged(ours, theirs)) == ([], [], [], 0, 0)
    assert exported(ours) == before


def test_both_ways_hold_the_same_messages(ours: Path, theirs: Path) -> None:
    change(ours, said("chat", "Ours", 52))
    change(theirs, said("chat", "Theirs", 51))
    merged(ours, theirs)

    merged(theirs, ours)

    assert texts(ours, "chat") == texts(theirs, "chat")


def test_messages_that_only_they_have_go_in_where_they_stand(ours: Path, theirs: Path) -> None:
    """Ours is of the middle of the conversation, theirs of all of it."""
    for path, words in ((ours, "cde"), (theirs, "abcdefg")):
        change(path, lambda db: db.sessions.start("hermes", id="talk", started_at=AT.format(0)))
        change(path, *(said("talk", word, ord(word) - 90) for word in words))
    change(ours, lambda db: db.sessions.consolidate("talk", 2))

    report = merged(ours, theirs)

    assert texts(ours, "talk") == list(enumerate("abcdefg", start=1))
    assert report.messages == 4
    with SessionDB(ours) as db:
        assert db.sessions.get("talk").consolidated == 4


def test_the_one_that_has_summarised_more_says_how_much(ours: Path, theirs: Path) -> None:
    change(theirs, lambda db: db.sessions.consolidate("tools", 4))

    merged(ours, theirs)

    with SessionDB(ours) as db:
        assert db.sessions.get("tools").consolidated == 4


def test_messages_are_known_by_their_agents_own_id(ours: Path, theirs: Path) -> None:
    for path, words in ((ours, "ab"), (theirs, "bac")):
        change(path, lambda db: db.sessions.start("hermes", id="talk", started_at=AT.format(0)))
        change(path, *(said("talk", word, index, external_id=word) for index, word in enumerate(words)))

    merged(ours, theirs)

    assert texts(ours, "talk") == [(1, "a"), (2, "b"), (3, "c")]


def test_a_message_that_has_grown_grows_here(ours: Path, theirs: Path) -> None:
    for path, text in ((ours, "Once upon"), (theirs, "Once upon a time")):
        change(path, lambda db: db.sessions.start("hermes", id="talk", started_at=AT.format(0)))
        change(path, said("talk", text, 1, external_id="m"))

    assert merged(ours, theirs).updated == ["talk"]
    assert texts(ours, "talk") == [(1, "Once upon a time")]
    merged(theirs, ours)
    assert texts(theirs, "talk") == [(1, "Once upon a time")]


def test_equal_words_at_other_times_are_other_messages(ours: Path, theirs: Path) -> None:
    change(ours, said("chat", "go on", 52))
    change(theirs, said("chat", "go on", 53))

    assert merged(ours, theirs).messages == 1


def test_an_answer_that_they_have_closes_our_call(ours: Path, theirs: Path) -> None:
    call = {"id": "c7", "name": "date", "arguments": {}}
    for path in (ours, theirs):
        change(
            path,
            lambda db: db.messages.append("chat", "assistant", tool_calls=[call], created_at=AT.format(52)),
        )
    change(
        theirs,
        lambda db: db.messages.append("chat", "tool", "Monday", tool_call_id="c7", created_at=AT.format(53)),
    )

    merged(ours, theirs)

    with SessionDB(ours) as db:
        assert [(c.name, c.result) for c in db.messages.transcript("chat")[-1].tool_calls] == [
            ("date", "Monday")
        ]
        assert db.sessions.get("chat").tool_call_count == 1
    assert contents_of(ours, "tool_calls") == contents_of(theirs, "tool_calls")


def test_an_answer_that_came_without_its_call_gets_it(ours: Path, theirs: Path) -> None:
    call = {"id": "c7", "name": "date", "arguments": {}}
    answer: dict[str, Any] = {"tool_call_id": "c7", "created_at": AT.format(53)}
    change(
        theirs,
        lambda db: db.messages.append("chat", "assistant", tool_calls=[call], created_at=AT.format(52)),
    )
    for path in (ours, theirs):
        change(path, lambda db: db.messages.append("chat", "tool", "Monday", **answer))

    merged(ours, theirs)

    assert contents_of(ours, "tool_calls") == contents_of(theirs, "tool_calls")
    assert contents_of(ours, "messages") == contents_of(theirs, "messages")


def test_another_answer_to_one_call_is_kept_beside_ours(ours: Path, theirs: Path) -> None:
    call = {"id": "c7", "name": "date", "arguments": {}}
    for path, day, id in ((ours, "Monday", "a"), (theirs, "Tuesday", "b")):
        change(
            path,
            lambda db: db.messages.append("chat", "assistant", tool_calls=[call], created_at=AT.format(52)),
        )
        with SessionDB(path) as db:
            db.messages.append(
                "chat", "tool", day, tool_call_id="c7", external_id=id, created_at=AT.format(ord(id) - 44)
            )

    merged(ours, theirs)

    assert [text for _, text in texts(ours, "chat")[-2:]] == ["Monday", "Tuesday"]
    before = exported(ours)
    assert counts(merged(ours, theirs)) == ([], [], [], 0, 0)
    assert exported(ours) == before


def test_a_response_is_counted_once_and_the_greater_output_wins(ours: Path, theirs: Path) -> None:
    change(theirs, lambda db: db.tokens.set("tools", "r1", input=9, output=30, counted_at=AT.format(25)))
    change(theirs, lambda db: db.add_tokens("tools", request_key="r2", output=4, counted_at=AT.format(26)))
    change(ours, lambda db: db.add_tokens("tools", request_key="r3", output=100, counted_at=AT.format(27)))

    merged(ours, theirs)

    with SessionDB(ours) as db:
        assert db.tokens.total("tools").output == 30 + 4 + 100 + 2
        assert count(db, "token_counts") == 5


def test_a_session_takes_over_what_it_did_not_know(ours: Path, theirs: Path) -> None:
    change(ours, lambda db: db.sessions.add_tags("chat", ["ours"]))
    change(
        theirs,
        lambda db: db.sessions.add_tags("chat", ["theirs"]),
        lambda db: db.sessions.set_project("chat", "/srv/boats"),
        lambda db: db.sessions.set_pinned("chat"),
        lambda db: db.sessions.set_metadata("chat", {"mood": "wild", "wind": 7}),
        said("chat", "Later", 57),
    )

    merged(ours, theirs)

    with SessionDB(ours) as db:
        session = db.sessions.get("chat")
        assert (session.project, session.pinned) == ("/srv/boats", True)
        assert session.metadata == {"mood": "wild", "wind": 7, "depth": [1, {"x": None}]}
        assert db.sessions.tags("chat") == ["a,b", "ours", "theirs", "water"]


def test_of_two_open_sessions_of_a_key_the_later_one_stays_open(tmp_path: Path, ours: Path) -> None:
    theirs = tmp_path / "other.db"
    change(
        theirs, lambda db: db.sessions.start("hermes", id="newer", key="telegram:7", started_at=AT.format(59))
    )
    older = tmp_path / "older.db"
    change(
        older, lambda db: db.sessions.start("hermes", id="older", key="telegram:7", started_at=AT.format(0))
    )

    merged(ours, theirs)
    merged(ours, older)

    with SessionDB(ours) as db:
        found = {id: db.sessions.get(id) for id in ("newer", "chat", "older")}
        assert {id: session.end_reason for id, session in found.items()} == {
            "newer": None, "chat": "merged", "older": "merged",
        }  # fmt: skip
        assert found["chat"].ended_at == found["chat"].last_active_at
    assert counts(merged(ours, theirs)) == ([], [], [], 0, 0)
