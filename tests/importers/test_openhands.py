"""Conversations of OpenHands: a state, and a file for each event."""

from __future__ import annotations

import json
import random
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.importers import openhands
from sessiondb.importers.base import MessageRecord, SessionRecord, TokenRecord, ToolResult
from sessiondb.importers.detect import detect
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Source
from sessiondb.ingest.run import Ingest
from tests.helpers.golden import assert_owed
from tests.helpers.odd_values import assert_storable, spoilt
from tests.helpers.records import of, read_all, rows

HEX = "5b0e7c1d3f524f0e9d550c4f6f1f2a10"
ID = "5b0e7c1d-3f52-4f0e-9d55-0c4f6f1f2a10"


def text(said: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": said, "cache_prompt": False}]


def event(number: int, kind: str, source: str = "agent", **more: Any) -> dict[str, Any]:
    id = f"00000000-0000-4000-8000-{number:012}"
    return {
        "id": id,
        "timestamp": f"2026-10-01T08:00:{number:02}.000000",
        "source": source,
        "kind": kind,
        **more,
    }


def call(number: int, call_id: str, tool: str, response: str | None, **action: Any) -> dict[str, Any]:
    asked = {"id": call_id, "name": tool, "arguments": json.dumps(action)}
    return event(
        number, "ActionEvent", tool_name=tool, tool_call_id=call_id, tool_call=asked, llm_response_id=response,
        thought=text("I look.") if call_id == "c1" else [], reasoning_content="Hm." if call_id == "c1" else None,
        action={"kind": "X", **action},
    )  # fmt: skip


def answer(number: int, call_id: str, **shown: Any) -> dict[str, Any]:
    return event(
        number, "ObservationEvent", "environment", tool_call_id=call_id, tool_name="t", observation=shown
    )


def message(number: int, source: str, said: str, **more: Any) -> dict[str, Any]:
    role = "assistant" if source == "agent" else "user"
    return event(number, "MessageEvent", source, llm_message={"role": role, "content": text(said)}, **more)


USAGE = {
    "model": "m", "prompt_tokens": 100, "completion_tokens": 20, "cache_read_tokens": 40, "cache_write_tokens": 10,
    "reasoning_tokens": 5, "response_id": "r1",
}  # fmt: skip
STATE = {
    "id": ID,
    "agent": {"llm": {"model": "m", "api_key": "made-up", "reasoning_effort": "high"}},
    "workspace": {"working_dir": "/garden", "kind": "LocalWorkspace"},
    "persistence_dir": f"/home/ada/.openhands/conversations/{HEX}",
    "tags": {"title": "Beds"},
    "stats": {
        "usage_to_metrics": {
            "agent": {"token_usages": [USAGE], "costs": [{"cost": 0.25, "timestamp": 1790841600.5}]},
            "condenser": {"accumulated_token_usage": {"prompt_tokens": 7, "completion_tokens": 1}},
        }
    },
}
LOG = [
    event(0, "SystemPromptEvent", system_prompt={"type": "text", "text": "You help."}, tools=[{"type": "x"}]),
    message(1, "user", "Which bed is dry?", extended_content=text("Skills: beds")),
    call(2, "c1", "terminal", "r1", command="ls"),
    call(3, "c2", "terminal", "r1", command="pwd"),
    answer(4, "c1", content=text("dry"), exit_code=0, is_error=False),
    event(5, "UserRejectObservation", "environment", tool_call_id="c2", tool_name="t", rejection_reason="No"),
    message(6, "user", "Your last response did not include a function call or a message. Please use a tool."),
    event(7, "Condensation", "environment", summary="All about beds", forgotten_event_ids=[]),
    event(8, "ConversationStateUpdateEvent", "environment", key="x", value={}),
    call(9, "c3", "finish", "r2", message="The left one."),
    message(10, "agent", "Anything else?"),
]


def write(folder: Path, *events: Any, state: Any = STATE, name: str = HEX) -> Path:
    path = folder / name / "base_state.json"
    (path.parent / "events").mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(state), "utf-8")
    for number, one in enumerate(events):
        (path.parent / "events" / f"event-{number:05}-x.json").write_text(json.dumps(one), "utf-8")
    return path


records = partial(read_all, openhands)


def test_a_conversation_has_its_prompts_calls_tokens_cost_and_folder(tmp_path: Path) -> None:
    found = records(write(tmp_path, *LOG))
    assert rows(found) == [
        ("system", "You help.", "instructions"),
        ("system", "Skills: beds", "context"),
        ("user", "Which bed is dry?", None),
        ("assistant", "I look.", None),
        ("assistant", None, None),
        ("system", LOG[6]["llm_message"]["content"][0]["text"], "notice"),
        ("system", "All about beds", "compact_summary"),
        ("assistant", "The left one.", None),
        ("assistant", "Anything else?", None),
    ]
    first, second = of(MessageRecord, found)[3:5]
    assert (first.external_id, second.external_id, second.continues) == (LOG[2]["id"], LOG[2]["id"], True)
    assert (first.reasoning, first.model) == ("Hm.", "m")
    assert tuple(first.tool_calls[0]) == ("c1", "terminal", '{"command": "ls"}')
    assert [(one.call_id, one.result, one.is_error, one.metadata) for one in of(ToolResult, found)] == [
        ("c1", "dry", False, {"exit_code": 0}),
        ("c2", "No", True, {"rejected": True}),
    ]
    counted, summed = of(TokenRecord, found)
    assert (counted.input, counted.cache_read, counted.cache_write, counted.output) == (50, 40, 10, 20)
    assert (counted.reasoning, counted.cost_microdollars, counted.message) == (5, 250_000, LOG[2]["id"])
    assert counted.counted_at == "2026-10-01T08:00:00.500Z"
    assert (summed.input, summed.output, summed.message) == (7, 1, None)
    (session,) = of(SessionRecord, found)
    assert (session.id, session.native_id, session.agent) == (ID, HEX, "openhands")
    assert (session.project, session.title, session.model) == ("/garden", "Beds", "m")
    assert session.metadata == {"effort": "high"}


def test_it_gives_what_every_importer_owes(tmp_path: Path) -> None:
    assert_owed(openhands, write(tmp_path, *LOG), in_parts=False)


def test_the_conversation_of_a_sub_agent_has_its_parent(tmp_path: Path) -> None:
    child = write(tmp_path / HEX / "subagents", LOG[1], name="6" * 32)
    (session,) = of(SessionRecord, records(child))
    assert (session.parent_id, session.relation) == (ID, "subagent")


def test_a_conversation_that_goes_on_is_imported_once(tmp_path: Path) -> None:
    with SessionDB(tmp_path / "x.db") as db:
        for count in (2, 4, len(LOG), len(LOG)):
            report = Ingest(db.connection).run([str(write(tmp_path / "store", *LOG[:count]).parents[1])])
            assert report.skipped == []
        roles = "SELECT role, count(*) FROM messages GROUP BY role ORDER BY role"
        assert db.connection.rows(roles) == [("assistant", 3), ("system", 4), ("tool", 2), ("user", 1)]
        assert db.connection.value("SELECT count(*) FROM tool_calls WHERE message_id IS NOT NULL") == 3
        assert db.connection.value("SELECT sum(output) FROM token_counts") == 21


def test_calls_of_an_agent_that_openhands_ran_are_calls_once(tmp_path: Path) -> None:
    known: dict[str, Any] = {
        "tool_call_id": "c1",
        "title": "Read beds.md",
        "tool_kind": "read",
        "raw_input": {"path": "x"},
    }
    found = records(
        write(
            tmp_path,
            event(0, "ACPToolCallEvent", **known, status="in_progress"),
            event(1, "ACPToolCallEvent", **known, status="completed", raw_output="dry"),
            answer(2, "c2", content=text("wet")) | {"extended_content": text("Rules: none")},
        )
    )
    assert [tuple(call) for one in of(MessageRecord, found) for call in one.tool_calls] == [
        ("c1", "read", '{"path":"x"}')
    ]
    assert [(one.call_id, one.result) for one in of(ToolResult, found)] == [("c1", "dry"), ("c2", "wet")]
    assert rows(found)[-1] == ("system", "Rules: none", "context")


def test_an_event_that_is_damaged_is_named_and_one_that_is_named_alone_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, *LOG[:2])
    events = path.parent / "events"
    (events / "event-00002-x.json").write_text("{", "utf-8")
    source = Source(path)
    assert len(of(MessageRecord, openhands.read(source))) == 3
    assert [one.reason for one in source.problems] == ["event-00002-x.json is not a JSON object"]
    alone = events / "event-00001-x.json"
    assert detect(Sample(alone)) is openhands
    assert rows(records(alone))[-1] == ("user", "Which bed is dry?", None)
    assert of(SessionRecord, records(alone))[0].id == ID


@pytest.mark.parametrize("seed", range(40))
def test_odd_values_end_nothing_and_can_be_stored(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    state = spoilt(STATE, chance)
    path = write(
        tmp_path, *(spoilt(one, chance) for one in LOG), state=state if isinstance(state, dict) else STATE
    )
    assert_storable(openhands.read(Source(path)))
