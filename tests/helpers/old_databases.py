"""Databases as earlier versions left them: made here, or kept as such a version wrote them."""

from __future__ import annotations

import gzip
import sqlite3
from pathlib import Path

from sessiondb.storage.migrations import APPLICATION_ID, migrations

OLDEST = 4
"""The schema of the first version that was released."""


DATA = Path(__file__).parents[1] / "data" / "databases"
KEPT = sorted(file.name.removesuffix(".db.gz") for file in DATA.glob("*.db.gz"))
"""The databases that are kept, by schema: an empty one, and one with something of everything."""


def unpack(name: str, path: Path) -> Path:
    """Unpack a database that is kept."""
    path.write_bytes(gzip.decompress((DATA / f"{name}.db.gz").read_bytes()))
    path.chmod(0o600)
    return path


def make_oldest(path: Path) -> None:
    """Make a database of the oldest schema that was ever released, with rows in it."""
    with sqlite3.connect(path, isolation_level=None) as old:
        for migration in migrations()[:OLDEST]:
            old.executescript(migration.sql)
        old.execute(f"PRAGMA user_version = {OLDEST}")
        old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        old.execute("PRAGMA journal_mode = WAL")
        old.execute("INSERT INTO meta (key, value) VALUES ('database_id', 'abc')")
        old.execute("INSERT INTO agents VALUES ('agent')")
        for number in range(6):
            old.execute(
                "INSERT INTO sessions (id, agent, native_id, started_at, last_active_at)"
                " VALUES (:id, 'agent', :id, :at, :at)",
                {"id": f"old{number}", "at": "2026-01-05T08:00:00.000Z"},
            )
            old.execute(
                "INSERT INTO messages (session_id, seq, role, content) VALUES (?, 1, 'user', 'long ago')",
                (f"old{number}",),
            )
    old.close()
