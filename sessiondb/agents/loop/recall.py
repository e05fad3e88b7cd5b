"""Answer what an agent asks of the database, as text within a budget of tokens.

Each answer is framed as data, names sessions, dates and agents, and says what was left out of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sessiondb.agents.loop.memory import framed, known
from sessiondb.chat.text import counted, cut, one_line, shown_title, visible
from sessiondb.chat.token_estimate import text_tokens

if TYPE_CHECKING:
    from sessiondb.database import SessionDB
    from sessiondb.records import Message, NewerHit, SearchHit, SearchResult

ALL = "all"
"""The project that means each of them."""

LEAST = 150
"""Tokens below which no answer makes sense: its frame takes 60."""

_HITS = 20
_AROUND = 40
"""Messages on each side that an answer can hold at most."""


class Asked(NamedTuple):
    """What a search is to look for, and where: a project or ALL, since a time, in a scope (None: in talk, and in tool
    calls where few sessions say it). `waiting` counts the logs that have grown and are not imported yet.
    """

    query: str
    project: str
    since: str | None = None
    scope: str | None = None
    waiting: int = 0


def search(db: SessionDB, asked: Asked, max_tokens: int, own: Collection[str] = ()) -> str:
    """Return the best hits, one a conversation: date, agent, session, place, title and the words found.

    A hit says where its rare words came up again later, and a note what took its place. `own` are the agent's own ids
    of the session that asks. Raises InvalidInput for a time or scope that makes no sense.
    """
    where = None if asked.project == ALL else asked.project
    result = db.search(
        asked.query, project=where, since=asked.since, scope=asked.scope, fold=True, limit=_HITS
    )
    later = db.search.newer(result)
    found = {hit.session_id for hit in result.hits if hit.session_id}
    short = db.short_ids(found | {place.session_id for places in later.values() for place in places})
    current = {id for id in found if own and db.sessions.get(id).native_id in own}
    about = [f"{counted(result.total, 'session')} found in {where or 'all projects'}.", *_remarks(result)]
    if not result.total and where:
        about.append(f"project {ALL} looks everywhere.")
    if asked.waiting:
        about.append(
            f"{counted(asked.waiting, 'log')} with news not imported yet: `sessiondb import auto` brings it in."
        )
    hits = [
        "\n".join(
            (
                _hit(hit, short.get(hit.session_id or "", ""), is_own=hit.session_id in current),
                *_superseded(db, hit),
                *(f"  {_newer(place, short)}" for place in later.get(hit.message_id or 0, ())),
            )
        )
        for hit in result.hits
    ]
    return _within(max_tokens, about, hits, result.total)


def read(db: SessionDB, session: str, around: int | None, max_tokens: int) -> str:
    """Return the messages of a session about one of them by number, by default its last ones.

    Raises NotFound, and Ambiguous where the beginning of an id fits several.
    """
    found = db.sessions.resolve(session)
    last = db.messages.last_seq(found.id)
    middle = last if around is None else min(max(around, 0), last)
    messages = db.messages.transcript(found.id, first=middle - _AROUND, last=middle + _AROUND)
    about = (
        f"Session {found.id}, {found.agent}, {_date(found.started_at)} to {_date(found.last_active_at)},"
        f" project {found.project or 'none'}: {cut(shown_title(found.title), 120)}"
    )
    said = {message.seq: _said(message, max_tokens) for message in messages}
    room = _room(max_tokens) - text_tokens(visible(about)) - 40
    kept: list[int] = []
    for seq in sorted(said, key=lambda seq: (abs(seq - middle), seq)):
        room -= text_tokens(visible(said[seq])) + 1
        if room < 0 and kept:
            break
        kept.append(seq)
    kept.sort()
    extent = f"Messages {kept[0]} to {kept[-1]} of {last}; `around` shows others." if kept else "No messages."
    return _framed(max_tokens, "\n\n".join((about, extent, *(said[seq] for seq in kept))))


def brief(db: SessionDB, project: str, max_tokens: int) -> str:
    """Return what is known of a project: its notes, and its last sessions by title."""
    text = known(db, project, _room(max_tokens)).text
    return _framed(max_tokens, text or f"Nothing is known of {project} yet: no notes and no sessions.")


def latest(db: SessionDB, project: str, limit: int) -> list[tuple[str, str]]:
    """Return the ids of the latest sessions of a project, each with a line that says what it was."""
    from sessiondb.records import SessionFilter

    sessions = db.sessions.page(SessionFilter(project=project), limit=limit)
    return [
        (
            session.id,
            visible(
                f"{_date(session.last_active_at)} {session.agent}: {cut(shown_title(session.title), 80)}"
            ),
        )
        for session in sessions
    ]


def _newer(place: NewerHit, short: Mapping[str, str]) -> str:
    when = _date(place.created_at)
    if place.is_same_session:
        return f"later in this session: message {place.seq}, {when}"
    return f"later in this project: session {short[place.session_id]}, message {place.seq}, {when}"


def _superseded(db: SessionDB, hit: SearchHit) -> Iterator[str]:
    """Yield what has become of a note, where it is no longer current."""
    note = None if hit.note_id is None else db.notes.get(hit.note_id)
    if note is not None and note.superseded_by is not None:
        new = db.notes.get(note.superseded_by)
        yield f"  superseded by note {new.id}: {cut(one_line(new.body), 200)}"
    elif note is not None and note.status != "open":
        yield f"  {note.status} since {_date(note.resolved_at)}"


def _hit(hit: SearchHit, short_id: str, *, is_own: bool) -> str:
    place = f"session {short_id}{' (the current one)' if is_own else ''}" if short_id else "the project"
    if hit.note_id is not None:
        place = f"note {hit.note_id} of {place}, {hit.note_status}"
    if hit.seq is not None:
        place += f", message {hit.seq} ({hit.role})"
    elif short_id and hit.note_id is None:
        place += f" ({hit.source})"
    facts = (_date(hit.created_at), hit.agent, place, hit.project)
    head = one_line(", ".join(fact for fact in facts if fact))
    title = f": {cut(shown_title(hit.title), 100)}" if hit.session_id else ""
    return f"{head}{title}\n  {one_line(hit.snippet)}"


def _remarks(result: SearchResult) -> Iterator[str]:
    # A sentence for the command line names its option.
    yield from (f"{remark.replace('--in all', 'scope all').rstrip('.')}." for remark in result.remarks)
    if result.hits and result.relaxed:
        yield "Few hold all the words: those that hold some are listed too."
    if result.truncated:
        yield "Of so many matches only the newest, or the best, were ranked."
    if result.pending:
        yield f"{counted(result.pending, 'row')} of a running import cannot be searched yet."


def _said(message: Message, max_tokens: int) -> str:
    from sessiondb.chat.tool_summaries import summary

    is_answer = message.role == "tool"
    most = max_tokens // (8 if is_answer else 3)
    moment = f", {message.created_at[:16].replace('T', ' ')}" if message.created_at else ""
    lines = [f"#{message.seq} {message.role}{moment}"]
    if message.text:
        lines.append(_shortened(message.text, most))
    if not is_answer:
        lines += [_shortened(f"-> {one_line(summary(call).line)}", 60) for call in message.tool_calls]
    return "\n".join(lines)


def _date(stamp: str | None) -> str:
    return (stamp or "")[:10]


def _shortened(text: str, most: int) -> str:
    """Return the beginning of a text, at most so many tokens of it."""
    text = visible(text)
    if text_tokens(text) <= most:
        return text
    more = len(text.encode()) - most * 4
    return f"{text.encode()[: max(most - 10, 1) * 4].decode(errors='ignore')}… ({more:,} more bytes)"


def _within(max_tokens: int, about: Sequence[str], blocks: Sequence[str], total: int) -> str:
    """Return blocks in a frame, as many as fit."""
    text = ""
    for count in range(len(blocks), -1, -1):
        left = total - count
        more = [f"{left:,} more: raise max_tokens, or narrow the query."] if left else []
        text = "\n\n".join((" ".join(about), *blocks[:count], *more))
        if text_tokens(framed(visible(text))) <= max_tokens or (count == 1):
            break
    return _framed(max_tokens, text)


def _room(max_tokens: int) -> int:
    return max_tokens - text_tokens(framed("")) - 1


def _framed(max_tokens: int, text: str) -> str:
    """Return a text in its frame, cut where it is too long; what the frame escapes is measured."""
    room = _room(max_tokens)
    answer = framed(_shortened(text, room))
    while text_tokens(answer) > max_tokens:
        room -= text_tokens(answer) - max_tokens
        answer = framed(_shortened(text, room))
    return answer
