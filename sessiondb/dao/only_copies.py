"""The sessions that exist nowhere else any more: imported once, and every log that held them is gone.

A session counts by the files of the ledger that gave it, and by those alone.

    one of them is there                          a copy
    none is there, of one that is not known       unreachable: a drive may be away
    all are gone                                  an only copy

- Indexes, which tell of sessions without what was said in them, count only where nothing else gave the session.
- A file that is there and is no log any more (emptied, overwritten) is as good as gone, and so is a database from
  which a session was deleted.
- What no import has brought is none of this: rows that an agent writes through the library, or that a merge took from
  another database, never had a log to lose. Their own database is their first place, and `prune` is how they age.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import cache

from sessiondb.importers import find, is_index
from sessiondb.importers.files.presence import Presence
from sessiondb.records import OnlyCopies
from sessiondb.storage.connection import Connection
from sessiondb.storage.values import texts

UNREAD = -1
"""The parser version of a file that is being read, or could not be read to its end."""

_SOURCES = """
SELECT g.session_id, s.native_id, i.path, i.format, i.device, i.parser_version
FROM import_sessions AS g JOIN imports AS i ON i.id = g.import_id JOIN sessions AS s ON s.id = g.session_id
"""


def only_copies(connection: Connection, session_ids: Collection[str] | None = None) -> OnlyCopies:
    """Return which of some sessions, by default of all, exist nowhere else; each folder is listed once."""
    presence = Presence()
    states: dict[str, list[bool | None]] = {}
    indexes: dict[str, list[bool | None]] = {}
    those = "" if session_ids is None else " WHERE g.session_id IN (SELECT value FROM json_each(?))"
    parameters = () if session_ids is None else (json.dumps(texts(session_ids, "session_ids")),)
    known: dict[str, bool | None] = {}
    of_format = cache(_is_index_of)
    for session_id, native_id, path, format, device, version in connection.rows(_SOURCES + those, parameters):
        if path not in known:
            known[path] = _is_log(presence.is_there(path, format, device), format, version)
        kind = indexes if of_format(format) and is_index(path, format) else states
        answer = known[path] and presence.holds(path, format, native_id)
        kind.setdefault(session_id, []).append(answer)
    found = OnlyCopies()
    for session_id, answers in (indexes | states).items():
        if True in answers:
            continue
        (found.unreachable if None in answers else found.gone).add(session_id)
    return found


def _is_index_of(format: str | None) -> bool:
    """Say whether a format has indexes at all: most have none, and need not be asked for each file."""
    return hasattr(find(format), "is_index")


def _is_log(is_there: bool | None, format: str | None, version: int) -> bool | None:
    """Say whether a file that is there holds what it gave."""
    if is_there and format is None:
        return None if version == UNREAD else False
    return is_there
