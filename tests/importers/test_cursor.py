"""Cursor's sessions: the editor's stores, the transcripts, the command line's store, and one session in several."""

from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.importers import cursor
from sessiondb.importers.base import MessageRecord, SessionRecord, TokenRecord, ToolResult
from sessiondb.importers.detect import NotReadYet, detect
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Source
from sessiondb.ingest.run import Ingest
from tests.helpers.cursor_stores import (
    SECRET,
    SESSION,
    START,
    chat_store,
    composer,
    editor_store,
    workspace_store,
)
from tests.helpers.golden import assert_owed
from tests.helpers.odd_values import assert_storable, spoilt
from tests.helpers.records import of, read_soundly, rows

CHILD = "6c0e7c1d-3f52-4f0e-9d55-0c4f6f1f2a10"
QUERY = "<user_query>\nWhich bed is dry?\n</user_query>"


def said(role: str, *blocks: Any) -> dict[str, Any]:
    return {"role": role, "message": {"content": list(blocks)}}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


LOG = [
    said(
        "user", text(f"<open_and_recently_viewed_files>\nbeds.md\n</open_and_recently_viewed_files>\n{QUERY}")
    ),
    said(
        "assistant",
        text("Look.\n\n[REDACTED]"),
        {"type": "tool_use", "name": "Shell", "input": {"command": "ls"}},
    ),
    said("user", {"type": "tool_result", "tool_use_id": "t1", "content": [text("dry")]}),
    said("assistant", {"type": "thinking", "thinking": "Hm."}, text("The left one.")),
]
ROWS = {
    f"composerData:{SESSION}": composer(
        "u1",
        "a1",
        "a2",
        "a3",
        "gone",
        "null",
        workspaceIdentifier={"id": "w", "uri": {"$mid": 1, "fsPath": "/garden", "path": "/garden"}},
        modelConfig={"modelName": "default"},
        trackedGitRepos=[
            {
                "repoPath": "/garden",
                "branches": [
                    {"branchName": "old", "lastInteractionAt": 1},
                    {"branchName": "dry-beds", "lastInteractionAt": 2},
                ],
            }
        ],
        usageData={"m": {"costInCents": 4, "amount": 1}},
    ),
    f"bubbleId:{SESSION}:u1": {"type": 1, "text": "Which bed is dry?"},
    f"bubbleId:{SESSION}:a1": {
        "type": 2,
        "thinking": {"text": "Look."},
        "createdAt": "2026-09-21T14:13:22.000Z",
    },
    f"bubbleId:{SESSION}:a2": {
        "type": 2,
        "text": "",
        "createdAt": "2026-09-21T14:13:23.000Z",
        "toolFormerData": {
            "name": "run_terminal_cmd",
            "toolCallId": "c1",
            "rawArgs": '{"command":"ls"}',
            "result": '{"output":"dry"}',
            "status": "completed",
        },
    },
    f"bubbleId:{SESSION}:a3": {
        "type": 2,
        "text": "The left one.",
        "createdAt": "2026-09-21T14:13:24.000Z",
        "tokenCount": {"inputTokens": 900, "outputTokens": 20},
        "modelInfo": {"modelName": "m"},
    },
    f"bubbleId:{SESSION}:null": None,
    f"bubbleId:{SESSION}:edited": {"type": 1, "text": "Which bed is wet?"},
    "composerData:empty": composer(),
    "composerData:null": None,
    "agentKv:blob:x": "{}",
}


def write(path: Path, lines: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


records = partial(read_soundly, cursor)


def imported(folder: Path, *paths: Path) -> list[list[Any]]:
    """Return what a database holds of files that were imported in this order."""
    with SessionDB(folder / f"{len(list(folder.glob('*.db')))}.db") as db:
        for path in paths:
            Ingest(db.connection).run([str(path)])
        return [
            db.connection.rows(
                "SELECT id, agent, parent_id, relation, title, started_at, last_active_at, project_id IS NULL,"
                " message_count, nullif(json_remove(metadata, '$.dated_by_file'), '{}') FROM sessions ORDER BY id"
            ),
            db.connection.rows(
                "SELECT session_id, seq, role, content, created_at FROM messages ORDER BY 1, 2"
            ),
            db.connection.rows("SELECT call_id, name, arguments, result FROM tool_calls ORDER BY 1"),
            db.connection.rows("SELECT session_id, input, output FROM token_counts ORDER BY 1, 2"),
        ]


def test_a_transcript_pairs_answers_with_the_calls_that_have_no_id(tmp_path: Path) -> None:
    path = write(tmp_path / f"{SESSION}.jsonl", LOG)
    assert_owed(cursor, path)
    found = records(path)
    assert rows(found) == [
        (
            "system",
            "<open_and_recently_viewed_files>\nbeds.md\n</open_and_recently_viewed_files>",
            "environment",
        ),
        ("user", "Which bed is dry?", None),
        ("assistant", "Look.", None),
        ("assistant", "The left one.", None),
    ]
    (asked,) = [call for message in of(MessageRecord, found) for call in message.tool_calls]
    assert (asked.name, asked.arguments) == ("Shell", '{"command":"ls"}')
    assert [(one.call_id, one.result) for one in of(ToolResult, found)] == [(asked.call_id, "dry")]


def test_a_timestamp_in_a_prompt_dates_it_with_its_zone(tmp_path: Path) -> None:
    sent = "<timestamp>Tuesday, Feb 24, 2026, 12:10 AM (UTC+8)</timestamp>"
    (prompt,) = of(
        MessageRecord, records(write(tmp_path / "x.jsonl", [said("user", text(f"{sent}\n{QUERY}"))]))
    )[1:]
    assert prompt.created_at == "2026-02-23T16:10:00.000Z"


def test_what_stands_around_no_query_is_injected(tmp_path: Path) -> None:
    lines = [
        said("user", text("<system_reminder>Be brief.</system_reminder>")),
        said("user", text("if a < b then what?")),
    ]
    assert rows(records(write(tmp_path / "x.jsonl", lines))) == [
        ("system", "<system_reminder>Be brief.</system_reminder>", "meta"),
        ("user", "if a < b then what?", None),
    ]


@pytest.mark.parametrize("folder", [f"agent-transcripts/{SESSION}", "sample"])
def test_transcripts_of_sub_agents_name_their_parent(tmp_path: Path, folder: str) -> None:
    parent = write(tmp_path / folder / f"{SESSION}.jsonl", LOG)
    child = write(tmp_path / folder / "subagents" / f"{CHILD}.jsonl", LOG)
    (session,) = of(SessionRecord, records(child))
    assert (session.id, session.parent_id, session.relation) == (CHILD, SESSION, "subagent")
    assert of(SessionRecord, records(parent))[0].parent_id is None


def test_the_folder_of_a_transcript_is_found_where_only_one_is_written_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rose.beds" / "left").mkdir(parents=True)
    munged = "-".join(part for part in (tmp_path / "rose-beds" / "left").as_posix().split("/") if part)
    munged = munged.replace("_", "-").replace(".", "-")
    path = write(tmp_path / "home/projects" / munged / "agent-transcripts" / f"{SESSION}.jsonl", LOG)
    assert of(SessionRecord, records(path))[0].project == str(tmp_path / "rose.beds" / "left")
    (tmp_path / "rose-beds" / "left").mkdir(parents=True)
    assert of(SessionRecord, records(path))[0].project is None


def test_a_transcript_in_text_is_read(tmp_path: Path) -> None:
    path = tmp_path / f"{SESSION}.txt"
    path.write_text(
        f"user:\n{QUERY}\n\nA:\n[Thinking] Look.\n[Tool call] Shell\n  command: ls\n\n[Tool result] Shell\n\n"
        "The left one.\n\nuser:\n<user_query>\nThanks\n</user_query>\n",
        "utf-8",
    )
    assert detect(Sample(path)) is cursor
    found = records(path)
    assert rows(found) == [
        ("user", "Which bed is dry?", None),
        ("assistant", "The left one.", None),
        ("user", "Thanks", None),
    ]
    answer = of(MessageRecord, found)[1]
    assert answer.reasoning == "Look."
    assert [(call.name, call.arguments) for call in answer.tool_calls] == [("Shell", '{"command":"ls"}')]


def test_the_editors_session_has_the_order_of_its_headers(tmp_path: Path) -> None:
    path = editor_store(tmp_path / "state.vscdb", ROWS)
    assert_owed(cursor, path, in_parts=False)
    found = records(path)
    (session,) = of(SessionRecord, found)
    assert (session.id, session.title, session.project, session.model) == (
        SESSION,
        "Dry beds",
        "/garden",
        "m",
    )
    assert (session.started_at, session.last_active_at) == (
        "2026-09-21T14:13:20.000Z",
        "2026-09-21T14:14:20.000Z",
    )
    assert session.metadata == {"mode": "agent", "git_branch": ["dry-beds"], "cost": {"m": 0.04}}
    assert rows(found) == [
        ("user", "Which bed is dry?", None),
        ("assistant", None, None),
        ("assistant", None, None),
        ("assistant", "The left one.", None),
    ]
    assert [one.reasoning for one in of(MessageRecord, found)] == [None, "Look.", None, None]
    (answer,) = of(ToolResult, found)
    assert (answer.call_id, answer.result, answer.is_error) == ("c1", '{"output":"dry"}', False)
    (count,) = of(TokenRecord, found)
    assert (count.input, count.output, count.model, count.git_branch) == (900, 20, "m", "dry-beds")


@pytest.mark.parametrize(
    ("more", "status", "expected"),
    [
        ({"result": "no such file", "status": "error"}, None, [("no such file", True)]),
        ({"error": "no such file", "status": "error"}, None, [("no such file", True)]),
        ({"status": "cancelled"}, "cancelled", [(None, False)]),
        ({"status": "loading"}, None, []),
        ({"params": '{"a":1}', "result": {"output": "dry"}}, None, [('{"output":"dry"}', False)]),
    ],
)
def test_a_tool_bubble_answers_itself(tmp_path: Path, more: Any, status: str | None, expected: Any) -> None:
    bubble = {"type": 2, "toolFormerData": {"name": "read_file", **more}}
    store = {"composerData:x": composer("a"), "bubbleId:x:a": bubble}
    found = of(ToolResult, records(editor_store(tmp_path / "state.vscdb", store)))
    assert [(one.result, one.is_error) for one in found] == expected
    assert [(one.metadata or {}).get("status") for one in found] == [status] * len(expected)


def test_old_sessions_have_their_bubbles_in_them(tmp_path: Path) -> None:
    bubbles = [
        {
            "type": 1,
            "bubbleId": "u",
            "richText": json.dumps({"root": {"children": [{"children": [text("Dry?")]}]}}),
        },
        {
            "type": 2,
            "bubbleId": "a",
            "text": "Left.",
            "timingInfo": {"clientStartTime": START, "clientEndTime": 17},
        },
    ]
    value = composer(conversation=bubbles)
    found = records(editor_store(tmp_path / "state.vscdb", {"composerData:x": value}))
    assert rows(found) == [("user", "Dry?", None), ("assistant", "Left.", None)]
    assert of(MessageRecord, found)[1].created_at == "2026-09-21T14:13:20.000Z"


@pytest.mark.parametrize("told_by", ["child", "parent", "heads"])
def test_sub_agents_of_the_editor_are_linked(tmp_path: Path, told_by: str) -> None:
    info = {"subagentInfo": {"parentComposerId": SESSION, "subagentTypeName": "explore"}}
    store = {
        f"composerData:{CHILD}": composer("u", **(info if told_by == "child" else {})),
        f"bubbleId:{CHILD}:u": {"type": 1, "text": "List the beds"},
        f"composerData:{SESSION}": composer(
            "u", **({"subagentComposerIds": [CHILD, "x"]} if told_by == "parent" else {})
        ),
        f"bubbleId:{SESSION}:u": {"type": 1, "text": "Dry?"},
    }
    path = editor_store(tmp_path / "state.vscdb", store, {CHILD: info} if told_by == "heads" else None)
    sessions = imported(tmp_path, path)[0]
    assert [(one[0], one[2], one[3]) for one in sessions] == [
        (SESSION, None, None),
        (CHILD, SESSION, "subagent"),
    ]


def test_the_folder_is_told_by_the_stores_of_the_workspaces(tmp_path: Path) -> None:
    store = {f"composerData:{SESSION}": composer("u"), f"bubbleId:{SESSION}:u": {"type": 1, "text": "Dry?"}}
    path = editor_store(tmp_path / "globalStorage" / "state.vscdb", store)
    workspace = tmp_path / "workspaceStorage" / "w"
    listed = {"composer.composerData": {"allComposers": [{"composerId": SESSION, "name": "Dry beds"}]}}
    beside = workspace_store(workspace / "state.vscdb", listed)
    (workspace / "workspace.json").write_text('{"folder": "file:///rose%20beds"}', "utf-8")
    assert of(SessionRecord, records(path))[0].project == "/rose beds"
    assert records(beside) == []


def test_a_workspace_of_2024_has_whole_chats(tmp_path: Path) -> None:
    bubbles = [
        {"type": "user", "id": "u", "text": "Dry?"},
        {"type": "ai", "id": "a", "rawText": "Left.", "modelType": "m"},
        {"type": "user", "id": "v", "text": ""},  # the field to type into
    ]
    tab = {"tabId": SESSION, "chatTitle": "Dry beds", "lastSendTime": START, "bubbles": bubbles}
    path = workspace_store(
        tmp_path / "w" / "state.vscdb",
        {
            "workbench.panel.aichat.view.aichat.chatdata": {"tabs": [tab]},
            "aiService.prompts": [{"text": "Dry?"}],
            "cursorAuth/refreshToken": SECRET,
        },
    )
    (tmp_path / "w" / "workspace.json").write_text('{"folder": "file:///garden"}', "utf-8")
    assert_owed(cursor, path, in_parts=False)
    found = records(path)
    (session,) = of(SessionRecord, found)
    assert (session.title, session.project, session.model) == ("Dry beds", "/garden", "m")
    assert rows(found) == [("user", "Dry?", None), ("assistant", "Left.", None)]


def test_a_store_of_vs_code_itself_is_refused_by_name(tmp_path: Path) -> None:
    path = workspace_store(tmp_path / "state.vscdb", {"chat.x": {}})
    with pytest.raises(NotReadYet, match="a store of VS Code's own"):
        detect(Sample(path))


CHAT = [
    {"role": "system", "content": "You are an agent."},
    {"role": "user", "content": [text("<user_info>\nOS: linux\n</user_info>")]},
    {"role": "user", "content": [text(QUERY)]},
    {
        "role": "assistant",
        "content": [
            {"type": "reasoning", "text": "Look."},
            {"type": "tool-call", "toolCallId": "c1", "toolName": "Shell", "args": {"command": "ls"}},
        ],
    },
    {
        "role": "tool",
        "content": [{"type": "tool-result", "toolCallId": "c1", "toolName": "Shell", "result": "dry"}],
    },
    {"role": "assistant", "content": [text("The left one.")]},
]


def test_the_command_lines_store_is_read_in_the_order_of_its_root(tmp_path: Path) -> None:
    path = chat_store(tmp_path / SESSION / "store.db", CHAT, folder="/garden")
    assert_owed(cursor, path, in_parts=False)
    found = records(path)
    (session,) = of(SessionRecord, found)
    assert (session.id, session.title, session.model, session.project) == (
        SESSION,
        "Dry beds",
        "m",
        "/garden",
    )
    assert rows(found) == [
        ("system", "You are an agent.", "instructions"),
        ("system", "<user_info>\nOS: linux\n</user_info>", "environment"),
        ("user", "Which bed is dry?", None),
        ("assistant", None, None),
        ("assistant", "The left one.", None),
    ]
    assert [(one.call_id, one.result) for one in of(ToolResult, found)] == [("c1", "dry")]


def test_a_store_without_messages_is_no_session(tmp_path: Path) -> None:
    assert records(chat_store(tmp_path / SESSION / "store.db", [], name="New Agent")) == []


def test_a_message_that_is_missing_is_reported(tmp_path: Path) -> None:
    path = chat_store(tmp_path / SESSION / "store.db", CHAT)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM blobs WHERE CAST(data AS TEXT) LIKE '%tool-result%'")
    source = Source(path)
    found = list(cursor.read(source))
    assert (len(of(MessageRecord, found)), len(of(ToolResult, found))) == (5, 0)
    assert len(source.problems) == 1


def test_one_session_in_all_stores_is_there_once_in_whatever_order_they_are_read(tmp_path: Path) -> None:
    home, user = tmp_path / "home", tmp_path / "User"
    paths = (
        write(home / "projects/x/agent-transcripts" / f"{SESSION}.jsonl", LOG),
        chat_store(home / "chats/x" / SESSION / "store.db", CHAT, folder="/garden"),
        editor_store(user / "globalStorage" / "state.vscdb", ROWS),
    )
    editors_own = imported(tmp_path, paths[2])
    for some in permutations(paths):
        assert imported(tmp_path, *some, *some) == editors_own
    commands_own = imported(tmp_path, paths[1])
    assert imported(tmp_path, paths[0], paths[1]) == commands_own
    assert imported(tmp_path, paths[1], paths[0]) == commands_own


def test_an_editor_at_work_is_read_with_what_lies_in_its_log(tmp_path: Path) -> None:
    path = editor_store(tmp_path / "state.vscdb", ROWS)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        value = {"type": 2, "text": "Water it."}
        connection.execute(
            "INSERT INTO cursorDiskKV VALUES (?, ?)", (f"bubbleId:{SESSION}:gone", json.dumps(value))
        )
        connection.commit()
        before = {one.name: one.read_bytes() for one in tmp_path.iterdir() if not one.name.endswith("-shm")}
        assert rows(records(path))[-1] == ("assistant", "Water it.", None)
        after = {one.name: one.read_bytes() for one in tmp_path.iterdir() if not one.name.endswith("-shm")}
        assert after == before


def test_what_is_no_json_is_reported_and_costs_no_other_session(tmp_path: Path) -> None:
    store: dict[str, Any] = {**ROWS, "composerData:bad": b"{", f"bubbleId:{SESSION}:gone": []}
    source = Source(editor_store(tmp_path / "state.vscdb", store))
    assert len(of(MessageRecord, list(cursor.read(source)))) == 4
    assert [one.reason for one in source.problems] == [
        f"bubble gone of {SESSION} is not a JSON object",
        "session bad is not a JSON object",
    ]


@pytest.mark.parametrize("seed", range(20))
def test_odd_values_stop_nothing(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    chat = [spoilt(one, chance) for one in CHAT]
    listed = spoilt({"allComposers": [composer(conversation=[{"type": 1, "text": "Dry?"}])]}, chance)
    for path in (
        editor_store(tmp_path / "state.vscdb", {key: spoilt(value, chance) for key, value in ROWS.items()}),
        chat_store(tmp_path / SESSION / "store.db", chat, createdAt=spoilt([START], chance)),
        workspace_store(tmp_path / "w.vscdb", {"composer.composerData": listed}),
    ):
        assert_storable(cursor.read(Source(path)))


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_root_ends_in_an_error_or_in_fewer_messages(tmp_path: Path, seed: int) -> None:
    path = chat_store(tmp_path / SESSION / "store.db", CHAT)
    chance = random.Random(seed)
    with closing(sqlite3.connect(path)) as connection, connection:
        (root,) = connection.execute("SELECT data FROM blobs WHERE substr(data, 1, 2) = x'0a20'").fetchone()
        damaged = bytearray(root[: chance.randrange(len(root))] if seed % 2 else root)
        for _ in range(min(4, len(damaged))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        connection.execute("UPDATE blobs SET data = ? WHERE data = ?", (bytes(damaged), root))
    assert_storable(cursor.read(Source(path)))
