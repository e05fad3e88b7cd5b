"""Forks of agents other than Claude Code come to the same in whatever order their files are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.ingest.run import Ingest
from tests.dao.union.test_same_conversation_in_stores import START, dump
from tests.helpers.conversations import write
from tests.helpers.fork_logs import content, lineage, same_in_any_order, texts

# Codex: times of a day in March 2026, as UUIDs of version 7 have them.
MADE = {"09:00": "019ce146-1580", "09:10": "019ce14f-3d40", "09:20": "019ce158-6500"}


def codex_id(time: str, number: int = 1) -> str:
    return f"{MADE[time]}-7000-8000-{number:012}"


def codex_line(kind: str, stamp: str, **payload: Any) -> dict[str, Any]:
    return {"timestamp": f"2026-03-12T{stamp}Z", "type": kind, "payload": payload}


def codex_turn(time: str, text: str, stamp: str | None = None) -> list[dict[str, Any]]:
    stamp = stamp or f"{time}:30.000"
    said = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    count = {"input_tokens": len(text), "output_tokens": 1}
    return [
        codex_line("turn_context", stamp, turn_id=codex_id(time, 9), model="m"),
        codex_line("event_msg", stamp, type="user_message", message=text),
        codex_line("response_item", stamp, **said),
        codex_line("event_msg", stamp, type="agent_message", message=f"{text}!"),
        codex_line(
            "event_msg",
            stamp,
            type="token_count",
            info={"total_token_usage": count, "last_token_usage": count},
        ),
    ]


def test_codex(tmp_path: Path) -> None:
    """A fork's copies are told by their turns and times, so that none of them is stored with it."""
    first, second, third = map(codex_id, MADE)
    header = {
        time: codex_line(
            "session_meta", f"{time}:00.000", id=codex_id(time), timestamp=f"2026-03-12T{time}:00Z"
        )
        for time in MADE
    }
    copied_at = {time: {"timestamp": f"2026-03-12T{time}:00.001Z"} for time in MADE}
    header["09:10"]["payload"]["forked_from_id"] = first
    header["09:20"]["payload"]["forked_from_id"] = second
    files = [
        write(tmp_path / f"rollout-{first}.jsonl", header["09:00"], *codex_turn("09:00", "One")),
        write(
            tmp_path / f"rollout-{second}.jsonl", header["09:10"], header["09:00"] | copied_at["09:10"],
            *codex_turn("09:00", "One", "09:10:00.001"), *codex_turn("09:10", "Three"),
        ),
        write(
            tmp_path / f"rollout-{third}.jsonl", header["09:20"], header["09:10"] | copied_at["09:20"],
            *codex_turn("09:00", "One", "09:20:00.001"), *codex_turn("09:10", "Three", "09:20:00.002"),
            *codex_turn("09:20", "Eleven"),
        ),
    ]  # fmt: skip

    found = same_in_any_order(files, tmp_path)

    assert lineage(found) == {
        first: (None, None, "One", 2),
        second: (first, "fork", "Three", 2),
        third: (second, "fork", "Eleven", 2),
    }
    assert sorted((row[0], row[3]) for row in found["token_counts"]) == [(first, 3), (second, 5), (third, 6)]


def quick(time: str, text: str, tokens: int) -> list[dict[str, Any]]:
    """Return a turn without ids."""
    content = [{"type": "output_text", "text": f"{text}!"}]
    totals = {"input_tokens": tokens, "output_tokens": tokens}
    usage = {"total_token_usage": totals, "last_token_usage": {"input_tokens": 10, "output_tokens": 1}}
    return [
        codex_line("turn_context", time, turn_id=None, model="m"),
        codex_line("event_msg", time, type="user_message", message=text),
        codex_line("response_item", time, type="message", role="assistant", content=content),
        codex_line("event_msg", time, type="token_count", info=usage),
    ]


def quick_header(time: str, parent: str | None = None, **more: Any) -> dict[str, Any]:
    id = codex_id(time)
    known = {"id": id, "timestamp": f"2026-03-12T{time}:00Z", "forked_from_id": parent, **more}
    return codex_line("session_meta", f"{time}:00.000", **known)


@pytest.mark.parametrize("relation", ["fork", "subagent"])
@pytest.mark.parametrize("task_at", ["09:10:00.500", "09:12:00.000"])
def test_codex_without_turn_ids_and_copied_headers(tmp_path: Path, relation: str, task_at: str) -> None:
    """Fails where copies under the time of copying are taken for the fork's own words, or these for copies."""
    first, second = codex_id("09:00"), codex_id("09:10")
    spawn = {"source": {"subagent": {"thread_spawn": {"parent_thread_id": first}}}}
    known = spawn if relation == "subagent" else {"parent": first}
    copied = "09:10:00.000"
    files = [
        write(
            tmp_path / f"rollout-{first}.jsonl", quick_header("09:00"), *quick("09:00:01.000", "One", 10),
            *quick("09:01:00.000", "Go on", 20), *quick("09:02:00.000", "Go on", 30),
            *quick("09:20:00.000", "Late", 40),
        ),
        write(
            tmp_path / f"rollout-{second}.jsonl", quick_header("09:10", **known), *quick(copied, "One", 10),
            *quick(copied, "Go on", 20), *quick(copied, "Go on", 30), *quick(task_at, "Count", 40),
        ),
    ]  # fmt: skip

    found = same_in_any_order(files, tmp_path)

    assert lineage(found) == {first: (None, None, "One", 8), second: (first, relation, "Count", 2)}
    if task_at > "09:11":
        assert len(found["token_counts"]) == 5


@pytest.mark.parametrize("is_swapped", [False, True])
def test_codex_databases_of_a_session_and_of_its_fork_are_merged_to_the_same_either_way(
    tmp_path: Path, is_swapped: bool
) -> None:
    first, second = codex_id("09:00"), codex_id("09:10")
    logs = {
        first: [codex_line("session_meta", "09:00:00.000", id=first), *codex_turn("09:00", "One")],
        second: [
            codex_line("session_meta", "09:10:00.000", id=second, forked_from_id=first),
            *codex_turn("09:00", "One", "09:10:00.001"),
            *codex_turn("09:10", "Three"),
        ],
    }
    for id, lines in logs.items():
        with SessionDB(tmp_path / f"{id}.db") as db:
            Ingest(db.connection).run([str(write(tmp_path / f"rollout-{id}.jsonl", *lines))])
    ours, theirs = (second, first) if is_swapped else (first, second)

    with SessionDB(tmp_path / f"{ours}.db") as db:
        db.merge(tmp_path / f"{theirs}.db")
        found = content(db)

    assert lineage(found) == {first: (None, None, "One", 2), second: (first, "fork", "Three", 2)}
    assert sorted((row[0], row[3]) for row in found["token_counts"]) == [(first, 3), (second, 5)]


def test_codex_copies_whose_parent_is_gone_are_kept_until_it_comes(tmp_path: Path) -> None:
    first, second = codex_id("09:00"), codex_id("09:10")
    talk = [("One", 10), ("Two", 20)]
    parent = write(
        tmp_path / f"rollout-{first}.jsonl", quick_header("09:00"),
        *(line for text, tokens in talk for line in quick("09:01:00.000", text, tokens)),
    )  # fmt: skip
    copied_header = quick_header("09:00") | {"timestamp": "2026-03-12T09:10:00.001Z"}
    fork = write(
        tmp_path / f"rollout-{second}.jsonl", quick_header("09:10", first), copied_header,
        *(line for text, tokens in talk for line in quick("09:10:00.001", text, tokens)),
    )  # fmt: skip

    with SessionDB(tmp_path / "x.db") as db:
        Ingest(db.connection).run([str(fork)])
        alone = content(db)
        Ingest(db.connection).run([str(parent)])
        both = content(db)

    assert lineage(alone) == {second: (None, "fork", "One", 4)}
    assert len(alone["token_counts"]) == 2
    assert lineage(both) == {first: (None, None, "One", 4)}
    assert len(both["token_counts"]) == 2
    assert same_in_any_order([parent, fork], tmp_path)["sessions"] == both["sessions"]


def hermes(folder: Path, id: str, minute: int, parent: str | None, *said: str) -> Path:
    """Write what Hermes exports of one session."""
    at = 1_772_355_600.0 + 60 * minute
    messages = [
        {"id": minute * 10 + number, "role": "user", "content": text, "timestamp": at + number}
        for number, text in enumerate(said)
    ]
    session = {
        "id": id, "source": "cli", "started_at": at, "input_tokens": 300, "output_tokens": 40,
        "parent_session_id": parent, "messages": messages,
    }  # fmt: skip
    if parent:
        session["model_config"] = json.dumps({"_branched_from": parent})
    return write(folder / f"{id}.jsonl", session)


def test_hermes(tmp_path: Path) -> None:
    first, second, third = (f"20260301_09000{number}_a1b2c3d4" for number in range(3))
    files = [
        hermes(tmp_path, first, 0, None, "What is a quokka?"),
        hermes(tmp_path, second, 1, first, "What is a quokka?", "And a wombat?"),
        hermes(tmp_path, third, 2, second, "What is a quokka?", "And a wombat?", "And a bilby?"),
    ]

    found = same_in_any_order(files, tmp_path)

    assert {id: row[:2] for id, row in lineage(found).items()} == {
        first: (None, None),
        second: (first, "fork"),
        third: (second, "fork"),
    }


def opencode(folder: Path, id: str, texts: dict[str, int]) -> Path:
    """Write what OpenCode exports of one session: what the model said, and when."""
    messages = []
    for number, (text, moment) in enumerate(texts.items()):
        info = {
            "id": f"msg_{id}_{number}", "role": "assistant", "modelID": "m", "providerID": "p",
            "time": {"created": START + moment, "completed": START + moment + 1},
            "tokens": {"input": moment, "output": 1, "cache": {"read": 0, "write": 0}},
        }  # fmt: skip
        messages.append({"info": info, "parts": [{"id": f"prt_{number}", "type": "text", "text": text}]})
    times = {"created": START + max(texts.values()), "updated": START + max(texts.values())}
    return dump(
        folder / f"{id}.json", {"info": {"id": id, "title": "T", "time": times}, "messages": messages}
    )


def test_opencode(tmp_path: Path) -> None:
    """A fork's copies have ids of their own, and are told by what they say, when, and for how many tokens."""
    ids = [f"ses_{number}f1e0d9c8b7aABCDEFGHIJKLMN" for number in range(3)]
    said = {"One": 1000, "Two": 2000, "Three": 3000}
    files = [opencode(tmp_path, id, dict(list(said.items())[: number + 1])) for number, id in enumerate(ids)]

    found = same_in_any_order(files, tmp_path)

    first, second, third = ids
    assert {id: (*row[:2], row[3]) for id, row in lineage(found).items()} == {
        first: (None, None, 1),
        second: (first, "fork", 1),
        third: (second, "fork", 1),
    }


def chatgpt(id: str, *said: str) -> dict[str, Any]:
    """Return a conversation as it is exported; its messages are known by what they say."""
    mapping: dict[str, Any] = {"root": {"id": "root", "message": None, "parent": None, "children": []}}
    above = "root"
    for number, text in enumerate(said):
        node = f"aaaaaaaa-0000-4000-8000-{sum(map(ord, text)):012}"
        message = {
            "id": node, "author": {"role": "user"}, "create_time": 1_772_355_600.0 + number,
            "content": {"content_type": "text", "parts": [text]},
        }  # fmt: skip
        mapping[above]["children"].append(node)
        mapping[node] = {"id": node, "message": message, "parent": above, "children": []}
        above = node
    return {
        "title": id,
        "conversation_id": id,
        "create_time": 1_772_355_600.0,
        "mapping": mapping,
        "current_node": above,
    }


def test_chatgpt(tmp_path: Path) -> None:
    """A branch in a new chat may keep the ids of what it copied, and stands before its original in an export."""
    first, second = (f"0d9f2f0e-4c1b-4c55-9d0c-00000000000{number}" for number in "12")
    whole = chatgpt(first, "Hello", "Which?")
    branch = chatgpt(second, "Hello", "Which?", "That one.")
    apart = [
        dump(tmp_path / f"{number}" / "conversations.json", [one])
        for number, one in enumerate((whole, branch))
    ]
    together = dump(tmp_path / "both" / "conversations.json", [branch, whole])

    found = same_in_any_order(apart, tmp_path)

    assert lineage(found) == {first: (None, None, first, 2), second: (first, "fork", second, 1)}
    assert texts(found, second) == [(1, "That one.")]
    assert same_in_any_order([together], tmp_path / "both") == found
