"""What an earlier version has read of logs that are gone: a newer one would read more of them, and cannot."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from sessiondb.records.imports import Unfilled
from sessiondb.storage.connection import Connection

_TOLD = "unfilled_logs"

# A session that a log of today's version holds too has been filled from that one.
_UNFILLED = """
WITH lost AS (
  SELECT i.format, i.id, c.session_id
  FROM imports AS i
  JOIN import_sessions AS c ON c.import_id = i.id
  JOIN sessions AS s ON s.id = c.session_id
  WHERE i.path IN (SELECT value FROM json_each(:gone)) AND NOT EXISTS (
    SELECT 1 FROM import_sessions AS o JOIN imports AS j ON j.id = o.import_id
    WHERE o.session_id = c.session_id AND j.path NOT IN (SELECT value FROM json_each(:gone))))
SELECT l.format, count(DISTINCT l.id), count(DISTINCT l.session_id), (
  SELECT count(*) FROM token_counts AS t
  WHERE t.session_id IN (SELECT o.session_id FROM lost AS o WHERE o.format = l.format))
FROM lost AS l
GROUP BY l.format
ORDER BY l.format
"""


class LostLogs:
    """The sessions of logs that are gone, in the tables `imports` and `import_sessions`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def unfilled(self, gone: Sequence[str], versions: Mapping[str, int]) -> list[Unfilled]:
        """Return what cannot be read again of logs, by format; nothing where that has been told before.

        `gone` are paths that lower versions have read; `versions` are those of the importers now.
        """
        found = [Unfilled(*row) for row in self._db.rows(_UNFILLED, {"gone": json.dumps(gone)})]
        now = json.dumps([(entry.format, entry.logs, versions.get(entry.format)) for entry in found])
        if self._db.value("SELECT value FROM meta WHERE key = ?", (_TOLD,)) == now:
            return []
        with self._db.transaction():
            self._db.execute(
                "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (_TOLD, now),
            )
        return found
