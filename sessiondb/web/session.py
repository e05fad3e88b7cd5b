"""The page of a session: its messages as the HTML export has them, some hundred at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sessiondb.chat.conversation import beginnings
from sessiondb.chat.text import counted
from sessiondb.errors import InvalidInput
from sessiondb.exchange.html import Around, body
from sessiondb.exchange.html.markup import escape
from sessiondb.exchange.html.page import title_of
from sessiondb.records import Transcript
from sessiondb.web.assets import SESSION_JS
from sessiondb.web.frame import Links, Page, Query, page_number, pages, session_path

if TYPE_CHECKING:
    from sessiondb.database import SessionDB
    from sessiondb.records import Session

SIZE = 200
"""Messages of a page."""

BEFORE = 20
"""Messages that a fork shares with the session it comes from, the last ones, on its first page."""

INLINE = 40
"""Messages of a sub-agent that stand below the call that began it."""

_TOLD = 3
"""The first messages of a sub-agent, which tell what it was asked."""


def session_page(db: SessionDB, session_id: str, query: Query, links: Links) -> Page:
    """Return a page of a session. Raises NotFound."""
    session = db.sessions.resolve(session_id)
    if session.id != session_id:
        return Page("", (), moved=links.session(session.id))
    newest = next(db.messages.newest_first(session.id, batch=1), None)
    last = max(1, -(-newest.seq // SIZE)) if newest else 1
    number = _page_of(query["at"]) if query.get("at", "").isdigit() else page_number(query, last)
    number = min(number, last)
    first = (number - 1) * SIZE + 1
    begins = 1 - BEFORE if number == 1 else first
    found = db.transcript(session.id, first=begins, last=first + SIZE - 1)
    agents = [db.sessions.get(id) for id in db.sessions.subagents(session.id) if id != session.id]
    tokens = db.tokens.of_messages(session.id)
    shown = replace(found, tokens=tokens, subagents=_begun(db, replace(found, tokens=tokens), agents))
    around = Around(
        about=_resume(db, session) + _agents(agents, links) + _notes(found, links, last),
        pages=pages(links, session_path(session.id), query, number, last),
    )
    if number < last:
        shown = replace(shown, notes=[])
    others = {session.parent_id, *(m.session_id for m in found.messages), *(agent.id for agent in agents)}
    addresses = {id: links.session(id) for id in others if id and id != session.id}
    return Page(title_of(session), body(shown, addresses, around), SESSION_JS)


def _page_of(seq: str) -> int:
    return max(1, -(-int(seq) // SIZE))


def _begun(db: SessionDB, part: Transcript, agents: list[Session]) -> list[Transcript]:
    """Return the sub-agents that calls of these messages began, each with its first messages."""
    if not any(message.tool_calls for message in part.messages):
        return []
    told = [Transcript(agent, [], db.messages.transcript(agent.id, last=_TOLD), []) for agent in agents]
    begun = beginnings(replace(part, subagents=told)).values()
    return [
        replace(
            db.transcript(agent.session.id, last=INLINE),
            tokens=db.tokens.of_messages(agent.session.id),
        )
        for agent in begun
    ]


def _resume(db: SessionDB, session: Session) -> str:
    try:
        command = db.resume_command(session.id)
    except InvalidInput:
        return ""
    warnings = "".join(f'<p class="warning">{escape(warning)}</p>\n' for warning in command.warnings)
    return (
        f'<p class="resume">Resume: <code>{escape(command.line)}</code>'
        f' <button type="button" class="copy" hidden>Copy</button></p>\n{warnings}'
    )


def _agents(agents: list[Session], links: Links) -> str:
    if not agents:
        return ""
    items = "".join(
        f'<li><a href="{escape(links.session(agent.id))}" dir="auto">{escape(title_of(agent))}</a>'
        f" <small>{counted(agent.message_count, 'message')}</small></li>\n"
        for agent in agents
    )
    return f'<details class="agents"><summary>{counted(len(agents), "sub-agent")}</summary><ul>{items}</ul></details>\n'


def _notes(found: Transcript, links: Links, last: int) -> str:
    """Return a link to the notes, which stand below the last message."""
    if not found.notes:
        return ""
    address = f"{links.session(found.session.id, page=last)}#notes"
    return f'<p class="more"><a href="{escape(address)}">{counted(len(found.notes), "note")}</a></p>\n'
