"""Kimi Code's sessions, each agent with a log of its own, and Kimi CLI's before."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.importers import kimi
from sessiondb.importers.base import MessageRecord, SessionRecord, TokenRecord, ToolResult
from sessiondb.importers.detect import detect
from sessiondb.importers.files.sample import Sample
from sessiondb.ingest.run import Ingest
from tests.helpers.golden import assert_owed
from tests.helpers.records import of, read_soundly, rows

UUID = "5b0e7c1d-3f52-4f0e-9d55-0c4f6f1f2a10"
START = 1_790_000_000_000
"""2026-09-21T14:13:20Z."""
COUNTS = {"inputOther": 60, "output": 20, "inputCacheRead": 40, "inputCacheCreation": 0}
STATE = {
    "title": "Dry beds",
    "isCustomTitle": True,
    "workDir": "/garden",
    "agents": {
        "main": {"parentAgentId": None},
        "agent-0": {"parentAgentId": "main"},
        "agent-1": {"parentAgentId": "agent-0"},
    },
}


def line(number: int, kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, **more, "time": START + number * 1000}


def prompt(number: int, words: str, kind: str = "user", verb: str = "turn.prompt") -> list[dict[str, Any]]:
    content, origin = [{"type": "text", "text": words}], {"kind": kind}
    message = {"role": "user", "content": content, "toolCalls": [], "origin": origin}
    return [
        line(number, verb, input=content, origin=origin),
        line(number, "context.append_message", message=message),
    ]


def event(number: int, kind: str, step: str, **more: Any) -> dict[str, Any]:
    more = (
        {"uuid": step, **more}
        if kind.startswith("step")
        else {"uuid": f"u{number}", "stepUuid": step, **more}
    )
    return line(number, "context.append_loop_event", event={"type": kind, "turnId": "0", **more})


def said(number: int, step: str, **part: str) -> dict[str, Any]:
    return event(number, "content.part", step, part={"type": next(iter(part)), **part})


LOG = [
    {"type": "metadata", "protocol_version": "1.4", "created_at": START},
    line(0, "config.update", modelAlias="p/m", systemPrompt="You are Kimi."),
    *prompt(1, "Which bed is dry?"),
    line(
        1,
        "context.append_message",
        message={
            "role": "user",
            "content": [{"type": "text", "text": "<system-reminder>Plan.</system-reminder>"}],
            "origin": {"kind": "injection", "variant": "plan_mode"},
        },
    ),
    event(2, "step.begin", "s1"),
    said(2, "s1", think="Look."),
    event(3, "tool.call", "s1", toolCallId="Bash_0", name="Bash", args={"command": "ls"}),
    event(4, "tool.result", "s1", toolCallId="Bash_0", result={"output": "no", "isError": True}),
    event(5, "step.end", "s1", usage=COUNTS),
    line(5, "usage.record", model="p/m", usage=COUNTS),
    event(6, "step.begin", "s2"),
    said(6, "s2", text="The left one."),
    event(7, "step.end", "s2", usage=COUNTS),
    line(7, "usage.record", model="p/m", usage=COUNTS),
    line(8, "usage.record", model="p/m", usage={**COUNTS, "output": 5}),
    line(8, "context.apply_compaction", summary="They spoke of beds."),
]


def write(path: Path, lines: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(one) + "\n" for one in lines), "utf-8")
    return path


def session(folder: Path, **agents: list[Any]) -> Path:
    """Write a session, its logs by the names of the agents (`agent_0` for agent-0); return its folder."""
    for name, lines in agents.items():
        write(folder / "agents" / name.replace("_", "-") / "wire.jsonl", lines)
    (folder / "state.json").write_text(json.dumps(STATE), "utf-8")
    return folder


records = partial(read_soundly, kimi)


def test_a_step_is_one_message_and_what_comes_twice_is_there_once(tmp_path: Path) -> None:
    folder = session(tmp_path / f"session_{UUID}", main=LOG)
    path = folder / "agents" / "main" / "wire.jsonl"
    assert_owed(kimi, path, in_parts=False)
    found = records(path)
    last = of(SessionRecord, found)[-1]
    assert (last.id, last.native_id, last.title) == (UUID, f"session_{UUID}", "Dry beds")
    assert (last.project, last.model) == ("/garden", "p/m")
    assert (last.started_at, last.last_active_at) == ("2026-09-21T14:13:20.000Z", "2026-09-21T14:13:28.000Z")
    assert rows(found) == [
        ("user", "Which bed is dry?", None),
        ("system", "<system-reminder>Plan.</system-reminder>", "meta"),
        ("assistant", None, None),
        ("assistant", "The left one.", None),
        ("system", "They spoke of beds.", "compact_summary"),
    ]
    asked = of(MessageRecord, found)[2]
    assert (asked.reasoning, asked.external_id, asked.model) == ("Look.", "s1", "p/m")
    assert [tuple(call) for call in asked.tool_calls] == [("Bash_0", "Bash", '{"command":"ls"}')]
    assert [(one.call_id, one.result, one.is_error) for one in of(ToolResult, found)] == [
        ("Bash_0", "no", True)
    ]


def test_usage_is_counted_by_its_records_that_of_a_compaction_too(tmp_path: Path) -> None:
    counts = of(TokenRecord, records(session(tmp_path / "session_1", main=LOG) / "agents/main/wire.jsonl"))
    assert [(one.input, one.cache_read, one.output, one.message) for one in counts] == [
        (60, 40, 20, "s1"),
        (60, 40, 20, "s2"),
        (60, 40, 5, None),
    ]


@pytest.mark.parametrize(
    ("kind", "verb", "expected"),
    [
        ("user", "turn.steer", ("user", None)),
        ("skill_activation", "turn.prompt", ("user", None)),
        ("background_task", "turn.steer", ("system", "notice")),
        ("system_trigger", "turn.prompt", ("system", "meta")),
    ],
)
def test_the_origin_of_a_prompt_tells_whether_a_person_gave_it(
    tmp_path: Path, kind: str, verb: str, expected: tuple[str, str | None]
) -> None:
    lines = [LOG[0], *prompt(1, "Look again", kind, verb)]
    folder = session(tmp_path / "session_1", main=lines)
    assert [(role, told) for role, _, told in rows(records(folder / "agents/main/wire.jsonl"))] == [expected]


def test_agents_below_the_main_one_are_sessions_with_their_task(tmp_path: Path) -> None:
    task = "<git-context>\nBranch: dry\n</git-context>\n\nCount the beds"
    below = [LOG[0], *prompt(1, task, "system_trigger")]
    folder = session(tmp_path / f"session_{UUID}", main=LOG, agent_0=below, agent_1=below)
    main, first, second = (
        of(SessionRecord, records(folder / "agents" / name / "wire.jsonl"))[0]
        for name in ("main", "agent-0", "agent-1")
    )
    assert (first.parent_id, first.relation) == (main.id, "subagent")
    assert (second.parent_id, second.relation) == (first.id, "subagent")
    assert rows(records(folder / "agents/agent-0/wire.jsonl")) == [
        ("system", "<git-context>\nBranch: dry\n</git-context>", "environment"),
        ("user", "Count the beds", None),
    ]


def stored(db: SessionDB) -> list[Any]:
    return [
        db.connection.rows(
            "SELECT id, title, started_at, last_active_at, message_count FROM sessions ORDER BY 1"
        ),
        db.connection.rows(
            "SELECT session_id, seq, role, content, reasoning, created_at FROM messages ORDER BY 1, 2"
        ),
        db.connection.rows("SELECT call_id, name, result, is_error FROM tool_calls ORDER BY 1"),
        db.connection.rows("SELECT request_key, input, output FROM token_counts ORDER BY 1"),
    ]


@pytest.mark.parametrize("every", [1, 2, 5])
def test_a_log_that_grows_gives_the_same_as_at_once(tmp_path: Path, every: int) -> None:
    folder = session(tmp_path / f"session_{UUID}", main=LOG)
    path = folder / "agents" / "main" / "wire.jsonl"
    with SessionDB(tmp_path / "x.db") as grown, SessionDB(tmp_path / "y.db") as at_once:
        for end in (*range(1, len(LOG), every), len(LOG), len(LOG)):
            write(path, LOG[:end])
            Ingest(grown.connection).run([str(folder)])
        report = Ingest(at_once.connection).run([str(folder)])
        assert report.skipped == []  # state.json is no log, and no surprise
        assert stored(grown) == stored(at_once)


def old(number: int, kind: str, **payload: Any) -> dict[str, Any]:
    return {"timestamp": START / 1000 + number, "message": {"type": kind, "payload": payload}}


CALL = {"type": "function", "id": "c1", "function": {"name": "Shell", "arguments": '{"command":"ls"}'}}
USAGE = {"input_other": 60, "output": 20, "input_cache_read": 40, "input_cache_creation": 0}
OLD = [
    {"type": "metadata", "protocol_version": "1.1"},
    old(1, "TurnBegin", user_input="Which bed is dry?"),
    old(2, "StepBegin", n=1),
    old(3, "ContentPart", type="think", think="Look.", encrypted=None),
    old(3, "ToolCall", **CALL),
    old(4, "StatusUpdate", context_usage=0.1, token_usage=USAGE, message_id="m"),
    old(
        4,
        "SubagentEvent",
        task_tool_call_id="c1",
        event={"type": "TurnBegin", "payload": {"user_input": [{"type": "text", "text": "Count"}]}},
    ),
    old(5, "ToolResult", tool_call_id="c1", return_value={"is_error": False, "output": "dry", "message": ""}),
    old(6, "StepBegin", n=2),
    old(7, "ContentPart", type="text", text="The left one."),
]
CONTEXT = [
    {"role": "_checkpoint", "id": 0},
    {"role": "user", "content": "Which bed is dry?"},
    {"role": "user", "content": [{"type": "text", "text": "<system>CHECKPOINT 1</system>"}]},
    {"role": "assistant", "content": [{"type": "think", "think": "Look."}], "tool_calls": [CALL]},
    {"role": "tool", "content": [{"type": "text", "text": "dry"}], "tool_call_id": "c1"},
    {"role": "_usage", "token_count": 99},
    {"role": "assistant", "content": "The left one."},
]


def legacy(home: Path, name: str, lines: list[Any]) -> Path:
    folder = hashlib.md5(b"/garden").hexdigest()
    path = write(home / "sessions" / folder / UUID / name, lines)
    (home / "kimi.json").write_text(json.dumps({"work_dirs": [{"path": "/garden"}]}), "utf-8")
    return path


@pytest.mark.parametrize(("name", "lines"), [("wire.jsonl", OLD), ("context.jsonl", CONTEXT)])
def test_what_kimi_cli_wrote_is_read(tmp_path: Path, name: str, lines: list[Any]) -> None:
    path = legacy(tmp_path, name, lines)
    assert_owed(kimi, path, in_parts=False)
    found = [
        one for one in records(path) if (one.id if isinstance(one, SessionRecord) else one.session) == UUID
    ]
    assert (of(SessionRecord, found)[0].id, of(SessionRecord, found)[0].project) == (UUID, "/garden")
    assert [row for row in rows(found) if row[0] != "system"] == [
        ("user", "Which bed is dry?", None),
        ("assistant", None, None),
        ("assistant", "The left one.", None),
    ]
    asked = next(one for one in of(MessageRecord, found) if one.tool_calls)
    assert (asked.reasoning, asked.tool_calls[0].name) == ("Look.", "Shell")
    assert [(one.call_id, one.result) for one in of(ToolResult, found)] == [("c1", "dry")]


def test_a_sub_agent_of_kimi_cli_and_its_tokens_are_read_from_the_wire(tmp_path: Path) -> None:
    found = records(legacy(tmp_path, "wire.jsonl", OLD))
    below = next(one for one in of(SessionRecord, found) if one.relation == "subagent")
    assert below.parent_id == UUID
    assert [one.content for one in of(MessageRecord, found) if one.session == below.id] == ["Count"]
    (count,) = of(TokenRecord, found)
    assert (count.input, count.cache_read, count.output, count.message) == (60, 40, 20, "step:1.1")


def test_a_context_beside_its_log_adds_nothing(tmp_path: Path) -> None:
    path = legacy(tmp_path, "context.jsonl", CONTEXT)
    legacy(tmp_path, "wire.jsonl", OLD)
    assert detect(Sample(path)) is kimi
    assert records(path) == []
