"""Continue's sessions, of its command line and of the editors."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.importers import continue_dev
from sessiondb.importers.base import MessageRecord, SessionRecord, TokenRecord, ToolResult
from sessiondb.importers.detect import detect
from sessiondb.importers.files.sample import Sample
from sessiondb.ingest.run import Ingest
from tests.helpers.golden import assert_owed
from tests.helpers.records import of, read_all, rows

ID = "5b0e7c1d-3f52-4f0e-9d55-0c4f6f1f2a10"
CALL = {"id": "c1", "type": "function", "function": {"name": "Read", "arguments": '{"path": "beds.md"}'}}
DONE = {"toolCallId": "c1", "toolCall": CALL, "status": "done", "output": [{"content": "left: dry"}]}
USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "prompt_tokens_details": {"cached_tokens": 40},
    "completion_tokens_details": {"reasoning_tokens": 5},
    "model": "m",
    "cost_cents": 3,
}


def item(role: str, content: Any, message: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"message": {"role": role, "content": content, **(message or {})}, "contextItems": [], **more}


HISTORY = [
    item("user", "Which bed is dry?"),
    item("assistant", "", {"toolCalls": [CALL], "usage": USAGE}, toolCallStates=[DONE]),
    item("assistant", "The left one.", {"usage": USAGE}),
]
LOG = {"sessionId": ID, "title": "Beds", "workspaceDirectory": "/garden", "history": HISTORY}
INDEX = [{"sessionId": ID, "title": "Beds", "dateCreated": "1790841600000", "workspaceDirectory": "/garden"}]
FILES = [(f"{ID}.json", LOG), (f"{ID}.json", {**LOG, "history": []}), ("sessions.json", INDEX)]


def write(folder: Path, *history: Any, **more: Any) -> Path:
    path = folder / f"{ID}.json"
    path.write_text(json.dumps({**LOG, "history": list(history), **more}, indent=2), "utf-8")
    return path


records = partial(read_all, continue_dev)


def test_a_session_has_its_prompts_calls_tokens_and_folder(tmp_path: Path) -> None:
    (tmp_path / "sessions.json").write_text(json.dumps(INDEX), "utf-8")
    found = records(write(tmp_path, *HISTORY, usage={"totalCost": 0.053}))
    assert rows(found) == [
        ("user", "Which bed is dry?", None),
        ("assistant", None, None),
        ("assistant", "The left one.", None),
    ]
    asked = of(MessageRecord, found)[1]
    assert [tuple(call) for call in asked.tool_calls] == [("c1", "Read", '{"path": "beds.md"}')]
    (told,) = of(ToolResult, found)
    assert (told.call_id, told.result, told.is_error, told.name) == ("c1", "left: dry", False, "Read")
    first, second = of(TokenRecord, found)
    assert (first.input, first.cache_read, first.output, first.reasoning) == (60, 40, 20, 5)
    assert (first.model, first.cost_microdollars, first.message) == ("m", 30_000, asked.external_id)
    assert first.request_key != second.request_key
    (session,) = of(SessionRecord, found)
    assert (session.id, session.agent, session.title, session.project) == (ID, "continue", "Beds", "/garden")
    assert (session.started_at, session.metadata) == ("2026-10-01T08:00:00.000Z", {"total_cost": 0.053})


def test_it_gives_what_every_importer_owes(tmp_path: Path) -> None:
    assert_owed(continue_dev, write(tmp_path, *HISTORY), in_parts=False)


def test_what_the_program_put_before_a_prompt_is_no_prompt(tmp_path: Path) -> None:
    context = {"content": "left: dry", "name": "beds.md", "description": "/garden/beds.md", "id": {}}
    parts = [
        {"type": "text", "text": "Dry?"},
        {"type": "imageUrl", "imageUrl": {"url": "data:image/png;base64,aGk="}},
    ]
    found = records(
        write(
            tmp_path,
            item("system", "You are Continue."),
            {**item("user", parts), "contextItems": [context]},
            item("thinking", "Look."),
            item("assistant", "Left.", conversationSummary="All about beds."),
        )
    )
    assert rows(found) == [
        ("system", "You are Continue.", "instructions"),
        ("system", "left: dry", "context"),
        ("user", "Dry?", None),
        ("assistant", "Left.", None),
        ("system", "All about beds.", "compact_summary"),
    ]
    asked, answer = of(MessageRecord, found)[2:4]
    assert asked.parts[0]["imageUrl"]["url"]["bytes"] == 2
    assert answer.reasoning == "Look."


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"promptTokens": 100, "completionTokens": 20}, (100, None, None, 20)),
        (
            {"promptTokens": 100, "completionTokens": 20, "promptTokensDetails": {"cachedTokens": 40}},
            (60, 40, None, 20),
        ),
        (
            {
                "promptTokens": 100,
                "completionTokens": 20,
                "promptTokensDetails": {"cachedTokens": 40, "cacheWriteTokens": 10},
            },
            (100, 40, 10, 20),
        ),
        (
            {
                "prompt_tokens": 100,
                "completion_tokens": 20,
                "prompt_tokens_details": {"cached_tokens": 40, "cache_read_tokens": 40},
            },
            (100, 40, None, 20),
        ),
    ],
)
def test_tokens_are_disjoint_however_the_provider_counts_its_cache(
    tmp_path: Path, usage: dict[str, Any], counts: tuple[int | None, ...]
) -> None:
    answer = item("assistant", "Left.", {"usage": usage})
    (counted,) = of(TokenRecord, records(write(tmp_path, item("user", "Dry?"), answer)))
    assert (counted.input, counted.cache_read, counted.cache_write, counted.output) == counts


def test_the_sum_of_a_session_counts_only_where_no_message_has_any(tmp_path: Path) -> None:
    usage = {"promptTokens": 100, "completionTokens": 20, "promptTokensDetails": {"cachedTokens": 0}}
    answer = item("assistant", "Left.")
    (counted,) = of(TokenRecord, records(write(tmp_path, item("user", "Dry?"), answer, usage=usage)))
    assert (counted.input, counted.output, counted.message) == (100, 20, None)


@pytest.mark.parametrize(
    ("written", "folder"),
    [
        ("file:///home/ada/the%20garden", "/home/ada/the garden"),
        ("file:///c%3A/garden", "c:\\garden"),
        ("", None),
        ("file://[", None),
    ],
)
def test_the_folder_of_an_editor_is_a_path(tmp_path: Path, written: str, folder: str | None) -> None:
    (session,) = of(SessionRecord, records(write(tmp_path, workspaceDirectory=written)))
    assert session.project == folder


def test_a_call_that_failed_or_was_canceled_says_so_and_one_that_waits_has_no_answer(tmp_path: Path) -> None:
    found = records(
        write(
            tmp_path,
            item("assistant", "", toolCallStates=[{**DONE, "status": "errored"}]),
            item(
                "assistant",
                "",
                toolCallState={**DONE, "toolCallId": "c2", "status": "canceled", "output": []},
            ),
            item(
                "assistant",
                "",
                toolCallStates=[{**DONE, "toolCallId": "c3", "status": "generated", "output": []}],
            ),
            item("tool", "late", {"toolCallId": "c3"}),
            item("tool", "left: dry", {"toolCallId": "c1"}),
        )
    )
    assert [(one.call_id, one.result, one.is_error, one.metadata) for one in of(ToolResult, found)] == [
        ("c1", "left: dry", True, None),
        ("c2", None, False, {"status": "canceled"}),
        ("c3", "late", None, None),
    ]


def test_a_session_that_grows_and_whose_prompt_is_changed_keeps_all_that_was_said(tmp_path: Path) -> None:
    with SessionDB(tmp_path / "x.db") as db:
        for history in (
            [item("user", "Dry?"), item("assistant", "It is the left")],
            [item("user", "Dry?"), item("assistant", "It is the left bed."), item("user", "And now?")],
            [item("user", "Dry?"), item("assistant", "It is the left bed."), item("user", "And then?")],
        ):
            Ingest(db.connection).run([str(write(tmp_path, *history))])
        said = db.connection.rows("SELECT content FROM messages ORDER BY seq")
        assert [row[0] for row in said] == ["Dry?", "It is the left bed.", "And now?", "And then?"]
        assert db.connection.value("SELECT agent FROM sessions") == "continue"


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(("file", "value"), FILES)
def test_its_files_are_told_whatever_they_hold(
    tmp_path: Path, file: str, value: Any, indent: int | None
) -> None:
    path = tmp_path / file
    path.write_text(json.dumps(value, indent=indent), "utf-8")
    assert detect(Sample(path)) is continue_dev
    assert of(MessageRecord, records(path)) or not isinstance(value, dict) or value["history"] == []
