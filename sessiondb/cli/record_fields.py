"""What is printed of each record: the fields of JSON and CSV, in order, and the columns of tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sessiondb.chat.text import shown_title
from sessiondb.cli.tables import Column, Listing

if TYPE_CHECKING:
    from sessiondb.records import (
        ImportReport,
        Message,
        Note,
        Removal,
        SearchHit,
        SearchResult,
        Session,
        ToolCall,
    )

SESSIONS = Listing(
    (
        "id", "native_id", "key", "agent", "title", "project", "model", "platform",
        "started_at", "last_active_at", "ended_at", "end_reason", "message_count", "tool_call_count",
        "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens",
        "parent_id", "relation", "tags", "pinned",
    ),
    (
        Column("short_id", "id", look="id"),
        Column("marked_title", "title", least=12, wants=35),
        Column("subagents", "sub-agents", "number", short="subs", rank=2, look="dim"),
        Column("agent", "agent", "agent", least=6, wants=8, rank=1),
        Column("folder", "project", least=6, wants=8, rank=1),
        Column("started_at", "started", "time", rank=5, look="dim"),
        Column("last_active_at", "last active", "time", short="active", look="dim"),
        Column("message_count", "messages", "number", short="msgs", rank=3),
        Column("tokens", "tokens", "short", rank=4),
    ),
)  # fmt: skip

MESSAGES = Listing(
    (
        "seq", "role", "content", "created_at", "tool_calls", "tool_call_id",
        "reasoning", "parts", "model", "finish_reason", "id", "external_id", "metadata",
    ),
    (
        Column("seq", "seq", "number"),
        Column("role", "role"),
        Column("created_at", "time", "time"),
        Column("text", "text", least=20),
    ),
)  # fmt: skip

NOTES = Listing(
    (
        "id", "kind", "body", "created_at", "session_id", "project", "context", "resolution", "author",
        "assignee", "due_at", "resolved_at", "translations", "status", "supersedes", "superseded_by", "history",
    ),
    (
        Column("id", "id", "number"),
        Column("kind", "kind"),
        Column("body", "text", least=30),
        Column("due_at", "due"),
        Column("state", "status"),
        Column("folder", "project", least=12),
        Column("created_at", "noted", "time"),
    ),
)  # fmt: skip

HITS = Listing(
    (
        "session_id", "title", "agent", "project",
        "message_id", "seq", "role", "created_at", "snippet", "score", "more", "source",
        "parent_id",
    ),
    (
        Column("short_id", "session"),
        Column("seq", "seq", "number"),
        Column("role", "role"),
        Column("created_at", "time", "time"),
        Column("marked_title", "title", least=12),
        Column("snippet", "snippet", least=30),
    ),
)  # fmt: skip


def session_fields(session: Session) -> dict[str, Any]:
    """Return the fields of SESSIONS but for the tags."""
    return {name: _session_field(session, name) for name in SESSIONS.fields if name != "tags"}


def _session_field(session: Session, name: str) -> Any:
    if name.endswith("_tokens"):
        return getattr(session.tokens, name.removesuffix("_tokens"))
    return getattr(session, name)


def session_rows(
    sessions: Iterable[Session],
    short_ids: Mapping[str, str],
    *,
    tags: Mapping[str, Sequence[str]] = {},
    subagents: Mapping[str, int] = {},
) -> list[dict[str, Any]]:
    """Return sessions as rows of SESSIONS, for JSON and tables alike."""
    return [
        {
            **session_fields(session),
            "tags": list(tags.get(session.id, ())),
            "subagents": subagents.get(session.id),
            "short_id": short_ids[session.id],
            "folder": folder(session.project),
            "tokens": session.tokens.total,
            **_marks(session),
        }
        for session in sessions
    ]


def _marks(session: Session) -> dict[str, Any]:
    """Return how a table marks a session's title, and what its JSON says beside the fields of all."""
    if not session.is_prompts_only:
        return {"marked_title": shown_title(session.title)}
    from sessiondb.records.sessions import PROMPTS_ONLY

    return {
        "marked_title": f"[prompts only] {shown_title(session.title)}",
        "further": {PROMPTS_ONLY: True},
    }


def session_details(session: Session, tags: Sequence[str]) -> dict[str, Any]:
    """Return all that is known of a session."""
    names = ("consolidated", "origin", "metadata")
    return {
        **session_fields(session),
        "cost_microdollars": session.tokens.cost_microdollars,
        **{name: getattr(session, name) for name in names},
        "channel": channel_fields(session),
        "tags": list(tags),
    }


def channel_fields(session: Session) -> dict[str, Any] | None:
    """Return what is known of the place that a session's messages come from."""
    return None if session.channel is None else fields_of(session.channel)


def message_rows(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Return messages as rows of MESSAGES.

    A call stands with its answer in the message that asks for it; in the tool row only where that message is
    not among these.
    """
    present = {message.id for message in messages}
    rows = []
    for message in messages:
        calls = message.tool_calls
        answers = message.role == "tool"
        if answers:
            calls = tuple(call for call in calls if call.message_id not in present)
        rows.append(
            {
                **fields_of(message),
                "tool_calls": [call_fields(call) for call in calls],
                "tool_call_id": message.tool_calls[0].call_id if answers and message.tool_calls else None,
                "text": message.text,
            }
        )
    return rows


def call_fields(call: ToolCall) -> dict[str, Any]:
    """Return the fields of a tool call; `arguments` is text as the agent wrote it, mostly JSON."""
    return {name: getattr(call, name) for name in ("name", "arguments", "result", "is_error", "call_id")}


def note_fields(note: Note) -> dict[str, Any]:
    """Return the fields of a note."""
    return {**fields_of(note), "history": [fields_of(change) for change in note.history]}


def note_rows(notes: Iterable[Note]) -> list[dict[str, Any]]:
    """Return notes as rows of NOTES."""
    return [{**note_fields(note), "folder": folder(note.project), "state": _state(note)} for note in notes]


def _state(note: Note) -> str | None:
    if note.superseded_by is not None and note.status == "superseded":
        return f"superseded by {note.superseded_by}"
    return None if note.status == "open" else note.status


def hit_rows(hits: Iterable[SearchHit], short_ids: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return hits as rows of HITS."""
    return [
        {
            **hit_fields(hit),
            "short_id": short_ids.get(hit.session_id or "", ""),
            "marked_title": shown_title(hit.title) if hit.session_id else None,
            **({"further": note} if (note := _note_fields(hit)) else {}),
        }
        for hit in hits
    ]


def hit_fields(hit: SearchHit) -> dict[str, Any]:
    """Return a hit's fields but for what only a table is shown, and those of a note where it is none."""
    fields = fields_of(hit)
    return {name: value for name, value in fields.items() if name in HITS.fields} | _note_fields(hit)


def _note_fields(hit: SearchHit) -> dict[str, Any]:
    """Return what the JSON of a hit says beside the fields of all: which note it is, and what has become of it."""
    return {} if hit.note_id is None else {"note_id": hit.note_id, "note_status": hit.note_status}


def search_fields(result: SearchResult) -> dict[str, Any]:
    """Return a search's result."""
    return {
        "query": result.query,
        "relaxed": result.relaxed,
        "truncated": result.truncated,
        "total": result.total,
        "hits": [hit_fields(hit) for hit in result.hits],
    }


def import_fields(report: ImportReport) -> dict[str, Any]:
    """Return the report of an import run."""
    return {
        "files": report.files,
        "sessions": {
            "added": len(report.sessions_added),
            "updated": len(report.sessions_updated),
            "unchanged": report.sessions_unchanged,
        },
        "messages": {"added": report.talk_added},
        "entries": {"added": report.messages_added},
        "skipped": [fields_of(skipped) for skipped in report.skipped],
        **({"unfilled": [fields_of(entry) for entry in report.unfilled]} if report.unfilled else {}),
        "seconds": report.seconds,
    }


def removal_fields(removal: Removal) -> dict[str, Any]:
    """Return the report of prune and rm."""
    return {
        "sessions": len(removal.sessions),
        "messages": removal.messages,
        "bytes": removal.bytes,
        "dry_run": removal.dry_run,
        "kept": removal.kept,
        "handed_over": removal.handed_over,
        **({"undated": removal.undated} if removal.undated else {}),
        **({"only_copies": removal.only_copies} if removal.only_copies else {}),
        **({"elsewhere": removal.elsewhere} if removal.elsewhere else {}),
    }


def fields_of(record: Any) -> dict[str, Any]:
    """Return all fields of a record by name."""
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


def folder(project: str | None) -> str | None:
    """Return the last part of a project's path, as tables show it."""
    from sessiondb.chat.text import folder_name

    return None if project is None else folder_name(project)
