"""Threads of Zed, of every version of their payload."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.importers import zed
from sessiondb.importers.base import MessageRecord, Record, SessionRecord, TokenRecord, ToolResult
from sessiondb.importers.files import packed
from sessiondb.importers.files.failures import Unreadable
from sessiondb.importers.files.source import Source
from sessiondb.ingest.run import Ingest
from tests.helpers.golden import assert_owed
from tests.helpers.odd_values import assert_storable, spoilt
from tests.helpers.records import of, read_all

ID = "5b0e7c1d-3f52-4f0e-9d55-0c4f6f1f2a10"
CHILD = "5b0e7c1d-3f52-4f0e-9d55-0c4f6f1f2a11"
PROMPT = "0d5e7c1d-3f52-4f0e-9d55-0c4f6f1f2a12"
AT = "2026-10-01T08:00:00+00:00"
LATER = "2026-10-01T09:00:00+00:00"
SCHEMA = "id TEXT, summary TEXT, updated_at TEXT, data_type TEXT, data BLOB"
NEWER = f"{SCHEMA}, parent_id TEXT, folder_paths TEXT, folder_paths_order TEXT, created_at TEXT"
ASKED = {"User": {"id": PROMPT, "content": [{"Text": "Which bed is dry?"}]}}
CALLED = {
    "Agent": {
        "content": [
            {"Thinking": {"text": "Look.", "signature": "x"}},
            {"RedactedThinking": "x"},
            {"Text": "I look."},
            {"ToolUse": {"id": "c1", "name": "read_file", "raw_input": "{}", "input": {"path": "beds.md"}}},
        ],
        "tool_results": {
            "c1": {
                "tool_use_id": "c1",
                "tool_name": "read_file",
                "is_error": False,
                "content": {"Text": "dry"},
            }
        },
    }
}
ANSWERED = {"Agent": {"content": [{"Text": "The left one."}], "tool_results": {}}}
THREAD = {
    "version": "0.3.0",
    "title": "Beds",
    "messages": [ASKED, CALLED, ANSWERED, "Resume"],
    "updated_at": LATER,
    "cumulative_token_usage": {"input_tokens": 60, "output_tokens": 20, "cache_read_input_tokens": 40},
    "request_token_usage": {PROMPT: {"input_tokens": 30, "output_tokens": 10}},
    "model": {"provider": "zed.dev", "model": "m"},
    "initial_project_snapshot": {
        "worktree_snapshots": [
            {"worktree_path": "/garden", "git_state": {"current_branch": "spring", "head_sha": "abc"}}
        ],
        "timestamp": AT,
    },
}


def row(document: Any, id: str = ID, **more: Any) -> dict[str, Any]:
    data = document if isinstance(document, bytes) else json.dumps(document)
    return {
        "id": id,
        "summary": "Beds",
        "updated_at": LATER,
        "data_type": "zstd" if isinstance(document, bytes) else "json",
        "data": data,
        **more,
    }


def write(path: Path, *rows: dict[str, Any], columns: str = NEWER) -> Path:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE IF NOT EXISTS threads ({columns})")
        connection.execute("DELETE FROM threads")
        for values in rows:
            marks = ", ".join(f":{key}" for key in values)
            connection.execute(f"INSERT INTO threads ({', '.join(values)}) VALUES ({marks})", values)
    return path


def compressed(document: Any) -> bytes:
    for name in ("compression.zstd", "backports.zstd"):
        try:
            packed_text: bytes = import_module(name).compress(json.dumps(document).encode())
        except ImportError:
            continue
        return packed_text
    pytest.skip("nothing here packs with zstd")


records = partial(read_all, zed)


def rows_of(found: Iterable[Record]) -> list[tuple[str, str | None, Any]]:
    return [(one.role, one.content, (one.metadata or {}).get("kind")) for one in of(MessageRecord, found)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "threads.db"


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_thread_has_its_prompts_calls_tokens_folders_and_branch(path: Path, is_packed: bool) -> None:
    document = compressed(THREAD) if is_packed else THREAD
    folders = {"folder_paths": "/a\n/b", "folder_paths_order": "1,0"}
    found = records(write(path, row(document, created_at=LATER, **folders)))
    assert rows_of(found) == [
        ("user", "Which bed is dry?", None),
        ("assistant", "I look.", None),
        ("assistant", "The left one.", None),
    ]
    asked, called, _ = of(MessageRecord, found)
    assert (asked.external_id, called.reasoning, called.model) == (PROMPT, "Look.", "m")
    assert [tuple(call) for call in called.tool_calls] == [("c1", "read_file", '{"path":"beds.md"}')]
    (told,) = of(ToolResult, found)
    assert (told.call_id, told.result, told.is_error, told.name) == ("c1", "dry", False, "read_file")
    (counted,) = of(TokenRecord, found)
    assert (counted.input, counted.cache_read, counted.cache_write, counted.output) == (60, 40, None, 20)
    assert (counted.model, counted.git_branch, counted.git_commit) == ("m", "spring", "abc")
    (session,) = of(SessionRecord, found)
    assert (session.id, session.agent, session.title, session.project) == (ID, "zed", "Beds", "/b")
    assert (session.started_at, session.last_active_at) == (
        "2026-10-01T08:00:00.000Z",
        "2026-10-01T09:00:00.000Z",
    )
    assert session.metadata == {"folders": ["/a"], "provider": "zed.dev", "git_branch": "spring"}


def test_it_gives_what_every_importer_owes(path: Path) -> None:
    assert_owed(zed, write(path, row(THREAD)), in_parts=False)


@pytest.mark.parametrize("version", ["0.2.0", "0.1.0", None])
def test_threads_of_before_are_read(path: Path, version: str | None) -> None:
    def said(role: str, text: str, **more: Any) -> dict[str, Any]:
        block = {"segments": [{"type": "text", "text": text}]} if version else {"text": text}
        return {"id": 1, "role": role, **block, **more}

    call = {"id": "c1", "name": "read_file", "input": {"path": "x"}}
    result = {"tool_use_id": "c1", "is_error": True, "content": "wet", "output": None}
    results = {"tool_results": [result]}
    is_apart = version == "0.1.0"
    messages = [
        said("user", "Dry?", context="<files>beds.md</files>"),
        said("assistant", "I look.", tool_uses=[call], **({} if is_apart else results)),
        *([said("user", "Here is the tool result", **results)] if is_apart else []),
        said("user", "Continue where you left off", is_hidden=True),
        said("assistant", "Left."),
    ]
    document = {"summary": "Beds", "updated_at": LATER, "messages": messages}
    document |= {"version": version} if version else {}
    found = records(write(path, row(document), columns=SCHEMA))
    talk = [one for one in rows_of(found) if one[1] != "Here is the tool result"]
    assert talk == [
        ("system", "<files>beds.md</files>", "context"),
        ("user", "Dry?", None),
        ("assistant", "I look.", None),
        ("system", "Continue where you left off", "meta"),
        ("assistant", "Left.", None),
    ]
    assert [(one.call_id, one.result, one.is_error) for one in of(ToolResult, found)] == [("c1", "wet", True)]
    assert [one for one in rows_of(found) if one[0] == "user"] == [("user", "Dry?", None)]


def test_what_was_mentioned_keeps_its_name_in_the_prompt_and_images_their_hash(path: Path) -> None:
    mention = {"uri": {"File": {"abs_path": "/garden/beds.md"}}, "content": "left: dry"}
    content = [{"Text": "See "}, {"Mention": mention}, {"Text": "!"}, {"Image": {"source": "aGk="}}]
    found = records(write(path, row({**THREAD, "messages": [{"User": {"id": PROMPT, "content": content}}]})))
    assert rows_of(found) == [("system", "left: dry", "context"), ("user", "See @beds.md!", None)]
    assert of(MessageRecord, found)[1].parts[0]["bytes"] == 2


def test_a_thread_of_a_sub_agent_has_its_parent(path: Path) -> None:
    child = row({**THREAD, "messages": [ASKED]}, CHILD, parent_id=ID)
    found = of(SessionRecord, records(write(path, child, row(THREAD))))
    assert {(one.id, one.parent_id, one.relation) for one in found} == {
        (ID, None, None),
        (CHILD, ID, "subagent"),
    }


def test_a_thread_without_messages_is_none_and_one_that_is_damaged_is_named(path: Path) -> None:
    compressed({})  # skips where nothing unpacks
    torn = row(b"\x28\xb5\x2f\xfd\x00", "torn")
    rows = (row({**THREAD, "messages": []}), torn, row([1], "array"), row(THREAD, CHILD))
    source = Source(write(path, *rows))
    assert [one.id for one in of(SessionRecord, zed.read(source))] == [CHILD]
    assert [problem.reason.split(":")[0] for problem in source.problems] == [
        "thread array is not a JSON object",
        "thread torn cannot be unpacked",
    ]


def test_packed_threads_wait_for_what_unpacks_them(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = compressed(THREAD)
    monkeypatch.setattr(packed, "_zstd", lambda: None)
    with pytest.raises(Unreadable, match=r"pip install 'sessiondb\[zstd\]'"):
        records(write(path, row(data)))


def test_a_thread_that_grows_while_zed_writes_is_imported_once(tmp_path: Path, path: Path) -> None:
    with SessionDB(tmp_path / "x.db") as db, closing(sqlite3.connect(path)) as zeds:
        zeds.execute("PRAGMA journal_mode = WAL")
        begun = {**THREAD, "messages": [ASKED, {"Agent": {"content": [{"Text": "The left one"}]}}]}
        for document in (
            begun,
            {**THREAD, "messages": [ASKED, ANSWERED]},
            {**THREAD, "messages": [ASKED, ANSWERED]},
        ):
            write(path, row(document))
            zeds.execute("SELECT * FROM threads").fetchall()
            assert Ingest(db.connection).run([str(path)]).skipped == []
        said = db.connection.rows("SELECT content FROM messages ORDER BY seq")
        assert [one[0] for one in said] == ["Which bed is dry?", "The left one."]
        assert db.connection.value("SELECT sum(input) FROM token_counts") == 60


@pytest.mark.parametrize("seed", range(60))
def test_odd_values_end_nothing_and_can_be_stored(path: Path, seed: int) -> None:
    chance = random.Random(seed)
    source = Source(write(path, row(spoilt(THREAD, chance)), row(spoilt({**THREAD, "x": 1}, chance), CHILD)))
    assert_storable(zed.read(source))
