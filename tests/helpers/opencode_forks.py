"""OpenCode's sessions and their forks as it writes them: copies the same in all but their ids."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

START = 1_780_000_000_000
Message = dict[str, Any]
Session = dict[str, Any]
TABLES = """
CREATE TABLE session (id TEXT PRIMARY KEY, parent_id TEXT, directory TEXT, title TEXT, version TEXT,
  time_created INTEGER, time_updated INTEGER);
CREATE TABLE message (id TEXT PRIMARY KEY, session_id TEXT, time_created INTEGER, time_updated INTEGER, data TEXT);
CREATE TABLE part (id TEXT PRIMARY KEY, message_id TEXT, session_id TEXT, data TEXT);
"""


def made(kind: str, moment: int, number: int) -> str:
    """Return an id as the agent makes it at a moment in milliseconds."""
    return f"{kind}_{((moment << 12) + number) & 0xFFFFFFFFFFFF:012x}{number:014}"


def session(number: int, *, begun: int, more: Session | None = None) -> Session:
    """Return a session that is made at a second, without messages."""
    info = {
        "id": f"ses_{0xFFFFFFFFFFFF - (START + begun * 1000):012x}{number:014}", "directory": "/home/mira/quill",
        "title": f"Talk {number}", "version": "1.3", "time": {"created": START + begun * 1000}, **(more or {}),
    }  # fmt: skip
    return {"info": info, "messages": []}


def say(talk: Session, *seconds: int, completed: bool = True) -> Session:
    """Add what is said at some seconds: at even ones by a person, at odd ones by the model, which calls a tool."""
    for second in seconds:
        at = START + second * 1000
        info: Message = {
            "id": made("msg", at, second),
            "sessionID": talk["info"]["id"],
            "time": {"created": at},
        }
        parts: list[Message] = [{"type": "text", "text": f"Say {second}"}]
        if second % 2:
            asked = talk["messages"][-1]["info"]["id"] if talk["messages"] else ""
            info |= {"role": "assistant", "parentID": asked, "modelID": "m-1", "providerID": "p-1"}
            info |= {
                "tokens": {"input": 10, "output": second, "reasoning": 0, "cache": {"read": 5, "write": 0}}
            }
            if completed:
                info["time"]["completed"] = at + 600
            state = {
                "status": "completed",
                "input": {"at": second},
                "output": f"Result {second}",
                "time": {"end": at + 500},
            }
            parts.append({"type": "tool", "tool": "ls", "callID": f"call_{second}", "state": state})
        else:
            info["role"] = "user"
        for place, part in enumerate(parts):
            part |= {
                "id": made("prt", at, second * 10 + place),
                "messageID": info["id"],
                "sessionID": info["sessionID"],
            }
        talk["messages"].append({"info": info, "parts": parts})
    return talk


def fork(
    talk: Session, number: int, *, begun: int, copies: int | None = None, more: Session | None = None
) -> Session:
    """Return a fork that is made at a second: copies of the first messages of a session, or of all, under fresh ids."""
    at = START + begun * 1000
    found = session(number, begun=begun, more=more)
    for place, message in enumerate(talk["messages"][:copies]):
        named = {"id": made("msg", at + place, number * 100 + place), "sessionID": found["info"]["id"]}
        info = {**message["info"], **named}
        parts = [
            {**part, "id": made("prt", at + place, number * 1000 + place * 10 + nth), "messageID": info["id"]}
            for nth, part in enumerate(message["parts"])
        ]
        found["messages"].append(
            {"info": info, "parts": [{**part, "sessionID": info["sessionID"]} for part in parts]}
        )
    return found


def export(folder: Path, talk: Session) -> Path:
    """Write what `opencode export` prints."""
    path = folder / f"{talk['info']['id']}.json"
    path.write_text(json.dumps(talk), "utf-8")
    return path


def tree(folder: Path, talk: Session) -> Path:
    """Write a session's files in a tree of JSON files; return the one that is its source."""
    store, id = folder / "opencode" / "storage", talk["info"]["id"]
    files = {store / "session" / "prj" / f"{id}.json": talk["info"]}
    for message in talk["messages"]:
        info = message["info"]
        files[store / "message" / id / f"{info['id']}.json"] = info
        files |= {store / "part" / info["id"] / f"{part['id']}.json": part for part in message["parts"]}
    for path, value in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value), "utf-8")
    return next(iter(files))


def database(path: Path, talks: Sequence[Session]) -> Path:
    """Write sessions into a database."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(TABLES)
        for talk in talks:
            info, id = talk["info"], talk["info"]["id"]
            at = info["time"]["created"]
            row = (id, info.get("parentID"), info["directory"], info["title"], info["version"], at, at)
            connection.execute("INSERT INTO session VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            for message in talk["messages"]:
                said, began = message["info"], message["info"]["time"]["created"]
                connection.execute(
                    "INSERT INTO message VALUES (?, ?, ?, ?, ?)",
                    (said["id"], id, began, began, json.dumps(said)),
                )
                for part in message["parts"]:
                    connection.execute(
                        "INSERT INTO part VALUES (?, ?, ?, ?)", (part["id"], said["id"], id, json.dumps(part))
                    )
    return path
