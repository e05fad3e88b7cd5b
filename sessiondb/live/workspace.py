"""The whole state of an agent, kept and given back: for agents that hold their messages in one list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import SequenceMatcher
from itertools import islice
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple

from sessiondb.chat.incoming import Draft, draft, said
from sessiondb.chat.outgoing import FORMATS, asked, is_made_up
from sessiondb.dao.search.guard import despite_search
from sessiondb.errors import Conflict, InvalidInput, NotFound
from sessiondb.records import Message, Session, Tokens
from sessiondb.storage.values import mapping, one_text

if TYPE_CHECKING:
    from sessiondb.dao.tables import Tables

TOTALS = "totals"
"""The request key of an agent's own running totals."""

ON_CONFLICT = ("replace", "append", "error")
"""What `save` may do with stored messages that the agent's list lacks."""


@dataclass(frozen=True, slots=True)
class State:
    """A session as an agent goes on from it: its messages as the API takes them, and its token totals."""

    session: Session
    messages: list[dict[str, Any]] = field(default_factory=list)
    tokens: Tokens = field(default_factory=Tokens)


class _Change(NamedTuple):
    """What makes a session's messages those of a list: keep them up to a seq, and append."""

    keep: int
    new: list[Mapping[str, Any]]
    grown: Message | None = None
    """The last stored message, where the first new one is that very message and says more."""


def save(
    db: Tables,
    session_id: str,
    messages: Iterable[Mapping[str, Any]],
    tokens: Mapping[str, int | None] | None = None,
    on_conflict: str = "replace",
) -> int:
    """Make the messages of a session those of an agent's list, in one transaction; return how many were added.

    `messages` are dicts as the API takes them, and come back with every field. What follows the latest
    stored one is appended; the list may have lost older ones, and what it has in their place, such as a
    summary, is not stored. A last message that goes on, as while it is streamed, takes the place of its
    beginning. `tokens` are running totals by bucket, set and not added. A state that is stored already
    writes nothing.

    Where the list lacks what was stored last (it was edited, taken back or cleared), `on_conflict` says
    what becomes of it. "replace": the session becomes the list, and the messages that are not in it go to
    an ended session of their own, `replaced-ID`, where search finds them. "append": they stay, and what
    is new follows them. "error": Conflict, and nothing is written.

    Raises NotFound, InvalidInput for another word, and the errors of `Messages.append`.
    """
    unknown = sorted(set(mapping(tokens or {}, "tokens")) - {field.name for field in fields(Tokens)})
    if unknown:
        raise InvalidInput(
            f"there is no token bucket {unknown[0]!r}: see TokenCounts.add for those there are"
        )
    messages = list(messages) if isinstance(messages, Iterable) else [messages]
    if not all(isinstance(message, Mapping) for message in messages):
        raise InvalidInput("a message must be a dict with role and content")
    if on_conflict not in ON_CONFLICT:
        raise InvalidInput(f"on_conflict must be one of {', '.join(ON_CONFLICT)}, not {on_conflict!r}")
    # An agent saves after every step, mostly what it has saved before: that is found out by reading alone, so that it
    # waits for no writer. What is to be written is worked out once more under the lock.
    if _change(db, session_id, messages, on_conflict) is None and _are_set(db, session_id, tokens):
        return 0

    def write() -> int:
        change = _change(db, session_id, messages, on_conflict)
        if change is not None:
            _apply(db, session_id, change)
        if not _are_set(db, session_id, tokens):
            totals: dict[str, Any] = dict(tokens or {})
            db.tokens.set(session_id, TOTALS, **totals)
        return len(change.new) if change else 0

    return despite_search(db.connection, write)


def restore(
    db: Tables,
    session_id: str | None = None,
    project: str | PathLike[str] | None = None,
    agent: str | None = None,
    format: str = "openai",
) -> State | None:
    """Return the state of a session, or of a project's newest one, of `agent` alone where it is given; None
    where that has none yet.

    All its messages come, consolidated ones too, as the API of `format` takes them ("openai" or
    "anthropic"). To go on with the session, write to its id; reopen it where it has ended. Raises
    NotFound for an unknown session id, and DatabaseError where the file cannot be read.
    """
    if one_text(format, "format") not in FORMATS:
        raise InvalidInput(f"unknown message format {format!r}: give one of {', '.join(FORMATS)}")
    if session_id is not None:
        session: Session | None = db.sessions.get(session_id)
    elif project is not None:
        session = db.sessions.latest(project=project, agent=agent)
    else:
        raise InvalidInput("nothing to restore: give a session's id, or a project's folder")
    if session is None:
        return None
    return State(session, FORMATS[format](db.messages.transcript(session.id), True), session.tokens)


def _change(
    db: Tables, session_id: str, messages: Sequence[Mapping[str, Any]], on_conflict: str
) -> _Change | None:
    """Return what there is to do, None where the session has these messages already."""
    # Reading goes by the length of the list, not of the session: a short list on a long session costs little.
    room = 2 * len(messages) or 1
    newest_first = db.messages.newest_first(session_id, batch=min(room, 500))
    stored = list(islice(newest_first, room))[::-1]
    if not stored:
        return _Change(0, list(messages)) if messages else None
    known, left = _parting(db, session_id, messages, stored)
    keep = stored[left - 1].seq if left else db.messages.first_seq(session_id) - 1
    new, last = list(messages[known:]), stored[-1]
    # All that is stored is in the list: go on from there, or let the last message grow.
    if keep == last.seq:
        if _has_more(messages[known - 1], last):
            return _Change(keep - 1, list(messages[known - 1 :]), last)
        return _Change(keep, new) if new else None
    if new and keep == last.seq - 1 and _goes_on(new[0], last):
        return _Change(keep, new, last)
    if on_conflict == "error":
        raise Conflict(
            f"the {len(messages)} messages lack the newest ones of session {session_id}, from seq {keep + 1} on:"
            ' save with on_conflict="replace" or "append", or start another session'
        )
    if on_conflict == "append":
        return _Change(last.seq, new) if new else None
    return _Change(keep, new)


def _parting(
    db: Tables, session_id: str, messages: Sequence[Mapping[str, Any]], stored: Sequence[Message]
) -> tuple[int, int]:
    """Return where the list and the latest stored messages part: how many of each are before that place.

    Both are compared by what the messages say.

        stored  a b c d      it goes on from the last stored one: of the places where that is said,
        list        c d e    the one before which both agree for longest

        stored  a b c d      else it goes on from the longest run that both have, if that is longer than
        list    a b X        what would be given up behind it: short ones are said again by chance

        stored  a b c d      else from where they cease to agree, where the list has messages before its
        list    a X c d      run that the session has not; but for system prompts, and one summary in the
        list    S   c d e    place of older ones
    """
    drafts = [draft(message, keep=True) for message in messages]
    listed, ours = [row.says() for row in drafts], [said(message) for message in stored]
    run, known = _continued(listed, ours)
    # Without autojunk, which would pass over what is said often ("ok"), just what agents repeat.
    # Three tries, from the surest sign to the weakest: see the drawing above.
    match = SequenceMatcher(None, listed, ours, autojunk=False).find_longest_match()
    for size, end, left in (
        (run, known, len(ours)),
        (match.size, match.a + match.size, match.b + match.size),
    ):
        if size > len(ours) - left:
            head = [row for row in drafts[: end - size] if row.role != "system" and not is_made_up(row)]
            is_cut = stored[left - size].seq - 1 > end - size
            if _missing(db, session_id, head, ours) <= is_cut:
                return end, left
    both = 0
    is_whole = stored[0].seq == db.messages.first_seq(session_id)
    while is_whole and both < min(len(listed), len(ours)) and listed[both] == ours[both]:
        both += 1
    return both, both


def _continued(listed: Sequence[str], stored: Sequence[str]) -> tuple[int, int]:
    """Return the length of the longest run that ends with the last stored message, and its end in the list."""
    best = known = 0
    for end in range(len(listed), 0, -1):
        run = 0
        for ours, theirs in zip(reversed(listed[:end]), reversed(stored), strict=False):
            if ours != theirs:
                break
            run += 1
        # Messages of the list from before the session began: it is another place where the same was said.
        is_whole = run == len(stored) < end
        if run > best and not is_whole:
            best, known = run, end
    return best, known


def _missing(db: Tables, session_id: str, head: Sequence[Draft], stored: Sequence[str]) -> int:
    """Return how many messages at the head of a list the session has not."""
    texts, known = [row.says() for row in head], set(stored)
    if not known.issuperset(texts):
        # A list that is cut in its middle begins with what the session begins with.
        known.update(said(message) for message in db.messages.transcript(session_id, last=2 * len(head)))
    return sum(text not in known for text in texts)


def _goes_on(message: Mapping[str, Any], stored: Message) -> bool:
    """Say whether a message of the assistant is a stored one that says more by now."""
    row, calls = draft(message), asked(stored)
    begun = [(row.content, stored.content), (row.reasoning, stored.reasoning)]
    begun += [(new.arguments, old.arguments) for new, old in zip(row.calls, calls, strict=False)]
    return (
        row.role == stored.role == "assistant"
        and len(row.calls) >= len(calls)
        and all(new.name == old.name for new, old in zip(row.calls, calls, strict=False))
        and all((new or "").startswith(old or "") for new, old in begun)
    )


def _has_more(message: Mapping[str, Any], stored: Message) -> bool:
    """Say whether a message that says what a stored one says has further fields, or other values of them."""
    row = draft(message, keep=True)
    is_told = row.reasoning in (None, stored.reasoning)
    return not is_told or any(
        stored.metadata.get(name, stored) != value for name, value in row.metadata.items()
    )


def _apply(db: Tables, session_id: str, change: _Change) -> None:
    said_at = None
    if change.grown is not None:
        db.messages.remove_last(session_id)
        said_at = change.grown.created_at
    elif change.keep < db.messages.last_seq(session_id):
        _set_aside(db, session_id, change.keep)
    for message in change.new:
        db.messages.append_whole(session_id, message, created_at=said_at)
        said_at = None


def _set_aside(db: Tables, session_id: str, after: int) -> None:
    """Move messages that the agent's list lacks to the session of what was replaced in this one."""
    session, aside = db.sessions.get(session_id), f"replaced-{session_id}"
    gone = db.messages.transcript(session_id, first=after + 1)
    first, last = gone[0].created_at, gone[-1].created_at
    try:
        db.sessions.get(aside)
    except NotFound:
        title = f"Replaced in {session.title or session_id}"
        fields: dict[str, Any] = {"project": session.project, "model": session.model, "title": title}
        db.sessions.start(session.agent, id=aside, parent=session_id, started_at=first, **fields)
        db.sessions.end(aside, "replaced", at=last)
    # Moved, not removed: a list may be short by mistake, and what was said must be found again.
    db.messages.move(session_id, after, aside)
    db.sessions.touch(aside, last)
    db.sessions.touch(session_id)


def _are_set(db: Tables, session_id: str, tokens: Mapping[str, int | None] | None) -> bool:
    if not tokens:
        return True
    stored = db.tokens.of_request(session_id, TOTALS)
    return stored is not None and all(
        getattr(stored, bucket, None) == count for bucket, count in tokens.items()
    )
