"""What a store of one conversation per project folder does, row by row, as its users call it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.dao.removal import Removals
from sessiondb.errors import Conflict, DatabaseForeign, InvalidInput, NotFound
from sessiondb.records import SessionFilter

ROOT = "/home/ann/quill"
CALL = {"id": "c1", "type": "function", "function": {"name": "ls", "arguments": "{}"}}
STATE: list[dict[str, Any]] = [
    {"role": "user", "content": "What is here?"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "tests/"},
    {"role": "assistant", "content": "A folder."},
]
MORE: list[dict[str, Any]] = [
    {"role": "user", "content": "And in it?"},
    {"role": "assistant", "content": "Tests."},
]


def test_save_the_whole_state(db: SessionDB) -> None:
    session = db.sessions.start("loop", project=ROOT, model="some-model")
    assert db.save(session.id, STATE, tokens={"input": 120, "output": 30}) == 4
    assert db.save(session.id, STATE + MORE, tokens={"input": 300, "output": 80}) == 2
    session = db.sessions.get(session.id)
    assert (session.project, session.model, session.message_count) == (ROOT, "some-model", 5)
    assert (session.tokens.input, session.tokens.output) == (300, 80)
    assert db.history(session.id) == STATE + MORE


def test_save_an_unchanged_state_writes_nothing(db: SessionDB, tmp_path: Path) -> None:
    session = db.sessions.start("loop", project=ROOT)
    db.save(session.id, STATE, tokens={"input": 120})
    with SessionDB(tmp_path / "sessions.db", read_only=True) as other:
        version = other.connection.value("PRAGMA data_version")
        assert db.save(session.id, STATE, tokens={"input": 120}) == 0
        assert other.connection.value("PRAGMA data_version") == version
        assert db.save(session.id, STATE + MORE, tokens={"input": 300}) == 2
        assert other.connection.value("PRAGMA data_version") == version + 1


def test_save_is_one_commit_a_turn(db: SessionDB) -> None:
    session = db.sessions.start("loop", project=ROOT)
    with pytest.raises(InvalidInput):
        db.save(session.id, [*STATE, {"role": "robot"}], tokens={"input": 1})
    assert db.restore(session.id) == db.restore(project=ROOT)
    assert db.history(session.id) == []
    assert db.tokens.total(session.id).input is None


@pytest.mark.parametrize(
    ("state", "added"),
    [
        ([STATE[0], *STATE[2:], *MORE], 2),  # cut in the middle, as contexts are
        (STATE[3:] + MORE, 2),
        ([{"role": "system", "content": "A summary."}, *STATE[2:], *MORE], 2),
        ([*STATE, *MORE, *STATE], 6),  # the same said twice
        ([{"role": "system", "content": "It is noon."}, *STATE, *MORE], 2),  # a prompt that changes
        ([{"role": "user", "content": "Summary: nothing."}, *STATE[2:], *MORE], 2),
        (STATE[2:], 0),
    ],
)
def test_save_a_state_that_lost_its_older_messages(
    db: SessionDB, state: list[dict[str, Any]], added: int
) -> None:
    session = db.sessions.start("loop", project=ROOT)
    db.save(session.id, STATE)
    assert db.save(session.id, state) == added
    new = state[len(state) - added :]
    found = db.restore(session.id)
    assert found is not None
    assert [message["content"] for message in found.messages] == [
        message["content"] for message in STATE + new
    ]


EDITED: list[dict[str, Any]] = [*STATE[:3], {"role": "assistant", "content": "Nothing at all."}]
CONFLICTS = {
    "the last message edited": (EDITED, STATE[:3]),
    "the last message popped": (STATE[:3], STATE[:3]),
    "the last turn said otherwise": ([STATE[0], MORE[0], *EDITED[1:]], STATE[:1]),
    "cleared": ([], []),
    "cleared but for the prompt, and begun again": ([STATE[0], *MORE], STATE[:1]),
    "another conversation": (MORE, []),
}


EDITS = {
    "in the middle": [*STATE[:2], {**STATE[2], "content": "tests/ src/"}, STATE[3], *MORE],
    "in the middle, and nothing is new": [{**STATE[0], "content": "And here?"}, *STATE[1:]],
    "by an insertion": [STATE[0], *MORE, *STATE[1:]],
    "by messages from before": [*MORE, *STATE],
}


@pytest.mark.parametrize("case", EDITS)
def test_save_takes_a_state_that_was_edited(db: SessionDB, case: str) -> None:
    session = db.sessions.start("loop", project=ROOT)
    db.save(session.id, STATE)
    db.save(session.id, EDITS[case])
    found = db.restore(session.id)
    assert found is not None
    assert found.messages == EDITS[case]
    assert db.save(session.id, EDITS[case]) == 0


def contents(messages: list[dict[str, Any]]) -> list[Any]:
    return [message["content"] for message in messages]


@pytest.mark.parametrize("case", CONFLICTS)
def test_save_takes_a_state_whose_tail_has_changed(db: SessionDB, case: str) -> None:
    state, shared = CONFLICTS[case]
    session = db.sessions.start("loop", project=ROOT)
    db.save(session.id, STATE)
    assert db.save(session.id, state) == len(state) - len(shared)
    for found in (db.restore(session.id), db.restore(project=ROOT)):
        assert found is not None
        assert found.messages == state
    assert db.save(session.id, state) == 0
    assert db.save(session.id, [*state, *MORE]) == 2


@pytest.mark.parametrize("case", CONFLICTS)
def test_save_loses_nothing_of_what_the_new_state_lacks(db: SessionDB, case: str) -> None:
    state, shared = CONFLICTS[case]
    session = db.sessions.start("loop", project=ROOT, title="Looking around")
    db.save(session.id, STATE)
    db.save(session.id, state)
    replaced = db.sessions.get(f"replaced-{session.id}")
    assert (replaced.title, replaced.parent_id, replaced.project) == (
        "Replaced in Looking around",
        session.id,
        ROOT,
    )
    latest = db.sessions.latest(project=ROOT)
    assert latest is not None
    assert (replaced.end_reason, latest.id) == ("replaced", session.id)
    gone = [message.text for message in db.messages.transcript(replaced.id)]
    assert gone == [text or "" for text in contents(STATE[len(shared) :])]
    assert {hit.session_id for hit in db.search("tests").hits} >= (
        {replaced.id} if "Tests." in gone else set()
    )
    assert db.connection.rows("PRAGMA foreign_key_check") == []


@pytest.mark.parametrize("case", CONFLICTS)
def test_save_can_append_to_what_the_new_state_lacks(db: SessionDB, case: str) -> None:
    state, shared = CONFLICTS[case]
    session = db.sessions.start("loop", project=ROOT)
    db.save(session.id, STATE)
    added = db.save(session.id, state, on_conflict="append")
    assert added == len(state) - len(shared)
    found = db.restore(session.id)
    assert found is not None
    assert contents(found.messages) == contents([*STATE, *state[len(shared) :]])
    if added:
        assert db.save(session.id, state, on_conflict="append") == 0


@pytest.mark.parametrize("case", CONFLICTS)
def test_save_can_refuse_a_state_whose_tail_has_changed(db: SessionDB, case: str) -> None:
    state, shared = CONFLICTS[case]
    session = db.sessions.start("loop", project=ROOT)
    db.save(session.id, STATE)
    with pytest.raises(Conflict, match=rf"lack the newest ones of session .*, from seq {len(shared) + 1} on"):
        db.save(session.id, state, tokens={"input": 1}, on_conflict="error")
    found = db.restore(session.id)
    assert found is not None
    assert (found.messages, found.tokens.input) == (STATE, None)


def test_save_in_the_middle_of_a_stream_lets_the_last_message_grow(db: SessionDB) -> None:
    session = db.sessions.start("loop", project=ROOT)
    said = "Let me look. Tests live in tests/."
    for end in (0, 3, 12, len(said)):
        db.save(session.id, [STATE[0], {"role": "assistant", "content": said[:end]}], on_conflict="error")
    call = {"id": "c1", "type": "function", "function": {"name": "ls", "arguments": '{"path": "."}'}}
    begun = {**call, "function": {"name": "ls", "arguments": '{"pa'}}
    for calls in ([begun], [call]):
        state = [STATE[0], {"role": "assistant", "content": said, "tool_calls": calls}]
        db.save(session.id, state, on_conflict="error")
    state[-1]["finish_reason"] = "tool_calls"
    first = db.messages.transcript(session.id)[-1].created_at
    assert db.save(session.id, state, on_conflict="error") == 1
    found = db.restore(session.id)
    assert found is not None
    assert found.messages == state
    assert db.messages.transcript(session.id)[-1].created_at == first
    assert [other.id for other in db.sessions.page(SessionFilter())] == [session.id]


def test_save_gives_a_call_back_whose_answer_was_popped(db: SessionDB) -> None:
    session = db.sessions.start("loop", project=ROOT)
    call = {"id": "c1", "type": "function", "function": {"name": "ls", "arguments": "{}"}}
    asked = [STATE[0], {"role": "assistant", "content": None, "tool_calls": [call]}]
    db.save(session.id, [*asked, {"role": "tool", "tool_call_id": "c1", "content": "tests/"}])
    db.save(session.id, asked)
    assert [open_call.call_id for open_call in db.messages.unanswered(session.id)] == ["c1"]
    (answer,) = db.messages.transcript(f"replaced-{session.id}")
    assert (answer.text, answer.tool_calls[0].call_id) == ("tests/", "c1")
    db.save(session.id, [*asked, {"role": "tool", "tool_call_id": "c1", "content": "src/"}])
    assert db.messages.transcript(session.id)[1].tool_calls[0].result == "src/"
    session = db.sessions.get(session.id)
    assert (session.message_count, session.tool_call_count) == (2, 1)


def test_save_puts_whatever_was_replaced_in_one_session(db: SessionDB) -> None:
    session = db.sessions.start("loop", project=ROOT)
    for text in ("one", "two", "three"):
        db.save(session.id, [STATE[0], {"role": "user", "content": text}])
    texts = [message.text for message in db.messages.transcript(f"replaced-{session.id}")]
    assert texts == ["one", "two"]
    assert [other.id for other in db.sessions.page(SessionFilter())] == [session.id, f"replaced-{session.id}"]


def test_save_leaves_an_ended_session_as_it_is(db: SessionDB) -> None:
    session = db.sessions.start("loop", project=ROOT)
    db.save(session.id, STATE)
    db.sessions.end(session.id)
    for state in (EDITED, []):
        with pytest.raises(Conflict, match="reopen it first"):
            db.save(session.id, state)
    assert len(db.messages.transcript(session.id)) == len(STATE)


@pytest.mark.parametrize(
    ("format", "state"),
    [
        ("openai", [*STATE[:2], *MORE]),  # a call that nobody answered
        ("anthropic", [STATE[3], *MORE]),  # a conversation that the assistant began
    ],
)
def test_save_knows_what_restore_made_up(db: SessionDB, format: str, state: list[dict[str, Any]]) -> None:
    session = db.sessions.start("loop", project=ROOT)
    db.save(session.id, state)
    found = db.restore(session.id, format=format)
    assert found is not None
    assert len(found.messages) > len(state)
    more = [*found.messages, {"role": "user", "content": "Thanks"}]
    assert db.save(session.id, more, on_conflict="error") == 1


def test_save_refuses_what_it_cannot_do(db: SessionDB) -> None:
    session = db.sessions.start("loop", project=ROOT)
    with pytest.raises(InvalidInput, match="there is no token bucket 'total_tokens'"):
        db.save(session.id, MORE, tokens={"total_tokens": 1})
    with pytest.raises(InvalidInput, match="a message must be a dict with role and content"):
        db.save(session.id, ["Hi"])  # type: ignore[list-item]
    assert db.messages.transcript(session.id) == []
    with pytest.raises(NotFound):
        db.save("nowhere", MORE)
    with pytest.raises(InvalidInput, match="on_conflict must be one of replace, append, error, not 'merge'"):
        db.save("nowhere", MORE, on_conflict="merge")


ODD: list[dict[str, Any]] = [
    {"role": "session_meta", "tools": [{"name": "ls"}], "model": "m-1", "timestamp": "2026-03-01T09:00:00"},
    {
        "role": "user",
        "content": "Hi",
        "session_id": "telegram:1",
        "self": 1,
        "id": 7,
        "timestamp": 1772355600.5,
    },
    {"role": "assistant", "content": "Hello", "model": "m-1", "finish_reason": "stop", "external_id": "x"},
    {"role": "assistant", "content": "Yes?", "model": {"id": "m-1"}, "external_id": 12, "created_at": "soon"},
    {"role": "user", "content": {"text": "as a dict"}, "created_at": 1772355600, "metadata": {"a": None}},
    {"role": "assistant", "content": "", "reasoning": {"effort": "low"}, "key": "k", "project": "/p"},
    {"role": "assistant", "content": "Go on.", "reasoning": "", "format": "f", "limit": 3, "messages": []},
]


def test_save_any_message_that_a_store_could_hold(db: SessionDB) -> None:
    session = db.sessions.start("loop", project=ROOT)
    assert [db.save(session.id, ODD[:size]) for size in range(1, len(ODD) + 1)] == [1] * len(ODD)
    found = db.restore(session.id)
    assert found is not None
    assert found.messages == ODD
    assert db.save(session.id, found.messages) == 0
    stored = db.messages.transcript(session.id)
    assert (stored[1].created_at, stored[4].created_at) == (
        "2026-03-01T09:00:00.500Z",
        "2026-03-01T09:00:00.000Z",
    )
    assert (stored[2].model, stored[2].finish_reason, stored[2].external_id) == ("m-1", "stop", "x")
    assert [message["role"] for message in db.history(session.id)] == [message["role"] for message in ODD[1:]]


def test_save_blocks_of_anthropic(db: SessionDB) -> None:
    state: list[dict[str, Any]] = [
        {"role": "user", "content": [{"type": "text", "text": "What is here?"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "ls", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "tests/"}]},
    ]
    session = db.sessions.start("loop", project=ROOT)
    assert [db.save(session.id, state[:size]) for size in (1, 2, 3, 3)] == [1, 1, 1, 0]
    found = db.restore(project=ROOT, format="anthropic")
    assert found is not None
    assert found.messages == state


def test_load_the_newest_session_of_this_workspace(db: SessionDB) -> None:
    assert db.sessions.latest(project=ROOT) is None
    for name, project in (
        ("old", ROOT),
        ("new", f"{ROOT}/"),
        ("other", "/home/ann/other"),
        ("nowhere", None),
    ):
        db.sessions.start("loop", id=name, project=project)
    found = db.sessions.latest(project=ROOT)
    assert found is not None
    assert found.id == "new"
    db.messages.append("old", "user", "I am back.")
    found = db.sessions.latest(project=ROOT)
    assert found is not None
    assert found.id == "old"


def test_load_takes_the_folder_as_a_path(db: SessionDB) -> None:
    session = db.sessions.start("loop", project=Path(ROOT))
    db.notes.add("win", "It parses", project=Path(ROOT))
    assert session.project == ROOT
    for found in (db.sessions.latest(project=Path(ROOT)), db.sessions.latest(project=f"{ROOT}/")):
        assert found == session
    state = db.restore(project=Path(ROOT))
    assert state is not None
    assert state.session == session
    assert db.continuity.brief(project=Path(ROOT)) == db.continuity.brief(project=ROOT) != ""
    db.sessions.set_project(session.id, Path("/home/ann/other"))
    assert db.sessions.get(session.id).project == "/home/ann/other"


def test_load_the_newest_session_of_this_agent_and_of_no_sub_agent(db: SessionDB) -> None:
    own = db.sessions.start("loop", project=ROOT, started_at="2026-03-01")
    db.sessions.start("loop", project=ROOT, parent=own.id, relation="subagent")
    other = db.sessions.start("claude-code", project=ROOT, started_at="2026-03-02")
    found = [db.restore(project=ROOT, agent=agent) for agent in ("loop", None)]
    assert [state and state.session.id for state in found] == [own.id, other.id]


def test_load_the_newest_session_of_this_workspace_through_an_index(db: SessionDB) -> None:
    statements: list[str] = []
    db.connection.sqlite.set_trace_callback(statements.append)
    with db.connection.transaction():  # where reads are the writer's
        statements.clear()
        db.sessions.latest(project=ROOT)
    db.connection.sqlite.set_trace_callback(None)
    plan = db.connection.rows(f"EXPLAIN QUERY PLAN {statements[0]}")
    steps = [row[3] for row in plan]
    assert "SEARCH s USING INDEX idx_sessions_project_id (project_id=?)" in steps
    assert not {"SCAN s", "USE TEMP B-TREE FOR ORDER BY"} & set(steps)


def test_load_fails_where_the_file_cannot_be_read(tmp_path: Path) -> None:
    broken = tmp_path / "sessions.db"
    broken.write_text("{" * 5000)
    with pytest.raises(DatabaseForeign):
        SessionDB(broken)


def test_restore_messages_and_token_usage_in_one_call(db: SessionDB) -> None:
    session = db.sessions.start("loop", project=ROOT)
    db.save(session.id, STATE, tokens={"input": 120, "output": 30})
    db.sessions.consolidate(session.id, 2)
    found = db.restore(project=ROOT)
    assert found is not None
    assert found.session.id == session.id
    assert found.messages == STATE
    assert (found.tokens.input, found.tokens.output, found.tokens.total) == (120, 30, 150)
    assert db.save(found.session.id, found.messages + MORE) == 2
    assert db.restore(project="/home/ann/new") is None
    with pytest.raises(NotFound):
        db.restore("nowhere")
    with pytest.raises(InvalidInput, match="nothing to restore"):
        db.restore()


def test_delete_sessions_older_than_some_hours(db: SessionDB) -> None:
    for name, day in (
        ("old", "2026-03-01"),
        ("pinned", "2026-03-01"),
        ("new", "2026-03-09"),
        ("open", "2026-03-01"),
    ):
        db.sessions.start("loop", id=name, project=ROOT, started_at=f"{day}T12:00:00Z")
        if name != "open":
            db.sessions.end(name, at=f"{day}T12:00:00Z")
    db.sessions.set_pinned("pinned")
    removed = Removals(db.connection).prune("2026-03-08T12:00:00.000Z", SessionFilter(project=ROOT))
    assert removed.sessions == ["old"]
    assert removed.kept == {"open": 1, "pinned": 1}
