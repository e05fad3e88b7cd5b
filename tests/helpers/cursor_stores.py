"""Write the stores of Cursor as tests need them: the editor's, a workspace's, and the command line's."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

SESSION = "5b0e7c1d-3f52-4f0e-9d55-0c4f6f1f2a10"
START = 1_790_000_000_000
"""2026-09-21T14:13:20Z."""
SECRET = "sk-made-up-roses-0123456789"


def composer(*bubbles: str, **more: Any) -> dict[str, Any]:
    """Return a session of the editor whose bubbles have these ids."""
    return {
        "_v": 16,
        "composerId": "",
        "name": "Dry beds",
        "createdAt": START,
        "lastUpdatedAt": START + 60_000,
        "unifiedMode": "agent",
        "fullConversationHeadersOnly": [{"bubbleId": id, "type": 2 - (id[0] == "u")} for id in bubbles],
        "blobEncryptionKey": SECRET,
        **more,
    }


def editor_store(path: Path, rows: Mapping[str, Any], heads: Mapping[str, Any] | None = None) -> Path:
    """Write the store of all windows; bytes are written as they are, other values as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE ItemTable (key TEXT UNIQUE ON CONFLICT REPLACE, value BLOB)")
        connection.execute("CREATE TABLE cursorDiskKV (key TEXT UNIQUE ON CONFLICT REPLACE, value BLOB)")
        connection.execute("INSERT INTO ItemTable VALUES ('cursorAuth/accessToken', ?)", (SECRET,))
        connection.executemany(
            "INSERT INTO cursorDiskKV VALUES (?, ?)",
            [
                (key, value if value is None or isinstance(value, bytes) else json.dumps(value))
                for key, value in rows.items()
            ],
        )
        if heads is not None:
            connection.execute(
                "CREATE TABLE composerHeaders (composerId TEXT, isSubagent INTEGER, value TEXT)"
            )
            connection.executemany(
                "INSERT INTO composerHeaders VALUES (?, 0, ?)",
                [(id, json.dumps(head)) for id, head in heads.items()],
            )
    return path


def workspace_store(path: Path, items: Mapping[str, Any]) -> Path:
    """Write the store of a workspace."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE ItemTable (key TEXT UNIQUE ON CONFLICT REPLACE, value BLOB)")
        connection.executemany(
            "INSERT INTO ItemTable VALUES (?, ?)", [(key, json.dumps(value)) for key, value in items.items()]
        )
    return path


def chat_store(path: Path, messages: Sequence[Any], folder: str = "", **meta: Any) -> Path:
    """Write the store of a session of the command line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    blobs, root = {}, b""
    for message in messages:
        data = json.dumps(message).encode()
        digest = hashlib.sha256(data)
        blobs[digest.hexdigest()] = data
        root += b"\x0a\x20" + digest.digest()
    root += b"\x18\x07" + (b"\x4a" + bytes([len(folder)]) + folder.encode() if folder else b"")
    name = hashlib.sha256(root).hexdigest()
    told = {
        "agentId": path.parent.name,
        "name": "Dry beds",
        "createdAt": START,
        "mode": "default",
        "lastUsedModel": "m",
        "latestRootBlobId": name,
        "blobEncryptionKey": SECRET,
        **meta,
    }
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE blobs (id TEXT PRIMARY KEY, data BLOB)")
        connection.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT)")
        connection.executemany("INSERT INTO blobs VALUES (?, ?)", [*blobs.items(), (name, root)])
        connection.execute("INSERT INTO meta VALUES ('0', ?)", (json.dumps(told).encode().hex(),))
    return path
