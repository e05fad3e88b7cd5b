"""What a producer keeps beside its sessions to prove who it is never comes into a database of ours."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.ingest.run import Ingest
from tests.importers.test_pi import LOG, SESSION

SECRET = "sk-made-up-roses-0123456789"
OPENCODE = """
CREATE TABLE session (id TEXT, title TEXT, directory TEXT, time_created INTEGER);
CREATE TABLE message (id TEXT, session_id TEXT, time_created INTEGER, data TEXT);
CREATE TABLE part (id TEXT, message_id TEXT, data TEXT);
CREATE TABLE credential (id TEXT, access TEXT);
CREATE TABLE account (id TEXT, refresh_token TEXT);
CREATE TABLE control_account (email TEXT, access_token TEXT);
INSERT INTO session VALUES ('ses_roses', 'Roses', '/garden', 1790000000000);
INSERT INTO message VALUES ('m', 'ses_roses', 1790000000000, '{"role": "user"}');
INSERT INTO part VALUES ('p', 'm', '{"type": "text", "text": "Dry?"}');
INSERT INTO credential VALUES ('c', :secret);
INSERT INTO account VALUES ('a', :secret);
INSERT INTO control_account VALUES ('e', :secret);
"""
OPENCLAW = """
CREATE TABLE transcript_events (session_id, seq, event_json, created_at);
CREATE TABLE auth_profiles (id, token);
INSERT INTO auth_profiles VALUES ('a', :secret);
"""


def database(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(script.replace(":secret", f"'{SECRET}'"))
    return path


def opencode(folder: Path) -> None:
    database(folder / "opencode.db", OPENCODE)


def openclaw(folder: Path) -> None:
    agent = folder / "agents" / "main" / "agent"
    path = database(agent / "openclaw-agent.sqlite", OPENCLAW)
    with closing(sqlite3.connect(path)) as connection, connection:
        rows = [(SESSION, number, json.dumps(line), 0) for number, line in enumerate(LOG)]
        connection.executemany("INSERT INTO transcript_events VALUES (?, ?, ?, ?)", rows)
    for name in ("auth-profiles.json", "models.json", "auth-state.json"):
        (agent / name).write_text(json.dumps({"providers": {"x": {"apiKey": SECRET}}}), "utf-8")


def copilot(folder: Path) -> None:
    from tests.importers.test_copilot import LOG as COPILOTS

    folder.mkdir(parents=True)
    lines = [*COPILOTS, {"type": "auth.token", "data": {"token": SECRET}, "id": "x", "parentId": None}]
    (folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    (folder / "config.json").write_text(json.dumps({"copilot_tokens": SECRET}), "utf-8")


def cursor(folder: Path) -> None:
    from tests.helpers.cursor_stores import SECRET as KEY
    from tests.helpers.cursor_stores import chat_store, editor_store, workspace_store
    from tests.importers.test_cursor import CHAT, ROWS

    assert KEY == SECRET
    editor_store(folder / "User/globalStorage/state.vscdb", ROWS)
    chat_store(folder / "chats/x" / SESSION / "store.db", CHAT)
    workspace_store(folder / "User/workspaceStorage/w/state.vscdb", {"cursorAuth/refreshToken": SECRET})


def openhands(folder: Path) -> None:
    from tests.importers.test_openhands import LOG as EVENTS
    from tests.importers.test_openhands import STATE
    from tests.importers.test_openhands import write as write_conversation

    llm = {"model": "m", "api_key": SECRET, "aws_secret_access_key": SECRET}
    secrets = {"agent": {"llm": llm}, "secret_registry": {"secret_sources": {"x": {"value": SECRET}}}}
    write_conversation(folder, *EVENTS, state={**STATE, **secrets})


def open_webui(folder: Path) -> None:
    from tests.importers.test_open_webui import LOG as CHAT
    from tests.importers.test_open_webui import database as chats

    path = chats(folder / "webui.db", CHAT)
    script = """
    CREATE TABLE auth (id TEXT, email TEXT, password TEXT);
    CREATE TABLE user (id TEXT, api_key TEXT);
    CREATE TABLE config (id INT, data TEXT);
    ALTER TABLE chat ADD share_id TEXT;
    INSERT INTO auth VALUES ('ada', 'x', :secret);
    INSERT INTO user VALUES ('ada', :secret);
    INSERT INTO config VALUES (1, :secret);
    UPDATE chat SET share_id = :secret;
    """
    database(path, script)


def text_of(db: SessionDB) -> str:
    tables = db.connection.rows(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'"
    )
    rows: list[Any] = [db.connection.rows(f'SELECT * FROM "{name}"') for (name,) in tables]
    return repr(rows)


@pytest.mark.parametrize("store", [open_webui, openhands, opencode, openclaw, copilot, cursor])
def test_no_secret_of_a_store_comes_into_ours(tmp_path: Path, store: Any) -> None:
    store(tmp_path / "store")
    with SessionDB(tmp_path / "x.db") as db:
        report = Ingest(db.connection).run([str(tmp_path / "store")])
        assert len(report.sessions_added) == 1
        text = text_of(db)
        assert "dry?" in text.lower() or "is dry" in text
        assert SECRET not in text
