"""Which answer belongs to which call, where nothing says so."""

from __future__ import annotations

from sessiondb.importers.base import MessageRecord, NoteRecord, Record, ToolCallRecord, ToolResult
from sessiondb.importers.chat_api.call_ids import with_call_ids


def asking(*calls: tuple[str | None, str | None]) -> MessageRecord:
    return MessageRecord("s", "assistant", tool_calls=tuple(ToolCallRecord(*call) for call in calls))


def answer(name: str | None = None, call_id: str | None = None) -> ToolResult:
    return ToolResult("s", call_id, "done", name=name)


def ids(*records: Record) -> list[list[str | None]]:
    """Return the call ids of each record, as they are handed on."""
    return [
        [call.call_id for call in record.tool_calls]
        if isinstance(record, MessageRecord)
        else [record.call_id]
        for record in with_call_ids(records)
        if isinstance(record, MessageRecord | ToolResult)
    ]


def test_calls_without_ids_are_numbered_and_others_keep_theirs() -> None:
    assert ids(asking((None, "ls"), ("c7", "cat")), asking((None, "ls"))) == [["#1", "c7"], ["#2"]]


def test_answers_find_their_calls_by_name_in_order() -> None:
    calls = asking((None, "ls"), (None, "cat"), (None, "ls"))
    assert ids(calls, answer("cat"), answer("ls"), answer("ls"))[1:] == [["#2"], ["#1"], ["#3"]]


def test_a_nameless_answer_is_of_the_first_call_that_waits() -> None:
    assert ids(asking((None, "ls"), (None, "cat")), answer(), answer())[1:] == [["#1"], ["#2"]]


def test_an_answer_with_an_id_takes_its_call_out_of_the_queue() -> None:
    calls = asking(("c1", "ls"), ("c2", "ls"))
    assert ids(calls, answer("ls", "c1"), answer("ls"), answer("ls"))[1:] == [["c1"], ["c2"], [None]]


def test_an_answer_of_another_name_is_an_orphan_unless_the_call_has_none() -> None:
    assert ids(asking((None, "ls")), answer("cat"))[1:] == [[None]]
    assert ids(asking((None, None)), answer("cat"))[1:] == [["#1"]]


def test_nothing_waits_beyond_what_the_user_says_next() -> None:
    assert ids(asking((None, "ls")), MessageRecord("s", "user", "Stop."), answer("ls"))[1:] == [[], [None]]


def test_other_records_pass_as_they_are() -> None:
    note = NoteRecord("s", "win", "Done", "2026-03-01T09:00:00.000Z")
    assert list(with_call_ids([note])) == [note]
