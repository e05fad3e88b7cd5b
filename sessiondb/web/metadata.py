"""What Datasette says of our tables and columns, and how it shows them.

Tables and views are described by the comments of schema/, columns by columns.json; docs/schema.md is made from
the same.
"""

from __future__ import annotations

import json
import re
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

from sessiondb.dao.canned_queries import CANNED_QUERIES
from sessiondb.storage.migrations import migrations, schema_objects

HIDDEN = (
    "meta", "imports", "import_sessions", "import_errors", "deletions", "search_state", "search_segments",
    "search_texts", "search_facets", "search_blocks", "note_translations", "session_tags", "native_files",
)  # fmt: skip
"""Tables and views that are plumbing."""

_SHOWN: dict[str, dict[str, Any]] = {
    "sessions": {
        "sort_desc": "last_active_at",
        "facets": ["agent", "project_id", "relation"],
        "label_column": "title",
    },
    "session_overview": {"sort_desc": "last_active_at"},
    "messages": {"sort_desc": "id"},
    "tool_calls": {"sort_desc": "id"},
    "token_counts": {"sort_desc": "counted_at", "facets": ["model_id"]},
    "notes": {"sort_desc": "created_at", "facets": ["kind", "status"], "label_column": "body"},
    "note_changes": {"sort_desc": "at", "facets": ["status"]},
    "daily_tokens": {"sort_desc": "day", "facets": ["agent"]},
    "projects": {"label_column": "name"},
    "channels": {"label_column": "name", "facets": ["platform"]},
}
_COMMENTED = re.compile(r"((?:^--.*\n)+)^CREATE (?:TABLE|VIRTUAL TABLE|VIEW) (\w+)", re.MULTILINE)


def metadata(database: str) -> dict[str, Any]:
    """Return the metadata of a database of that name, as Datasette reads it from a file."""
    about = sentences()
    tables: dict[str, Any] = {
        name: {
            "description": about[name],
            "columns": columns(name),
            **_SHOWN.get(name, {}),
            **({"hidden": True} if name in HIDDEN else {}),
        }
        for name in described()
    }
    return {
        "title": "Sessions",
        "description": "Conversations with AI agents: what was said, what was done, what it cost.",
        "source": "sessiondb",
        "databases": {
            database: {
                "description": "Times are in UTC. Empty is unknown, 0 is zero.",
                "tables": tables,
                "queries": {
                    name: {**query._asdict(), "hide_sql": True} for name, query in CANNED_QUERIES.items()
                },
            }
        },
    }


@cache
def sentences() -> dict[str, str]:
    """Return the comment above each table and view of the schema, by name."""
    return {
        match[2]: prose(match[1])
        for migration in migrations()
        for match in _COMMENTED.finditer(migration.sql)
    }


def prose(comment: str) -> str:
    """Return a comment of SQL as a text."""
    return " ".join(line.removeprefix("--").strip() for line in comment.strip().split("\n"))


def described() -> list[str]:
    """Return the names of the tables and views that a person may look into."""
    about = sentences()
    kinds = {item.name: item.type for item in schema_objects().values() if item.type in ("table", "view")}
    return [name for name, kind in kinds.items() if name in about and not name.endswith("_fts")]


def columns(table: str) -> dict[str, str]:
    """Return the descriptions of a table's columns, by their names."""
    told = _descriptions()
    return {
        column: text
        for column in _columns()[table]
        if (text := told.get(table, {}).get(column) or told["*"].get(column))
    }


@cache
def _descriptions() -> dict[str, dict[str, str]]:
    file = Path(__file__).with_name("columns.json")
    found: dict[str, dict[str, str]] = json.loads(file.read_text(encoding="utf-8"))
    return found


@cache
def _columns() -> dict[str, list[str]]:
    """Return the columns of a new database's tables and views."""
    import sqlite3

    with closing(sqlite3.connect(":memory:")) as model:
        for migration in migrations():
            model.executescript(migration.sql)
        return {
            name: [row[1] for row in model.execute(f'PRAGMA table_info("{name}")')] for name in described()
        }
