"""Pi's sessions, and those of OpenClaw and its kin: entries, forks, chats, and the database after the files."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.errors import ImportFailed
from sessiondb.importers import pi
from sessiondb.importers.base import MessageRecord, SessionRecord, TokenRecord, ToolResult
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Source
from sessiondb.ingest.run import Ingest
from tests.helpers.golden import assert_owed
from tests.helpers.records import of, read_all, rows

SESSION = "5b0e7c1d-3f52-4f0e-9d55-0c4f6f1f2a10"
FORK = "6c0e7c1d-3f52-4f0e-9d55-0c4f6f1f2a10"
HEADER = {
    "type": "session",
    "version": 3,
    "id": SESSION,
    "timestamp": "2026-10-01T08:00:00.000Z",
    "cwd": "/garden",
}


def entry(kind: str, number: int, **more: Any) -> dict[str, Any]:
    parent = f"{number - 1:08x}" if number > 1 else None
    at = f"2026-10-01T08:00:{number:02}.000Z"
    return {"type": kind, "id": f"{number:08x}", "parentId": parent, "timestamp": at, **more}


def user(number: int, text: str, **more: Any) -> dict[str, Any]:
    content = [{"type": "text", "text": text}]
    return entry("message", number, message={"role": "user", "content": content}, **more)


def answer(number: int, *blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    usage = {"input": 60, "output": 20, "cacheRead": 40, "cacheWrite": 0, "cost": {"total": 0.0125}}
    message = {
        "role": "assistant",
        "content": blocks,
        "model": "m",
        "usage": usage,
        "stopReason": "stop",
        **more,
    }
    return entry("message", number, message=message)


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


LOG = [
    HEADER,
    entry("model_change", 1, provider="p", modelId="m"),
    user(2, "Which bed is dry?"),
    answer(
        3,
        {"type": "thinking", "thinking": "Look.", "thinkingSignature": "s"},
        {"type": "toolCall", "id": "c1", "name": "bash", "arguments": {"command": "ls"}},
    ),
    entry(
        "message",
        4,
        message={
            "role": "toolResult",
            "toolCallId": "c1",
            "toolName": "bash",
            "content": [text("dry")],
            "isError": False,
        },
    ),
    answer(5, text("The left one.")),
    entry("session_info", 6, name="Dry beds"),
]


def write(path: Path, lines: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


records = partial(read_all, pi)


def imported(folder: Path, *paths: Path) -> list[list[Any]]:
    """Return what a database holds of files that were imported in this order."""
    with SessionDB(folder / f"{len(list(folder.glob('*.db')))}.db") as db:
        for path in paths:
            Ingest(db.connection).run([str(path)])
        return [
            db.connection.rows("SELECT id, agent, parent_id, relation, key, title FROM sessions ORDER BY id"),
            db.connection.rows("SELECT session_id, role, content FROM messages ORDER BY session_id, seq"),
            db.connection.rows(
                "SELECT session_id, input, output FROM token_counts ORDER BY session_id, counted_at"
            ),
        ]


def test_entries_become_messages_calls_and_tokens(tmp_path: Path) -> None:
    found = records(write(tmp_path / f"x_{SESSION}.jsonl", LOG))
    assert rows(found) == [
        ("user", "Which bed is dry?", None),
        ("assistant", None, None),
        ("assistant", "The left one.", None),
    ]
    asked = of(MessageRecord, found)[1]
    assert (asked.reasoning, asked.model, asked.finish_reason) == ("Look.", "m", "stop")
    assert asked.tool_calls == (("c1", "bash", '{"command":"ls"}'),)
    (told,) = of(ToolResult, found)
    assert (told.call_id, told.result, told.is_error, told.name) == ("c1", "dry", False, "bash")
    counted = of(TokenRecord, found)[0]
    assert (counted.input, counted.cache_read, counted.output) == (60, 40, 20)
    assert (counted.cost_microdollars, counted.message) == (12500, asked.external_id)
    first, *_, last = of(SessionRecord, found)
    assert (first.id, first.agent) == (SESSION, "pi")
    assert (last.title, last.model, last.started_at) == ("Dry beds", "m", "2026-10-01T08:00:00.000Z")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_fork_holds_only_what_is_new_whatever_is_read_first(tmp_path: Path, order: tuple[int, int]) -> None:
    parent = write(tmp_path / "s" / f"2026_{SESSION}.jsonl", LOG)
    header = {**HEADER, "id": FORK, "timestamp": "2026-10-01T09:00:00.000Z", "parentSession": str(parent)}
    later = {**user(9, "And the right one?"), "timestamp": "2026-10-01T09:00:09.000Z"}
    fork = write(tmp_path / "s" / f"2026_{FORK}.jsonl", [header, *LOG[1:6], later])
    files = (parent, fork)
    sessions, messages, tokens = imported(tmp_path, *(files[number] for number in order))
    assert [row[:4] for row in sessions] == [(SESSION, "pi", None, None), (FORK, "pi", SESSION, "fork")]
    assert [row[2] for row in messages if row[0] == FORK] == ["And the right one?"]
    assert [row[0] for row in tokens] == [SESSION, SESSION]


def test_a_fork_whose_parent_is_gone_keeps_what_they_share(tmp_path: Path) -> None:
    header = {**HEADER, "id": FORK, "parentSession": f"C:\\Users\\ada\\2026_{SESSION}.jsonl"}
    sessions, messages, _ = imported(tmp_path, write(tmp_path / "s" / "x.jsonl", [header, *LOG[1:]]))
    assert (sessions[0][0], len(messages)) == (FORK, 4)


def test_a_message_that_goes_back_in_the_tree_says_from_where(tmp_path: Path) -> None:
    again = user(7, "Which is wet?", parentId="00000001")
    found = of(MessageRecord, records(write(tmp_path / "x.jsonl", [*LOG, again])))
    assert [one.metadata for one in found] == [None, None, None, {"goes_on_from": "00000001"}]


def test_what_programs_put_in_is_no_prompt(tmp_path: Path) -> None:
    sender = 'Sender (untrusted metadata):\n```json\n{"name": "Ada"}\n```\n\n'
    lines = [
        HEADER,
        user(1, f"{sender}[Thu 2026-10-01 08:00 UTC] Water them"),
        user(2, "Read HEARTBEAT.md if it exists (workspace context)."),
        user(3, '<skill name="prune" location="/x">\nCut.\n</skill>\n\nthe roses'),
        entry("compaction", 4, summary="So far."),
        entry("custom_message", 5, customType="todo", content="Roses", display=True),
        entry("message", 6, message={"role": "bashExecution", "command": "ls", "output": "bed"}),
        user(7, "[draft] what is (untrusted metadata)?"),
    ]
    assert rows(records(write(tmp_path / "x.jsonl", lines))) == [
        ("system", sender.strip(), "environment"),
        ("user", "Water them", None),
        ("system", "Read HEARTBEAT.md if it exists (workspace context).", "heartbeat"),
        ("system", '<skill name="prune" location="/x">\nCut.\n</skill>', "skill"),
        ("user", "the roses", None),
        ("system", "So far.", "compact_summary"),
        ("system", "Roses", "todo"),
        ("system", "$ ls\nbed", "command"),
        ("user", "[draft] what is (untrusted metadata)?", None),
    ]


@pytest.mark.parametrize(
    ("folder", "agent"),
    [
        (".pi/agent/sessions", "pi"),
        (".openclaw/agents/main/sessions", "openclaw"),
        (".clawdbot/agents/main/sessions", "openclaw"),
        (".omp/agent/sessions", "omp"),
        (".qclaw/agents/main/sessions", "qclaw"),
        ("elsewhere", "pi"),
    ],
)
def test_the_folder_tells_whose_session_it_is(tmp_path: Path, folder: str, agent: str) -> None:
    assert of(SessionRecord, records(write(tmp_path / folder / "x.jsonl", LOG)))[0].agent == agent


def test_openclaws_index_names_the_chat_and_the_parent_of_a_sub_agent(tmp_path: Path) -> None:
    folder = tmp_path / ".openclaw" / "agents" / "main" / "sessions"
    main, child = "agent:main:telegram:group:-100", "agent:main:subagent:7"
    index = {main: {"sessionId": SESSION}, child: {"sessionId": FORK, "spawnedBy": main}}
    folder.mkdir(parents=True)
    (folder / "sessions.json").write_text(json.dumps(index), "utf-8")
    session = of(SessionRecord, records(write(folder / f"{SESSION}.jsonl", LOG)))[1]
    assert (session.key, session.channel[:3]) == (main, ("telegram", "group", "-100"))
    child_session = of(SessionRecord, records(write(folder / f"{FORK}.jsonl", [{**HEADER, "id": FORK}])))[1]
    assert (child_session.parent_id, child_session.relation) == (SESSION, "subagent")
    assert child_session.channel is None
    assert records(folder / "sessions.json") == []


def test_the_database_and_the_files_before_it_give_a_session_once(tmp_path: Path) -> None:
    folder = tmp_path / ".openclaw" / "agents" / "main"
    log = write(folder / "sessions" / f"{SESSION}.jsonl", LOG)
    store = folder / "agent" / "openclaw-agent.sqlite"
    store.parent.mkdir(parents=True)
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("CREATE TABLE transcript_events (session_id, seq, event_json, created_at)")
        connection.execute("CREATE TABLE auth (token)")
        connection.execute("INSERT INTO auth VALUES ('sk-roses')")
        events = [
            (SESSION, number, json.dumps(line), 0) for number, line in enumerate([*LOG, user(7, "Bye")])
        ]
        connection.executemany("INSERT INTO transcript_events VALUES (?, ?, ?, ?)", events)
        connection.execute("INSERT INTO transcript_events VALUES (?, 99, 'torn', 0)", (SESSION,))
    both = imported(tmp_path, log, store)
    assert both == imported(tmp_path, store, log) == imported(tmp_path, store)
    assert [row[2] for row in both[1]][-1] == "Bye"
    source = Source(store)
    list(pi.read(source))
    assert [one.reason for one in source.problems] == [f"event 99 of {SESSION} is not a JSON object"]


def test_a_checkpoint_is_refused_and_a_folder_passes_it_over(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    path = write(logs / f"{SESSION}.checkpoint.{FORK}.jsonl", LOG)
    with pytest.raises(ImportFailed, match="is a checkpoint of a session, not one of its own"):
        records(path)
    write(logs / f"{FORK}.jsonl.reset.2026-10-01", [{**HEADER, "id": FORK}, user(1, "Hi")])
    (logs / "auth-profiles.json").write_text('{"key": "sk-roses"}', "utf-8")
    with SessionDB(tmp_path / "x.db") as db:
        report = Ingest(db.connection).run([str(logs)])
        assert (report.sessions_added, report.skipped) == ({FORK}, [])


def test_its_logs_give_what_every_importer_owes(tmp_path: Path) -> None:
    assert_owed(pi, write(tmp_path / "x.jsonl", LOG))


@pytest.mark.parametrize(
    ("line", "score"),
    [
        (HEADER, 2),
        ({"type": "session_start", "id": "x", "cwd": "/x"}, 0),
        ({"type": "session", "id": "x"}, 0),
        ({"type": "message", "message": {"role": "user"}}, 0),
    ],
)
def test_the_format_is_told_by_its_header(tmp_path: Path, line: Any, score: int) -> None:
    sample = Sample(write(tmp_path / "log", [line]))
    sample.lines_up_to(50)
    assert pi.sniff(sample) == score
