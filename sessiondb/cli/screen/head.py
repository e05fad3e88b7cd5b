"""What stands above a session: its title, when and how large, where its log is, and how to go on with it."""

from __future__ import annotations

import os
from collections.abc import Iterator

from sessiondb import timestamps
from sessiondb.chat.conversation import duration, seconds_between
from sessiondb.chat.text import counted, one_line, short_number, shown, shown_title
from sessiondb.cli.render import from_home
from sessiondb.cli.screen.look import Look
from sessiondb.records import Session, Transcript
from sessiondb.records.sessions import PROMPTS_ONLY_IN_WORDS


def head_lines(transcript: Transcript, look: Look, resume: str | None) -> Iterator[str]:
    """Yield the lines. `resume` is the command that goes on with the session."""
    session = transcript.session
    yield from (look.paint(line, "strong") for line in look.prose.plain(title(session)))
    for line in (_about(session), _size(transcript)):
        yield from (look.paint(piece, "dim") for piece in look.prose.plain(line))
    for name, value, kind in _facts(transcript, resume):
        # On one line, however long: what is copied from a terminal is to be whole.
        text = one_line(value)
        yield f"{look.paint(f'{name:<8}', 'dim')} {look.paint(text, kind) if kind else text}"


def title(session: Session) -> str:
    """Return a session's title on one line, or what it goes by without one."""
    return shown_title(session.title)


def _about(session: Session) -> str:
    begun, last = (timestamps.local_text(stamp) for stamp in (session.started_at, session.last_active_at))
    until = last[11:] if last[:10] == begun[:10] else last
    took = duration(seconds_between(session.started_at, session.last_active_at))
    when = f"{begun} to {until} ({took})" if took else begun
    reason = f" ({session.end_reason})" if session.end_reason not in (None, "imported") else ""
    ended = "open" if session.is_open else f"ended{reason}"
    return " · ".join(one_line(part) for part in (session.agent, session.model, when, ended) if part)


def _size(transcript: Transcript) -> str:
    session, agents = transcript.session, transcript.subagents
    total, cost = session.tokens.total, session.tokens.cost_microdollars
    parts = [
        counted(session.message_count, "message"),
        counted(session.tool_call_count, "tool call") if session.tool_call_count else "",
        counted(len(agents), "sub-agent") if agents else "",
        f"{short_number(total)} tokens" if total is not None else "",
        f"${cost / 1e6:,.2f}" if cost else "",
    ]
    return " · ".join(filter(None, parts))


def _facts(transcript: Transcript, resume: str | None) -> Iterator[tuple[str, str, str]]:
    """Yield what is known, the kind of its look last."""
    session = transcript.session
    yield "session", session.id, "id"
    if session.project:
        yield "project", session.project, ""
    if session.channel:
        yield "channel", session.channel.description, ""
    if session.parent_id:
        yield "parent", f"{session.parent_id} ({session.relation or 'parent'})", ""
    if transcript.tags:
        yield "tags", ", ".join(transcript.tags), ""
    if session.pinned:
        yield "pinned", "prune keeps it", "warning"
    if session.is_prompts_only:
        yield "kept", PROMPTS_ONLY_IN_WORDS, "warning"
    for path in transcript.files[:1]:
        fate = "" if os.path.exists(path) else " (no longer there)"
        others = f" and {len(transcript.files) - 1:,} more" if len(transcript.files) > 1 else ""
        yield "log", f"{shown(from_home(path))}{fate}{others}", ""
    if resume:
        yield "resume", resume, ""
