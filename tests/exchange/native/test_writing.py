"""Sessions written for their agents: read back as what they are, gone on with, and never stored twice."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sessiondb import SessionDB
from sessiondb.errors import Conflict, ImportFailed, InvalidInput
from sessiondb.records import Message, SessionFilter

Lines = list[dict[str, Any]]
LATER = "2026-11-20T10:00:00.000Z"


def claude_code_lines(id: str, above: Lines) -> Lines:
    """Return what Claude Code appends when a person goes on."""
    common = {"sessionId": id, "timestamp": LATER, "isSidechain": False}
    asked = "1d2c7a90-0001-4000-8000-000000000001"
    answer = {"id": "msg_01Later000000000000000001", "role": "assistant", "model": "m"}
    text = [{"type": "text", "text": "Cloves."}]
    return [
        {"type": "user", "uuid": asked, "parentUuid": above[-1]["uuid"], **common,
         "message": {"role": "user", "content": "And which spice?"}},
        {"type": "assistant", "uuid": "1d2c7a90-0001-4000-8000-000000000002", "parentUuid": asked, **common,
         "message": {**answer, "content": text}},
    ]  # fmt: skip


def codex_lines(id: str, above: Lines) -> Lines:
    """Return what Codex appends when a person goes on."""
    said = [("user", "input_text", "And which spice?"), ("assistant", "output_text", "Cloves.")]
    return [
        {"timestamp": LATER, "type": kind, "payload": payload}
        for role, type, text in said
        for kind, payload in (
            ("response_item", {"type": "message", "role": role, "content": [{"type": type, "text": text}]}),
            ("event_msg", {"type": "user_message" if role == "user" else "agent_message", "message": text}),
        )
    ]


def gemini_lines(id: str, above: Lines) -> Lines:
    """Return what Gemini CLI appends when a person goes on."""
    return [
        {"id": "2bedb6c0-6b6f-43c1-9d4c-bd6b714bdd9b", "timestamp": LATER, "type": "user",
         "content": [{"text": "And which spice?"}]},
        {"id": "662bb87b-0039-4550-9335-7ea4894efa19", "timestamp": LATER, "type": "gemini", "content": "Cloves."},
    ]  # fmt: skip


def copilot_lines(id: str, above: Lines) -> Lines:
    """Return what Copilot CLI appends when a person goes on."""
    asked, answer = "e0000000-0003-4000-8000-000000000002", "e0000000-0003-4000-8000-000000000003"
    said = {"messageId": "e0000000-0003-4000-8000-00000000000a", "content": "Cloves.", "toolRequests": []}
    return [
        {"type": "user.message", "data": {"content": "And which spice?"}, "id": asked, "timestamp": LATER,
         "parentId": above[-1]["id"]},
        {"type": "assistant.message", "data": said, "id": answer, "timestamp": LATER, "parentId": asked},
    ]  # fmt: skip


class Case(NamedTuple):
    """An agent, an id that it gives sessions, and what it appends to a log."""

    agent: str
    id: str
    more: Callable[[str, Lines], Lines]


CASES = {
    case.agent: case
    for case in (
        Case("claude-code", "6b1f0c52-3c1e-4a07-9d0e-5a4b8f2d7e99", claude_code_lines),
        Case("codex", "019b0000-0000-7000-8000-00000000c0d9", codex_lines),
        Case("copilot-cli", "7a6b5c4d-0003-4000-8000-000000000009", copilot_lines),
        Case("gemini-cli", "5f0e1d2c-0002-4000-8000-000000000009", gemini_lines),
    )
}
OPENCODE_ID = "ses_made000000000000000000frui9"
IDS = {**{agent: case.id for agent, case in CASES.items()}, "opencode": OPENCODE_ID}
AGENTS = pytest.mark.parametrize("agent", IDS)
LOGS = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the agents keep their sessions in a home that can be written to."""
    for name in (
        "CLAUDE_CONFIG_DIR",
        "CODEX_HOME",
        "GEMINI_CLI_HOME",
        "XDG_DATA_HOME",
        "XDG_CONFIG_HOME",
        "OPENCODE_DB",
    ):
        monkeypatch.delenv(name)
    monkeypatch.delenv("COPILOT_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make the folder of a project."""
    made = tmp_path / "pie shop"
    made.mkdir()
    return made


def start(db: SessionDB, agent: str, folder: Path | str | None = None, id: str | None = None) -> str:
    """Store a session with calls at once, a failed one, an unanswered one, and text that is hard to write."""
    session = db.sessions.start(
        agent,
        id=id or IDS[agent],
        project=folder,
        title="Fruit for the pie",
        started_at="2026-11-01T08:00:00Z",
    )
    calls: list[dict[str, Any]] = [
        {"id": "call_1", "name": "Bash", "arguments": {"command": "cat pie.txt"}},
        {"id": "not an id!", "name": "mcp.fruit shop", "arguments": {"x": 1}},
        {"id": "call_3", "name": "apply_patch", "arguments": "*** Begin Patch"},
        {"id": "call_4", "name": "Wait", "arguments": {}},
    ]
    say = db.messages.append
    say(session.id, "user", "Which fruit goes into the pie?", created_at="2026-11-01T08:00:01Z")
    say(session.id, "assistant", "Let me look.", tool_calls=calls, created_at="2026-11-01T08:00:02Z")
    say(session.id, "tool", "quince", tool_call_id="call_1", created_at="2026-11-01T08:00:03Z")
    say(
        session.id,
        "tool",
        "no shop",
        tool_call_id="not an id!",
        is_error=True,
        created_at="2026-11-01T08:00:04Z",
    )
    say(session.id, "tool", "", tool_call_id="call_3", created_at="2026-11-01T08:00:05Z")
    say(session.id, "assistant", "A quince.", created_at="2026-11-01T08:00:06Z")
    say(session.id, "user", "With what? 日本\u2028\ud83d\ude00 <b>\n```", created_at="2026-11-01T08:00:07Z")
    say(session.id, "assistant", "With cream.", created_at="2026-11-01T08:00:08Z")
    db.sessions.end(session.id)
    return session.id


def said(messages: list[Message]) -> list[tuple[str, str]]:
    """Return who said what in a conversation, and what tools answered."""
    return [(message.role, message.text) for message in messages]


def all_of(db: SessionDB) -> list[tuple[str, int]]:
    """Return the sessions and how many messages each holds."""
    return [(session.id, session.message_count) for session in db.sessions.page(SessionFilter())]


def lines_of(path: str) -> Lines:
    """Return the lines of a log."""
    return [json.loads(line) for line in Path(path).read_text("utf-8").rstrip("\n").split("\n")]


def append(path: str, lines: Lines) -> None:
    """Append lines to a log."""
    with open(path, "a", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


@AGENTS
def test_what_was_written_adds_nothing_when_it_is_imported(db: SessionDB, folder: Path, agent: str) -> None:
    id = start(db, agent, folder)
    before, rows = db.sessions.get(id), db.transcript(id)
    log = db.write_for_agent(id).log
    assert log is not None

    reports = [db.import_logs(log), db.import_logs(log)]

    assert [(r.messages_added, r.sessions_added, r.sessions_updated) for r in reports] == [
        (0, set(), set())
    ] * 2
    assert (db.sessions.get(id), db.transcript(id)) == (before, rows)


@AGENTS
def test_an_empty_database_reads_the_same_conversation(
    tmp_path: Path, db: SessionDB, folder: Path, agent: str
) -> None:
    id = start(db, agent, folder)
    log = db.write_for_agent(id).log
    assert log is not None
    with SessionDB(tmp_path / "other.db") as other:
        other.import_logs(log)

        found = other.transcript(id)

    assert found.session.agent == agent
    talk = [part for part in said(found.messages) if part[0] != "tool"]
    assert talk == [part for part in said(db.transcript(id).messages) if part[0] != "tool"]
    calls = [call for message in found.messages if message.role == "assistant" for call in message.tool_calls]
    assert [(call.name, call.result or "", bool(call.is_error)) for call in calls] == [
        ("Bash", "quince", False),
        ("mcp_fruit_shop", "no shop", agent != "codex"),
        ("apply_patch", "", False),
        ("Wait", "(no result was recorded)", False),
    ]


@LOGS
def test_what_the_agent_adds_comes_to_the_same_session(db: SessionDB, folder: Path, case: Case) -> None:
    id = start(db, case.agent, folder)
    log = db.write_for_agent(id).log
    assert log is not None
    append(log, case.more(id, lines_of(log)))

    reports = [db.import_logs(log), db.import_logs(log)]

    assert [report.messages_added for report in reports] == [2, 0]
    assert said(db.transcript(id).messages)[-3:] == [
        ("assistant", "With cream."),
        ("user", "And which spice?"),
        ("assistant", "Cloves."),
    ]
    assert all_of(db) == [(id, 7)]


@LOGS
def test_what_another_agent_was_given_comes_back_as_a_continuation(
    db: SessionDB, folder: Path, case: Case
) -> None:
    other = next(agent for agent in CASES if agent != case.agent)
    id = start(db, other, folder)
    log = db.write_for_agent(id, case.agent).log
    assert log is not None
    assert db.import_logs(log).sessions_added == set()
    assert all_of(db) == [(id, 5)]
    (native,) = {line["sessionId"] for line in lines_of(log)} if case.agent == "claude-code" else {""}
    append(log, case.more(native, lines_of(log)))

    reports = [db.import_logs(log), db.import_logs(log)]

    (new,) = reports[0].sessions_added
    assert [report.messages_added for report in reports] == [2, 0]
    found = db.sessions.get(new)
    assert (found.agent, found.parent_id, found.relation) == (case.agent, id, "continuation")
    assert (found.title, found.started_at) == ("And which spice?", LATER)
    assert said(db.transcript(new).messages) == [("user", "And which spice?"), ("assistant", "Cloves.")]
    assert db.sessions.get(id).message_count == 5


@pytest.mark.parametrize("agent", ["claude-code", "codex"])
def test_a_log_that_a_later_version_reads_anew_is_neither_doubled_nor_lost(
    db: SessionDB, folder: Path, agent: str
) -> None:
    id = start(db, agent, folder)
    log = db.write_for_agent(id, "claude-code").log
    assert log is not None
    (native,) = {line["sessionId"] for line in lines_of(log)}
    append(log, claude_code_lines(native, lines_of(log)))
    db.import_logs(log)
    talk, sessions = said(db.transcript(id).messages), all_of(db)
    db.connection.execute("UPDATE imports SET parser_version = 0")

    db.import_logs(log)

    assert (said(db.transcript(id).messages), all_of(db)) == (talk, sessions)


def test_gemini_makes_another_session_of_the_file_and_it_is_a_continuation(
    home: Path, db: SessionDB, folder: Path
) -> None:
    id = start(db, "gemini-cli", folder)
    log = db.write_for_agent(id).log
    assert log is not None
    chats = home / ".gemini" / "tmp" / "pie-shop" / "chats"
    chats.mkdir(parents=True)
    head, *rest = lines_of(log)
    made = str(chats / "session-1795887312447-bb9794d5.jsonl")
    note = {"id": "import-1", "type": "info", "content": f"Imported session from {log}", "timestamp": LATER}
    head |= {"sessionId": "bb9794d5-29ee-4d3c-a848-33ab73c97c8d", "startTime": LATER}
    append(made, [head, note, *rest, *gemini_lines("", [])])

    reports = [db.import_logs("auto"), db.import_logs("auto")]

    assert [report.messages_added for report in reports] == [3, 0]
    found = db.sessions.get("bb9794d5-29ee-4d3c-a848-33ab73c97c8d")
    assert (found.parent_id, found.relation, found.message_count) == (id, "continuation", 2)


def test_opencode_has_in_its_database_what_it_was_given(home: Path, db: SessionDB, folder: Path) -> None:
    id = start(db, "opencode", folder)
    found = db.write_for_agent(id)
    assert found.log is not None
    assert found.line == f"cd '{folder}' && opencode import {found.log} && opencode --session {id}"
    document = json.loads(Path(found.log).read_text("utf-8"))
    ids = [message["info"]["id"] for message in document["messages"]]
    assert ids == sorted(ids)
    fill_opencode(home / ".local" / "share" / "opencode" / "opencode.db", document)

    reports = [db.import_logs("auto"), db.import_logs("auto")]

    assert [report.messages_added for report in reports] == [1, 0]
    assert said(db.transcript(id).messages)[-1] == ("user", "And which spice?")
    assert all_of(db) == [(id, 6)]
    assert db.resume_command(id).line == f"cd '{folder}' && opencode --session {id}"


def fill_opencode(path: Path, document: dict[str, Any]) -> None:
    """Make OpenCode's database of an export, with a message more."""
    path.parent.mkdir(parents=True)
    session = document["info"]["id"]
    asked = {"id": "msg_zlater0000000000000000001", "role": "user", "time": {"created": 1795000000000}}
    parts = [{"id": "prt_zlater0000000000000000001", "type": "text", "text": "And which spice?"}]
    with sqlite3.connect(path) as store:
        store.executescript(
            "CREATE TABLE session (id TEXT, title TEXT, directory TEXT, time_created INT, time_updated INT);"
            "CREATE TABLE message (id TEXT, session_id TEXT, time_created INT, data TEXT);"
            "CREATE TABLE part (id TEXT, message_id TEXT, session_id TEXT, data TEXT);"
        )
        info = document["info"]
        values = (session, info["title"], info["directory"], info["time"]["created"], info["time"]["updated"])
        store.execute("INSERT INTO session VALUES (?, ?, ?, ?, ?)", values)
        for message in [*document["messages"], {"info": asked, "parts": parts}]:
            known = message["info"]
            row = (known["id"], session, known["time"]["created"], json.dumps(known))
            store.execute("INSERT INTO message VALUES (?, ?, ?, ?)", row)
            store.executemany(
                "INSERT INTO part VALUES (?, ?, ?, ?)",
                [(part["id"], known["id"], session, json.dumps(part)) for part in message["parts"]],
            )
    store.close()


def test_a_damaged_database_of_opencode_keeps_no_command_from_being_named(
    home: Path, db: SessionDB, folder: Path
) -> None:
    id = start(db, "opencode", folder)
    store = home / ".local" / "share" / "opencode" / "opencode.db"
    store.parent.mkdir(parents=True)
    store.write_bytes(b"SQLite format 3\0" + b"\xff" * 4096)

    assert db.resume_command(id).words == ["opencode", "--session", id]
    with pytest.raises(ImportFailed):
        db.write_for_agent(id)


@AGENTS
def test_a_log_that_is_there_is_not_overwritten(db: SessionDB, folder: Path, agent: str) -> None:
    id = start(db, agent, folder)
    log = db.write_for_agent(id).log
    assert log is not None
    text = Path(log).read_bytes()

    with pytest.raises(Conflict, match="its log exists, and is not overwritten"):
        db.write_for_agent(id)

    assert Path(log).read_bytes() == text
    assert db.write_for_agent(id, even_there=True).is_written is False
    assert len(list(Path(log).parent.iterdir())) == 1


def test_a_log_deleted_again_is_written_again_with_what_was_added(db: SessionDB, folder: Path) -> None:
    id = start(db, "claude-code", folder)
    log = db.write_for_agent(id).log
    assert log is not None
    append(log, claude_code_lines(id, lines_of(log)))
    db.import_logs(log)
    Path(log).unlink()
    assert "its log is gone" in db.resume_command(id).warnings[-1]

    again = db.write_for_agent(id)

    assert again.log == log
    assert "Cloves." in Path(log).read_text("utf-8")
    assert db.import_logs(log).messages_added == 0


def test_a_continuation_is_written_with_all_that_came_before_it(db: SessionDB, folder: Path) -> None:
    id = start(db, "codex", folder)
    log = db.write_for_agent(id, "claude-code").log
    assert log is not None
    append(log, claude_code_lines(lines_of(log)[-1]["sessionId"], lines_of(log)))
    (new,) = db.import_logs(log).sessions_added
    db.sessions.reopen(id)
    db.messages.append(id, "user", "Said in Codex later on.")
    Path(log).unlink()

    again = db.write_for_agent(new).log

    assert again == log
    text = Path(log).read_text("utf-8")
    assert [text.count(part) for part in ("Which fruit", "A quince.", "Cloves.", "later on")] == [1, 1, 1, 0]
    assert db.import_logs(log).messages_added == 0


def test_an_agent_is_given_a_conversation_once_until_there_is_more(db: SessionDB, folder: Path) -> None:
    id = start(db, "codex", folder)
    first, second = (db.write_for_agent(id, "claude") for _ in range(2))
    assert (first.is_written, second.is_written, first.words) == (True, False, second.words)

    db.sessions.reopen(id)
    db.messages.append(id, "user", "One thing more.")

    assert db.write_for_agent(id, "claude").words != first.words


def test_an_id_that_the_agent_does_not_take_gives_a_continuation(db: SessionDB, folder: Path) -> None:
    id = start(db, "claude-code", folder, id="n-1")

    found = db.write_for_agent(id)

    assert found.words[:2] == ["claude", "--resume"]
    assert found.words[2] != "n-1"
    assert db.resume_command(id).line == found.line


def test_a_subagent_is_written_by_its_parent(db: SessionDB, folder: Path) -> None:
    id = start(db, "codex", folder)
    db.sessions.start("codex", id="helper", parent=id, relation="subagent")

    found = db.write_for_agent("helper")

    assert (found.session_id, found.words[-1]) == (id, id)
    assert found.warnings == (f"helper is a sub-agent: it is resumed by its parent {id}",)


def test_claude_code_is_given_a_log_by_its_path_where_the_folder_is_gone(
    db: SessionDB, tmp_path: Path
) -> None:
    id = start(db, "claude-code", tmp_path / "gone")

    found = db.write_for_agent(id)

    assert found.words == ["claude", "--resume", found.log]
    assert "so its log is named by its path" in found.warnings[0]


def test_codex_finds_its_file_where_its_database_says(home: Path, db: SessionDB, folder: Path) -> None:
    id, elsewhere = (
        start(db, "codex", folder),
        home / ".codex" / "sessions" / "kept" / f"rollout-x-{IDS['codex']}.jsonl",
    )
    (home / ".codex").mkdir(parents=True)
    with sqlite3.connect(home / ".codex" / "state_5.sqlite") as state:
        state.execute("CREATE TABLE threads (id TEXT, rollout_path TEXT, title TEXT)")
        state.execute("INSERT INTO threads VALUES (?, ?, '')", (id, str(elsewhere)))
    state.close()

    assert db.write_for_agent(id).log == str(elsewhere)


@pytest.mark.parametrize(
    ("variable", "agent"), [("CLAUDE_CONFIG_DIR", "claude-code"), ("CODEX_HOME", "codex")]
)
def test_an_agent_moved_by_its_variable_is_written_to_there(
    tmp_path: Path, db: SessionDB, monkeypatch: pytest.MonkeyPatch, variable: str, agent: str
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "moved"))

    log = db.write_for_agent(start(db, agent, tmp_path)).log

    assert log is not None
    assert Path(log).is_relative_to(tmp_path / "moved")


def test_only_agents_whose_format_is_known_are_written_for(db: SessionDB, folder: Path) -> None:
    id = start(db, "codex", folder)

    with pytest.raises(InvalidInput, match="cannot write sessions for hermes, only for claude-code, codex"):
        db.write_for_agent(id, "hermes")


def test_a_session_without_a_prompt_is_not_written(db: SessionDB, folder: Path) -> None:
    db.sessions.start("codex", id=IDS["codex"], project=folder)

    with pytest.raises(InvalidInput, match="has nothing to continue from"):
        db.write_for_agent(IDS["codex"])


def test_a_summary_stands_for_what_was_before_it(tmp_path: Path, db: SessionDB, folder: Path) -> None:
    id = start(db, "claude-code", folder)
    db.sessions.reopen(id)
    db.messages.append(id, "system", "They bake a pie.", kind="compact_summary")
    db.messages.append(id, "user", "Go on.")
    log = db.write_for_agent(id).log
    assert log is not None

    summary, after = lines_of(log)[-2:]

    assert (summary["isCompactSummary"], summary["parentUuid"]) == (True, None)
    assert after["parentUuid"] == summary["uuid"]
    with SessionDB(tmp_path / "other.db") as other:
        other.import_logs(log)
        assert said(other.transcript(id).messages)[-2:] == [
            ("system", "They bake a pie."),
            ("user", "Go on."),
        ]


def test_codex_gets_a_summary_in_place_of_what_was_before_it(db: SessionDB, folder: Path) -> None:
    id = start(db, "codex", folder)
    db.sessions.reopen(id)
    db.messages.append(id, "system", "They bake a pie.", kind="compact_summary")
    log = db.write_for_agent(id).log
    assert log is not None

    last = lines_of(log)[-1]

    assert (last["type"], last["payload"]) == ("compacted", {"message": "They bake a pie."})
    assert db.import_logs(log).messages_added == 0


@pytest.mark.parametrize("agent", ["gemini-cli", "opencode"])
def test_a_short_id_which_others_may_have_gives_a_continuation(
    db: SessionDB, folder: Path, agent: str
) -> None:
    id = start(db, agent, folder, id="ses_short1")

    log = db.write_for_agent(id).log

    assert log is not None
    assert "ses_short1" not in log
    assert db.import_logs(log).messages_added == 0
    assert all_of(db) == [(id, 5)]


def test_a_session_without_a_project_gets_none_by_being_written(db: SessionDB) -> None:
    id = start(db, "codex")
    before = db.sessions.get(id)
    log = db.write_for_agent(id).log
    assert log is not None

    db.import_logs(log)

    assert db.sessions.get(id) == before


def test_removing_a_session_forgets_what_was_written_of_it(db: SessionDB, folder: Path) -> None:
    id = start(db, "codex", folder)
    log = db.write_for_agent(id).log
    assert log is not None
    db.remove(id)

    report = db.import_logs(log, restore=True)

    assert report.sessions_added == {id}
    assert all_of(db) == [(id, 5)]
