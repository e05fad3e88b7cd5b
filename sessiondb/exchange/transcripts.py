"""Read sessions as people do: each with its tags, messages and notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sessiondb.dao.exports import Exports
from sessiondb.records import SessionFilter, Transcript

if TYPE_CHECKING:
    from sessiondb.dao.tables import Tables


def transcripts(
    db: Tables, session_ids: Sequence[str] | None = None, *, redact: bool = False
) -> Iterator[Transcript]:
    """Yield the transcripts of some sessions, or of all by their start, as they are at this moment.

    With `redact`, secrets and personal data are taken out of them (see sessiondb.exchange.redact).
    """
    from sessiondb.exchange.redact import redacted

    exports = Exports(db.connection)
    with exports.snapshot():
        for id in exports.session_ids(SessionFilter()) if session_ids is None else session_ids:
            found = Transcript(
                db.sessions.get(id), db.sessions.tags(id), db.messages.transcript(id), db.notes.of_session(id)
            )
            yield redacted(found) if redact else found
