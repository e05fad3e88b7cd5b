"""What is browsed: sessions in the order of activity or of a search, read when they come into sight."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sessiondb.chat.text import counted
from sessiondb.database import SessionDB
from sessiondb.errors import Conflict, NotFound
from sessiondb.records import ResumeCommand, SearchHit, Session, SessionFilter, Transcript

if TYPE_CHECKING:
    from typing_extensions import Self

CHUNK = 200
"""Sessions that are read at once."""

MAX_HITS = 500
"""Sessions that a search lists."""

PATIENCE = 3.0
"""Seconds that a change waits for other writers, the screen with it."""

PREVIEWED = 8
"""Messages that a preview reads."""


class Row(NamedTuple):
    """A session of the list, and where it was found in it by a search."""

    session: Session
    hit: SearchHit | None = None


class Rows:
    """All sessions, the newest activity first."""

    remarks: tuple[str, ...] = ()

    def __init__(self, db: SessionDB, where: SessionFilter) -> None:
        self._db = db
        self._where = where
        self._chunks: dict[int, list[Session]] = {}
        self.total = db.sessions.count(where)

    def row(self, index: int) -> Row | None:
        """Return one of them; None where it has gone since they were counted."""
        number, place = divmod(index, CHUNK)
        if number not in self._chunks:
            self._chunks[number] = self._db.sessions.page(self._where, limit=CHUNK, offset=number * CHUNK)
        chunk = self._chunks[number]
        return Row(chunk[place]) if place < len(chunk) else None

    def forget(self) -> None:
        """Read again what is shown next."""
        self._chunks.clear()


class Found(Rows):
    """The sessions that a search found, the best first."""

    def __init__(self, db: SessionDB, text: str, *, fold: bool) -> None:
        self._db = db
        result = db.search(text, limit=MAX_HITS, fold=fold)
        if not result.hits and text[-1:].isalnum():
            # Who is still typing may be in the middle of a word.
            longer = db.search(f"{text}*", limit=MAX_HITS, fold=fold)
            result = longer if longer.hits else result
        self._hits = [hit for hit in result.hits if hit.session_id is not None]
        self._rows: dict[int, Row] = {}
        self.total = len(self._hits)
        more = result.total - len(result.hits)
        if result.truncated:
            cut = ["not all that fit are listed: add words or fields to see others"]
        else:
            cut = [f"{counted(more, 'more session')} not listed: add words or fields"] if more > 0 else []
        self.remarks = (*result.remarks, *cut)

    def row(self, index: int) -> Row | None:
        """Return one of them; None where it has been removed since."""
        if index not in self._rows:
            hit = self._hits[index]
            try:
                self._rows[index] = Row(self._db.sessions.get(hit.session_id or ""), hit)
            except NotFound:
                return None
        return self._rows[index]

    def forget(self) -> None:
        """Read again what is shown next."""
        self._rows.clear()


class Family(NamedTuple):
    """A session with its sub-agents."""

    session: Session
    below: list[Family]


class Store:
    """One database, open for reading; each change opens it for writing for as long as that takes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = SessionDB(path, read_only=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._db.close()

    def rows(self, query: str, *, with_subagents: bool) -> Rows:
        """Return the sessions that a query means, all for none."""
        if query.strip():
            return Found(self._db, query.strip(), fold=not with_subagents)
        return Rows(self._db, SessionFilter(is_subagent=None if with_subagents else False))

    def session(self, session_id: str) -> Session:
        """Return a session as it is now."""
        return self._db.sessions.get(session_id)

    def tags(self, session_id: str) -> list[str]:
        """Return the tags of a session."""
        return self._db.sessions.tags(session_id)

    def transcript(self, session_id: str) -> Transcript:
        """Return the whole of a session."""
        return self._db.transcript(session_id)

    def preview(self, row: Row) -> Transcript:
        """Return some messages of a session: those around what was found, or the first."""
        first = row.hit.seq - 1 if row.hit and row.hit.seq is not None else 0
        return self._db.transcript(row.session.id, first=first, last=first + PREVIEWED)

    def subagents(self, session_id: str) -> list[Session]:
        """Return the sub-agents that a session began, by their start."""
        return [self._db.sessions.get(id) for id in self._db.sessions.subagents(session_id)]

    def family(self, session_id: str) -> Family:
        """Return the session that began all this, with its sub-agents and theirs."""
        session, above = self._db.sessions.get(session_id), {session_id}
        while session.relation == "subagent" and session.parent_id and session.parent_id not in above:
            above.add(session.parent_id)
            session = self._db.sessions.get(session.parent_id)
        return self._family(session, set())

    def _family(self, session: Session, above: set[str]) -> Family:
        # Another tool may have written sessions that are each other's parent.
        above = {*above, session.id}
        below = [agent for agent in self.subagents(session.id) if agent.id not in above]
        return Family(session, [self._family(agent, above) for agent in below])

    def resume_command(self, session_id: str) -> ResumeCommand:
        """Return the command that goes on with a session. Raises InvalidInput where there is none."""
        return self._db.resume_command(session_id)

    def set_title(self, session_id: str, title: str) -> None:
        """Set the title of a session."""
        with SessionDB(self._path, time_budget=PATIENCE) as db:
            db.sessions.set_title(session_id, title or None)

    def set_tags(self, session_id: str, tags: list[str]) -> None:
        """Give a session these tags and no others."""
        with SessionDB(self._path, time_budget=PATIENCE) as db:
            before = db.sessions.tags(session_id)
            db.sessions.remove_tags(session_id, [tag for tag in before if tag not in tags])
            db.sessions.add_tags(session_id, [tag for tag in tags if tag not in before])

    def toggle_pin(self, session_id: str) -> bool:
        """Pin a session, or no longer; return whether it is pinned now."""
        with SessionDB(self._path, time_budget=PATIENCE) as db:
            pinned = not db.sessions.get(session_id).pinned
            db.sessions.set_pinned(session_id, pinned)
        return pinned

    def end(self, session_id: str) -> None:
        """End a session. Raises Conflict where it has ended."""
        with SessionDB(self._path, time_budget=PATIENCE) as db:
            if not db.sessions.end(session_id):
                raise Conflict("this session has ended already")

    def export(self, session_id: str, target: Path) -> None:
        """Write a session to a file, in the format of its suffix. Raises Conflict where the file exists."""
        self._db.export(target.expanduser(), sessions=[session_id], overwrite=False)
