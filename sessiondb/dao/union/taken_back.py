"""Messages that a log has taken back, and that an earlier import has stored: they go, with the answers to their calls.

What they had cost stays: it was paid for.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sessiondb.dao.forks.transfer import tidy

if TYPE_CHECKING:
    from sessiondb.dao.union.incoming import Incoming
    from sessiondb.dao.union.union import Union

_STORED = """
SELECT m.id FROM json_each(?) CROSS JOIN messages AS m ON m.external_id = value AND m.session_id = ?
"""
_IDS = "(SELECT value FROM json_each(?))"
_REMOVE = (
    f"DELETE FROM messages WHERE id IN (SELECT result_message_id FROM tool_calls WHERE message_id IN {_IDS})",
    f"DELETE FROM tool_calls WHERE message_id IN {_IDS}",
    f"DELETE FROM messages WHERE id IN {_IDS}",
)
_TOLD = ("title", "title_source", "model_id")


def take_back(union: Union, session: Incoming, external_ids: Sequence[str]) -> None:
    """Remove messages from a stored session, inside the caller's transaction; what is left tells of it then."""
    if session.is_new:
        return
    union.write()
    found = union.db.column(_STORED, (json.dumps(external_ids), session.id))
    if not found:
        return
    for sql in _REMOVE:
        union.db.execute(sql, (json.dumps(found),))
    tidy(union.db, session.id)
    told = union.db.row(f"SELECT {', '.join(_TOLD)} FROM sessions WHERE id = ?", (session.id,)) or ()
    session.row.take_back(dict(zip(_TOLD, told, strict=True)))
    session.last_seq = session.start_seq = int(
        union.db.value("SELECT coalesce(max(seq), 0) FROM messages WHERE session_id = ?", (session.id,))
    )
    session.messages.clear()
    session.calls.clear()
    session.is_changed = True
