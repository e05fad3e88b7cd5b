"""OpenCode's database: its -wal, its sub-agents and forks, its bad rows."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sessiondb.importers import opencode
from sessiondb.importers.base import MessageRecord, Record, SessionRecord, TokenRecord, ToolResult
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Source
from tests.helpers.records import of

SES = "ses_2f1e0d9c8b7aABCDEFGHIJKLMN"
CHILD = "ses_2f1e0d9c8b7bABCDEFGHIJKLMN"
FORK = "ses_2f1e0d9c8b7cABCDEFGHIJKLMN"
START = 1_780_000_000_000

SCHEMA = """
CREATE TABLE project (id TEXT PRIMARY KEY, worktree TEXT NOT NULL);
CREATE TABLE session (
    id TEXT PRIMARY KEY, project_id TEXT NOT NULL, parent_id TEXT, slug TEXT NOT NULL,
    directory TEXT NOT NULL, title TEXT NOT NULL, version TEXT NOT NULL, share_url TEXT,
    summary_additions INTEGER, summary_deletions INTEGER, summary_files INTEGER, revert TEXT,
    cost REAL NOT NULL DEFAULT 0, tokens_input INTEGER NOT NULL DEFAULT 0, agent TEXT, model TEXT,
    time_created INTEGER NOT NULL, time_updated INTEGER NOT NULL, time_archived INTEGER);
CREATE TABLE message (
    id TEXT PRIMARY KEY, session_id TEXT NOT NULL, time_created INTEGER NOT NULL,
    time_updated INTEGER NOT NULL, data TEXT NOT NULL);
CREATE TABLE part (
    id TEXT PRIMARY KEY, message_id TEXT NOT NULL, session_id TEXT NOT NULL,
    time_created INTEGER NOT NULL, time_updated INTEGER NOT NULL, data TEXT NOT NULL);
CREATE TABLE event (id TEXT PRIMARY KEY, data TEXT);
"""
TALK = {
    "msg_1": ("user", "Where?", 0),
    "msg_2": ("assistant", "In tests/.", 100),
    "msg_3": ("assistant", "Done.", 9),
}


def add_session(connection: sqlite3.Connection, session: str, **more: Any) -> None:
    row = {
        **{
            "id": session,
            "project_id": "prj",
            "slug": "otter",
            "directory": "/home/me/shop",
            "version": "1.3",
        },
        **{"title": "Tests", "time_created": START, "time_updated": START + 60_000},
        **more,
    }
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO session ({names}) VALUES ({marks})", tuple(row.values()))


def add_talk(connection: sqlite3.Connection, session: str, talk: dict[str, tuple[str, str, int]]) -> None:
    """Add messages by id: role, text and input tokens. Equal texts have equal times, as in a fork."""
    for message_id, (role, text, tokens) in talk.items():
        begun = START + sum(text.encode())
        data: dict[str, Any] = {"role": role, "time": {"created": begun}}
        if tokens:
            data.update(
                time={"created": begun, "completed": begun + 500}, tokens={"input": tokens, "output": 1}
            )
        row = (message_id, session, begun, begun, json.dumps(data))
        connection.execute("INSERT INTO message VALUES (?, ?, ?, ?, ?)", row)
        part = (
            f"prt{message_id}",
            message_id,
            session,
            begun,
            begun,
            json.dumps({"type": "text", "text": text}),
        )
        connection.execute("INSERT INTO part VALUES (?, ?, ?, ?, ?, ?)", part)


def records(path: Path) -> list[Record]:
    return list(opencode.read(Source(path)))


def texts(found: list[Record]) -> list[str | None]:
    return [message.content for message in of(MessageRecord, found)]


def test_database_is_read_with_its_log(tmp_path: Path) -> None:
    """What is still in the -wal counts, whether the program runs or left it behind."""
    path, left = tmp_path / "opencode.db", tmp_path / "left"
    left.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.executescript(SCHEMA)
        add_session(connection, SES)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        add_talk(connection, SES, TALK)
        connection.commit()
        for name in ("opencode.db", "opencode.db-wal"):
            (left / name).write_bytes((tmp_path / name).read_bytes())
        assert sorted(filter(None, texts(records(path)))) == ["Done.", "In tests/.", "Where?"]
    assert records(left / "opencode.db")[1:3] == records(path)[1:3]
    assert sorted(file.name for file in left.iterdir()) == ["opencode.db", "opencode.db-wal"]
    (left / "opencode.db-wal").unlink()
    assert texts(records(left / "opencode.db")) == []


def test_session_row_says_what_an_export_says(tmp_path: Path) -> None:
    """The columns are the fields of a session; a title or a folder that nobody gave is none."""
    path = tmp_path / "opencode.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(SCHEMA)
        more = {
            "model": '{"id": "m-1", "providerID": "p"}',
            "revert": '{"messageID": "msg_9"}',
            "summary_files": 2,
        }
        add_session(connection, SES, **more, share_url="https://share.test/1", time_archived=START)
        title = "Child session - 2026-05-28T20:26:40.000Z"
        add_session(connection, CHILD, parent_id=SES, title=title, directory="/")
    metadata = {"version": "1.3", "slug": "otter", "projectID": "prj"}
    noted = {
        "share_url": "https://share.test/1",
        "reverted_to": "msg_9",
        "archived_at": "2026-05-28T20:26:40.000Z",
    }
    began, ended = "2026-05-28T20:26:40.000Z", "2026-05-28T20:27:40.000Z"
    assert records(path) == [
        SessionRecord(
            SES,
            "opencode",
            SES,
            project="/home/me/shop",
            title="Tests",
            model="m-1",
            started_at=began,
            metadata={**metadata, **noted, "changes": {"files": 2}},
        ),
        SessionRecord(SES, "opencode", SES, last_active_at=ended),
        SessionRecord(
            CHILD, "opencode", CHILD, parent_id=SES, relation="subagent", started_at=began, metadata=metadata
        ),
        SessionRecord(CHILD, "opencode", CHILD, last_active_at=ended),
    ]


def test_fork_is_given_with_its_copies_after_what_it_copies(tmp_path: Path) -> None:
    """A fork has its parent's messages under new ids, which are told apart where they are stored."""
    path = tmp_path / "opencode.db"
    copies = {f"{message_id}f": said for message_id, said in TALK.items()}
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(SCHEMA)
        add_session(connection, FORK, time_created=START + 50_000)
        add_talk(connection, FORK, {**copies, "msg_4": ("assistant", "Anew, and elsewhere.", 7)})
        add_session(connection, SES)
        add_talk(connection, SES, TALK)
    found = records(path)
    lineage = [(record.id, record.parent_id, record.relation) for record in of(SessionRecord, found)]
    assert lineage == [(SES, None, None)] * 2 + [(FORK, None, None)] * 2
    assert len(texts(found)) == 7
    counts = {(record.session, record.message, record.input) for record in of(TokenRecord, found)}
    own = {(SES, "msg_2", 100), (SES, "msg_3", 9), (FORK, "msg_4", 7)}
    assert counts == own | {(FORK, "msg_2f", 100), (FORK, "msg_3f", 9)}


def test_bad_rows_are_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    """Neither broken JSON nor bytes that are no UTF-8 cost more than their row."""
    path = tmp_path / "opencode.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(SCHEMA)
        add_session(connection, SES)
        add_talk(connection, SES, TALK)
        part = b'{"type": "text", "text": "In \xff, half a pair \\ud83d."}'
        connection.execute("UPDATE message SET data = '{' WHERE id = 'msg_1'")
        connection.execute("UPDATE part SET data = CAST(? AS TEXT) WHERE message_id = 'msg_2'", (part,))
        connection.execute("UPDATE part SET data = x'00' WHERE message_id = 'msg_3'")
    source = Source(path)
    assert set(texts(list(opencode.read(source)))) == {None, "In \ufffd, half a pair \ufffd."}
    assert {problem.reason for problem in source.problems} == {
        "message msg_1 is not a JSON object",
        "part prtmsg_3 is not a JSON object",
    }


@pytest.mark.parametrize(
    ("name", "agent"),
    [
        ("opencode/opencode.db", "opencode"),
        ("kilo/opencode-dev.db", "opencode"),
        ("kilo/kilo.db", "kilo"),
        ("kilo/data/store.db", "kilo"),
        ("kilo-dev.db", "kilo"),
        ("mimocode/store.db", "mimocode"),
        ("icodemate.db", "icodemate"),
        ("copy.db", "opencode"),
    ],
)
def test_a_database_of_a_program_made_from_opencode_has_its_own_name(
    tmp_path: Path, name: str, agent: str
) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(SCHEMA)
        add_session(connection, SES)
        add_session(connection, CHILD, parent_id=SES)
        add_talk(connection, SES, TALK)
    found = of(SessionRecord, records(path))
    assert {record.agent for record in found} == {agent}
    assert {record.id for record in found} == {SES, CHILD}


PRESENT = """
CREATE TABLE session_message (id TEXT PRIMARY KEY, session_id TEXT, type TEXT, time_created INTEGER, data TEXT);
"""
TOOL = {
    "type": "tool", "id": "call_1", "callID": "call_1", "name": "bash",
    "state": {"status": "completed", "input": {"command": "ls"}, "content": [{"type": "text", "text": "a.txt"}]},
    "time": {"created": START + 200, "completed": START + 300},
}  # fmt: skip
FAILED = {
    **TOOL,
    "id": "call_2",
    "callID": "call_2",
    "state": {"status": "error", "error": {"message": "no"}},
}
ANSWER = {
    "model": {"id": "m-1", "providerID": "p"}, "finish": "stop",
    "content": [{"type": "reasoning", "text": "Hm."}, {"type": "text", "text": "Here."}, TOOL],
    "tokens": {"input": 20, "output": 3, "reasoning": 4, "cache": {"read": 7, "write": 0}},
    "time": {"created": START + 100, "completed": START + 900},
}  # fmt: skip
ROWS: list[tuple[str, dict[str, Any]]] = [
    ("user", {"text": "Where?", "time": {"created": START}}),
    ("model-switched", {"model": {"id": "m-2"}, "time": {"created": START + 50}}),
    ("assistant", ANSWER),
    ("synthetic", {"text": "Mind the weir.", "time": {"created": START + 1000}}),
    ("shell", {"command": "pwd", "output": "/home/me", "time": {"created": START + 1100}}),
    ("compaction", {"summary": "They looked.", "time": {"created": START + 1200}}),
    ("assistant", {"content": [FAILED], "time": {"created": START + 1300}}),
]


def present(
    path: Path, sessions: str, rows: list[tuple[str, dict[str, Any]]], *, has_old: bool = True
) -> Path:
    """Make a database of a later release."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(SCHEMA + PRESENT)
        add_session(connection, SES)
        if sessions != "session":
            connection.execute(f"CREATE TABLE {sessions} AS SELECT * FROM session")
            connection.execute("DELETE FROM session")
        if not has_old:
            connection.executescript("DROP TABLE message; DROP TABLE part")
        for number, (kind, data) in enumerate(rows):
            row = (f"msg_n{number}", SES, kind, data["time"]["created"], json.dumps(data))
            connection.execute("INSERT INTO session_message VALUES (?, ?, ?, ?, ?)", row)
    return path


@pytest.mark.parametrize("has_old", [True, False])
@pytest.mark.parametrize("sessions", ["session", "session_v2"])
def test_messages_that_are_only_in_the_present_table_are_read(
    tmp_path: Path, sessions: str, has_old: bool
) -> None:
    path = present(tmp_path / "opencode.db", sessions, ROWS, has_old=has_old)
    assert opencode.sniff(Sample(path)) == 2
    found = records(path)
    messages = of(MessageRecord, found)
    assert [(one.role, one.content, (one.metadata or {}).get("kind")) for one in messages] == [
        ("user", "Where?", None),
        ("assistant", "Here.", None),
        ("system", "Mind the weir.", "meta"),
        ("system", "pwd\n/home/me", "meta"),
        ("assistant", "They looked.", "compact_summary"),
        ("assistant", None, None),
    ]
    assert [(one.call_id, one.result, one.is_error) for one in of(ToolResult, found)] == [
        ("call_1", "a.txt", False), ("call_2", "no", True),
    ]  # fmt: skip
    (tokens,) = of(TokenRecord, found)
    assert (tokens.input, tokens.cache_read, tokens.output, tokens.reasoning) == (20, 7, 7, 4)
    assert tokens.model == "m-1"


def test_a_session_that_began_in_the_old_tables_goes_on_in_the_present_one(tmp_path: Path) -> None:
    path = present(tmp_path / "opencode.db", "session", ROWS[:1])
    with closing(sqlite3.connect(path)) as connection, connection:
        add_talk(connection, SES, TALK)
        moment = START + 3_600_000
        row = ("msg_late", SES, "user", moment, json.dumps({"text": "Go on", "time": {"created": moment}}))
        connection.execute("INSERT INTO session_message VALUES (?, ?, ?, ?, ?)", row)
    assert texts(records(path)) == ["Done.", "Where?", "In tests/.", "Go on"]
