"""Codex's sessions of today: a whole log, and its traps one by one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sessiondb.importers import codex
from sessiondb.importers.base import MessageRecord, SessionRecord, TokenRecord, ToolResult
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Source
from tests.helpers.codex_logs import (
    FILE,
    PIXEL,
    PIXEL_HASH,
    SESSION,
    call,
    context,
    event,
    header,
    item,
    known,
    message,
    read,
    rows,
    tokens,
    whole_session,
    write,
)


def test_a_whole_session_becomes_its_rows(tmp_path: Path) -> None:
    records = read(tmp_path, *whole_session())
    assert rows(records) == [
        ("instructions", "<permissions instructions>ask</permissions instructions>"),
        ("instructions", "# AGENTS.md instructions for /home/j\n\n<INSTRUCTIONS>UTC</INSTRUCTIONS>"),
        ("environment", "<environment_context><cwd>/home/j/tides</cwd></environment_context>"),
        ("user", "Why is the tide late?"),
        ("assistant", "[**Looking**]Let me look.", ("call_1", "call_2")),
        ("tool", "call_1", "Exit code: 0\nWall time: 0.1 seconds\nOutput:\nhours=12\n"),
        ("tool", "call_2", "no date\n"),
        ("assistant", "The clock changed."),
        ("user", "Add a test for October."),
        ("assistant", "Found it.", ("ws_1", "call_3")),
        ("tool", "ws_1", '[{"title":"Clock changes"}]'),
        ("tool", "call_3", "1 failed\n"),
        ("notice", "<turn_aborted>on purpose</turn_aborted>"),
        ("compact_summary", "So far: a test is missing."),
        ("notice", "stream closed"),
    ]
    assert known(records) == {
        "id": SESSION,
        "agent": "codex",
        "native_id": SESSION,
        "project": "/home/j/tides",
        "title": "Tides and clocks",
        "model": "gpt-5.4",
        "started_at": "2026-03-12T08:41:00.000Z",
        "last_active_at": "2026-03-12T08:41:09.000Z",
        "metadata": {
            "originator": "codex_cli_rs",
            "cli_version": "0.104.0",
            "source": "cli",
            "git": {"branch": "main"},
        },
    }


def test_a_row_tells_its_time_model_phase_and_whether_its_tools_failed(tmp_path: Path) -> None:
    records = read(tmp_path, *whole_session())
    answers = [
        record for record in records if isinstance(record, MessageRecord) and record.role == "assistant"
    ]
    assert [(row.created_at, row.model, row.metadata) for row in answers] == [
        ("2026-03-12T08:41:02.000Z", "gpt-5.3-codex", {"phase": "commentary"}),
        ("2026-03-12T08:41:04.100Z", "gpt-5.3-codex", {"phase": "final_answer"}),
        ("2026-03-12T08:41:05.300Z", "gpt-5.4", None),
    ]
    results = [record for record in records if isinstance(record, ToolResult)]
    assert [(result.call_id, result.is_error, result.metadata) for result in results] == [
        ("call_1", False, None),
        ("call_2", True, {"exit_code": 1}),
        ("ws_1", None, None),
        ("call_3", True, None),
    ]


def test_each_response_is_counted_once_and_belongs_to_its_row(tmp_path: Path) -> None:
    records = read(tmp_path, *whole_session())
    answers = [
        record for record in records if isinstance(record, MessageRecord) and record.role == "assistant"
    ]
    counts = [record for record in records if isinstance(record, TokenRecord)]
    assert [(one.input, one.cache_read, one.cache_write, one.output, one.reasoning) for one in counts] == [
        (600, 400, None, 90, 30),
        (600, 900, None, 30, 0),
    ]
    assert [one.message for one in counts] == [answers[0].external_id, answers[1].external_id]
    assert {(one.model, one.counted_at) for one in counts} == {
        ("gpt-5.3-codex", "2026-03-12T08:41:02.600Z"),
        ("gpt-5.3-codex", "2026-03-12T08:41:04.200Z"),
    }


def test_a_copy_of_a_file_gives_the_same_records(tmp_path: Path) -> None:
    first = read(tmp_path, *whole_session())
    archive = tmp_path / "archived_sessions"
    archive.mkdir()
    assert read(archive, *whole_session()) == first


def test_images_are_replaced_by_their_hash(tmp_path: Path) -> None:
    drawn = item("image_generation_call", 2, id="ig_1", revised_prompt="a tide", result="iVBORw0KGgo=")
    shown = [{"type": "input_text", "text": "Look"}, {"type": "input_image", "image_url": PIXEL}]
    records = read(tmp_path, header(), item("message", 1, role="user", content=shown), drawn)
    prompt, asked, answer = [record for record in records if not isinstance(record, SessionRecord)]
    assert isinstance(prompt, MessageRecord)
    assert prompt.parts == [{"type": "input_image", "image_url": PIXEL_HASH}]
    assert isinstance(asked, MessageRecord)
    assert [tuple(one) for one in asked.tool_calls] == [("ig_1", "image_generation", "a tide")]
    assert isinstance(answer, ToolResult)
    assert (answer.call_id, answer.result, answer.parts) == ("ig_1", None, [PIXEL_HASH])


def test_what_a_newer_build_puts_out_is_kept_as_a_part(tmp_path: Path) -> None:
    unknown = item("dream", 1, depth=3, encrypted_content="gAAAAAB")
    records = read(tmp_path, header(), unknown, item("ghost_snapshot", 2, ghost_commit={"id": "1"}))
    (row,) = [record for record in records if isinstance(record, MessageRecord)]
    assert (row.role, row.content, row.parts) == ("assistant", None, [{"type": "dream", "depth": 3}])


def test_events_speak_for_a_log_without_items(tmp_path: Path) -> None:
    records = read(
        tmp_path,
        header(),
        event("user_message", 1, message="Review it"),
        event("agent_reasoning", 2, text="Reading"),
        event("agent_message", 3, message="Two findings."),
        event("user_message", 4, message="And now?"),
        event("agent_message", 5, message="None."),
    )
    assert rows(records) == [
        ("user", "Review it"),
        ("assistant", "[Reading]Two findings."),
        ("user", "And now?"),
        ("assistant", "None."),
    ]


def test_a_turn_of_many_calls_that_broke_off_keeps_what_events_told(tmp_path: Path) -> None:
    asked = [call(f"call_{number}", "ls", 1) for number in range(100)]
    told = event("exec_command_end", 1, call_id="call_0", aggregated_output="a.txt", exit_code=0)
    nested = event("exec_command_end", 1, call_id="no_call", aggregated_output="b.txt", exit_code=0)
    records = read(tmp_path, header(), asked[0], told, nested, *asked[1:], event("turn_aborted", 2))
    assert rows(records)[1:] == [("tool", "call_0", "a.txt")]


STUB = (header(), message("user", "<environment_context>zsh</environment_context>", 1), context(2))


def test_a_header_and_injected_context_are_no_session_yet(tmp_path: Path) -> None:
    source = Source(write(tmp_path / FILE, STUB))
    assert list(codex.read(source)) == []
    assert (source.end, source.line, source.state) == (0, 0, {})


@pytest.mark.parametrize("before", [[], [{"type": "event_msg", "payload": {"type": "token_count"}}] * 3])
def test_a_header_is_found_wherever_it_stands(tmp_path: Path, before: list[Any]) -> None:
    records = read(
        tmp_path, *before, message("user", "Hi", 1), message("assistant", "Hello", 2), header(id="other")
    )
    assert rows(records) == [("user", "Hi"), ("assistant", "Hello")]
    assert (known(records)["native_id"], known(records)["project"]) == ("other", "/home/j/tides")


def test_a_log_without_a_header_is_known_by_its_file(tmp_path: Path) -> None:
    records = read(tmp_path, message("user", "Hi", 1), message("assistant", "Hello", 2))
    assert known(records)["id"] == SESSION


@pytest.mark.parametrize(
    ("lines", "score"),
    [
        ([header()], 2),
        ([{"odd": 1}, event("user_message", 1, message="Hi")], 2),
        ([{"type": "response_item"}], 0),
        ([{"type": ["session_meta"], "payload": {}}], 0),
        ([{"type": "user", "message": {"role": "user"}, "sessionId": "x"}], 0),
    ],
)
def test_the_format_is_told_by_type_and_payload(tmp_path: Path, lines: list[Any], score: int) -> None:
    sample = Sample(write(tmp_path / "any.jsonl", lines))
    sample.lines_up_to(50)
    assert codex.sniff(sample) == score


def test_a_bad_line_is_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / FILE, [header(), message("user", "Hi\0", 1), message("user", "\ud83d", 2)])
    deep = (
        b'{"type":"response_item","payload":{"type":"message","role":"assistant","content":'
        + b"[" * 100_000
        + b"]" * 100_000
    )
    with path.open("ab") as file:
        file.write(b'{"type": "event_msg", "payl\n' + deep + b"}}\n[1]\n")
        file.write(json.dumps(message("assistant", "Hello", 2)).encode() + b"\n" + b'{"type": "resp')
    source = Source(path)
    assert rows(codex.read(source)) == [("user", "Hi\ufffd"), ("user", "\ufffd"), ("assistant", "Hello")]
    # Whether the decoder gives up on depth or what comes after it differs between versions of Python.
    assert [problem.line for problem in source.problems] == [4, 5]
    assert source.problems[0].reason.startswith("not valid JSON")
    assert source.end == path.read_bytes().rindex(b"\n") + 1


def test_a_response_has_the_tier_and_what_was_checked_out(tmp_path: Path) -> None:
    git = {"branch": "tides", "commit_hash": "1cea5ec"}
    records = read(
        tmp_path,
        header(git=git),
        event("thread_settings_applied", 1, thread_settings={"model": "gpt-5.4", "service_tier": "fast"}),
        event("user_message", 2, message="Why?"),
        message("assistant", "So.", 3),
        tokens(4, (100, 0, 10, 0), (100, 0, 10, 0)),
    )
    counts = [record for record in records if isinstance(record, TokenRecord)]
    assert [(count.service_tier, count.git_branch, count.git_commit) for count in counts] == [
        ("priority", "tides", "1cea5ec")
    ]
