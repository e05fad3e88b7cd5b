"""Dealix's session states, `<repository>/memory/_sessions/<uuid>.json`: what the next session must know.

There are no messages: the lists become notes. Each list holds only the newest entries, so a later state may
lack what an earlier one had. Texts are in English, the fields ending in `_ar` have them in Arabic.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from sessiondb.chat.content import text_or_none
from sessiondb.errors import ImportFailed
from sessiondb.importers.base import NoteRecord, Record, SessionRecord, session_id
from sessiondb.importers.files.packed import plain_path
from sessiondb.timestamps import from_epoch, normalise

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample
    from sessiondb.importers.files.source import Source

name = "dealix"
version = 1


class _List(NamedTuple):
    field: str
    kind: str
    text: str


_LISTS = (
    _List("active_workstreams", "workstream", "workstream"),
    _List("last_decisions", "decision", "decision"),
    _List("open_questions", "question", "question"),
    _List("recent_failures", "failure", "description"),
    _List("recent_wins", "win", "description"),
    _List("pending_followups", "followup", "task"),
)
_KEYS = frozenset(("session_id", "active_workstreams", "last_decisions"))
_FIELDS = frozenset(entries.field for entries in _LISTS)
_SUMMARY = "context_summary"
_SUMMARY_AR = "context_summary_ar"
_TAKEN = _FIELDS | {_SUMMARY, _SUMMARY_AR, "session_id", "project", "tags", "created_at", "updated_at"}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def sniff(sample: Sample) -> int:
    """Tell the document by its keys."""
    document = sample.document
    return 2 if isinstance(document, dict) and document.keys() >= _KEYS else 0


def read(source: Source) -> Iterator[Record]:
    """Yield one session and its notes.

    Raises ImportFailed where the document is none of Dealix's.
    """
    state = source.document()
    if not isinstance(state, dict) or not state.keys() & _FIELDS:
        raise ImportFailed(f"{source.path} is not a Dealix session state: it has none of its lists")
    session = _session(source, state)
    yield session
    # What has no time of its own is as old as the state, and a state without times as old as its file.
    saved_at = session.last_active_at or session.started_at or from_epoch(source.path.stat().st_mtime)
    for field, kind, text in _LISTS:
        entries = state.get(field)
        for entry in entries if isinstance(entries, list) else ():
            note = _note(source, session.id, saved_at, kind, _fields(entry, text))
            if note is None:
                source.problem(f"{field}: an entry without text", whole=True)
            else:
                yield note
    summary = {"text": state.get(_SUMMARY), "text_ar": state.get(_SUMMARY_AR)}
    note = _note(source, session.id, saved_at, "summary", summary)
    if note:
        yield note


def _session(source: Source, state: dict[str, Any]) -> SessionRecord:
    native_id = text_or_none(state.get("session_id")) or plain_path(source.path).stem
    tags = state.get("tags")
    names = map(text_or_none, tags if isinstance(tags, list) else ())
    further = {key: value for key, value in state.items() if key not in _TAKEN and value not in (None, "")}
    return SessionRecord(
        session_id(name, native_id, str(source.path.resolve().parent)),
        name,
        native_id,
        project_name=text_or_none(state.get("project")),
        started_at=normalise(state.get("created_at"), source.tz),
        last_active_at=normalise(state.get("updated_at"), source.tz),
        tags=tuple(tag for tag in names if tag),
        metadata=further or None,
    )


def _fields(entry: Any, text: str) -> dict[str, Any]:
    """Return an entry with its text under the same names in every list; some lists hold bare texts."""
    if not isinstance(entry, dict):
        return {"text": entry}
    return {**entry, "text": entry.get(text), "text_ar": entry.get(f"{text}_ar")}


def _note(source: Source, session: str, saved_at: str, kind: str, entry: dict[str, Any]) -> NoteRecord | None:
    english, arabic = text_or_none(entry.get("text")), text_or_none(entry.get("text_ar"))
    body = english or arabic
    if body is None:
        return None
    said_at = normalise(entry.get("timestamp"), source.tz) or normalise(entry.get("created_at"), source.tz)
    return NoteRecord(
        session,
        kind,
        body,
        said_at or saved_at,
        context=text_or_none(entry.get("context")),
        resolution=text_or_none(entry.get("resolution")),
        author=text_or_none(entry.get("made_by")),
        assignee=text_or_none(entry.get("assigned_to")),
        due_at=_due(source, entry.get("due_date")),
        resolved_at=saved_at if entry.get("completed") is True else None,
        translations={"ar": arabic} if arabic else None,
    )


def _due(source: Source, value: Any) -> str | None:
    """Return a moment normalised; a day stays a day, and what is neither stays as it was written."""
    text = text_or_none(value)
    return text if text is None or _DATE.fullmatch(text) else normalise(text, source.tz) or text
