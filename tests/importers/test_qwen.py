"""Qwen Code's sessions: Claude Code's envelope around Gemini's messages, taken for neither."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sessiondb.importers import claude_code, gemini, qwen
from sessiondb.importers.base import MessageRecord, SessionRecord, TokenRecord, ToolResult
from sessiondb.importers.detect import detect
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Source
from tests.helpers.golden import assert_owed
from tests.helpers.records import of, read_all, rows

SESSION = "5b0e7c1d-3f52-4f0e-9d55-0c4f6f1f2a10"


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def line(kind: str, number: int, *parts: Any, **more: Any) -> dict[str, Any]:
    envelope: dict[str, Any] = {
        "uuid": uuid(number),
        "parentUuid": uuid(number - 1) if number > 1 else None,
        "sessionId": SESSION,
        "timestamp": f"2026-10-01T08:00:{number:02}.000Z",
        "type": kind,
        "cwd": "/home/ada/garden",
        "gitBranch": "roses",
        "version": "0.15.10",
    }
    if kind != "system":
        envelope["message"] = {"role": "model" if kind == "assistant" else "user", "parts": list(parts)}
    return {**envelope, **more}


def usage(asked: int, said: int, thoughts: int, total: int, cached: int = 0) -> dict[str, Any]:
    return {
        "usageMetadata": {
            "promptTokenCount": asked,
            "candidatesTokenCount": said,
            "thoughtsTokenCount": thoughts,
            "totalTokenCount": total,
            "cachedContentTokenCount": cached,
        }
    }


CALL = {"functionCall": {"id": "c1", "name": "run_shell_command", "args": {"command": "ls"}}}
ANSWER = {"functionResponse": {"id": "c1", "name": "run_shell_command", "response": {"output": "dry"}}}
LOG = [
    line("user", 1, {"text": "Which bed is dry?"}),
    line("system", 2, subtype="ui_telemetry", systemPayload={"uiEvent": {"input_token_count": 100}}),
    line("assistant", 3, {"text": "Look.", "thought": True}, CALL, model="m", **usage(100, 71, 20, 171, 40)),
    line(
        "tool_result",
        4,
        ANSWER,
        toolCallResult={"callId": "c1", "status": "success", "resultDisplay": "dry!"},
    ),
    line("assistant", 5, {"text": "The left one."}, model="m", **usage(50, 3, 0, 53)),
]


def write(path: Path, lines: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(one) + "\n" for one in lines), "utf-8")
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / ".qwen" / "projects" / "-home-ada-garden" / "chats" / f"{SESSION}.jsonl"


records = partial(read_all, qwen)


def test_lines_become_messages_calls_and_tokens(log: Path) -> None:
    found = records(write(log, LOG))
    assert rows(found) == [
        ("user", "Which bed is dry?", None),
        ("assistant", None, None),
        ("assistant", "The left one.", None),
    ]
    asked = of(MessageRecord, found)[1]
    assert (asked.external_id, asked.reasoning, asked.model) == (uuid(3), "Look.", "m")
    assert asked.tool_calls == (("c1", "run_shell_command", '{"command":"ls"}'),)
    (told,) = of(ToolResult, found)
    assert (told.call_id, told.result, told.is_error) == ("c1", "dry", False)
    assert len(of(TokenRecord, found)) == 2
    session = of(SessionRecord, found)[-1]
    assert (session.id, session.agent, session.project) == (SESSION, "qwen-code", "/home/ada/garden")
    assert session.metadata == {"git_branch": ["roses"], "version": ["0.15.10"]}
    assert (session.started_at, session.last_active_at) == (
        "2026-10-01T08:00:01.000Z",
        "2026-10-01T08:00:05.000Z",
    )


@pytest.mark.parametrize(
    ("counts", "output"), [(usage(100, 71, 20, 171, 40), 71), (usage(100, 51, 20, 171, 40), 71)]
)
def test_thoughts_are_counted_once_whichever_server_counts_them(log: Path, counts: Any, output: int) -> None:
    found = of(TokenRecord, records(write(log, [line("assistant", 1, {"text": "Hi"}, model="m", **counts)])))
    assert [(one.input, one.cache_read, one.output, one.reasoning) for one in found] == [(60, 40, output, 20)]
    assert (found[0].request_key, found[0].message, found[0].git_branch) == (uuid(1), uuid(1), "roses")


def test_a_prompt_is_what_the_program_showed_of_it(log: Path) -> None:
    context = "<qwen:user-prompt-submit-context>\nmornings\n</qwen:user-prompt-submit-context>"
    lines = [
        line("user", 1, {"text": "Dry?"}, {"text": context}, systemPayload={"displayText": "Dry?"}),
        line("user", 2, {"text": "Wet?"}, {"text": context}),
        line("user", 3, {"text": "Done."}, subtype="notification", systemPayload={"displayText": "Done."}),
        line("user", 4, {"text": "Go on."}, subtype="mid_turn_user_message"),
        line("system", 5, subtype="slash_command", systemPayload={"rawCommand": "/clear"}),
    ]
    assert rows(records(write(log, lines))) == [
        ("system", context, "meta"),
        ("user", "Dry?", None),
        ("system", context, "meta"),
        ("user", "Wet?", None),
        ("system", "Done.", "notice"),
        ("user", "Go on.", None),
        ("system", "/clear", "command"),
    ]


def test_lines_of_one_uuid_are_one_message(log: Path) -> None:
    lines = [
        line("assistant", 1, {"text": "Hm.", "thought": True}),
        {**line("assistant", 1, {"text": "Left."}, CALL, model="m", **usage(9, 4, 0, 13)), "timestamp": "x"},
    ]
    (row,) = of(MessageRecord, records(write(log, lines)))
    assert (row.reasoning, row.content, row.model, len(row.tool_calls)) == ("Hm.", "Left.", "m", 1)
    log.write_text(json.dumps(lines[0]) + "\n", "utf-8")
    first = Source(log)
    list(qwen.read(first))
    write(log, lines)
    second = Source(log, start=first.end, line=first.line, state=json.loads(json.dumps(first.state)))
    (later,) = of(MessageRecord, list(qwen.read(second)))
    assert (later.continues, later.content) == (True, "Left.")


def test_a_rewind_keeps_what_was_said_and_says_from_where_it_goes_on(log: Path) -> None:
    title = {"customTitle": "Thrown away", "titleSource": "manual"}
    lines = [
        line("user", 1, {"text": "Dry?"}),
        line("assistant", 2, {"text": "Right."}),
        line("system", 3, subtype="custom_title", systemPayload=title),
        line("system", 4, subtype="rewind", systemPayload={"targetUuid": uuid(1)}),
        line("user", 5, {"text": "Look again."}),
        line(
            "system", 6, subtype="custom_title", systemPayload={"customTitle": "Beds", "titleSource": "auto"}
        ),
    ]
    found = records(write(log, lines))
    assert [one.content for one in of(MessageRecord, found)] == ["Dry?", "Right.", "Look again."]
    assert of(MessageRecord, found)[-1].metadata == {"goes_on_from": uuid(1)}
    assert of(SessionRecord, found)[-1].title == "Beds"


def test_a_title_that_a_person_gave_wins(log: Path) -> None:
    lines = [
        line("user", 1, {"text": "Dry?"}),
        line(
            "system",
            2,
            subtype="custom_title",
            systemPayload={"customTitle": "Mine", "titleSource": "manual"},
        ),
        line(
            "system", 3, subtype="custom_title", systemPayload={"customTitle": "Beds", "titleSource": "auto"}
        ),
    ]
    assert of(SessionRecord, records(write(log, lines)))[-1].title == "Mine"


def test_its_logs_give_what_every_importer_owes(log: Path) -> None:
    assert_owed(qwen, write(log, LOG))


@pytest.mark.parametrize(
    "first",
    [
        line("user", 1, {"text": "Dry?"}),
        line("assistant", 1),
        line("system", 1, subtype="ui_telemetry", systemPayload={}),
        line("tool_result", 1, ANSWER),
    ],
)
def test_no_line_of_it_is_taken_for_claude_codes_or_geminis(tmp_path: Path, first: Any) -> None:
    sample = Sample(write(tmp_path / "log.jsonl", [first]))
    assert detect(sample) is qwen
    assert max(claude_code.sniff(sample), gemini.sniff(sample)) < 2


def test_a_log_of_claude_code_is_not_taken_for_it(tmp_path: Path) -> None:
    message = {
        "type": "user",
        "uuid": uuid(1),
        "sessionId": SESSION,
        "message": {"role": "user", "content": "Hi"},
    }
    assert detect(Sample(write(tmp_path / "log.jsonl", [message]))) is claude_code


def test_the_first_releases_logs_were_geminis(tmp_path: Path) -> None:
    header = {"sessionId": SESSION, "projectHash": "f" * 64}
    path = write(tmp_path / ".qwen" / "tmp" / "x" / "chats" / "s.jsonl", [header])
    session = next(gemini.read(Source(path)))
    assert isinstance(session, SessionRecord)
    assert session.agent == "qwen-code"
