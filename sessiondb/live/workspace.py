"""The whole state of an agent, kept and given back: for agents that hold their messages in one list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sessiondb.chat.incoming import Draft, draft
from sessiondb.chat.outgoing import FORMATS
from sessiondb.dao.search.guard import despite_search
from sessiondb.errors import Conflict, InvalidInput
from sessiondb.records import Message, Session, Tokens

if TYPE_CHECKING:
    from sessiondb.dao.tables import Tables

TOTALS = "totals"
"""The request key of an agent's own running totals."""


@dataclass(frozen=True, slots=True)
class State:
    """A session as an agent goes on from it: its messages as the API takes them, and its token totals."""

    session: Session
    messages: list[dict[str, Any]] = field(default_factory=list)
    tokens: Tokens = field(default_factory=Tokens)


def save(
    db: Tables,
    session_id: str,
    messages: Sequence[Mapping[str, Any]],
    tokens: Mapping[str, int | None] | None = None,
) -> int:
    """Append those of an agent's messages that are not stored yet, in one transaction; return how many.

    `messages` are dicts as the API takes them. The list may have lost its older messages, but must hold
    some of the latest stored ones: what follows these is new. `tokens` are running totals by bucket,
    set and not added. A state that is stored already writes nothing. Raises Conflict where the list has
    nothing in common with the stored messages, NotFound, and the errors of `Messages.append`.
    """
    if not _new(db, session_id, messages) and _are_set(db, session_id, tokens):
        return 0

    def write() -> int:
        new = _new(db, session_id, messages)
        for message in new:
            db.messages.append(session_id, **message)
        if not _are_set(db, session_id, tokens):
            totals: dict[str, Any] = dict(tokens or {})
            db.tokens.set(session_id, TOTALS, **totals)
        return len(new)

    return despite_search(db.connection, write)


def restore(
    db: Tables, session_id: str | None = None, project: str | None = None, format: str = "openai"
) -> State | None:
    """Return the state of a session, or of a project's newest one; None where that has none yet.

    All its messages come, consolidated ones too, as the API of `format` takes them ("openai" or
    "anthropic"). To go on with the session, write to its id; reopen it where it has ended. Raises
    NotFound for an unknown session id, and DatabaseError where the file cannot be read.
    """
    if format not in FORMATS:
        raise InvalidInput(f"there is no message format {format!r}: give one of {', '.join(FORMATS)}")
    if session_id is not None:
        session: Session | None = db.sessions.get(session_id)
    elif project is not None:
        session = db.sessions.latest(project=project)
    else:
        raise InvalidInput("restore what? give a session's id, or a project's folder")
    if session is None:
        return None
    return State(session, FORMATS[format](db.messages.transcript(session.id), True), session.tokens)


def _new(db: Tables, session_id: str, messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the messages that follow the latest stored one.

    That is where the list and the stored messages, read backwards from some place in the list, agree for
    longest.
    """
    drafts = [_draft(message) for message in messages]
    if not drafts:
        return []
    tail = _tail(db, session_id, len(drafts))
    if not tail:
        return list(messages)
    best, known = 0, 0
    for end in range(len(drafts), 0, -1):
        run = _agreement(drafts[:end], tail)
        # Messages of the list from before the session began: it is another place where the same was said.
        is_whole = run == len(tail) < end
        if run > best and not is_whole:
            best, known = run, end
    if not best:
        raise Conflict(
            f"the {len(messages)} messages have nothing in common with the latest of session {session_id}:"
            " append what is new, or start another session"
        )
    return list(messages[known:])


def _tail(db: Tables, session_id: str, count: int) -> list[Message]:
    """Return the latest `count` stored messages, the newest first."""
    newest_first = db.messages.newest_first(session_id, batch=min(count + 1, 500))
    return [message for _, message in zip(range(count), newest_first, strict=False)]


def _agreement(drafts: Sequence[Draft], newest_first: Sequence[Message]) -> int:
    run = 0
    for ours, theirs in zip(reversed(drafts), newest_first, strict=False):
        if not ours.is_stored_as(theirs):
            break
        run += 1
    return run


def _draft(message: Mapping[str, Any]) -> Draft:
    fields = dict(message)
    answer = (fields.pop("tool_call_id", None), fields.pop("name", None), fields.pop("is_error", None))
    known = ("role", "content", "tool_calls", "reasoning")
    role, content, calls, reasoning = (fields.pop(name, None) for name in known)
    for name in ("model", "finish_reason", "external_id", "created_at"):
        fields.pop(name, None)
    return draft(role, content, calls, answer, reasoning, fields)


def _are_set(db: Tables, session_id: str, tokens: Mapping[str, int | None] | None) -> bool:
    if not tokens:
        return True
    stored = db.tokens.of_request(session_id, TOTALS)
    return stored is not None and all(
        getattr(stored, bucket, None) == count for bucket, count in tokens.items()
    )
