"""Conversations as OpenAI's chat API takes them: lines, batches, arrays, single files."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sessiondb.errors import ImportFailed
from sessiondb.importers import openai_chat
from sessiondb.importers.base import MessageRecord, Record, SessionRecord, ToolCallRecord, ToolResult
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Problem, Source
from tests.helpers.odd_values import assert_storable, with_odd_values

MESSAGES: list[dict[str, Any]] = [
    {"role": "developer", "content": "Be brief."},
    {
        "role": "user",
        "content": [{"type": "text", "text": "What is in "}, {"type": "text", "value": "the bay?"}],
    },
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"where": "bay"}'}}
        ],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "a boat"},
    {"role": "assistant", "content": "A boat.", "weight": 1},
]
OTHER = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]


def write(folder: Path, text: str, name: str = "chat.jsonl") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def lines(*values: Any) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


def read(path: Path, **more: Any) -> tuple[list[Record], list[Problem]]:
    source = Source(path, **more)
    return list(openai_chat.read(source)), source.problems


def said(records: list[Record]) -> list[tuple[str, str | None]]:
    """Return who said what, and what tools answered."""
    return [
        (record.role, record.content) if isinstance(record, MessageRecord) else ("tool", record.result)
        for record in records
        if isinstance(record, MessageRecord | ToolResult)
    ]


def sessions(records: list[Record]) -> list[SessionRecord]:
    return [record for record in records if isinstance(record, SessionRecord)]


def test_a_line_becomes_a_session_known_by_its_hash(tmp_path: Path) -> None:
    records, problems = read(write(tmp_path, lines({"messages": MESSAGES, "parallel_tool_calls": True})))
    assert problems == []
    session = sessions(records)[0]
    ids = [getattr(record, "external_id", "") for record in records]
    assert len(session.native_id) == 64
    assert records == [
        SessionRecord(session.id, "openai-chat", session.native_id, metadata={"parallel_tool_calls": True}),
        MessageRecord(session.id, "system", "Be brief.", ids[1], metadata={"role": "developer"}),
        MessageRecord(session.id, "user", "What is in \n\nthe bay?", ids[2]),
        MessageRecord(
            session.id,
            "assistant",
            None,
            ids[3],
            tool_calls=(ToolCallRecord("c1", "look", '{"where": "bay"}'),),
        ),
        ToolResult(session.id, "c1", "a boat", external_id=ids[4]),
        MessageRecord(session.id, "assistant", "A boat.", ids[5], metadata={"weight": 1}),
    ]
    assert len(set(ids[1:])) == 5


def test_a_copy_of_a_file_has_the_same_sessions(tmp_path: Path) -> None:
    text = lines({"messages": OTHER}, {"messages": MESSAGES})
    assert read(write(tmp_path, text)) == read(write(tmp_path, text, "copy.jsonl"))


def test_a_repeated_line_is_a_session_of_its_own_whatever_the_order_of_its_keys(tmp_path: Path) -> None:
    records, _ = read(write(tmp_path, lines({"messages": OTHER, "n": 1}, {"n": 1, "messages": OTHER})))
    first, second = sessions(records)
    assert second.native_id == f"{first.native_id}#2"
    assert second.id != first.id
    assert said(records) == 2 * [("user", "Hi"), ("assistant", "Hello")]


def test_calls_of_the_old_kind_get_their_answers(tmp_path: Path) -> None:
    call = {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": "{}"}}
    answer = {"role": "function", "name": "look", "content": "a boat"}
    records, _ = read(write(tmp_path, lines({"messages": [call, answer]})))
    asking, result = records[1:]
    assert isinstance(asking, MessageRecord)
    assert isinstance(result, ToolResult)
    assert asking.tool_calls == (ToolCallRecord("#1", "look", "{}"),)
    assert (result.call_id, result.result) == ("#1", "a boat")


@pytest.mark.parametrize(
    ("value", "expected", "metadata", "model"),
    [
        (
            {"custom_id": "r-1", "method": "POST", "body": {"model": "gpt-5", "n": 1, "messages": OTHER}},
            [("user", "Hi"), ("assistant", "Hello")],
            {"custom_id": "r-1", "method": "POST", "body": {"model": "gpt-5", "n": 1}},
            "gpt-5",
        ),
        (
            {
                "input": {"messages": OTHER[:1], "tools": []},
                "preferred_output": OTHER[1:],
                "non_preferred_output": [{"role": "assistant", "content": "No"}],
            },
            [("user", "Hi"), ("assistant", "Hello")],
            {"input": {"tools": []}, "non_preferred_output": [{"role": "assistant", "content": "No"}]},
            None,
        ),
        ({"prompt": "Hi", "completion": "Hello"}, [("user", "Hi"), ("assistant", "Hello")], None, None),
    ],
)
def test_other_shapes_of_lines_are_read(
    tmp_path: Path, value: Any, expected: Any, metadata: Any, model: str | None
) -> None:
    records, problems = read(write(tmp_path, lines(value)))
    assert said(records) == expected
    assert (sessions(records)[0].metadata, sessions(records)[0].model) == (metadata, model)
    assert problems == []


@pytest.mark.parametrize("value", [{"messages": OTHER}, OTHER])
def test_a_file_that_is_one_conversation_stays_one_as_it_grows(tmp_path: Path, value: Any) -> None:
    before, _ = read(write(tmp_path, json.dumps(value, indent=1), "talk.json"))
    (value["messages"] if isinstance(value, dict) else value).append({"role": "user", "content": "More"})
    after, _ = read(write(tmp_path, json.dumps(value), "talk.json"))
    (value["messages"] if isinstance(value, dict) else value).pop()
    assert after[: len(before)] == before
    assert said(after)[-1] == ("user", "More")
    assert sessions(after)[0].native_id == "talk"
    (tmp_path / "b").mkdir()
    elsewhere, _ = read(write(tmp_path / "b", json.dumps(value), "talk.json"))
    assert sessions(elsewhere)[0].id != sessions(after)[0].id


def test_an_array_of_conversations_has_a_session_for_each(tmp_path: Path) -> None:
    array, problems = read(
        write(tmp_path, json.dumps([{"messages": OTHER}, 7, {"messages": MESSAGES}]), "a.json")
    )
    one_a_line, _ = read(write(tmp_path, lines({"messages": OTHER}, {"messages": MESSAGES})))
    assert array == one_a_line
    assert [problem.reason for problem in problems] == ["element 2 has no messages"]


def test_times_of_messages_are_taken_where_there_are_any(tmp_path: Path) -> None:
    message = {"role": "user", "content": "Hi", "timestamp": "2026-03-01T09:15:23Z"}
    record = read(write(tmp_path, lines({"messages": [message]})))[0][1]
    assert isinstance(record, MessageRecord)
    assert record.created_at == "2026-03-01T09:15:23.000Z"


def test_repeated_messages_of_a_conversation_are_told_apart(tmp_path: Path) -> None:
    records, _ = read(write(tmp_path, lines({"messages": [*OTHER, *OTHER]})))
    assert len({getattr(record, "external_id", None) for record in records[1:]}) == 4


def test_bad_lines_are_reported_and_the_rest_read(tmp_path: Path) -> None:
    text = (
        lines({"messages": OTHER}) + '{"messages": oops}\n' + lines({"question": "?"}, {"messages": MESSAGES})
    )
    records, problems = read(write(tmp_path, text))
    assert len(sessions(records)) == 2
    assert [(problem.line, problem.reason.partition(":")[0]) for problem in problems] == [
        (2, "not valid JSON"),
        (3, "has no messages"),
    ]


def test_a_file_read_in_two_parts_gives_what_it_gives_at_once(tmp_path: Path) -> None:
    values = [
        {"messages": OTHER},
        {"messages": MESSAGES},
        {"messages": OTHER},
        {"messages": [*OTHER, *MESSAGES]},
    ]
    text = lines(*values)
    expected, _ = read(write(tmp_path, text))
    ends = [len(lines(*values[:count])) for count in range(1, len(values))]
    for end in ends:
        path = write(tmp_path, text[:end])
        source = Source(path)
        records = list(openai_chat.read(source))
        write(tmp_path, text)
        later, _ = read(path, start=source.end, line=source.line, state=source.state)
        assert records + later == expected


@pytest.mark.parametrize(
    ("text", "name", "score"),
    [
        (lines({"messages": OTHER}), "a.jsonl", 2),
        (lines({"custom_id": "r", "body": {"messages": OTHER}}), "a.jsonl", 2),
        (json.dumps({"messages": OTHER, "tools": []}, indent=1), "a.json", 2),
        (json.dumps([{"messages": OTHER}]), "a.json", 2),
        (json.dumps([{"messages": OTHER, "session": "s"}]), "a.json", 1),
        (json.dumps(OTHER), "a.json", 1),
        (lines(*OTHER), "a.jsonl", 0),
        (lines({"prompt": "Hi", "completion": "Hello"}), "a.jsonl", 0),
        (lines({"messages": []}), "a.jsonl", 0),
        (lines({"messages": [{"from": "human", "value": "Hi"}]}), "a.jsonl", 0),
        ("text\n", "a.jsonl", 0),
    ],
)
def test_the_format_is_told_by_its_messages(tmp_path: Path, text: str, name: str, score: int) -> None:
    sample = Sample(write(tmp_path, text, name))
    sample.lines_up_to(1)
    assert openai_chat.sniff(sample) == score


@pytest.mark.parametrize("text", ["[]", '{\n "a": 1\n}', '[{"a": 1}]'])
def test_documents_without_messages_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ImportFailed, match="has no conversation"):
        read(write(tmp_path, text, "a.json"))


@pytest.mark.once
def test_odd_values_anywhere_never_raise(tmp_path: Path) -> None:
    odd = list(with_odd_values({"messages": MESSAGES, "body": {"messages": OTHER}, "model": "m"}))
    records, _ = read(write(tmp_path, lines(*odd, {"messages": OTHER})))
    assert_storable(records)
    assert said(records)[-2:] == [("user", "Hi"), ("assistant", "Hello")]
    for value in with_odd_values(MESSAGES):
        assert_storable(read(write(tmp_path, json.dumps([value, {"messages": OTHER}]), "a.json"))[0])


def test_real_training_lines_have_the_facts_that_were_counted(corpus: Path) -> None:
    relative = "openai-chat-jsonl/mlteam-ai_openai-cheat-sheet/toy_chat_fine_tuning.jsonl"
    expected = json.loads((corpus / "EXPECTED.json").read_text(encoding="utf-8"))["files"][relative]
    records, problems = read(corpus / relative)
    assert len({session.id for session in sessions(records)}) == expected["conversations"]
    assert Counter(role for role, _ in said(records)) == expected["roles"]
    assert len(said(records)) == expected["messages"]
    assert problems == []


def test_a_bare_array_of_messages_is_one_conversation(corpus: Path) -> None:
    path = corpus / "weird/mutated/array_of_messages.json"
    records, problems = read(path)
    assert said(records) == [("user", "hi"), ("assistant", "yo")]
    assert openai_chat.sniff(Sample(path)) == 1
    assert problems == []
