"""Which session a line belongs to, the main one, a sub-agent's or a sidechain's, and what it is called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sessiondb.importers.base import MessageRecord, SessionRecord, session_id
from sessiondb.importers.claude_code.lines import lenient
from sessiondb.importers.claude_code.transcript import Transcript
from sessiondb.importers.files.source import Source

MAIN = "6f0f2c1e-8f0b-4e52-9c8b-0b7a3e1f5d11"
OTHER = "0c4b9a52-6d1e-4a7f-8f43-52f0d9a1b7e6"
ROOT = "b7e0a3d4-11c2-4c55-9d0e-8a6f2b9c4e10"
CHILD = session_id("claude-code", "a7c41e90", MAIN)


def said(uuid: str, text: str = "Moss.", **more: Any) -> dict[str, Any]:
    return {"type": "user", "uuid": uuid, "sessionId": MAIN, "message": {"content": text}, **more}


def title(kind: str, key: str, text: str) -> dict[str, Any]:
    return {"type": kind, "sessionId": MAIN, key: text}


def read(
    path: Path, *lines: dict[str, Any], state: dict[str, Any] | None = None
) -> dict[str, dict[str, Any]]:
    """Return the sessions, each with what is known of it and the ids of its rows."""
    transcript = Transcript(Source(path, start=1 if state else 0, state=state))
    for line in lines:
        transcript.add(lenient(line))
    transcript.finish()
    sessions: dict[str, dict[str, Any]] = {}
    for record in transcript.ready:
        if isinstance(record, SessionRecord):
            known = {name: value for name, value in record._asdict().items() if value not in (None, ())}
            sessions.setdefault(record.id, {"rows": []}).update(known)
        elif isinstance(record, MessageRecord):
            sessions[record.session]["rows"].append(record.external_id)
    return sessions


def lineage(sessions: dict[str, dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    names = ("native_id", "parent_id", "relation", "rows")
    return {key: tuple(known.get(name) for name in names) for key, known in sessions.items()}


@pytest.mark.parametrize(
    ("file", "own_id"),
    [
        (f"{MAIN}/subagents/agent-a7c41e90.jsonl", {"agentId": "a7c41e90"}),
        (f"{MAIN}/subagents/workflows/wf-1/agent-a7c41e90.jsonl", {"agentId": "a7c41e90"}),
        (f"{MAIN}/subagents/agent-x.jsonl", {"agentId": "a7c41e90", "sessionId": "agent-x"}),
        ("agent-a7c41e90.jsonl", {"agentId": "a7c41e90"}),
        ("copied.jsonl", {"agentId": "a7c41e90"}),
    ],
)
def test_a_sub_agents_file_is_a_session_below_its_parent(
    tmp_path: Path, file: str, own_id: dict[str, str]
) -> None:
    first, second = (
        said("u1", isSidechain=True, **own_id),
        said("u2", parentUuid="u1", isSidechain=True, **own_id),
    )
    sessions = read(
        tmp_path / file, first, second, {"type": "ai-title", "sessionId": MAIN, "aiTitle": "Counting"}
    )
    assert lineage(sessions) == {CHILD: ("a7c41e90", MAIN, "subagent", ["u1", "u2"])}


def test_a_sub_agents_file_without_agent_ids_goes_by_its_name(tmp_path: Path) -> None:
    sessions = read(tmp_path / "agent-moss.jsonl", said("u1", isSidechain=True), said("u2", isSidechain=True))
    child = session_id("claude-code", "agent-moss", MAIN)
    assert lineage(sessions) == {child: ("agent-moss", MAIN, "subagent", ["u1", "u2"])}


def test_sidechains_in_the_parents_file_are_sessions_of_their_own(tmp_path: Path) -> None:
    side: dict[str, Any] = {"isSidechain": True, "cwd": "/home/ada/moss"}
    sessions = read(
        tmp_path / f"{MAIN}.jsonl",
        {"type": "system", "uuid": "x0", "parentUuid": None, "sessionId": MAIN, **side},
        said("x1", parentUuid="x0", **side),
        said("u1"),
        said(ROOT, parentUuid="u1", **side),
        {"type": "progress", "uuid": "p1", "parentUuid": ROOT, "sessionId": MAIN, **side},
        said("x2", parentUuid="x1", **side),
        said("r2", parentUuid="p1", **side),
        said("u2", parentUuid="r2"),
    )
    below_x0 = session_id("claude-code", "x0", MAIN)
    assert lineage(sessions) == {
        MAIN: (MAIN, None, None, ["u1", "u2"]),
        below_x0: ("x0", MAIN, "subagent", ["x1", "x2"]),
        ROOT: (ROOT, MAIN, "subagent", [ROOT, "r2"]),
    }
    assert {known["project"] for known in sessions.values()} == {"/home/ada/moss"}


def test_a_parent_of_sidechains_only_comes_before_them(tmp_path: Path) -> None:
    sessions = read(tmp_path / f"{MAIN}.jsonl", said("x1", isSidechain=True))
    assert list(sessions) == [MAIN, session_id("claude-code", "x1", MAIN)]


def test_a_file_with_sidechains_is_read_again_as_a_whole(tmp_path: Path) -> None:
    source = Source(tmp_path / "log.jsonl")
    transcript = Transcript(source)
    transcript.add(lenient(said("x1", isSidechain=True)))
    transcript.finish()
    assert source.state == {"whole": True}


def test_a_session_resumed_in_a_file_continues_the_one_before(tmp_path: Path) -> None:
    sessions = read(tmp_path / f"{OTHER}.jsonl", said("u1"), said("u2", sessionId=OTHER), said("u3"))
    assert lineage(sessions) == {
        MAIN: (MAIN, None, None, ["u1", "u3"]),
        OTHER: (OTHER, MAIN, "continuation", ["u2"]),
    }


def test_lines_that_strayed_into_a_file_do_not_continue_its_session(tmp_path: Path) -> None:
    sessions = read(tmp_path / f"{MAIN}.jsonl", said("u1"), said("u2", sessionId=OTHER), said("u3"))
    assert lineage(sessions) == {MAIN: (MAIN, None, None, ["u1", "u3"]), OTHER: (OTHER, None, None, ["u2"])}
    (tmp_path / f"{OTHER}.jsonl").touch()
    sessions = read(tmp_path / f"{MAIN}.jsonl", said("u1"), said("u2", sessionId=OTHER))
    assert lineage(sessions)[OTHER] == (OTHER, None, None, ["u2"])


def test_a_fork_knows_where_it_came_from(tmp_path: Path) -> None:
    sessions = read(tmp_path / "log.jsonl", said("u1", forkedFrom={"sessionId": OTHER, "messageUuid": "u0"}))
    assert lineage(sessions) == {MAIN: (MAIN, OTHER, "fork", ["u1"])}


@pytest.mark.parametrize(
    ("file", "native_id"),
    [
        (f"{MAIN}.jsonl", MAIN),
        (f"{MAIN}.jsonl.gz", MAIN),
        (f"{MAIN}/chat.jsonl", MAIN),
        ("notes/chat.jsonl", "chat"),
        ("web.json", "web"),
    ],
)
def test_lines_without_a_session_go_by_file_or_folder(tmp_path: Path, file: str, native_id: str) -> None:
    sessions = read(tmp_path / file, said("u1", sessionId=None), said("u2", sessionId=None))
    assert [known["native_id"] for known in sessions.values()] == [native_id]


def test_ids_that_others_may_have_too_are_made_the_folders_own(tmp_path: Path) -> None:
    here, there = (read(tmp_path / name / "log.jsonl", said("u1", sessionId="chat")) for name in ("a", "b"))
    assert [known["native_id"] for known in (*here.values(), *there.values())] == ["chat", "chat"]
    assert set(here).isdisjoint(there)


TITLES = [
    title("summary", "summary", "by summary"),
    title("ai-title", "aiTitle", "by the model"),
    title("agent-name", "agentName", "by name"),
    title("custom-title", "customTitle", "by a person"),
]


@pytest.mark.parametrize("count", range(5))
@pytest.mark.parametrize("order", [1, -1])
def test_the_title_of_the_highest_rank_is_taken(tmp_path: Path, count: int, order: int) -> None:
    sessions = read(tmp_path / "log.jsonl", *TITLES[:count][::order], said("u1"))
    assert sessions[MAIN].get("title") == (list(TITLES[count - 1].values())[2] if count else None)


def test_of_two_titles_of_one_rank_the_later_is_taken(tmp_path: Path) -> None:
    sessions = read(tmp_path / "log.jsonl", said("u1"), TITLES[1], title("ai-title", "aiTitle", "changed"))
    assert sessions[MAIN]["title"] == "changed"


def test_a_summary_of_another_conversation_is_no_title(tmp_path: Path) -> None:
    own = {**TITLES[0], "summary": "of this one", "leafUuid": "u1"}
    other = {**TITLES[0], "summary": "of another", "leafUuid": "elsewhere"}
    assert read(tmp_path / "log.jsonl", own, other, said("u1"))[MAIN]["title"] == "of this one"
    assert "title" not in read(tmp_path / "log.jsonl", other, said("u1"))[MAIN]


@pytest.mark.parametrize(("uuid", "found"), [("u1", "of this one"), ("u1.", None)])
def test_a_summary_appended_later_finds_its_line(tmp_path: Path, uuid: str, found: str | None) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps(said("u1x")) + "\n" + json.dumps(said("u1")) + "\n")
    source = Source(path)
    transcript = Transcript(source)
    transcript.add(lenient(said("u1")))
    transcript.finish()
    own = {**TITLES[0], "summary": "of this one", "leafUuid": uuid}
    sessions = read(path, own, said("u2"), state=source.state)
    assert sessions[MAIN].get("title") == found


def test_a_summary_of_another_conversation_is_sought_in_the_file_once(tmp_path: Path) -> None:
    other = {**TITLES[0], "leafUuid": "elsewhere"}
    source = Source(tmp_path / "log.jsonl")
    transcript = Transcript(source)
    transcript.add(lenient(other))
    transcript.add(lenient(said("u1")))
    transcript.finish()
    # There is no file: reading it would fail.
    assert "title" not in read(source.path, said("u2"), state=source.state)[MAIN]
    with pytest.raises(FileNotFoundError):
        read(source.path, {**other, "leafUuid": "u0"}, state=source.state)


def test_a_prompt_that_was_queued_and_then_sent_is_one_row(tmp_path: Path) -> None:
    attachment = {"type": "queued_command", "prompt": "Moss.", "source_uuid": "u1"}
    queued = {"type": "attachment", "uuid": "q1", "sessionId": MAIN, "attachment": attachment}
    assert read(tmp_path / "log.jsonl", queued, said("u1"), queued)[MAIN]["rows"] == ["u1"]


def test_a_line_that_says_nothing_does_not_hide_its_namesake(tmp_path: Path) -> None:
    empty = {**said("u1"), "message": {"role": "user"}}
    assert read(tmp_path / "log.jsonl", empty, said("u1"), said("u1"))[MAIN]["rows"] == ["u1"]


def test_titles_and_notices_alone_are_no_session(tmp_path: Path) -> None:
    silent = {"type": "system", "uuid": "s1", "sessionId": MAIN, "subtype": "turn_duration", "durationMs": 3}
    assert read(tmp_path / "log.jsonl", *TITLES, silent) == {}
