"""Make databases as the command llm does: its first tables, the later ones, or both."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

CLASSIC = {
    "conversations": "id TEXT PRIMARY KEY, name TEXT, model TEXT",
    "responses": "id TEXT PRIMARY KEY, model TEXT, prompt TEXT, system TEXT, options_json TEXT,"
    " response TEXT, conversation_id TEXT, duration_ms INTEGER, datetime_utc TEXT, input_tokens INTEGER,"
    " output_tokens INTEGER, token_details TEXT, resolved_model TEXT, reasoning TEXT",
    "attachments": "id TEXT PRIMARY KEY, type TEXT, path TEXT, url TEXT, content BLOB",
    "prompt_attachments": 'response_id TEXT, attachment_id TEXT, "order" INTEGER',
    "fragments": "id INTEGER PRIMARY KEY, content TEXT",
    "prompt_fragments": 'response_id TEXT, fragment_id INTEGER, "order" INTEGER',
    "system_fragments": 'response_id TEXT, fragment_id INTEGER, "order" INTEGER',
    "tool_calls": "id INTEGER PRIMARY KEY, response_id TEXT, name TEXT, arguments TEXT, tool_call_id TEXT",
    "tool_results": "id INTEGER PRIMARY KEY, response_id TEXT, name TEXT, output TEXT, tool_call_id TEXT,"
    " exception TEXT",
    "tool_results_attachments": 'tool_result_id INTEGER, attachment_id TEXT, "order" INTEGER',
}
LATER = {
    "threads": "id TEXT PRIMARY KEY, name TEXT, tip_message_hash TEXT, forked_from TEXT, datetime_utc TEXT",
    "turns": "id TEXT PRIMARY KEY, thread_id TEXT, parent_message_hash TEXT, tip_message_hash TEXT,"
    " model TEXT, resolved_model TEXT, options_json TEXT, input_tokens INTEGER, output_tokens INTEGER,"
    " token_details TEXT, duration_ms INTEGER, datetime_utc TEXT",
    "messages": "hash TEXT PRIMARY KEY, parent_hash TEXT, role TEXT, provider_metadata TEXT",
    "parts": "id INTEGER PRIMARY KEY, message_hash TEXT, position INTEGER, type TEXT, tool_name TEXT,"
    " text TEXT, payload TEXT",
}


def ulid(number: int) -> str:
    """Return an id as llm makes them; they sort by number."""
    return f"01m7xnsahw8y7zafw8q6sh{number:04}"


def make(path: Path, tables: dict[str, str], rows: dict[str, list[dict[str, Any]]]) -> Path:
    """Make a database of these tables and rows anew."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY")
        for table, columns in tables.items():
            connection.execute(f'CREATE TABLE "{table}" ({columns})')
        for table, values in rows.items():
            for row in values:
                names = ", ".join(f'"{name}"' for name in row)
                marks = ", ".join("?" * len(row))
                connection.execute(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', list(row.values()))
        connection.commit()
    return path


def chain(*links: tuple[str, str, str], start: str | None = None) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of messages that follow one another: hash, role and text of each."""
    parents = [start, *(link[0] for link in links)]
    return {
        "messages": [
            {"hash": name, "parent_hash": parent, "role": role}
            for (name, role, _), parent in zip(links, parents, strict=False)
        ],
        "parts": [
            {"message_hash": name, "position": 0, "type": "text", "text": text}
            for name, _, text in links
            if text
        ],
    }
