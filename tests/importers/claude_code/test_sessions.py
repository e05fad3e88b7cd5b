"""Answers of one session: put together from their lines, counted once, never held without bound."""

from __future__ import annotations

from typing import Any

import pytest

from sessiondb.importers.base import MessageRecord, Record, TokenRecord, ToolCallRecord, ToolResult
from sessiondb.importers.claude_code import sessions as claude_code_sessions
from sessiondb.importers.claude_code.lines import decode, lenient
from sessiondb.importers.claude_code.sessions import Session

STAMP = "2026-04-02T08:00:00.000Z"


class Heard:
    """A session, and what it handed over and complained of."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.problems: list[str] = []
        self.session = Session("s", "s", self.records, self.problems.append)

    def say(self, message_id: str, *blocks: Any, usage: dict[str, Any] | None = None, **more: Any) -> None:
        message = {"id": message_id, "model": "claude-opus-4-6", "content": list(blocks), "usage": usage}
        line = lenient({"type": "assistant", "message": {**message, **more.pop("message", {})}, **more})
        assert line.message
        self.session.put_answer(line, line.message, message_id, STAMP)

    def of(self, kind: type[Any]) -> list[Any]:
        self.session.finish()
        return [record for record in self.records if isinstance(record, kind)]


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def call(name: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": name, "name": "Read", "input": {"bed": name}}


@pytest.fixture
def heard() -> Heard:
    return Heard()


def test_the_blocks_of_an_answer_are_one_row(heard: Heard) -> None:
    heard.say("m1", {"type": "thinking", "thinking": "Hm."}, {"type": "redacted_thinking", "data": "x"})
    heard.say("m1", text("Moss"), text(""))
    heard.say("m1", call("t1"), call("t1"), {"type": "server_tool_use", "id": "w1", "name": "web_search"})
    heard.say(
        "m1",
        text("and fern"),
        {"type": "container_upload", "file_id": "f"},
        message={"stop_reason": "end_turn"},
    )
    assert heard.of(MessageRecord) == [
        MessageRecord(
            "s",
            "assistant",
            "Moss\n\nand fern",
            "m1",
            STAMP,
            "Hm.",
            [{"type": "container_upload", "file_id": "f"}],
            "claude-opus-4-6",
            "end_turn",
            tool_calls=(ToolCallRecord("t1", "Read", '{"bed":"t1"}'), ToolCallRecord("w1", "web_search")),
        )
    ]


def test_an_answer_of_the_providers_tool_follows_the_message_it_stands_in(heard: Heard) -> None:
    search = {"type": "server_tool_use", "id": "w1", "name": "web_search", "input": {"query": "moss"}}
    found = {"type": "web_search_tool_result", "tool_use_id": "w1", "content": [{"url": "u"}]}
    heard.say("m1", search, found, text("Found."), uuid="a1")
    assert [type(record).__name__ for record in heard.of(object)][1:3] == ["MessageRecord", "ToolResult"]
    assert heard.of(ToolResult) == [
        ToolResult("s", "w1", None, None, STAMP, external_id="a1", parts=[{"url": "u"}])
    ]


@pytest.mark.parametrize(
    ("outputs", "counted"), [((3, 3, 90), 90), ((3, 90, 5), 90), ((None, 4), 4), ((4, None), 4), ((0,), 0)]
)
def test_the_line_with_the_greatest_output_counts(
    heard: Heard, outputs: tuple[Any, ...], counted: int
) -> None:
    for output in outputs:
        usage = {"input_tokens": 2, "cache_read_input_tokens": 7, "output_tokens": output}
        heard.say("m1", usage=usage, requestId="r1")
    assert heard.of(TokenRecord) == [
        TokenRecord(
            "s", "m1:r1", 2, 7, output=counted, model="claude-opus-4-6", message="m1", counted_at=STAMP
        )
    ]


def test_tokens_keep_thinking_and_cost(heard: Heard) -> None:
    heard.say(
        "m1",
        usage={
            "input_tokens": 2,
            "cache_creation_input_tokens": 5,
            "cache_creation": {"ephemeral_5m_input_tokens": 5},
            "output_tokens": 9,
            "output_tokens_details": {"thinking_tokens": 4},
        },
        costUSD=0.012345,
    )
    assert heard.of(TokenRecord) == [
        TokenRecord("s", "m1", 2, None, 5, 9, 4, 12345, "claude-opus-4-6", "m1", STAMP, cache_write_5m=5)
    ]


@pytest.mark.parametrize("said", [{"message": {"model": "<synthetic>"}}, {"isApiErrorMessage": True}])
def test_what_no_model_said_costs_nothing(heard: Heard, said: dict[str, Any]) -> None:
    heard.say("m1", text("API Error: overloaded"), usage={"input_tokens": 0, "output_tokens": 0}, **said)
    assert not heard.of(TokenRecord)
    (row,) = heard.of(MessageRecord)
    assert (row.role, row.content) == ("assistant", "API Error: overloaded")
    assert row.metadata == ({"kind": "api_error"} if "isApiErrorMessage" in said else None)
    assert row.model != "<synthetic>"


def test_answers_do_not_pile_up_behind_an_open_message(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claude_code_sessions, "_MOST_HELD", 10)
    heard.say("m1", text("Two at once."), call("t1"))
    heard.session.put(ToolResult("s", "t1", "moss"))
    assert not heard.records
    heard.session.put(ToolResult("s", "t2", "fern and moss"))
    assert [type(record).__name__ for record in heard.records] == [
        "SessionRecord",
        "MessageRecord",
        "ToolResult",
        "ToolResult",
    ]
    heard.say("m1", call("t2"))
    heard.session.put(ToolResult("s", "t3", "lichen"))
    first, second = heard.of(MessageRecord)
    assert first.tool_calls == (ToolCallRecord("t1", "Read", '{"bed":"t1"}'),)
    # The whole message again, not a part of it: reading the file a second time then changes nothing.
    assert second == first._replace(
        tool_calls=(*first.tool_calls, ToolCallRecord("t2", "Read", '{"bed":"t2"}'))
    )


def test_an_answer_goes_on_in_the_next_import(heard: Heard) -> None:
    heard.say("m1", text("Moss"), uuid="a1")
    heard.session.finish()
    later = Heard()
    later.session.restore(heard.session.kept())
    later.say("m1", uuid="a2")
    later.say("m1", text("and fern"), uuid="a3")
    assert later.of(MessageRecord) == [
        MessageRecord("s", "assistant", "and fern", "m1", STAMP, model="claude-opus-4-6", continues=True)
    ]


def test_of_a_continuation_only_what_is_new_is_handed_over(
    heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claude_code_sessions, "_MOST_HELD", 1)
    heard.say("m1", text("Moss"))
    heard.session.finish()
    later = Heard()
    later.session.restore(heard.session.kept())
    later.say("m1", text("and fern"))
    later.session.put(ToolResult("s", "t1", "wet"))
    later.say("m1", text("and lichen"))
    assert [row.content for row in later.of(MessageRecord)] == ["and fern", "and lichen"]


def test_a_continuation_that_brings_nothing_is_no_row(heard: Heard) -> None:
    heard.say("m1", text("Moss"))
    heard.session.finish()
    later = Heard()
    later.session.restore(heard.session.kept())
    later.say("m1", {"type": "redacted_thinking", "data": "x"})
    assert not later.of(MessageRecord)


def test_invalid_bytes_in_a_tools_input_are_reported_and_replaced(heard: Heard) -> None:
    raw = b'{"message":{"content":[{"type":"tool_use","id":"t1","name":"Bash","input":{"c":"\xff"}}]}}'
    line = decode(raw)
    assert line.message
    heard.session.put_answer(line, line.message, "m1", STAMP)
    (row,) = heard.of(MessageRecord)
    assert row.tool_calls == (ToolCallRecord("t1", "Bash", '{"c":"\ufffd"}'),)
    assert heard.problems == ["invalid UTF-8: the bytes that are none were replaced by U+FFFD"]


def test_times_are_those_of_the_earliest_and_the_latest_line(heard: Heard) -> None:
    for stamp in ("2026-04-02T08:00:05.000Z", "2026-04-02T08:00:09.000Z", None, "2026-04-02T08:00:01.000Z"):
        heard.session.see(lenient({}), stamp)
    assert heard.session.started_at == "2026-04-02T08:00:01.000Z"
    assert heard.session.last_active_at == "2026-04-02T08:00:09.000Z"


def test_a_session_without_a_message_is_none(heard: Heard) -> None:
    heard.session.propose_title(4, "Moss")
    assert not heard.of(object)
