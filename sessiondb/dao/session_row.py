"""A row of `sessions` with the names behind its keys, and the record it becomes."""

from __future__ import annotations

import json

from sessiondb.dao.values import SUMS, stored_json
from sessiondb.records import Channel, Session, Tokens
from sessiondb.storage.connection import Row

COLUMNS = f"""
  s.id, s.agent, s.started_at, s.last_active_at, s.native_id, s.key, coalesce(p.path, p.name),
  c.platform, c.chat_type, c.chat_id, c.chat_name, c.user_id, c.user_name, c.thread_id,
  s.parent_id, s.relation, s.title, m.name, s.ended_at, s.end_reason, s.message_count, s.tool_call_count,
  s.consolidated, s.pinned, s.origin, s.metadata,
  (SELECT json_array({SUMS}) FROM token_counts AS t WHERE t.session_id = s.id)
"""
FROM = """
FROM sessions AS s
LEFT JOIN projects AS p ON p.id = s.project_id
LEFT JOIN channels AS c ON c.id = s.channel_id
LEFT JOIN models AS m ON m.id = s.model_id
"""


def session_record(row: Row) -> Session:
    """Return the record of a row of COLUMNS."""
    channel = Channel(*row[7:14]) if row[7] is not None else None
    pinned, origin, metadata, tokens = row[23:]
    values = [*row[:7], channel, *row[14:23], bool(pinned), origin, stored_json(metadata, {})]
    values.append(Tokens(*json.loads(tokens)))
    return Session(*values)
