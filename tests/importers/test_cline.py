"""Cline's sessions, of today and before, and those of Roo Code and Kilo Code."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.dao.lookups import Lookups
from sessiondb.dao.sessions.details import SessionDetails
from sessiondb.importers import cline, openai_chat
from sessiondb.importers.base import MessageRecord, SessionRecord, TokenRecord, ToolResult
from sessiondb.importers.detect import detect
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Source
from sessiondb.ingest.run import Ingest
from tests.helpers.golden import assert_owed
from tests.helpers.records import of, read_all, rows

ID = "1790841600000_ab12c"
TASK = "1790841600000"
AT = 1_790_841_600_000
NOON = "2026-10-01T08:00:00.000Z"
DETAILS = "<environment_details>\n# Current Working Directory (/home/ada/garden) Files\nbeds.md\n</environment_details>"


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def user(*blocks: Any, **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks), **more}


def answer(*blocks: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks), **more}


def write(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2), "utf-8")
    return path


records = partial(read_all, cline)


def session_file(folder: Path, *messages: Any, id: str = ID, **more: Any) -> Path:
    document = {"version": 1, "agent": "lead", "sessionId": id, "messages": list(messages), **more}
    return write(folder / id / f"{id}.messages.json", document)


def task_file(folder: Path, *messages: Any) -> Path:
    return write(folder / TASK / "api_conversation_history.json", list(messages))


@pytest.fixture
def sessions(tmp_path: Path) -> Path:
    return tmp_path / ".cline" / "data" / "sessions"


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    return tmp_path / "saoudrizwan.claude-dev" / "tasks"


METRICS = {
    "inputTokens": 100,
    "outputTokens": 20,
    "cacheReadTokens": 40,
    "cacheWriteTokens": 10,
    "cost": 0.25,
}


def test_a_session_of_today_has_its_messages_tokens_and_manifest(sessions: Path) -> None:
    call = {"type": "tool_use", "id": "t1", "name": "execute_command", "input": {"command": "ls"}}
    path = session_file(
        sessions,
        user(text('<user_input mode="act">Which bed is dry?</user_input>'), ts=AT, id="u"),
        answer(
            {"type": "thinking", "thinking": "Look."}, call, ts=AT + 1000, id="msg_1", modelInfo={"id": "m"}
        ),
        user({"type": "tool_result", "tool_use_id": "t1", "content": "dry"}, ts=AT + 2000),
        answer(text("The left one."), ts=AT + 3000, id="msg_2", modelInfo={"id": "m"}, metrics=METRICS),
        system_prompt="You are Cline.",
    )
    manifest = {
        "session_id": ID,
        "cwd": "/garden",
        "model": "m",
        "metadata": {"title": "Beds"},
        "provider": "p",
    }
    write(sessions / ID / f"{ID}.json", manifest)
    found = records(path)
    assert rows(found) == [
        ("system", "You are Cline.", "instructions"),
        ("user", "Which bed is dry?", None),
        ("assistant", None, None),
        ("assistant", "The left one.", None),
    ]
    asked = of(MessageRecord, found)[2]
    assert (asked.reasoning, asked.model, asked.external_id) == ("Look.", "m", "msg_1")
    assert [(one.call_id, one.result) for one in of(ToolResult, found)] == [("t1", "dry")]
    (counted,) = of(TokenRecord, found)
    assert (counted.input, counted.cache_read, counted.cache_write, counted.output) == (50, 40, 10, 20)
    assert (counted.cost_microdollars, counted.message) == (250_000, "msg_2")
    (session,) = of(SessionRecord, found)
    assert (session.agent, session.native_id, session.project) == ("cline", ID, "/garden")
    assert (session.title, session.model, session.started_at) == ("Beds", "m", NOON)
    assert session.last_active_at == "2026-10-01T08:00:03.000Z"


def test_its_logs_give_what_every_importer_owes(sessions: Path) -> None:
    path = session_file(
        sessions, user(text("Dry?"), ts=AT), answer(text("Left."), ts=AT + 1, metrics=METRICS)
    )
    assert_owed(cline, path, in_parts=False)


def test_the_session_of_a_sub_agent_has_its_parent(sessions: Path) -> None:
    parent = of(SessionRecord, records(session_file(sessions, user(text("Hi"), ts=AT))))[0]
    child = of(SessionRecord, records(session_file(sessions, user(text("Look"), ts=AT), id=f"{ID}__scout")))[
        0
    ]
    assert (child.parent_id, child.relation) == (parent.id, "subagent")


def test_a_task_takes_its_tokens_folder_and_times_from_the_files_beside_it(tasks: Path) -> None:
    path = task_file(tasks, user(text("<task>\nDry?\n</task>"), text(DETAILS)), answer(text("Left.")))
    counts = {"tokensIn": 60, "tokensOut": 5, "cacheReads": 40, "cacheWrites": 0, "cost": 0.5}
    shown = [
        {"ts": AT, "type": "say", "say": "task", "text": "Dry?"},
        {
            "ts": AT + 5,
            "type": "say",
            "say": "api_req_started",
            "text": json.dumps({"request": "x", **counts}),
        },
        {"ts": AT + 9, "type": "say", "say": "api_req_started", "text": "torn"},
    ]
    write(path.with_name("ui_messages.json"), shown)
    item = {"id": TASK, "ts": AT + 60_000, "task": "Dry?", "tokensIn": 60, "tokensOut": 5, "modelId": "m"}
    write(tasks.parent / "state" / "taskHistory.json", [item])
    found = records(path)
    assert rows(found) == [
        ("system", DETAILS, "environment"),
        ("user", "Dry?", None),
        ("assistant", "Left.", None),
    ]
    (session,) = of(SessionRecord, found)
    assert (session.agent, session.native_id, session.project) == ("cline", TASK, "/home/ada/garden")
    assert (session.model, session.started_at, session.last_active_at) == (
        "m",
        NOON,
        "2026-10-01T08:01:00.000Z",
    )
    (counted,) = of(TokenRecord, found)
    assert (counted.input, counted.cache_read, counted.output, counted.model) == (60, 40, 5, "m")
    assert counted.message == of(MessageRecord, found)[-1].external_id
    assert records(path.with_name("ui_messages.json")) == []


def test_a_task_whose_messages_are_gone_is_read_from_what_was_shown(tasks: Path) -> None:
    shown = [
        {"ts": AT, "type": "say", "say": "task", "text": "Dry?"},
        {"ts": AT + 1, "type": "say", "say": "text", "text": "Le", "partial": True},
        {"ts": AT + 2, "type": "say", "say": "completion_result", "text": "Left."},
        {"ts": AT + 3, "type": "ask", "ask": "command", "text": "ls"},
    ]
    found = records(write(tasks / TASK / "ui_messages.json", shown))
    assert rows(found) == [("user", "Dry?", None), ("assistant", "Left.", None)]


def test_calls_in_text_are_calls_and_what_answers_them_is_an_answer(tasks: Path) -> None:
    path = task_file(
        tasks,
        user(text("<task>Dry?</task>")),
        answer(
            text("<thinking>Hm.</thinking>\n\nI look.\n\n<read_file>\n<path>beds.md</path>\n</read_file>")
        ),
        user(text("[read_file for 'beds.md'] Result:"), text("left: dry"), text(DETAILS)),
        answer(text("<attempt_completion>\n<result>\nThe left one.\n</result>\n</attempt_completion>")),
        user(text("[attempt_completion] Result:"), text("<feedback>\nAnd the right?\n</feedback>")),
    )
    found = records(path)
    assert rows(found) == [
        ("user", "Dry?", None),
        ("assistant", "I look.", None),
        ("system", DETAILS, "environment"),
        ("assistant", "The left one.", None),
        ("user", "And the right?", None),
    ]
    asked = of(MessageRecord, found)[1]
    assert asked.reasoning == "Hm."
    assert [(call.name, call.arguments) for call in asked.tool_calls] == [("read_file", '{"path":"beds.md"}')]
    told = of(ToolResult, found)[0]
    assert (told.call_id, told.result) == (asked.tool_calls[0].call_id, "left: dry")


def test_what_a_person_said_in_a_tools_answer_is_theirs(tasks: Path) -> None:
    call = {"type": "tool_use", "id": "t1", "name": "ask_followup_question", "input": {"question": "Which?"}}
    said = "<answer>\nThe left one\n</answer>"
    path = task_file(tasks, answer(call), user({"type": "tool_result", "tool_use_id": "t1", "content": said}))
    found = records(path)
    assert rows(found) == [("assistant", "Which?", None), ("user", "The left one", None)]
    assert of(ToolResult, found)[0].result == said


def test_a_message_that_speaks_of_elements_stays_whole(tasks: Path) -> None:
    words = "What does <read_file> do?"
    assert rows(records(task_file(tasks, user(text(words), ts=1), answer(text("It reads: <path>."))))) == [
        ("user", words, None),
        ("assistant", "It reads: <path>.", None),
    ]


@pytest.mark.parametrize(
    ("extension", "beside", "agent"),
    [
        ("saoudrizwan.claude-dev", False, "cline"),
        ("rooveterinaryinc.roo-cline", True, "roo-code"),
        ("kilocode.kilo-code", True, "kilo-code"),
        ("saved", True, "roo-code"),
        ("saved", False, "cline"),
    ],
)
def test_the_folder_tells_whose_task_it_is(tmp_path: Path, extension: str, beside: bool, agent: str) -> None:
    path = task_file(tmp_path / extension / "tasks", user(text("Dry?"), ts=AT))
    if beside:
        write(path.with_name("history_item.json"), {"id": TASK, "parentTaskId": "17", "workspace": "/garden"})
    (session,) = of(SessionRecord, records(path))
    assert session.agent == agent
    if beside:
        assert (session.project, session.relation) == ("/garden", "subagent")


FILES = [
    (f"{ID}.messages.json", {"version": 1, "agent": "lead", "sessionId": ID, "messages": [user(text("Hi"))]}),
    (f"{ID}.messages.json", {"messages": [user(text("Hi"), ts=AT)]}),
    (f"{ID}.json", {"session_id": ID, "workspace_root": "/x", "messages_path": "x"}),
    ("api_conversation_history.json", [user(text("Hi"))]),
    ("saved.json", [user(text(f"<task>Hi</task>\n{DETAILS}"))]),
    ("saved.json", [user(text("Hi"), ts=AT)]),
    ("ui_messages.json", [{"ts": AT, "type": "say", "say": "task", "text": "Hi"}]),
    ("taskHistory.json", [{"id": "1", "ts": 1, "task": "Hi", "tokensIn": 1, "tokensOut": 1}]),
    ("history_item.json", {"id": "1", "ts": 1, "task": "Hi", "tokensIn": 1, "tokensOut": 1}),
    ("task_metadata.json", {"files_in_context": [], "model_usage": []}),
]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(("name", "value"), FILES)
def test_its_files_are_told_whatever_they_hold(
    tmp_path: Path, name: str, value: Any, indent: int | None
) -> None:
    path = tmp_path / name
    path.write_text(json.dumps(value, indent=indent), "utf-8")
    assert detect(Sample(path)) is cline
    list(cline.read(Source(path)))


def test_messages_of_a_chat_api_are_not_taken_for_it(tmp_path: Path) -> None:
    saved = write(tmp_path / "saved.json", [user(text("<task>Hi</task>")), answer(text("Hello"))])
    assert detect(Sample(saved)) is openai_chat


def test_a_task_taken_for_a_chat_api_is_put_right_and_keeps_its_tags(
    tmp_path: Path, tasks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = task_file(tasks, user(text("<task>\nDry?\n</task>"), ts=AT), answer(text("Left."), ts=AT + 1))
    with SessionDB(tmp_path / "x.db") as db:
        with monkeypatch.context() as before:
            before.setattr(cline, "sniff", lambda sample: 0)
            Ingest(db.connection).run([str(path)])
        ((old, agent),) = db.connection.rows("SELECT id, agent FROM sessions")
        details = SessionDetails(db.connection, Lookups(db.connection))
        details.add_tags(old, ["roses"])
        db.connection.execute("UPDATE imports SET parser_version = 1")
        Ingest(db.connection).run([str(path)])
        ((new, now, title, count),) = db.connection.rows(
            "SELECT id, agent, title, message_count FROM sessions"
        )
        assert (agent, now, title, count) == ("openai-chat", "cline", "Dry?", 2)
        assert details.tags(new) == ["roses"]
        rows = db.connection.rows("SELECT * FROM messages")
        path.touch()
        Ingest(db.connection).run([str(path)])
        assert db.connection.rows("SELECT * FROM messages") == rows
