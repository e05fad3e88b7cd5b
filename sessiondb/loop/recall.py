"""Answer what an agent asks of the database, as text within a budget of tokens.

Each answer is framed as data, names sessions, dates and agents, and says what was left out of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sessiondb.chat.text import counted, cut, one_line, visible
from sessiondb.chat.token_estimate import text_tokens
from sessiondb.loop.memory import framed, known

if TYPE_CHECKING:
    from sessiondb.database import SessionDB
    from sessiondb.records import Message, SearchHit, SearchResult

ALL = "all"
"""The project that means each of them."""

LEAST = 150
"""Tokens below which no answer makes sense: its frame takes 60."""

_HITS = 20
_AROUND = 40
"""Messages on each side that an answer can hold at most."""


def search(db: SessionDB, query: str, project: str, *, since: str | None, scope: str, max_tokens: int) -> str:
    """Return the best hits, one a conversation: date, agent, session, place, title and the words found.

    Raises InvalidInput for a time or scope that makes no sense.
    """
    where = None if project == ALL else project
    result = db.search(query, project=where, since=since, scope=scope, fold=True, limit=_HITS)
    short = db.short_ids({hit.session_id for hit in result.hits if hit.session_id})
    about = [f"{counted(result.total, 'session')} found in {where or 'all projects'}.", *_remarks(result)]
    if not result.total and where:
        about.append(f"project {ALL} looks everywhere.")
    hits = [_hit(hit, short.get(hit.session_id or "", "")) for hit in result.hits]
    return _within(max_tokens, about, hits, result.total)


def read(db: SessionDB, session: str, around: int | None, max_tokens: int) -> str:
    """Return the messages of a session about one of them by number, by default its last ones.

    Raises NotFound, and Ambiguous where the beginning of an id fits several.
    """
    found = db.sessions.resolve(session)
    last = db.messages.last_seq(found.id)
    middle = last if around is None else min(max(around, 1), last)
    messages = db.transcript(found.id, first=max(middle - _AROUND, 1), last=middle + _AROUND).messages
    about = (
        f"Session {found.id}, {found.agent}, {_date(found.started_at)} to {_date(found.last_active_at)},"
        f" project {found.project or 'none'}: {cut(one_line(found.title or 'no title'), 120)}"
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


def _hit(hit: SearchHit, short_id: str) -> str:
    place = f"session {short_id}" if short_id else "note on the project"
    if hit.seq is not None:
        place += f", message {hit.seq} ({hit.role})"
    elif short_id:
        place += f" ({hit.source})"
    facts = (_date(hit.created_at), hit.agent, place, hit.project)
    head = one_line(", ".join(fact for fact in facts if fact))
    title = f": {cut(one_line(hit.title), 100)}" if hit.title else ""
    return f"{head}{title}\n  {one_line(hit.snippet)}"


def _remarks(result: SearchResult) -> Iterator[str]:
    # A sentence for the command line names its option.
    yield from (f"{remark.replace('--in all', 'scope all').rstrip('.')}." for remark in result.remarks)
    if result.hits and result.relaxed:
        yield "Few hold all the words: those that hold some are listed too."
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
