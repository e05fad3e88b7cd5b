"""Codex's forks and sub-agents: who their parent is, and which lines are copies of its."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sessiondb.importers import codex
from sessiondb.importers.base import MessageRecord, Record, SessionRecord, TokenRecord, session_id
from sessiondb.importers.codex.lineage import born
from sessiondb.importers.files.source import Source

PARENT = "019ce133-8000-7b52-9c1e-4a6f0d83e2b5"
# Made at 09:04:37.120 on 12 March 2026; the turns at 8:40 and 9:05.
CHILD = "019ce14a-6d00-7000-8000-000000000001"
OLD_TURN, OWN_TURN = "019ce133-e300-7000-8000-00000000000a", "019ce14a-c660-7000-8000-00000000000b"
SPAWN = {"subagent": {"thread_spawn": {"parent_thread_id": PARENT, "depth": 1, "agent_role": "explorer"}}}


def line(kind: str, time: str, **payload: Any) -> dict[str, Any]:
    return {"timestamp": f"2026-03-12T{time}Z", "type": kind, "payload": payload}


def header(time: str = "09:04:38.000", **payload: Any) -> dict[str, Any]:
    return line("session_meta", time, **{"id": CHILD, "timestamp": "2026-03-12T09:04:37.120Z", **payload})


def turn(time: str, turn_id: str | None, prompt: str, total: int) -> list[dict[str, Any]]:
    content = [{"type": "input_text", "text": prompt}]
    answer = [{"type": "output_text", "text": f"{prompt}? Yes."}]
    figures = {"total_token_usage": {"input_tokens": total}, "last_token_usage": {"input_tokens": 10}}
    return [
        line("event_msg", time, type="task_started", turn_id=turn_id),
        line("response_item", time, type="message", role="user", content=content),
        line("event_msg", time, type="user_message", message=prompt),
        line("turn_context", time, turn_id=turn_id, model="gpt-5.3-codex"),
        line("response_item", time, type="message", role="assistant", content=answer),
        line("event_msg", time, type="token_count", info=figures),
    ]


def read(tmp_path: Path, *lines: dict[str, Any]) -> list[Record]:
    path = tmp_path / "rollout.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
    return list(codex.read(Source(path)))


def prompts(records: list[Record]) -> list[str | None]:
    return [one.content for one in records if isinstance(one, MessageRecord) and one.role == "user"]


@pytest.mark.parametrize(
    ("said", "parent", "relation"),
    [
        ({}, None, None),
        ({"forked_from_id": PARENT}, PARENT, "fork"),
        ({"source": SPAWN}, PARENT, "subagent"),
        (
            {"source": SPAWN, "parent_thread_id": PARENT, "forked_from_id": "019ce14a-0000-7000"},
            PARENT,
            "subagent",
        ),
        ({"thread_source": "subagent", "forked_from_id": PARENT}, PARENT, "subagent"),
        ({"parent_thread_id": PARENT, "session_id": PARENT}, PARENT, "subagent"),
        ({"source": {"subagent": "review"}}, None, "subagent"),
        ({"source": "cli", "forked_from_id": ""}, None, None),
        ({"forked_from_id": "a-name"}, session_id("codex", "a-name"), "fork"),
    ],
)
def test_the_header_names_the_parent(
    tmp_path: Path, said: dict[str, Any], parent: Any, relation: Any
) -> None:
    records = read(tmp_path, header(**said), *turn("09:05:00.000", OWN_TURN, "Go", 10))
    sessions = [one for one in records if isinstance(one, SessionRecord)]
    assert {one.id for one in records if isinstance(one, SessionRecord)} == {CHILD}
    assert {one.parent_id for one in sessions} - {None} == ({parent} if parent else set())
    assert {one.relation for one in sessions} - {None} == ({relation} if relation else set())


FORK = {"forked_from_id": PARENT}
COPIED_HEADER = line("session_meta", "09:04:38.001", id=PARENT, cwd="/parent")


@pytest.mark.parametrize(
    "copied",
    [
        pytest.param(
            [COPIED_HEADER, *turn("09:04:38.002", OLD_TURN, "Old", 500)], id="header and turns, new times"
        ),
        pytest.param(turn("09:04:38.002", OLD_TURN, "Old", 500), id="turns, new times"),
        pytest.param(turn("08:41:00.000", OLD_TURN, "Old", 500), id="turns, old times"),
        pytest.param(turn("08:41:00.000", None, "Old", 500), id="turns without ids, old times"),
        pytest.param(
            [COPIED_HEADER, *turn("09:04:38.002", None, "Old", 500)], id="header, turns without ids"
        ),
        pytest.param([COPIED_HEADER], id="header alone"),
        pytest.param([], id="nothing"),
    ],
)
@pytest.mark.parametrize("said", [FORK, {"source": SPAWN}])
def test_lines_copied_from_the_parent_are_left_out(
    tmp_path: Path, said: dict[str, Any], copied: list[dict[str, Any]]
) -> None:
    own = turn("09:05:00.000", OWN_TURN, "New", 510) + turn("09:06:00.000", "2", "Newer", 520)
    records = read(tmp_path, header(**said), *copied, *own)
    assert prompts(records) == ["New", "Newer"]
    assert [one.input for one in records if isinstance(one, TokenRecord)] == [10, 10]
    (times,) = [one[11:13] for one in records if isinstance(one, SessionRecord) and one.started_at]
    assert times == ("2026-03-12T09:04:38.000Z", "2026-03-12T09:06:00.000Z")


def test_usage_goes_on_from_the_totals_that_were_copied(tmp_path: Path) -> None:
    own = turn("09:05:00.000", OWN_TURN, "New", 530)
    del own[-1]["payload"]["info"]["last_token_usage"]
    records = read(tmp_path, header(**FORK), *turn("09:04:38.002", OLD_TURN, "Old", 500), *own)
    assert [one.input for one in records if isinstance(one, TokenRecord)] == [30]


def test_a_fork_that_nobody_went_on_with_is_no_session(tmp_path: Path) -> None:
    assert read(tmp_path, header(**FORK), COPIED_HEADER, *turn("09:04:38.002", OLD_TURN, "Old", 500)) == []


def test_a_further_header_changes_nothing_in_a_session_without_a_parent(tmp_path: Path) -> None:
    records = read(tmp_path, header(cwd="/own"), COPIED_HEADER, *turn("09:04:38.002", OLD_TURN, "Kept", 10))
    assert prompts(records) == ["Kept"]
    assert {one.project for one in records if isinstance(one, SessionRecord)} - {None} == {"/own"}


def test_what_another_agent_says_first_is_the_sub_agents_task(tmp_path: Path) -> None:
    def told(text: str) -> dict[str, Any]:
        blocks = [
            {"type": "input_text", "text": text},
            {"type": "encrypted_content", "encrypted_content": "gAAA"},
        ]
        return line(
            "response_item",
            "09:05:00.000",
            type="agent_message",
            author="/root",
            recipient="/a",
            content=blocks,
        )

    records = read(tmp_path, header(source=SPAWN), told("Count the tides"), told("Hurry"))
    assert [(*one[1:3], one.parts, one.metadata) for one in records if isinstance(one, MessageRecord)] == [
        ("user", "Count the tides", None, {"author": "/root", "recipient": "/a"}),
        ("system", "Hurry", None, {"kind": "agent_message", "author": "/root", "recipient": "/a"}),
    ]


@pytest.mark.parametrize(
    ("native_id", "milliseconds"),
    [
        (CHILD, 1773306277120),
        ("2f6d2d0c-9b1c-4d7e-8f62-000000000000", None),
        ("turn-1", None),
        (7, None),
        (None, None),
    ],
)
def test_a_uuid_of_version_7_tells_when_it_was_made(native_id: Any, milliseconds: int | None) -> None:
    assert born(native_id) == milliseconds
