"""A file that is read again from its beginning, as one that was touched is, brings nothing that is not new."""

from __future__ import annotations

from pathlib import Path

from sessiondb import SessionDB
from sessiondb.ingest.run import Ingest
from tests.helpers import codex_logs as codex


def test_a_session_of_several_models_is_unchanged(tmp_path: Path) -> None:
    log = codex.write(
        tmp_path / "rollout-2026-03-01T09-15-00-019cc000-0000-7000-8000-000000000001.jsonl",
        [
            codex.header(),
            codex.context(1, model="gpt-5.3-codex"),
            codex.message("user", "which files are there?", 2),
            codex.context(3, model="gpt-5.4"),
            codex.message("assistant", "two", 4),
        ],
    )
    with SessionDB(tmp_path / "sessions.db") as db:
        assert len(Ingest(db.connection).run([str(log)]).sessions_added) == 1
        db.connection.execute("UPDATE imports SET mtime_ns = 0")
        again = Ingest(db.connection).run([str(log)])
        assert again.files == 1
        assert not again.sessions_updated
        assert again.messages_added == 0
