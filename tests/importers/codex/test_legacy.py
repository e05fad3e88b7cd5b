"""Codex's older logs: bare items in lines, and the document of the TypeScript CLI."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from sessiondb.errors import ImportFailed
from sessiondb.importers.base import MessageRecord, SessionRecord, ToolResult
from sessiondb.importers.codex import legacy as codex_legacy
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Source
from tests.helpers.codex_logs import known, mutated, rows, union

SESSION = "6d20f8b3-4c95-4e7a-b1f6-93a05c7d2e48"
HEADER = {
    "id": SESSION,
    "timestamp": "2025-08-30T19:15:52.604Z",
    "instructions": "Be brief.",
    "git": {"branch": "main"},
}
STATE = {"record_type": "state"}
ENVIRONMENT = "<environment_context>\n  <cwd>/home/j/bees</cwd>\n</environment_context>"


def message(role: str, text: str, **more: Any) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}], **more}


def call(call_id: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "function_call",
        "name": "shell",
        "arguments": '{"cmd":["ls"]}',
        "call_id": call_id,
        **more,
    }


def output(call_id: str, text: str) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": text}


def thought(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": text}], **more}


def write(tmp_path: Path, lines: Iterable[Any]) -> Path:
    path = tmp_path / f"rollout-2025-08-30T21-15-52-{SESSION}.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def write_document(tmp_path: Path, items: list[Any], indent: int | None = 2) -> Path:
    path = tmp_path / f"rollout-2025-05-19-{SESSION}.json"
    session = {"timestamp": "2025-05-19T06:58:30.017Z", "id": SESSION, "instructions": ""}
    path.write_text(json.dumps({"session": session, "items": items}, indent=indent), encoding="utf-8")
    return path


def whole_session() -> list[dict[str, Any]]:
    return [
        HEADER,
        STATE,
        message("user", "<user_instructions>\n\nBe brief.\n\n</user_instructions>", id=None),
        message("user", ENVIRONMENT, id=None),
        STATE,
        message("user", "How heavy is hive 3?", id=None),
        STATE,
        STATE,
        call("call_1", id=None),
        output("call_1", '{"output":"17\\n","metadata":{"exit_code":0}}'),
        thought("Look at the scale", id=""),
        STATE,
        STATE,
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA"},
        message("assistant", "Let me compare.", id="msg_1"),
        call("call_2", id="fc_2"),
        output("call_2", "ok"),
        call("call_3", id="fc_3"),
        output("call_3", "ok"),
        STATE,
        message("assistant", "17 kg.", id="msg_2"),
    ]


WHOLE_ROWS = [
    ("instructions", "<user_instructions>\n\nBe brief.\n\n</user_instructions>"),
    ("environment", ENVIRONMENT),
    ("user", "How heavy is hive 3?"),
    ("assistant", "[Look at the scale]", ("call_1",)),
    ("tool", "call_1", "17\n"),
    ("assistant", "Let me compare.", ("call_2", "call_3")),
    ("tool", "call_2", "ok"),
    ("tool", "call_3", "ok"),
    ("assistant", "17 kg."),
]


def test_state_lines_part_the_responses(tmp_path: Path) -> None:
    assert rows(codex_legacy.read(Source(write(tmp_path, whole_session())))) == WHOLE_ROWS


def test_the_header_and_the_environment_tell_of_the_session(tmp_path: Path) -> None:
    records = list(codex_legacy.read(Source(write(tmp_path, whole_session()))))
    assert known(records) == {
        "id": SESSION,
        "agent": "codex",
        "native_id": SESSION,
        "project": "/home/j/bees",
        "started_at": "2025-08-30T19:15:52.604Z",
        "metadata": {"git": {"branch": "main"}, "instructions": "Be brief."},
    }
    assert {record.created_at for record in records if isinstance(record, MessageRecord | ToolResult)} == {
        None
    }


def test_without_state_lines_a_tools_output_ends_the_response(tmp_path: Path) -> None:
    lines = [line for line in whole_session() if line != STATE]
    assert rows(codex_legacy.read(Source(write(tmp_path, lines))))[3:] == [
        ("assistant", "", ("call_1",)),
        ("tool", "call_1", "17\n"),
        ("assistant", "[Look at the scale]Let me compare.", ("call_2",)),
        ("tool", "call_2", "ok"),
        ("assistant", "", ("call_3",)),
        ("tool", "call_3", "ok"),
        ("assistant", "17 kg."),
    ]


@pytest.mark.parametrize("indent", [2, None])
def test_a_document_is_read_like_the_lines(tmp_path: Path, indent: int | None) -> None:
    source = Source(write_document(tmp_path, whole_session()[1:], indent))
    assert rows(codex_legacy.read(source)) == WHOLE_ROWS
    assert rows(codex_legacy.read(Source(source.path, start=source.end, state=source.state))) == WHOLE_ROWS


def test_a_document_may_hold_chat_messages(tmp_path: Path) -> None:
    asked = {
        "id": "call_1",
        "index": 0,
        "type": "function",
        "function": {"name": "shell", "arguments": '{"cmd":1}'},
    }
    items = [
        {"role": "user", "content": [{"type": "text", "text": "What fails?"}]},
        {"role": "assistant", "content": "", "reasoning": "We", "tool_calls": [asked]},
        {
            "role": "tool",
            "tool_call_id": "call_1",
            "content": '{"output":"a.md\\n","metadata":{"exit_code":1}}',
        },
        {"role": "assistant", "content": "That one.", "reasoning": None},
    ]
    records = list(codex_legacy.read(Source(write_document(tmp_path, items))))
    assert rows(records) == [
        ("user", "What fails?"),
        ("assistant", "[We]", ("call_1",)),
        ("tool", "call_1", "a.md\n"),
        ("assistant", "That one."),
    ]
    (call_row,) = [
        one for record in records if isinstance(record, MessageRecord) for one in record.tool_calls
    ]
    assert tuple(call_row) == ("call_1", "shell", '{"cmd":1}')


def test_a_header_and_injected_context_are_no_session_yet(tmp_path: Path) -> None:
    source = Source(write(tmp_path, whole_session()[:5]))
    assert list(codex_legacy.read(source)) == []
    assert (source.end, source.line, source.state) == (0, 0, {})


@pytest.mark.parametrize("text", ['{\n "session": {', '{"session": {"id": "x"}, "items"', '{"items": 3}'])
def test_a_damaged_document_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rollout.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ImportFailed, match=r"rollout\.json"):
        list(codex_legacy.read(Source(path)))


@pytest.mark.parametrize(
    ("lines", "score"),
    [
        ([HEADER, STATE], 2),
        ([HEADER, message("user", "Hi")], 2),
        ([HEADER], 1),
        ([{**HEADER, "type": "session_meta"}, STATE], 0),
        ([{"id": "x", "timestamp": "2026"}, STATE], 0),
        ([{"session": {"id": "x"}, "items": []}], 2),
        ([{"session": {"id": "x"}, "items": {}}], 0),
        ([{"session": "x", "items": []}], 0),
    ],
)
def test_the_format_is_told_by_its_header_or_its_document(
    tmp_path: Path, lines: list[Any], score: int
) -> None:
    sample = Sample(write(tmp_path, lines))
    sample.lines_up_to(50)
    assert codex_legacy.sniff(sample) == score


def test_a_log_cut_anywhere_gives_what_it_gives_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, whole_session())
    data = path.read_bytes()
    at_once = union(codex_legacy.read(Source(path)))
    for start in [0, *(at + 1 for at, byte in enumerate(data) if byte == 10)]:
        for torn in (0, 12):
            path.write_bytes(data[: start + torn])
            first = Source(path)
            records = list(codex_legacy.read(first))
            path.write_bytes(data)
            state = json.loads(json.dumps(first.state))
            second = Source(path, start=first.end, line=first.line, state=state)
            assert union(records + list(codex_legacy.read(second))) == at_once, data[:start].count(b"\n")


@pytest.mark.parametrize("seed", range(60))
def test_values_of_any_type_are_read_without_an_error(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    lines = [mutated(one, dice, dice.choice((0.01, 0.05, 0.2))) for one in whole_session()]
    path = write_document(tmp_path, lines) if seed % 2 else write(tmp_path, lines)
    source = Source(path)
    records = list(codex_legacy.read(source))
    assert source.problems == []
    json.dumps(source.state)
    for record in records:
        if isinstance(record, MessageRecord):
            assert record.external_id
            texts = [
                record.content,
                record.reasoning,
                *(text for asked in record.tool_calls for text in asked),
            ]
        elif isinstance(record, ToolResult):
            texts = [record.call_id, record.result, record.external_id]
        else:
            assert isinstance(record, SessionRecord)
            texts = [record.id, record.native_id, record.project]
        assert all(text is None or isinstance(text, str) for text in texts)


def test_real_logs_hold_what_was_counted_in_them(corpus: Path) -> None:
    expected = json.loads((corpus / "EXPECTED.json").read_text(encoding="utf-8"))["files"]
    facts = {
        name: fact for name, fact in expected.items() if str(fact.get("format")).startswith("codex-legacy")
    }
    assert facts
    for name, fact in facts.items():
        records = list(codex_legacy.read(Source(corpus / name)))
        sessions = [record for record in records if isinstance(record, SessionRecord)]
        messages = [record for record in records if isinstance(record, MessageRecord)]
        results = [record for record in records if isinstance(record, ToolResult)]
        items = fact["items"]
        assert {record.id for record in sessions} == {fact["session_id"]}
        assert {record.started_at for record in sessions} - {None} == {fact["first_timestamp"]}
        told = sum(items.get(kind, 0) for kind in ("message/user", "None/user"))
        injected = fact.get("injected_context_user_messages", 0)
        assert sum(row.role == "user" for row in messages) == told - injected
        assert sum(row.role == "system" for row in messages) == injected
        if "function_call" in items:
            assert sum(len(row.tool_calls) for row in messages) == items["function_call"]
        assert len(results) == items.get("function_call_output", items.get("None/tool"))
        for rare in fact["rare_words"]:
            texts = [row.content for row in messages if row.role == rare["role"] and row.content]
            assert sum(rare.get("word", rare.get("phrase")) in text.lower() for text in texts) == 1
