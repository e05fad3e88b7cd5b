"""Copilot CLI's event logs: prompts, calls, sub-agents, and tokens of releases with and without records."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sessiondb.importers import copilot
from sessiondb.importers.base import MessageRecord, Record, SessionRecord, TokenRecord, ToolResult
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Source
from tests.helpers.golden import assert_owed
from tests.helpers.records import of, read_all

SESSION = "5b0e7c1d-3f52-4f0e-9d55-0c4f6f1f2a10"


def event(kind: str, second: int, **data: Any) -> dict[str, Any]:
    id = f"00000000-0000-4000-8000-{second:012d}"
    return {
        "type": kind,
        "data": data,
        "id": id,
        "timestamp": f"2026-10-01T08:00:{second:02}.000Z",
        "parentId": None,
    }


def usage(second: int, call: str, asked: int, output: int, **more: Any) -> dict[str, Any]:
    accounting = {"sourceSessionId": SESSION, "sequence": second, "usageId": call}
    counts = {"model": "gpt-5.2", "inputTokens": asked, "outputTokens": output, "cacheReadTokens": 40}
    return event(
        "session.usage_record", second, usage={**counts, "apiCallId": call, "accounting": accounting, **more}
    )


def shutdown(second: int, asked: int, output: int) -> dict[str, Any]:
    counts = {"inputTokens": asked, "outputTokens": output, "cacheReadTokens": 0, "cacheWriteTokens": 0}
    return event("session.shutdown", second, modelMetrics={"gpt-5.2": {"usage": counts}})


START = event(
    "session.start",
    0,
    sessionId=SESSION,
    copilotVersion="1.0.102",
    context={"cwd": "/home/ada/garden", "branch": "roses", "headCommit": "abc"},
    selectedModel="gpt-5.2",
)
CALL = {"toolCallId": "c1", "name": "bash", "arguments": {"command": "ls"}}
LOG = [
    START,
    event("system.message", 1, content="You help."),
    event(
        "user.message",
        2,
        content="Which bed is dry?",
        transformedContent="<current_datetime>x</current_datetime>",
    ),
    usage(3, "r1", 100, 20, reasoningTokens=5),
    event(
        "assistant.message",
        4,
        content="",
        reasoningText="Look.",
        toolRequests=[CALL],
        apiCallId="r1",
        model="m",
    ),
    event("tool.execution_start", 5, toolCallId="c1", toolName="bash", arguments={"command": "ls"}),
    event("tool.execution_complete", 6, toolCallId="c1", success=True, result={"content": "dry"}),
    usage(7, "r2", 50, 3),
    event("assistant.message", 8, content="The left one.", toolRequests=[], apiCallId="r2"),
    shutdown(9, 150, 23),
]


def write(path: Path, lines: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


records = partial(read_all, copilot)


def said(found: list[Record]) -> list[tuple[str, str | None]]:
    return [(one.role, one.content) for one in of(MessageRecord, found)]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / SESSION / "events.jsonl"


def test_a_log_becomes_messages_calls_and_tokens(log: Path) -> None:
    found = records(write(log, LOG))
    assert said(found) == [
        ("system", "You help."),
        ("user", "Which bed is dry?"),
        ("assistant", None),
        ("assistant", "The left one."),
    ]
    asked = of(MessageRecord, found)[2]
    assert (asked.reasoning, asked.model, asked.tool_calls[0]) == (
        "Look.",
        "m",
        ("c1", "bash", '{"command":"ls"}'),
    )
    (answer,) = of(ToolResult, found)
    assert (answer.call_id, answer.result, answer.is_error, answer.metadata) == ("c1", "dry", False, None)
    sessions = of(SessionRecord, found)
    assert {one.id for one in sessions} == {SESSION}
    assert sessions[1].project == "/home/ada/garden"
    assert sessions[1].metadata == {"version": "1.0.102", "git_branch": "roses", "git_commit": "abc"}
    assert (sessions[-1].started_at, sessions[-1].last_active_at) == (
        "2026-10-01T08:00:00.000Z",
        "2026-10-01T08:00:09.000Z",
    )


def test_the_input_has_the_cache_in_it_and_the_record_finds_its_message(log: Path) -> None:
    found = records(write(log, LOG))
    first, second = of(TokenRecord, found)
    assert (first.input, first.cache_read, first.output, first.reasoning) == (60, 40, 20, 5)
    assert first.message == of(MessageRecord, found)[2].external_id
    assert (second.input, second.output, second.git_branch) == (10, 3, "roses")
    assert first.request_key == f"{SESSION}:3:r1"


def test_releases_without_records_are_counted_by_their_last_sums(log: Path) -> None:
    """The sums grow over the resumes of a session."""
    lines = [line for line in LOG if line["type"] not in ("session.usage_record", "session.shutdown")]
    first, last = of(TokenRecord, records(write(log, [*lines, shutdown(10, 60, 9), shutdown(20, 150, 23)])))
    assert first.request_key == last.request_key == f"{SESSION}:total:gpt-5.2"
    assert (last.input, last.output, last.model) == (150, 23, "gpt-5.2")


def test_what_an_old_release_counted_before_the_records_began_is_counted_beside_them(log: Path) -> None:
    old = [START, shutdown(1, 1000, 100)]
    new = [usage(3, "r1", 100, 20), shutdown(9, 1100, 120)]
    found = of(TokenRecord, records(write(log, [*old, *new])))
    assert [(one.input + one.cache_read, one.output) for one in found] == [
        (1000, 100),
        (100, 20),
        (1000, 100),
    ]
    assert found[0].request_key == found[2].request_key


def test_what_the_program_puts_in_the_users_place_is_no_prompt(log: Path) -> None:
    lines = [
        START,
        event("user.message", 1, content="How to prune", source="skill-roses"),
        event(
            "user.message",
            2,
            content="",
            transformedContent="<current_datetime>x</current_datetime>\n\nGo on.",
        ),
    ]
    rows = of(MessageRecord, records(write(log, lines)))
    assert [(one.role, one.content, one.metadata) for one in rows] == [
        ("system", "How to prune", {"kind": "skill"}),
        ("system", "Go on.", {"kind": "meta"}),
    ]


def test_a_sub_agent_is_a_session_of_its_own_with_its_task(log: Path) -> None:
    call = {"toolCallId": "t1", "name": "task", "arguments": {"prompt": "Count the beds"}}
    lines = [
        START,
        event("assistant.message", 1, content="", toolRequests=[call]),
        event("subagent.started", 2, toolCallId="t1", agentName="explore", agentDisplayName="Explorer"),
        event("assistant.message", 3, content="Four.", toolRequests=[], parentToolCallId="t1"),
        event("tool.execution_complete", 4, toolCallId="t1", success=True, result={"content": "Four."}),
    ]
    found = records(write(log, lines))
    child = next(one for one in of(SessionRecord, found) if one.relation == "subagent")
    assert (child.parent_id, child.native_id, child.title) == (SESSION, "t1", "Explorer")
    rows = [(one.role, one.content) for one in of(MessageRecord, found) if one.session == child.id]
    assert rows == [("user", "Count the beds"), ("assistant", "Four.")]
    assert of(ToolResult, found)[0].session == SESSION


def test_a_call_that_no_message_asked_for_keeps_what_it_was_given(log: Path) -> None:
    lines = [
        START,
        event("tool.execution_start", 1, toolCallId="x", toolName="glob", arguments={"pattern": "*"}),
        event("tool.execution_complete", 2, toolCallId="x", success=False, error={"message": "no such bed"}),
    ]
    (answer,) = of(ToolResult, records(write(log, lines)))
    assert (answer.name, answer.result, answer.is_error) == ("glob", "no such bed", True)
    assert answer.metadata == {"arguments": '{"pattern":"*"}'}


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("name: Dry beds\nuser_named: true\n", "Dry beds"),
        ('id: x\nname: "Dry: \\u00e9"\n', "Dry: é"),
        ("name: 'Ada''s beds'\n", "Ada's beds"),
        ("name: |-\n  Dry\n", None),
        ("cwd: /x\n", None),
    ],
)
def test_the_title_is_the_name_beside_the_log(log: Path, text: str, title: str | None) -> None:
    write(log, LOG)
    (log.parent / "workspace.yaml").write_text(text, "utf-8")
    assert of(SessionRecord, records(log))[-1].title == title


def test_its_logs_give_what_every_importer_owes(log: Path) -> None:
    assert_owed(copilot, write(log, LOG))


def test_a_copy_of_a_session_repeats_its_ids(log: Path) -> None:
    found = records(write(log, LOG))
    other = "6c0e7c1d-3f52-4f0e-9d55-0c4f6f1f2a10"
    copy = [{**START, "data": {**START["data"], "sessionId": other}}, *LOG[1:]]
    copied = records(write(log.parents[1] / other / "events.jsonl", copy))
    for kind, name in ((MessageRecord, "external_id"), (TokenRecord, "request_key")):
        assert [getattr(one, name) for one in of(kind, found)] == [
            getattr(one, name) for one in of(kind, copied)
        ]


def test_lines_that_are_no_events_are_reported(log: Path) -> None:
    write(log, [START, {"note": 1}, 7, event("user.message", 2, content="Hi")])
    source = Source(log)
    assert said(list(copilot.read(source))) == [("user", "Hi")]
    assert [(one.line, one.reason) for one in source.problems] == [
        (2, "not an event of Copilot CLI: no type, or no data"),
        (3, "not a JSON object"),
    ]


@pytest.mark.parametrize(
    ("line", "score"),
    [
        (START, 2),
        ({"type": "session.start", "data": {}}, 0),
        ({"type": "session", "data": {}, "parentId": None}, 0),
        ({"type": "user", "uuid": "u", "parentId": "x", "data": {}}, 0),
    ],
)
def test_the_format_is_told_by_its_events(tmp_path: Path, line: Any, score: int) -> None:
    sample = Sample(write(tmp_path / "log", [line]))
    sample.lines_up_to(50)
    assert copilot.sniff(sample) == score
