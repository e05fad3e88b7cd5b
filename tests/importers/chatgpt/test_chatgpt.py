"""ChatGPT's data export: the shown branch of each conversation, and the many shapes of the file."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sessiondb.errors import ImportFailed
from sessiondb.importers import chatgpt
from sessiondb.importers.base import MessageRecord, Record, SessionRecord, ToolCallRecord, ToolResult
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Problem, Source
from sessiondb.timestamps import normalise
from tests.helpers.chatgpt_export import HIDDEN, ID, START, message, node
from tests.helpers.odd_values import assert_storable, with_odd_values

MODEL = {"model_slug": "gpt-5", "finish_details": {"type": "stop"}}
CODE = {"content_type": "code", "language": "python", "text": "print(6 * 7)"}
MAPPING = {
    "root": node("root", None, None),
    "m0": node("m0", "root", message("m0", "system", "", metadata=HIDDEN)),
    "m1": node("m1", "m0", message("m1", "user", "What is six times seven?", 1)),
    "old": node("old", "m1", message("old", "assistant", "Forty-one.", 2)),
    "m2": node("m2", "m1", message("m2", "assistant", CODE, 3, recipient="python", metadata=MODEL)),
    "m3": node(
        "m3",
        "m2",
        {
            **message("m3", "tool", {"content_type": "execution_output", "text": "42"}, 4),
            "author": {"role": "tool", "name": "python"},
            "metadata": {
                "aggregate_result": {
                    "status": "success",
                    "messages": [{"message_type": "image", "image_url": "file-service://f1"}],
                    "jupyter_messages": [{"msg_type": "status"}],
                }
            },
        },
    ),
    "m4": node("m4", "m3", message("m4", "assistant", "Forty-two.", 5, metadata=MODEL)),
}
CONVERSATION: dict[str, Any] = {
    "title": "A product",
    "create_time": START,
    "update_time": START + 900,
    "mapping": MAPPING,
    "current_node": "m4",
    "conversation_id": ID,
    "id": ID,
    "default_model_slug": "auto",
    "gizmo_id": "g-p-1",
    "is_archived": False,
    "moderation_results": [],
}


def write(folder: Path, *conversations: Any) -> Path:
    path = folder / "conversations.json"
    path.write_text(json.dumps(list(conversations)), encoding="utf-8")
    return path


def read(path: Path) -> tuple[list[Record], list[Problem]]:
    source = Source(path)
    return list(chatgpt.read(source)), source.problems


def records_of(folder: Path, *messages: dict[str, Any]) -> list[Record]:
    """Return the records of messages that follow one another."""
    names = ["root", *(str(number) for number in range(len(messages)))]
    mapping = {
        name: node(name, parent, said) for name, parent, said in zip(names[1:], names, messages, strict=False)
    }
    return read(write(folder, {"id": ID, "mapping": mapping, "current_node": names[-1]}))[0][1:]


def test_the_shown_branch_becomes_a_session(tmp_path: Path) -> None:
    records, problems = read(write(tmp_path, CONVERSATION))
    assert problems == []
    assert records == [
        SessionRecord(
            ID,
            "chatgpt",
            ID,
            title="A product",
            started_at="2026-03-01T00:00:00.500Z",
            metadata={"gizmo_id": "g-p-1", "messages_on_other_branches": 1},
        ),
        MessageRecord(ID, "system", None, "m0", metadata={"kind": "hidden"}),
        MessageRecord(ID, "user", "What is six times seven?", "m1", "2026-03-01T00:00:01.500Z"),
        MessageRecord(
            ID,
            "assistant",
            None,
            "m2",
            "2026-03-01T00:00:03.500Z",
            model="gpt-5",
            finish_reason="stop",
            tool_calls=(ToolCallRecord("m2", "python", "print(6 * 7)"),),
        ),
        ToolResult(
            ID,
            "m2",
            "42",
            False,
            "2026-03-01T00:00:04.500Z",
            "python",
            "m3",
            [{"type": "image", "image_url": "file-service://f1"}],
        ),
        MessageRecord(
            ID,
            "assistant",
            "Forty-two.",
            "m4",
            "2026-03-01T00:00:05.500Z",
            model="gpt-5",
            finish_reason="stop",
        ),
    ]


def test_without_a_current_node_the_deepest_branch_is_taken(tmp_path: Path) -> None:
    for current in (None, "gone", ["m4"]):
        records, _ = read(write(tmp_path, {**CONVERSATION, "current_node": current}))
        assert [getattr(record, "external_id", None) for record in records[1:]] == [
            "m0",
            "m1",
            "m2",
            "m3",
            "m4",
        ]


def test_of_branches_as_deep_the_last_is_taken(tmp_path: Path) -> None:
    mapping = {name: MAPPING[name] for name in ("root", "m0", "m1", "old", "m2")}
    records, _ = read(write(tmp_path, {**CONVERSATION, "mapping": mapping, "current_node": None}))
    assert [getattr(record, "external_id", None) for record in records[1:]] == ["m0", "m1", "m2"]


@pytest.mark.parametrize("parents", [{"a": "b", "b": "a"}, {"a": "a"}, {"a": "gone", "b": ["a"]}])
def test_a_damaged_tree_does_not_hang(tmp_path: Path, parents: dict[str, Any]) -> None:
    mapping = {name: node(name, parent, message(name, "user", "Hi")) for name, parent in parents.items()}
    records, _ = read(write(tmp_path, {"id": ID, "mapping": mapping}))
    assert records


def test_the_first_answer_goes_to_the_call_and_further_ones_stand_alone(tmp_path: Path) -> None:
    browser = {"author": {"role": "tool", "name": "browser"}}
    call = message("c", "assistant", {"content_type": "code", "text": 'search("reef")'}, recipient="browser")
    answers = [{**message(name, "tool", name.upper()), **browser} for name in ("a", "b")]
    assert records_of(tmp_path, call, *answers)[1:] == [
        ToolResult(ID, "c", "A", None, None, "browser", "a"),
        ToolResult(ID, None, "B", None, None, "browser", "b"),
    ]


def test_minimal_conversations_are_read(tmp_path: Path) -> None:
    mapping = {
        "root": {"parent": None, "message": None},
        "a": {"parent": "root", "message": {"author": {"role": "user"}, "content": {"parts": ["Hi"]}}},
    }
    records, problems = read(
        write(tmp_path, {"id": "conv-1", "title": "New chat", "mapping": mapping, "update_time": START})
    )
    session = records[0]
    assert isinstance(session, SessionRecord)
    assert (session.native_id, session.title, session.started_at) == ("conv-1", None, None)
    assert session.last_active_at == "2026-03-01T00:00:00.500Z"
    assert records[1:] == [MessageRecord(session.id, "user", "Hi", "a")]
    assert problems == []


def test_times_of_zero_are_unknown(tmp_path: Path) -> None:
    conversation = {**CONVERSATION, "create_time": 0, "update_time": None}
    session = read(write(tmp_path, conversation))[0][0]
    assert isinstance(session, SessionRecord)
    assert session.started_at is None


def test_an_id_that_is_no_uuid_counts_in_its_folder_only(tmp_path: Path) -> None:
    ids = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        session = read(write(tmp_path / name, {**CONVERSATION, "id": "conv-1", "conversation_id": None}))[0][
            0
        ]
        assert isinstance(session, SessionRecord)
        ids.add(session.id)
    assert len(ids) == 2


def test_every_layout_of_the_export_gives_the_same_records(tmp_path: Path) -> None:
    expected, _ = read(write(tmp_path, CONVERSATION))
    single = tmp_path / "one.json"
    single.write_text(json.dumps(CONVERSATION, indent=2), encoding="utf-8")
    numbered = tmp_path / "export.zip"
    with zipfile.ZipFile(numbered, "w") as archive:
        archive.writestr("user.json", "{}")
        archive.writestr("conversations-000.json", json.dumps([CONVERSATION]))
    for path in (single, numbered):
        assert chatgpt.sniff(Sample(path)) == 2
        assert read(path) == (expected, [])


def test_what_is_no_conversation_is_reported_and_the_rest_read(tmp_path: Path) -> None:
    records, problems = read(write(tmp_path, 7, {"title": "x"}, CONVERSATION))
    assert len(records) == 6
    assert [problem.reason for problem in problems] == [
        "conversation 1 has no messages",
        "conversation 2 has no messages",
    ]


@pytest.mark.parametrize("text", ["[]", "{}", '[{"chat_messages": []}]', "not JSON"])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "conversations.json"
    path.write_text(text, encoding="utf-8")
    assert chatgpt.sniff(Sample(path)) == 0
    with pytest.raises(ImportFailed, match="has no ChatGPT conversation"):
        read(path)


@pytest.mark.once
def test_odd_values_anywhere_never_raise(tmp_path: Path) -> None:
    for conversation in with_odd_values(CONVERSATION):
        records, _ = read(write(tmp_path, conversation, CONVERSATION))
        assert_storable(records)
        assert len(records) >= 6


def test_a_real_export_has_the_facts_that_were_counted(corpus: Path) -> None:
    relative = "chatgpt-export/realazthat_chatgpt2graph/conversations.json"
    expected = json.loads((corpus / "EXPECTED.json").read_text(encoding="utf-8"))["files"][relative]
    records, problems = read(corpus / relative)
    session, said = records[0], records[1:]
    assert isinstance(session, SessionRecord)
    assert (session.id, session.title) == (expected["session_id"], expected["title"])
    assert session.started_at == normalise(expected["create_time"])
    assert len(said) == expected["messages_on_active_path"]
    assert Counter(getattr(record, "role", "tool") for record in said) == expected["roles"]
    messages = [record for record in said if isinstance(record, MessageRecord)]
    answers = [record for record in said if isinstance(record, ToolResult)]
    assert Counter(record.model for record in messages if record.model) == expected["models"]
    dated: list[MessageRecord | ToolResult] = [*messages, *answers]
    times = [record.created_at for record in dated if record.created_at]
    assert min(times) == normalise(expected["first_message_time"])
    assert max(times) == normalise(expected["last_message_time"])
    calls = [call.call_id for record in messages for call in record.tool_calls]
    assert calls == [record.call_id for record in answers]
    assert len(calls) == expected["content_types"]["code"]
    for rare in expected["rare_words"]:
        words = rare.get("word") or rare["phrase"]
        assert [record.role for record in messages if words in (record.content or "")] == [rare["role"]]
    assert problems == []


@pytest.mark.parametrize(
    ("name", "roles"),
    [
        ("mikegraham_looselips", {"user": 5, "assistant": 5}),
        ("quentinous_chatgpt-export-studio", {"user": 3, "assistant": 3}),
    ],
)
def test_minimal_real_exports_are_read(corpus: Path, name: str, roles: dict[str, int]) -> None:
    path = corpus / "chatgpt-export" / name / "conversations.json"
    records, problems = read(path)
    assert Counter(record.role for record in records if isinstance(record, MessageRecord)) == roles
    assert chatgpt.sniff(Sample(path)) == 2
    assert problems == []
