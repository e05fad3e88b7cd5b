"""A session as a row of the list, and in a few facts. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.text import Text

from sessiondb import timestamps
from sessiondb.chat.text import counted, cut, folder_name, one_line, pad, short_number, shown_title
from sessiondb.cli.browse.store import Row
from sessiondb.records import Session

GAP = "  "
_LEAST_TITLE = 28
# From the right; each is left out, the first one first, where the title would have too little room.
_COLUMNS = (("project", 14), ("agent", 11), ("size", 5), ("when", 10))
_MARKED = re.compile("[«»]")


def title(session: Session) -> str:
    """Return a session's title on one line, or what it goes by without one."""
    return shown_title(session.title)


def row_text(row: Row, columns: int) -> Text:
    """Return a row in so many columns: marks and title, and as many of the rest as there is room for."""
    session = row.session
    values = {
        "project": folder_name(session.project) if session.project else "",
        "agent": session.agent,
        "size": short_number(session.message_count),
        "when": timestamps.relative_text(session.last_active_at),
    }
    kept = list(_COLUMNS)
    while kept and columns - _room(kept) - 2 < _LEAST_TITLE:
        kept.pop(0)
    room = max(columns - _room(kept) - 2, 1)
    mark = (
        "★" if session.pinned else "●" if session.is_open else "↳" if session.relation == "subagent" else " "
    )
    line = Text(no_wrap=True, end="")
    line.append(f"{mark} ", "yellow" if session.pinned else "green")
    line.append(pad(cut(title(session), room), room))
    for name, size in kept:
        cell = pad(cut(one_line(values[name]), size), size, right=name == "size")
        line.append(GAP + cell, "cyan" if name == "agent" else "dim")
    return line


def _room(kept: list[tuple[str, int]]) -> int:
    return sum(len(GAP) + size for _, size in kept)


def facts(session: Session, tags: list[str]) -> Iterator[Text]:
    """Yield four lines about a session: title; agent and times; project and sizes; id, parent and tags."""
    yield Text(title(session), "bold")
    begun, last = (timestamps.local_text(stamp) for stamp in (session.started_at, session.last_active_at))
    until = last[11:] if last[:10] == begun[:10] else last
    state = "open" if session.is_open else "ended"
    about = " · ".join(
        one_line(part) for part in (session.agent, session.model, f"{begun} to {until}", state) if part
    )
    yield Text(about, "dim")
    folder = [one_line(session.project)] if session.project else []
    yield Text(" · ".join([*folder, *_size(session)]), "dim")
    last_line = Text(one_line(session.id), "dim")
    if session.relation and session.parent_id:
        last_line.append(f" · {session.relation} of {one_line(session.parent_id)}")
    kept = ["prompts only"] if session.is_prompts_only else []
    marks = [*kept, *(["★ pinned"] if session.pinned else []), *(f"#{one_line(tag)}" for tag in tags)]
    last_line.append("".join(f" · {mark}" for mark in marks), "yellow")
    yield last_line


def _size(session: Session) -> list[str]:
    parts = [counted(session.message_count, "message")]
    if session.tool_call_count:
        parts.append(counted(session.tool_call_count, "tool call"))
    if session.tokens.total is not None:
        parts.append(f"{short_number(session.tokens.total)} tokens")
    return parts


def snippet(text: str) -> Text:
    """Return what a search found, its marks as a style."""
    line = Text()
    for number, part in enumerate(_MARKED.split(one_line(text))):
        line.append(part, "bold yellow" if number % 2 else "")
    return line
