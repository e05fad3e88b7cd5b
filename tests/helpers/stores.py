"""A database with something of everything in it, and all that a database holds without the ids it gave
out.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sessiondb import SessionDB
from sessiondb.dao.maintenance import Maintenance
from sessiondb.exchange.export import export
from sessiondb.exchange.merge import merge
from sessiondb.records import Channel, MergeReport

Change = Callable[[SessionDB], Any]

AT = "2026-03-02T08:00:{:02}Z"

# What stands in the tables, by natural keys: two databases with the same rows here hold the same.
TABLES = {
    "sessions": """
      SELECT s.id, s.agent, s.native_id, s.key, p.path, p.name, c.platform, c.chat_type, c.chat_id, c.chat_name,
        c.user_id, c.user_name, c.thread_id, c.name, s.parent_id, s.relation, s.title, s.title_source, m.name,
        s.started_at, s.last_active_at, s.ended_at, s.end_reason, s.message_count, s.tool_call_count,
        s.consolidated, s.pinned, s.origin, json(s.metadata)
      FROM sessions AS s LEFT JOIN projects AS p ON p.id = s.project_id
      LEFT JOIN channels AS c ON c.id = s.channel_id LEFT JOIN models AS m ON m.id = s.model_id""",
    "messages": """
      SELECT g.session_id, g.seq, g.role, g.content, g.reasoning, g.parts, g.external_id, m.name, g.finish_reason,
        g.created_at, g.metadata
      FROM messages AS g LEFT JOIN models AS m ON m.id = g.model_id""",
    "tool_calls": """
      SELECT t.session_id, a.seq, r.seq, t.position, t.call_id, t.name, t.arguments, t.result, t.is_error,
        t.called_at, t.returned_at
      FROM tool_calls AS t LEFT JOIN messages AS a ON a.id = t.message_id
      LEFT JOIN messages AS r ON r.id = t.result_message_id""",
    "token_counts": """
      SELECT t.session_id, g.seq, m.name, t.input, t.cache_read, t.cache_write, t.output, t.reasoning,
        t.cost_microdollars, t.request_key, t.counted_at
      FROM token_counts AS t LEFT JOIN messages AS g ON g.id = t.message_id
      LEFT JOIN models AS m ON m.id = t.model_id""",
    "notes": """
      SELECT n.session_id, p.path, p.name, n.kind, n.body, n.context, n.resolution, n.author, n.assignee, n.due_at,
        n.resolved_at, n.created_at, n.status, n.awaits, o.kind, o.body, o.created_at,
        (SELECT group_concat(lang || ':' || body) FROM (SELECT * FROM note_translations WHERE note_id = n.id))
      FROM notes AS n LEFT JOIN projects AS p ON p.id = n.project_id LEFT JOIN notes AS o ON o.id = n.supersedes""",
    "note_changes": """
      SELECT n.kind, n.body, n.created_at, c.at, c.status, c.author
      FROM note_changes AS c JOIN notes AS n ON n.id = c.note_id""",
    "tags": "SELECT s.session_id, t.name FROM session_tags AS s JOIN tags AS t ON t.id = s.tag_id",
    "deletions": "SELECT session_id, agent, native_id, title, reason, deleted_at FROM deletions",
}


def contents(db: SessionDB) -> dict[str, list[Any]]:
    """Return all rows of the tables that hold content."""
    return {name: sorted(db.connection.rows(sql), key=repr) for name, sql in TABLES.items()}


def count(db: SessionDB, table: str) -> int:
    """Return how many rows a table has."""
    return int(db.connection.value(f"SELECT count(*) FROM {table}"))


def fill(path: Path) -> Path:
    """Make a database with something of everything."""
    with SessionDB(path) as db:
        add_open_chat(db)
        add_tool_session(db)
        add_strange_rows(db)
        add_notes(db)
        db.sessions.start("codex", id="gone", title="Thrown away", started_at=AT.format(0))
        remove(db, "gone", "rm", "2026-03-04T00:00:00.000Z")
    return path


def add_open_chat(db: SessionDB) -> None:
    """Add an open session of a chat, with a child that began before it."""
    chat = Channel("telegram", "dm", chat_id="7", user_id="7", user_name="Noor", thread_id="2")
    db.sessions.start(
        "hermes", id="chat", key="telegram:7", title="船 Ferry", channel=chat, tags=["water", "a,b"],
        metadata={"mood": "calm", "depth": [1, {"x": None}]}, started_at=AT.format(10),
    )  # fmt: skip
    db.messages.append("chat", "user", "When does the\u2028ferry leave? 🛳", created_at=AT.format(11))
    db.messages.append("chat", "user", "When does the\u2028ferry leave? 🛳", created_at=AT.format(11))
    db.sessions.start("hermes", id="before", parent="chat", relation="subagent", started_at=AT.format(0))
    db.sessions.end("before", "done", at=AT.format(30))
    db.sessions.set_pinned("before")


def add_tool_session(db: SessionDB) -> None:
    """Add a session with tool calls, parts, tokens, and some messages consolidated."""
    db.sessions.start(
        "codex", id="tools", project="/home/mira/quill", model="gpt-5", started_at=AT.format(20)
    )
    said: dict[str, Any] = {"created_at": AT.format(21)}
    image = {"type": "image", "source": {"media_type": "image/png", "data": "aGk="}}
    db.messages.append("tools", "user", [{"type": "text", "text": "Look"}, image], external_id="m1", **said)
    calls: list[dict[str, Any]] = [
        {"id": "c1", "name": "grep", "arguments": {"pattern": "½"}},
        {"name": "ls", "arguments": "{}"},
    ]
    asked = db.messages.append(
        "tools",
        "assistant",
        "Let me look.",
        tool_calls=calls,
        reasoning="Hm.",
        model="gpt-5",
        finish_reason="x",
        **said,
    )
    db.messages.append("tools", "tool", "amounts.py:12", tool_call_id="c1", **said)
    db.messages.append("tools", "tool", "none", tool_call_id="c9", is_error=True, name="lost", **said)
    db.messages.append("tools", "assistant", "In amounts.py.", latency=3, created_at=AT.format(25))
    db.add_tokens(
        "tools",
        request_key="r1",
        model="gpt-5",
        message_id=asked.id,
        counted_at=AT.format(25),
        input=9,
        output=3,
    )
    for _ in range(2):
        db.add_tokens("tools", counted_at=AT.format(25), output=1, cost_microdollars=5)
    db.sessions.consolidate("tools", 2)
    db.sessions.end("tools", "done", at=AT.format(40))


def add_strange_rows(db: SessionDB) -> None:
    """Add what other tools may have written: JSON over several lines, gaps, answers before calls, stray
    calls.
    """
    db.sessions.start("other", id="strange", project="garden", started_at=AT.format(1))
    with db.connection.transaction():
        db.connection.script("""
          UPDATE sessions SET metadata = '{\n"a": 1.50,\n"parent_id": 7}' WHERE id = 'strange';
          UPDATE projects SET path = NULL WHERE path = 'garden';
          INSERT INTO messages (id, session_id, seq, role, metadata, parts)
          VALUES (900, 'strange', 3, 'tool', '{"n":\n1e400}', '["a",\n "b"]'),
            (901, 'strange', 7, 'assistant', NULL, NULL);
          INSERT INTO tool_calls (session_id, message_id, result_message_id, position, call_id, result)
          VALUES ('strange', 901, 900, 4, 'x', 'early'), ('strange', 901, NULL, 4, 'x', 'answer gone'),
            ('strange', NULL, NULL, 1, 'y', 'no message at all');
        """)


def add_notes(db: SessionDB) -> None:
    """Add notes of sessions and projects: some alike, one resolved, one superseded, one with translations."""
    about: dict[str, Any] = {"created_at": AT.format(50)}
    for _ in range(2):
        db.notes.add("decision", "Amounts are fractions.", session_id="tools", **about)
    db.notes.add(
        "question", "Why?", project="/home/mira/quill", translations={"de": "Warum?", "ar": "لماذا؟"}, **about
    )
    done = db.notes.add(
        "followup", "Ask Noor", session_id="chat", assignee="me", due_at="2026-04-01", **about
    )
    db.notes.resolve(done.id, "asked", at=AT.format(50))
    old = db.notes.add("decision", "Pages are grey.", project="/home/mira/quill", author="mira", **about)
    later: dict[str, Any] = {"supersedes": old.id, "author": "noor", "created_at": AT.format(51)}
    db.notes.add("decision", "Pages are white.", session_id="chat", **later)


def remove(db: SessionDB, session_id: str, reason: str, deleted_at: str) -> None:
    """Remove a session as of a time, as prune and rm do."""
    with db.connection.transaction():
        db.connection.execute(
            "INSERT INTO deletions SELECT id, agent, native_id, title, ?, ? FROM sessions WHERE id = ?",
            (reason, deleted_at, session_id),
        )
        if reason == "prune":
            db.connection.execute(
                "UPDATE notes SET session_id = NULL WHERE project_id IS NOT NULL AND session_id = ?",
                (session_id,),
            )
        db.connection.execute("DELETE FROM tool_calls WHERE session_id = ?", (session_id,))
        db.connection.execute("DELETE FROM sessions WHERE id = ?", (session_id,))


def change(path: Path, *changes: Change) -> None:
    """Make changes to a database."""
    with SessionDB(path) as db:
        for make in changes:
            make(db)


def merged(path: Path, other: Path) -> MergeReport:
    """Merge another database into one, which is found to be sound then."""
    with SessionDB(path) as db:
        report = merge(db, other)
        # Gaps in the order are as other tools left them.
        assert {finding.check for finding in Maintenance(db.connection).check()} <= {"order"}
    return report


def counts(report: MergeReport) -> tuple[list[str], list[str], list[str], int, int]:
    """Return sessions added, updated and removed, and how many messages and notes were added."""
    return report.added, report.updated, report.removed, report.messages, report.notes


def said(session_id: str, text: str, second: int, **more: Any) -> Change:
    """Return the change that a user says something."""
    return lambda db: db.messages.append(session_id, "user", text, created_at=AT.format(second), **more)


def texts(path: Path, session_id: str) -> list[tuple[int, str]]:
    """Return the messages of a session: seq and text."""
    with SessionDB(path, read_only=True) as db:
        return [(message.seq, message.text) for message in db.messages.transcript(session_id)]


def exported(path: Path) -> bytes:
    """Return the export of a database."""
    with SessionDB(path, read_only=True) as db:
        return b"".join(export(db))


def contents_of(path: Path, table: str) -> list[Any]:
    """Return the rows of a table that holds content."""
    with SessionDB(path, read_only=True) as db:
        return contents(db)[table]


def copy_of(path: Path, copy: Path) -> Path:
    """Copy a database, and return the copy's path."""
    with SessionDB(path, read_only=True) as db:
        Maintenance(db.connection).back_up(copy)
    return copy
