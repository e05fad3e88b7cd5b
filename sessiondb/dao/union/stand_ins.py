"""Sessions of which only the prompts are known, from the history that an agent keeps of what was typed.

    the session has been talked in here     its prompts are left out: all of them are in its log
    nothing else is known of it             its prompts are the session, marked in its metadata
    its log comes later                     with the first word of that the prompts go, and what they said of the
                                            session; tags, notes, a pin, a person's title and the id stay

So it makes no difference which file comes first. An index, or a log without a word in it, takes no prompts away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from sessiondb.dao.forks.transfer import message_ids, renumber
from sessiondb.importers.base import PROMPT_ID, MessageRecord, ToolResult
from sessiondb.importers.prompt_history import FORMATS
from sessiondb.records.export_rows import MessageRow
from sessiondb.records.sessions import PROMPTS_ONLY

if TYPE_CHECKING:
    from sessiondb.dao.union.incoming import Incoming
    from sessiondb.records.export_rows import SessionRow
    from sessiondb.storage.connection import Connection

_OTHER_TALK = """
SELECT 1 FROM messages
WHERE session_id = ? AND role <> 'system' AND (external_id IS NULL OR external_id NOT GLOB ?) LIMIT 1
"""
_SPAN = "SELECT min(created_at), max(created_at) FROM messages WHERE session_id = ? AND external_id GLOB ?"
_REMOVE = "DELETE FROM messages WHERE session_id = ? AND external_id GLOB ?"
_DISCLAIM = f"""
DELETE FROM import_sessions
WHERE session_id = ? AND import_id IN (SELECT id FROM imports WHERE format IN ({", ".join("?" * len(FORMATS))}))
"""
_PROMPTS = f"{PROMPT_ID}*"


def is_talk(record: object) -> bool:
    """Say whether a record of a log, or a row of a database, is more than context."""
    if isinstance(record, MessageRecord | MessageRow):
        return record.role != "system"
    return isinstance(record, ToolResult)


def has_talk(connection: Connection, session_id: str, written: Mapping[str, Any]) -> bool:
    """Say whether more than prompts is known of a stored session; a fork may have copies of another's talk alone."""
    return (
        '"forked_at"' in (written.get("metadata") or "")
        or connection.row(_OTHER_TALK, (session_id, _PROMPTS)) is not None
    )


def without_prompts(row: SessionRow, others: SessionRow) -> SessionRow:
    """Return what a database says of a session of which it has the prompts alone, but for what these told."""
    metadata: dict[str, msgspec.Raw] = msgspec.json.decode(row.metadata or b"{}", type=dict[str, msgspec.Raw])
    metadata.pop(PROMPTS_ONLY, None)
    is_by_prompt = row.title_source == "prompt"
    return msgspec.structs.replace(
        row,
        started_at=others.started_at,
        last_active_at=others.last_active_at,
        ended_at=others.ended_at,
        end_reason=others.end_reason,
        project=None,
        project_name=None,
        title=None if is_by_prompt else row.title,
        title_source=None if is_by_prompt else row.title_source,
        metadata=msgspec.Raw(msgspec.json.encode(metadata) if metadata else b""),
    )


def displace(connection: Connection, session: Incoming) -> None:
    """Take the prompts out of a session, and what they told of it; all rows of it must be written."""
    fields = session.row.fields
    first, last = connection.row(_SPAN, (session.id, _PROMPTS)) or (None, None)
    connection.execute(_REMOVE, (session.id, _PROMPTS))
    connection.execute(_DISCLAIM, (session.id, *FORMATS))
    # What its log has brought before was context.
    left = message_ids(connection, session.id)
    renumber(connection, session.id, left)
    session.last_seq = session.start_seq = len(left)
    session.is_changed = True
    session.row.drop_metadata(PROMPTS_ONLY)
    fields["project_id"] = None
    if fields["title_source"] == "prompt":
        fields["title"] = fields["title_source"] = None
    # Times that lie outside of the prompts came from elsewhere.
    begun, active = fields["started_at"], fields["last_active_at"]
    session.row.undate()
    for moment in (
        begun if first is None or begun < first else None,
        active if last is None or active > last else None,
    ):
        session.row.widen(moment)
