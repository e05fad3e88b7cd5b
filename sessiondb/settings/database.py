"""Which database is meant where none is named."""

from __future__ import annotations

from pathlib import Path

from sessiondb.settings import get
from sessiondb.settings.paths import user_data
from sessiondb.settings.table import DATABASE


def default_database() -> Path:
    """Return the database's path: $SESSIONDB_PATH, else the one of the settings, else sessiondb/sessions.db in the
    platform's place for user data. Raises InvalidInput for settings that cannot be used.
    """
    named = get(DATABASE)
    return Path(named) if named else user_data() / "sessiondb" / "sessions.db"
