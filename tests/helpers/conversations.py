"""Import files in some order, and look at what a database holds of each session then."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import timezone
from itertools import permutations
from pathlib import Path
from typing import Any, NamedTuple

from sessiondb import SessionDB
from sessiondb.dao.maintenance import Maintenance
from sessiondb.ingest.run import Ingest
from sessiondb.records import Message, Session

MINUTE = "2026-03-01T09:{:02}:00.000Z"


class Held(NamedTuple):
    """What a database holds of a session: its row, its messages, and (input, output) tokens in sum."""

    session: Session
    messages: list[Message]
    tokens: tuple[int | None, int | None]

    @property
    def said(self) -> list[str]:
        """Return the texts."""
        return [message.text for message in self.messages]


def imported(database: Path, files: Iterable[Path]) -> dict[str, Held]:
    """Import files one run after the other, all once more at the end, and return what there is then."""
    files = list(files)
    with SessionDB(database) as db:
        for file in files:
            report = Ingest(db.connection, tz=timezone.utc).run([str(file)])
            assert report.skipped == []
        again = Ingest(db.connection, tz=timezone.utc).run([str(file) for file in files])
        assert (again.sessions_added, again.messages_added) == (set(), 0)
        assert Maintenance(db.connection).check() == []
        return {id: held(db, id) for (id,) in db.connection.rows("SELECT id FROM sessions")}


def held(db: SessionDB, id: str) -> Held:
    """Return what a database holds of a session."""
    tokens = db.tokens.total(id)
    return Held(db.sessions.get(id), db.messages.transcript(id), (tokens.input, tokens.output))


def in_any_order(files: Sequence[Path], tmp_path: Path) -> list[dict[str, Held]]:
    """Return what each order of import comes to."""
    return [imported(tmp_path / f"{number}.db", order) for number, order in enumerate(permutations(files))]


def write(path: Path, *lines: Any) -> Path:
    """Write JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path
