"""What an import and a merge share: sessions on their way in, and when their rows are written."""

from __future__ import annotations

from typing import Any

from sessiondb.dao.forks.originals import Copy
from sessiondb.dao.forks.ownership import Ownership, Related
from sessiondb.dao.forks.parents import leave_copies
from sessiondb.dao.union.calls import Calls
from sessiondb.dao.union.content import Content
from sessiondb.dao.union.incoming import Incoming
from sessiondb.dao.union.sessions import Batch, SessionRows
from sessiondb.importers.base import INHERITING, is_globally_unique


class Union:
    """Sessions on their way in, in a batch.

    Rows are held back until they are many, those of finished files too: `flush` at the end. `open` are the sessions
    of which more may come.
    """

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.sessions = SessionRows(batch)
        self.content, self.calls = Content(batch), Calls(batch)
        self.open: dict[str, Incoming] = {}
        # Sessions of which no more comes, but of which rows are held back.
        self._unflushed: set[str] = set()
        batch.write = self.write

    def write(self) -> None:
        """Write all that came before, in the middle of a file."""
        self.sessions.resolve(self.open.values())
        self.flush()

    def flush(self) -> None:
        """Write all that is held back."""
        self.sessions.write()
        self.batch.rows.write()
        self.batch.ledger.flush()
        self._unflushed.clear()

    def find(self, session_id: str) -> tuple[str | None, int, dict[str, Any]]:
        """Return what is stored of a session: see SessionRows.find."""
        if session_id in self._unflushed:
            self.flush()
        return self.sessions.find(session_id)

    def finish(self, sessions: list[Incoming], children: dict[str, list[str]] | None = None) -> set[str]:
        """End sessions, and give what they share with others to the originals; return the others that changed.

        `children`: sub-agents that a session's log names, and that had another parent before, by its id.
        """
        for session in sessions:
            self.content.add_keyless_tokens(session)
        self.sessions.resolve(sessions)
        self._unflushed.update(session.id for session in sessions)
        unsettled = {session.id for session in sessions if session.renames}
        related = [(session, one) for session in sessions if (one := self._related(session, children or {}))]
        changed = set[str]()
        # All must be in the database by now: originals are told by comparing what is stored.
        if related:
            self.flush()
            ownership = Ownership(self.batch.db)
            for session, one in related:
                unsettled.discard(session.id)
                resolved = ownership.resolve(one._replace(unsettled=frozenset(unsettled)))
                changed |= resolved.changed
                session.added -= resolved.dropped
        for session in sessions:
            # Answers that came to its calls may have been in its forks' logs first.
            if session.answered and not session.is_new:
                self.flush()
                changed |= Ownership(self.batch.db).drop_twins(session.id)
            if session.row.fields.get("agent") in INHERITING and (session.is_exact or not session.is_new):
                self.flush()
                leave_copies(self.batch.db, session.id)
        for session in sessions:
            session.is_changed = session.is_changed or session.added > 0 or session.id in changed
        return changed - {session.id for session in sessions}

    def _related(self, session: Incoming, children: dict[str, list[str]]) -> Related | None:
        """Return what a session shares with others, None where it is nothing."""
        copies, db = session.copies, self.batch.db
        late: list[str] = []
        # Copies that came after lines of its own were not looked for one by one: they are found here in one
        # statement, by the ids that nobody else gives out.
        if session.added and copies.has_unique_ids and not self.batch.is_first:
            own = (
                id for id, message in session.messages.items() if message.is_new and is_globally_unique(id)
            )
            late = Ownership(db).shared(session.id, own)
        renames = session.renames and bool(session.counts)
        went_on = session.added > 0 < session.start_seq and Ownership(db).may_have_gone_on(session.id)
        if went_on:
            self.flush()
            went_on = Ownership(db).went_on(session.id, session.start_seq)
        if not (copies.found or late or renames or went_on):
            return None
        self.flush()
        seqs: dict[int | None, int] = dict(
            db.rows("SELECT id, seq FROM messages WHERE session_id = ?", (session.id,))
        )
        found = [Copy(seqs.get(after, session.start_seq), *names) for after, *names in copies.found]
        return Related(
            session.id,
            found,
            late,
            children.get(session.id, ()),
            tuple(copies.counts.items()),
            session.is_new,
            session.is_exact,
            renames,
            shares_ids=not (renames or session.row.fields.get("agent") in INHERITING),
            went_on_from=session.start_seq if went_on else 0,
        )
