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


def prompts(records: list[Record], *, inherited: bool = False) -> list[str | None]:
    said = [one for one in records if isinstance(one, MessageRecord) and one.role == "user"]
    return [one.content for one in said if bool(one.metadata and one.metadata.get("inherited")) == inherited]


def inputs(records: list[Record], *, inherited: bool = False) -> list[int | None]:
    counts = [one for one in records if isinstance(one, TokenRecord)]
    return [one.input for one in counts if one.request_key.startswith("inherited:") == inherited]


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
def test_lines_copied_from_the_parent_are_marked(
    tmp_path: Path, said: dict[str, Any], copied: list[dict[str, Any]]
) -> None:
    own = turn("09:05:00.000", OWN_TURN, "New", 510) + turn("09:06:00.000", "2", "Newer", 520)
    records = read(tmp_path, header(**said), *copied, *own)
    assert (prompts(records), prompts(records, inherited=True)) == (
        ["New", "Newer"],
        ["Old"] * (len(copied) > 1),
    )
    assert (inputs(records), inputs(records, inherited=True)) == ([10, 10], [10] * (len(copied) > 1))
    *_, times = [one[11:13] for one in records if isinstance(one, SessionRecord) and one.started_at]
    assert times == ("2026-03-12T09:04:38.000Z", "2026-03-12T09:06:00.000Z")


def test_usage_goes_on_from_the_totals_that_were_copied(tmp_path: Path) -> None:
    own = turn("09:05:00.000", OWN_TURN, "New", 530)
    del own[-1]["payload"]["info"]["last_token_usage"]
    records = read(tmp_path, header(**FORK), *turn("09:04:38.002", OLD_TURN, "Old", 500), *own)
    assert inputs(records) == [30]


def test_of_a_fork_that_nobody_went_on_with_the_copies_are_kept_and_it_is_read_again(tmp_path: Path) -> None:
    lines = [header(**FORK), COPIED_HEADER, *turn("09:04:38.002", OLD_TURN, "Old", 500)]
    assert prompts(read(tmp_path, *lines), inherited=True) == ["Old"]
    source = Source(tmp_path / "rollout.jsonl")
    list(codex.read(source))
    assert (source.end, source.state) == (0, {})


@pytest.mark.parametrize("turn_id", [None, "1"])
def test_copies_without_header_and_ids_are_what_is_stamped_in_the_first_second(
    tmp_path: Path, turn_id: str | None
) -> None:
    copied = turn("09:04:37.900", turn_id, "Old", 500) + turn("09:04:38.100", turn_id, "Older", 510)
    own = turn("09:04:39.000", turn_id, "New", 520)
    records = read(tmp_path, header(time="09:04:37.120", **FORK), *copied, *own)
    assert (prompts(records), prompts(records, inherited=True)) == (["New"], ["Old", "Older"])
    assert (inputs(records), inputs(records, inherited=True)) == ([10], [10, 10])


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
