"""OpenCode: one session in its database, its tree and its export; forks, sub-agents and what is none."""

from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sessiondb.errors import ImportFailed
from sessiondb.importers import opencode
from sessiondb.importers.base import (
    MessageRecord,
    Record,
    SessionRecord,
    TokenRecord,
    ToolCallRecord,
    ToolResult,
)
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Source
from sessiondb.timestamps import normalise
from tests.helpers.odd_values import spoilt
from tests.helpers.opencode_messages import SES, START, Message, reply, text, tool
from tests.helpers.records import of

CHILD = "ses_2f1e0d9c8b7bABCDEFGHIJKLMN"


PIXEL = "data:image/png;base64,AAAA"


HASHED = {
    "sha256": "709e80c88487a2411e1ee4dfb9f22a861492d20c4765150c0c794abd70f8147c",
    "media_type": "image/png",
    "bytes": 3,
}


# The columns that every version has; the rows hold what the files hold.
SCHEMA = """
CREATE TABLE session (id, project_id, slug, directory, title, version, time_created, time_updated);
CREATE TABLE message (id, session_id, time_created, data);
CREATE TABLE part (id, message_id, data);
"""


def info(session: str = SES, **more: Any) -> dict[str, Any]:
    return {
        "id": session,
        "projectID": "prj",
        "directory": "/home/me/shop",
        "title": "Find the tests",
        "version": "1.3.17",
        "slug": "brave-otter",
        "time": {"created": START, "updated": START + 90_000},
        **more,
    }


def user(number: int, *parts: dict[str, Any], **more: Any) -> Message:
    message = {"id": f"msg_{number}", "role": "user", "time": {"created": START + number * 1000}}
    return {**message, **more}, list(parts)


def tokens(said: int, output: int, reasoning: int) -> dict[str, Any]:
    return {"input": said, "output": output, "reasoning": reasoning, "cache": {"read": 7, "write": 3}}


TALK: list[Message] = [
    user(
        1,
        text("Where are the tests?"),
        text("Called the Read tool", synthetic=True),
        {"type": "file", "mime": "image/png", "filename": "a.png", "url": PIXEL},
        agent="build",
        summary={"title": "Tests", "diffs": [{"before": "bulk"}]},
    ),
    reply(
        2,
        {"type": "step-start", "snapshot": "abc"},
        {"type": "reasoning", "text": "Look first.", "metadata": {"encrypted": "x"}},
        tool(
            "c1",
            title="List",
            metadata={"exit": 0, "preview": "bulk"},
            attachments=[{"type": "file", "url": PIXEL}],
        ),
        {"type": "step-finish", "reason": "tool-calls", "cost": 0.25, "tokens": tokens(100, 10, 5)},
        tokens=tokens(100, 10, 5),
        cost=0.25,
        finish="tool-calls",
    ),
    reply(3, text("In tests/."), {"type": "patch", "hash": "h", "files": ["a"]}, tokens=tokens(120, 20, 0)),
]


def at(milliseconds: int) -> str | None:
    return normalise(START + milliseconds)


EXPECTED: list[Record] = [
    SessionRecord(
        SES,
        "opencode",
        SES,
        project="/home/me/shop",
        title="Find the tests",
        started_at=at(0),
        metadata={"version": "1.3.17", "slug": "brave-otter", "projectID": "prj"},
    ),
    MessageRecord(
        SES,
        "user",
        "Where are the tests?",
        "msg_1",
        at(1000),
        parts=[{"type": "file", "mime": "image/png", "filename": "a.png", "url": HASHED}],
        metadata={"headline": "Tests", "agent": "build"},
    ),
    MessageRecord(SES, "system", "Called the Read tool", "msg_1:meta", at(1000), metadata={"kind": "meta"}),
    MessageRecord(
        SES,
        "assistant",
        None,
        "msg_2",
        at(2000),
        "Look first.",
        model="m-1",
        finish_reason="tool-calls",
        metadata={"provider": "p-1"},
        tool_calls=(ToolCallRecord("c1", "bash", '{"command":"ls"}'),),
    ),
    TokenRecord(SES, f"{SES}:msg_2", 100, 7, 3, 15, 5, 250_000, "m-1", "msg_2", at(2500)),
    ToolResult(
        SES,
        "c1",
        "a.txt",
        False,
        at(2500),
        "bash",
        "prt_2_2",
        [{"type": "file", "url": HASHED}],
        {"title": "List", "exit": 0},
    ),
    MessageRecord(
        SES,
        "assistant",
        "In tests/.",
        "msg_3",
        at(3000),
        parts=[{"type": "patch", "hash": "h", "files": ["a"]}],
        model="m-1",
        metadata={"provider": "p-1"},
    ),
    TokenRecord(SES, f"{SES}:msg_3", 120, 7, 3, 20, 0, None, "m-1", "msg_3", at(3500)),
    SessionRecord(SES, "opencode", SES, last_active_at=at(3500)),
]


def without(value: dict[str, Any], *keys: str) -> str:
    return json.dumps({key: item for key, item in value.items() if key not in keys})


def dump(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2), "utf-8")
    return path


def with_ids(session: str, talk: list[Message]) -> list[Message]:
    """Give messages and parts the ids that OpenCode writes."""
    found = []
    for message, parts in talk:
        ids = {"messageID": message["id"], "sessionID": session}
        numbered = [{**part, **ids, "id": f"prt_{message['id'][4:]}_{n}"} for n, part in enumerate(parts)]
        found.append(({**message, "sessionID": session}, numbered))
    return found


def in_database(folder: Path, session: dict[str, Any], talk: list[Message]) -> Path:
    path, time = folder / "opencode.db", session["time"]
    texts = [session[key] for key in ("id", "projectID", "slug", "directory", "title", "version")]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(SCHEMA)
        row = (*texts, time["created"], time["updated"])
        connection.execute("INSERT INTO session VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        for message, parts in with_ids(session["id"], talk):
            data = without(message, "id", "sessionID")
            row = (message["id"], session["id"], message["time"]["created"], data)
            connection.execute("INSERT INTO message VALUES (?, ?, ?, ?)", row)
            for part in parts:
                row = (part["id"], message["id"], without(part, "id", "messageID", "sessionID"))
                connection.execute("INSERT INTO part VALUES (?, ?, ?)", row)
    return path


def tree(root: Path, session: dict[str, Any], talk: list[Message], early: bool = False) -> Path:
    for message, parts in with_ids(session["id"], talk):
        dump(root / "message" / session["id"] / f"{message['id']}.json", message)
        folder = root / "part" / (session["id"] if early else "") / message["id"]
        for part in parts:
            dump(folder / f"{part['id']}.json", part)
    return dump(root / ("info" if early else "session/prj") / f"{session['id']}.json", session)


def in_tree(folder: Path, session: dict[str, Any], talk: list[Message]) -> Path:
    return tree(folder / "storage", session, talk)


def in_early_tree(folder: Path, session: dict[str, Any], talk: list[Message]) -> Path:
    return tree(folder / "storage" / "session", session, talk, early=True)


def export(folder: Path, session: dict[str, Any], talk: list[Message]) -> Path:
    messages = [{"info": message, "parts": parts} for message, parts in with_ids(session["id"], talk)]
    return dump(folder / "export.json", {"info": session, "messages": messages})


STORES = [in_database, in_tree, in_early_tree, export]


def records(path: Path) -> list[Record]:
    return list(opencode.read(Source(path)))


@pytest.mark.parametrize("store", STORES)
def test_session_is_the_same_in_every_store(tmp_path: Path, store: Any) -> None:
    """Database, tree, tree of the first months and export give the same records: it is imported once."""
    path = store(tmp_path, info(), TALK)
    assert opencode.sniff(Sample(path)) == 2
    assert records(path) == EXPECTED


@pytest.mark.parametrize("store", STORES)
def test_order_is_by_time_then_id(tmp_path: Path, store: Any) -> None:
    """Ids follow time, but not across the clocks of two machines. An export is in order already."""
    talk = [user(9, text("first")), user(2, text("third")), user(1, text("second"))]
    for (message, _), moment in zip(talk, (1000, 2000, 2000), strict=True):
        message["time"] = {"created": START + moment}
    found = of(MessageRecord, records(store(tmp_path, info(), talk)))
    order = ["first", "second", "third"] if store is not export else ["first", "third", "second"]
    assert [message.content for message in found] == order


def test_foreign_files_are_not_taken(tmp_path: Path) -> None:
    """Another program's database and any other JSON are refused, by detection and when forced."""
    foreign = tmp_path / "other.db"
    with closing(sqlite3.connect(foreign)) as connection, connection:
        connection.executescript(
            "CREATE TABLE sessions (id); CREATE TABLE messages (id, session_id); CREATE TABLE message (id)"
        )
    files = [
        foreign,
        dump(tmp_path / "a.json", {"info": {"name": "x"}, "messages": []}),
        dump(tmp_path / "b.json", [1]),
    ]
    for path in files:
        assert opencode.sniff(Sample(path)) == 0
        with pytest.raises(ImportFailed):
            records(path)


@pytest.mark.parametrize("seed", range(60))
def test_values_of_any_type_anywhere_never_raise(tmp_path: Path, seed: int) -> None:
    """Messages and parts are read by the same code in all stores; what is no export any more is refused."""
    messages = [{"info": message, "parts": parts} for message, parts in with_ids(SES, TALK)]
    broken = spoilt({"info": info(parentID=CHILD), "messages": messages}, random.Random(seed))
    path = dump(tmp_path / "export.json", broken)
    if opencode.sniff(Sample(path)):
        assert of(SessionRecord, records(path))
    else:
        with pytest.raises(ImportFailed):
            records(path)
