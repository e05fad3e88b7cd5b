"""One SQLite file: connection, locks, migrations."""
