"""Transcripts of Antigravity's command line."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.importers import antigravity
from sessiondb.importers.base import MessageRecord, SessionRecord, ToolResult
from sessiondb.importers.files.source import Source
from sessiondb.ingest.run import Ingest
from tests.helpers.golden import assert_owed
from tests.helpers.records import of, read_all, rows

ID = "5b0e7c1d-3f52-4f0e-9d55-0c4f6f1f2a10"
CHANGE = (
    "<USER_SETTINGS_CHANGE>\nThe user changed setting `Model Selection` from None to Gemini 3.5 Flash (Medium)."
    "\n</USER_SETTINGS_CHANGE>"
)


def step(
    index: int, kind: str, source: str = "MODEL", content: str | None = None, **more: Any
) -> dict[str, Any]:
    at = f"2026-10-01T08:{index:02}:00Z"
    said = {} if content is None else {"content": content}
    return {
        "step_index": index, "source": source, "type": kind, "status": "DONE", "created_at": at, **said, **more
    }  # fmt: skip


LOG = [
    step(0, "USER_INPUT", "USER_EXPLICIT", f"<USER_REQUEST>\nList the beds.\n</USER_REQUEST>\n{CHANGE}"),
    step(1, "CONVERSATION_HISTORY", "SYSTEM"),
    step(
        2,
        "PLANNER_RESPONSE",
        thinking="Look.",
        tool_calls=[
            {"name": "list_dir", "args": {"DirectoryPath": '"/garden"', "Depth": "2", "Note": "plain"}},
            {"name": "default_api:my_tool", "args": {}},
        ],
    ),
    step(3, "LIST_DIRECTORY", content="left, right"),
    step(4, "GENERIC", content="dry", truncated_fields=["content"]),
    step(5, "RUN_COMMAND", content="failed", status="ERROR"),
    step(6, "PLANNER_RESPONSE", content="The left one is dry.", truncated_fields=["content"]),
    step(7, "CHECKPOINT", "SYSTEM", "# All about beds"),
    step(8, "SYSTEM_MESSAGE", "SYSTEM", "The following is not sent by the user"),
]


def write(folder: Path, *lines: Any) -> Path:
    path = folder / "brain" / ID / ".system_generated" / "logs" / "transcript.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


records = partial(read_all, antigravity)


def test_a_transcript_has_its_prompts_answers_and_calls_with_what_answered_them(tmp_path: Path) -> None:
    found = records(write(tmp_path, *LOG))
    assert rows(found) == [
        ("system", CHANGE, "environment"),
        ("user", "List the beds.", None),
        ("assistant", None, None),
        ("assistant", "The left one is dry.", None),
        ("system", "# All about beds", "compact_summary"),
        ("system", "The following is not sent by the user", "notice"),
    ]
    asked, cut = of(MessageRecord, found)[2:4]
    assert (asked.reasoning, asked.model) == ("Look.", "Gemini 3.5 Flash (Medium)")
    assert cut.metadata == {"truncated": ["content"]}
    first, second = asked.tool_calls
    assert (first.name, first.arguments) == (
        "list_dir",
        '{"DirectoryPath":"/garden","Depth":2,"Note":"plain"}',
    )
    assert [(one.call_id, one.name, one.result, one.is_error) for one in of(ToolResult, found)] == [
        (first.call_id, "list_dir", "left, right", False),
        (second.call_id, "my_tool", "dry", False),
        (None, "run_command", "failed", True),
    ]
    (session,) = of(SessionRecord, found)
    assert (session.id, session.agent, session.native_id) == (ID, "antigravity-cli", ID)
    assert asked.created_at == "2026-10-01T08:02:00.000Z"


def test_it_gives_what_every_importer_owes(tmp_path: Path) -> None:
    assert_owed(antigravity, write(tmp_path, *LOG))


def test_a_step_that_is_under_way_waits_until_it_is_done(tmp_path: Path) -> None:
    begun = step(1, "RUN_COMMAND", status="RUNNING")
    found = records(write(tmp_path, LOG[0], begun, step(1, "RUN_COMMAND", content="dry")))
    assert [one.result for one in of(ToolResult, found)] == ["dry"]


@pytest.mark.parametrize("place", ["saved.jsonl", "brain.jsonl"])
def test_a_transcript_elsewhere_is_known_by_its_name(tmp_path: Path, place: str) -> None:
    path = write(tmp_path, *LOG).rename(tmp_path / place)
    assert of(SessionRecord, records(path))[0].native_id == place.removesuffix(".jsonl")


def test_a_transcript_that_is_there_in_full_too_is_read_once_in_whatever_order(tmp_path: Path) -> None:
    cut = write(
        tmp_path, LOG[0], step(1, "PLANNER_RESPONSE", content="The left", truncated_fields=["content"])
    )
    with SessionDB(tmp_path / "x.db") as db:
        Ingest(db.connection).run([str(cut)])
        full = cut.with_name("transcript_full.jsonl")
        lines = (LOG[0], step(1, "PLANNER_RESPONSE", content="The left one is dry."))
        full.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
        Ingest(db.connection).run([str(tmp_path / "brain")])
        said = "SELECT content FROM messages WHERE role = 'assistant'"
        assert db.connection.rows(said) == [("The left one is dry.",)]
    assert records(cut) == []


@pytest.mark.parametrize(
    ("folder", "agent"),
    [
        ("antigravity-cli", "antigravity-cli"),
        ("antigravity", "antigravity"),
        ("antigravity-ide", "antigravity"),
    ],
)
def test_the_folder_tells_whether_it_was_the_editor(tmp_path: Path, folder: str, agent: str) -> None:
    found = records(write(tmp_path / ".gemini" / folder, *LOG))
    assert of(SessionRecord, found)[0].agent == agent


def test_lines_that_are_no_steps_are_named(tmp_path: Path) -> None:
    source = Source(write(tmp_path, LOG[0], {"type": 5}, [], LOG[6]))
    assert len(of(MessageRecord, antigravity.read(source))) == 3
    assert [(one.line, one.reason) for one in source.problems] == [
        (2, "no step of Antigravity"),
        (3, "not a JSON object"),
    ]
