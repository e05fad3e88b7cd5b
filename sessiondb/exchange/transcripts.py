"""Read sessions as people do, each with its tags, messages and notes, and write them as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sessiondb.records import SessionFilter, Transcript
from sessiondb.records.progress import Progress
from sessiondb.storage.values import whole_number

if TYPE_CHECKING:
    from sessiondb.dao.tables import Tables


def transcript(db: Tables, session_id: str, first: int | None = None, last: int | None = None) -> Transcript:
    """Return a session's transcript, with its messages from seq `first` to `last`. Raises NotFound.

    A fork's begins with what it shares with the session it comes from: all of that, or, where `first` is below 1,
    as many messages as that is below it.
    """
    if first is not None:
        whole_number(first, "first")
    own = db.messages.transcript(session_id, first=first, last=last)
    before = db.messages.inherited(session_id) if first is None or first < 1 else []
    shown = len(before) if first is None else 1 - first
    return Transcript(
        db.sessions.get(session_id),
        db.sessions.tags(session_id),
        [*before[max(0, len(before) - shown) :], *own],
        db.notes.of_session(session_id),
    )


def with_subagents(db: Tables, session_id: str) -> Transcript:
    """Return a session's transcript with the tokens of its messages and those of its sub-agents, and of theirs.

    Raises NotFound.
    """
    return _with_subagents(db, session_id, {session_id})


def _with_subagents(db: Tables, session_id: str, above: set[str]) -> Transcript:
    # Another tool may have written sessions that are each other's parent.
    below = [id for id in db.sessions.subagents(session_id) if id not in above]
    return replace(
        transcript(db, session_id),
        subagents=[_with_subagents(db, id, {*above, id}) for id in below],
        tokens=db.tokens.of_messages(session_id),
    )


def outlined(db: Tables, session_id: str, first: int | None = None, last: int | None = None) -> Transcript:
    """Return a session's transcript with the logs it came from, and its sub-agents, and theirs, in outline: of each no
    more than its session and what it was first told. Raises NotFound.
    """
    from sessiondb.dao.ledger import Ledger

    return replace(
        transcript(db, session_id, first, last),
        subagents=_outlines(db, session_id, {session_id}),
        files=Ledger(db.connection).paths_of(session_id),
    )


def _outlines(db: Tables, session_id: str, above: set[str]) -> list[Transcript]:
    return [
        Transcript(
            db.sessions.get(id), [], db.messages.first_told(id), [], subagents=_outlines(db, id, {*above, id})
        )
        for id in db.sessions.subagents(session_id)
        if id not in above
    ]


def transcripts(
    db: Tables, session_ids: Sequence[str] | None = None, *, redact: bool = False
) -> Iterator[Transcript]:
    """Yield the transcripts of some sessions, or of all by their start, as they are at this moment.

    With `redact`, secrets and personal data are taken out of them (see sessiondb.chat.redaction.redact).
    """
    # What only an export needs: to show one session should not wait for it.
    from sessiondb.chat.redaction.redact import redacted
    from sessiondb.dao.exports import Exports

    exports = Exports(db.connection)
    with exports.snapshot():
        for id in exports.session_ids(SessionFilter()) if session_ids is None else session_ids:
            found = transcript(db, id)
            yield redacted(found) if redact else found


def markdown(
    db: Tables, session_ids: Sequence[str] | None, *, redact: bool, progress: Progress
) -> Iterator[bytes]:
    """Yield one transcript after the other as lines of Markdown, chosen as in `transcripts`."""
    from sessiondb.chat.transcript import Look, lines
    from sessiondb.dao.exports import Exports

    total = Exports(db.connection).session_count() if session_ids is None else len(session_ids)
    look = Look(style="md", full=True)
    for number, found in enumerate(transcripts(db, session_ids, redact=redact), 1):
        if number > 1:
            yield b"\n"
        for line in lines(found, look):
            yield line.encode() + b"\n"
        progress("write", number, max(number, total))
