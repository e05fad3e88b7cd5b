"""ShareGPT files: turns `from` someone, under the many names that data sets give to things."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sessiondb.errors import ImportFailed
from sessiondb.importers import sharegpt
from sessiondb.importers.base import MessageRecord, Record, SessionRecord, ToolCallRecord, ToolResult
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Problem, Source
from tests.helpers.odd_values import assert_storable, with_odd_values

CALL = '{"name": "look", "arguments": {"where": "bay"}}'
TURNS: list[dict[str, Any]] = [
    {"from": "human", "value": "What is in the bay?"},
    {"from": "function_call", "value": CALL},
    {"from": "observation", "value": "a boat"},
    {"from": "gpt", "value": "<p>A boat.</p>", "weight": 1},
]
CONVERSATION = {"id": "QWJhYvA_0", "system": "Be brief.", "tools": "[]", "conversations": TURNS}


def write(folder: Path, value: Any, name: str = "chats.json") -> Path:
    path = folder / name
    text = value if isinstance(value, str) else json.dumps(value)
    path.write_text(text, encoding="utf-8")
    return path


def lines(*values: Any) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


def read(path: Path, **more: Any) -> tuple[list[Record], list[Problem]]:
    source = Source(path, **more)
    return list(sharegpt.read(source)), source.problems


def said(records: list[Record]) -> list[tuple[str, str | None]]:
    return [(record.role, record.content) for record in records if isinstance(record, MessageRecord)]


def test_a_conversation_becomes_a_session(tmp_path: Path) -> None:
    records, problems = read(write(tmp_path, [CONVERSATION]))
    assert problems == []
    session = records[0]
    assert isinstance(session, SessionRecord)
    ids = [getattr(record, "external_id", "") for record in records]
    assert records == [
        SessionRecord(session.id, "sharegpt", "QWJhYvA_0", metadata={"tools": "[]"}),
        MessageRecord(session.id, "system", "Be brief.", ids[1]),
        MessageRecord(session.id, "user", "What is in the bay?", ids[2]),
        MessageRecord(
            session.id,
            "assistant",
            None,
            ids[3],
            tool_calls=(ToolCallRecord("#1", "look", '{"where":"bay"}'),),
        ),
        ToolResult(session.id, "#1", "a boat", external_id=ids[4]),
        MessageRecord(session.id, "assistant", "<p>A boat.</p>", ids[5], metadata={"weight": 1}),
    ]


@pytest.mark.parametrize(
    ("turn", "role", "text"),
    [
        ({"from": "user", "value": "Hi"}, "user", "Hi"),
        ({"from": "chatgpt", "text": "Hi"}, "assistant", "Hi"),
        ({"from": "bing", "value": None, "markdown": "**Hi**"}, "assistant", "**Hi**"),
        ({"from": "system", "value": "Hi"}, "system", "Hi"),
        ({"role": "user", "content": "Hi"}, "user", "Hi"),
    ],
)
def test_turns_are_read_under_any_of_their_names(tmp_path: Path, turn: Any, role: str, text: str) -> None:
    records, _ = read(write(tmp_path, [{"id": "a", "items": [turn]}]))
    assert said(records) == [(role, text)]


def test_an_unknown_speaker_is_kept_by_name(tmp_path: Path) -> None:
    record = read(write(tmp_path, [{"conversations": [{"from": "narrator", "value": "Night."}]}]))[0][1]
    assert isinstance(record, MessageRecord)
    assert (record.role, record.metadata) == ("system", {"from": "narrator"})


def test_several_calls_of_a_turn_and_calls_that_are_no_json(tmp_path: Path) -> None:
    turns = [
        {"from": "function_call", "value": f"[{CALL}, {CALL}]"},
        {"from": "function_call", "value": "look(bay)"},
    ]
    records, _ = read(write(tmp_path, [{"id": "a", "conversations": turns}]))
    assert [record.tool_calls for record in records if isinstance(record, MessageRecord)] == [
        (ToolCallRecord("#1", "look", '{"where":"bay"}'), ToolCallRecord("#2", "look", '{"where":"bay"}')),
        (ToolCallRecord("#3", None, "look(bay)"),),
    ]


def test_ids_count_in_their_file_and_hashes_everywhere(tmp_path: Path) -> None:
    nameless = {"conversations": TURNS}
    found = []
    for name in ("a.json", "b.json"):
        records, _ = read(write(tmp_path, [CONVERSATION, nameless], name))
        found.append([record.id for record in records if isinstance(record, SessionRecord)])
    assert found[0][0] != found[1][0]
    assert found[0][1] == found[1][1]


def test_a_repeated_id_is_a_session_of_its_own(tmp_path: Path) -> None:
    records, _ = read(write(tmp_path, [CONVERSATION, {**CONVERSATION, "conversations": TURNS[:1]}]))
    sessions = [record for record in records if isinstance(record, SessionRecord)]
    assert [session.native_id for session in sessions] == ["QWJhYvA_0", "QWJhYvA_0#2"]
    assert len({session.id for session in sessions}) == 2


def test_arrays_lines_and_single_objects_give_the_same_records(tmp_path: Path) -> None:
    nameless = {"conversations": TURNS}
    expected, _ = read(write(tmp_path, [nameless]))
    assert read(write(tmp_path, lines(nameless), "chats.jsonl")) == (expected, [])
    assert read(write(tmp_path, json.dumps(nameless, indent=1), "chat.json")) == (expected, [])


def test_a_file_read_in_two_parts_gives_what_it_gives_at_once(tmp_path: Path) -> None:
    values = [CONVERSATION, {"conversations": TURNS}, CONVERSATION, {"conversations": TURNS}]
    expected, _ = read(write(tmp_path, lines(*values), "chats.jsonl"))
    for count in range(1, len(values)):
        path = write(tmp_path, lines(*values[:count]), "chats.jsonl")
        source = Source(path)
        records = list(sharegpt.read(source))
        write(tmp_path, lines(*values), "chats.jsonl")
        later, _ = read(path, start=source.end, line=source.line, state=source.state)
        assert records + later == expected


def test_what_has_no_turns_is_reported_and_the_rest_read(tmp_path: Path) -> None:
    records, problems = read(write(tmp_path, [7, {"conversations": []}, CONVERSATION]))
    assert len(records) == 6
    assert [problem.reason for problem in problems] == ["element 1 has no turns", "element 2 has no turns"]
    text = lines({"question": "?"}) + "oops\n" + lines(CONVERSATION)
    records, problems = read(write(tmp_path, text, "chats.jsonl"))
    assert len(records) == 6
    assert [problem.line for problem in problems] == [1, 2]


@pytest.mark.parametrize(
    ("value", "score"),
    [
        ([CONVERSATION], 2),
        (CONVERSATION, 2),
        (lines(CONVERSATION), 2),
        ([{"conversations": [{"role": "user", "content": "Hi"}]}], 1),
        ([{"messages": [{"role": "user", "content": "Hi"}]}], 0),
        ([{"conversations": [{"value": "Hi"}]}], 0),
        ([], 0),
    ],
)
def test_the_format_is_told_by_its_turns(tmp_path: Path, value: Any, score: int) -> None:
    sample = Sample(write(tmp_path, value))
    sample.lines_up_to(1)
    assert sharegpt.sniff(sample) == score


def test_documents_without_turns_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportFailed, match="has no conversation"):
        read(write(tmp_path, [{"messages": []}]))


def test_odd_values_anywhere_never_raise(tmp_path: Path) -> None:
    records, _ = read(write(tmp_path, [*with_odd_values(CONVERSATION), CONVERSATION]))
    assert_storable(records)
    assert said(records)[-1] == ("assistant", "<p>A boat.</p>")


def test_a_real_file_has_the_facts_that_were_counted(corpus: Path) -> None:
    relative = "sharegpt/lm-sys_FastChat/dummy_conversation.json"
    expected = json.loads((corpus / "EXPECTED.json").read_text(encoding="utf-8"))["files"][relative]
    records, problems = read(corpus / relative)
    sessions = [record.id for record in records if isinstance(record, SessionRecord)]
    assert len(sessions) == expected["conversations"]
    assert len(set(sessions)) == expected["distinct_ids"]
    roles = Counter(role for role, _ in said(records))
    assert roles == {"user": expected["turns"]["human"], "assistant": expected["turns"]["gpt"]}
    assert sharegpt.sniff(Sample(corpus / relative)) == 2
    assert problems == []
