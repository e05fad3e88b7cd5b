"""The page of a session, its sub-agents at the calls that began them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby, islice
from typing import NamedTuple

from sessiondb.chat.conversation import beginnings
from sessiondb.chat.text import counted, shown_title
from sessiondb.exchange.html.document import document
from sessiondb.exchange.html.markup import escape
from sessiondb.exchange.html.messages import Place, articles, moment, spent
from sessiondb.records import Note, Session, ToolCall, Transcript
from sessiondb.records.sessions import PROMPTS_ONLY_IN_WORDS

PART = 50
"""Messages that a browser lays out together, when they come into sight."""

_TOOLS = """\
<nav class="tools" aria-label="What is shown">
<input type="search" id="find" placeholder="Search this page" aria-label="Search this page" hidden>
<span id="found" role="status"></span>
<label><input type="checkbox" id="no-tools"> Hide tools</label>
<label><input type="checkbox" id="no-reasoning"> Hide reasoning</label>
<button type="button" id="unfold" hidden>Open all</button>
</nav>
"""


class Around(NamedTuple):
    """What a page has around its messages, as HTML: more about the session, and links to its other pages. `home` is
    the address of the list of all sessions.
    """

    home: str | None = None
    about: str = ""
    pages: str = ""


def page(
    transcript: Transcript, links: Mapping[str, str] | None = None, home: str | None = None
) -> Iterator[str]:
    """Yield the HTML of a session's page. Take a transcript with its sub-agents.

    `links` are the addresses of other sessions' pages by id, `home` that of the list of all.
    """
    return document(title_of(transcript.session), body(transcript, links, Around(home=home)))


def title_of(session: Session) -> str:
    """Return a session's title on one line, or what it goes by without one."""
    return shown_title(session.title)


def body(
    transcript: Transcript, links: Mapping[str, str] | None = None, around: Around | None = None
) -> Iterator[str]:
    """Yield what stands in the page: its head, what can be chosen, and its messages. `links` as for `page`."""
    links, around = links or {}, around or Around()
    back = f'<p><a href="{escape(around.home)}">All sessions</a></p>\n' if around.home else ""
    yield f'<header class="head">\n{back}<h1 dir="auto">{escape(title_of(transcript.session))}</h1>\n'
    yield f"{facts(transcript, links)}{around.about}</header>\n{_TOOLS}<main>\n{around.pages}"
    shown = _messages(transcript, "", links)
    # A page of 10,000 messages would take a browser seconds to lay out. In parts, by `content-visibility`, only those
    # in sight are; links into others and the search of the page find them all the same.
    while part := list(islice(shown, PART)):
        yield f'<div class="part">\n{"".join(part)}</div>\n'
    yield f"{around.pages}{_notes(transcript.notes, 'notes')}</main>\n"


def facts(transcript: Transcript, links: Mapping[str, str]) -> str:
    """Return what is known of a session as a list of names and values."""
    session = transcript.session
    ended = "open" if session.is_open else f"ended ({session.end_reason})" if session.end_reason else "ended"
    size = f"{counted(session.message_count, 'message')}, {counted(session.tool_call_count, 'tool call')}"
    time = f"{moment(session.started_at)} to {moment(session.last_active_at)} UTC, {escape(ended)}"
    found = (
        ("Agent", escape(f"{session.agent} ({session.model})" if session.model else session.agent)),
        ("Project", escape(session.project or "")),
        ("Channel", escape(session.channel.description if session.channel else "")),
        ("Time", time),
        ("Size", escape(size)),
        ("Tokens", spent(session.tokens)),
        ("From", _origin(session, links)),
        ("Tags", escape(", ".join(transcript.tags))),
        ("Kept", PROMPTS_ONLY_IN_WORDS if session.is_prompts_only else ""),
        ("Session", f"<code>{escape(session.id)}</code>"),
    )
    return f"<dl>{''.join(f'<div><dt>{name}</dt><dd>{value}</dd></div>' for name, value in found if value)}</dl>\n"


def _origin(session: Session, links: Mapping[str, str]) -> str:
    if not session.parent_id:
        return ""
    return f"{escape(session.relation or 'session')} of {_named(session.parent_id, links)}"


def _named(session_id: str, links: Mapping[str, str]) -> str:
    """Return the id of a session, as a link where it has a page."""
    name = f"<code>{escape(session_id)}</code>"
    link = links.get(session_id)
    return f'<a href="{escape(link)}">{name}</a>' if link else name


def _messages(transcript: Transcript, anchor: str, links: Mapping[str, str]) -> Iterator[str]:
    """Yield the messages of a session; below the call that began it, each sub-agent; the others at the end."""
    # What a sub-agent did is read where it was asked to; one whose call is not known comes at the end.
    by_call = beginnings(transcript)
    # A sub-agent has messages 1, 2, 3 as well: its anchors begin with its own number, those of its sub-agents with
    # both.
    anchors = {
        agent.session.id: f"{anchor}a{number}-" for number, agent in enumerate(transcript.subagents, 1)
    }

    def began(call: ToolCall) -> str:
        agent = by_call.get(call.id)
        return "" if agent is None else _subagent(agent, anchors[agent.session.id], links)

    place = Place(anchor, transcript.session.project, transcript.tokens, began)
    # Messages that a fork shares with others have the numbers that they have there.
    groups = groupby(transcript.messages, lambda message: message.session_id)
    for number, (id, messages) in enumerate(groups, 1):
        if id == transcript.session.id:
            yield from articles(list(messages), place)
        else:
            yield f'<p class="label">From {_named(id, links)}, where this began:</p>\n'
            yield from articles(list(messages), place._replace(anchor=f"{anchor}f{number}-"))
    shown = {agent.session.id for agent in by_call.values()}
    for agent in transcript.subagents:
        if agent.session.id not in shown:
            yield _subagent(agent, anchors[agent.session.id], links)


def _subagent(agent: Transcript, anchor: str, links: Mapping[str, str]) -> str:
    session = agent.session
    size = counted(session.message_count, "message")
    address = links.get(session.id)
    page = f'<p><a href="{escape(address)}">Its page, with {size}</a></p>\n' if address else ""
    return (
        f'<details class="subagent" id="{anchor[:-1]}"><summary>Sub-agent: <span dir="auto">'
        f"{escape(title_of(session))}</span> <small>{size}</small></summary>\n{facts(agent, links)}"
        f"{''.join(_messages(agent, anchor, links))}{page}{_notes(agent.notes)}</details>\n"
    )


def _notes(notes: list[Note], anchor: str = "") -> str:
    if not notes:
        return ""
    items = "".join(
        f"<li><b>{escape(note.kind)}</b> {escape(note.body)}"
        f"{'' if note.status == 'open' else f' <small>{note.status}</small>'}</li>\n"
        for note in notes
    )
    id = f' id="{anchor}"' if anchor else ""
    return f'<section class="notes"{id}><h2>Notes</h2>\n<ul>{items}</ul></section>\n'
