"""A folder of pages with an index, whose search needs no server: it holds the words of what was said."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from hashlib import sha256

from sessiondb.chat.text import counted
from sessiondb.exchange.html.document import INDEX_SCRIPT, document
from sessiondb.exchange.html.markup import escape
from sessiondb.exchange.html.messages import moment
from sessiondb.exchange.html.page import title_of
from sessiondb.records import Session, Transcript

INDEX = "index.html"
MAX_WORD = 40
"""Letters of a word that can be found: what is longer is a hash or a line without spaces, found by its beginning."""


def file_name(session_id: str) -> str:
    """Return the name of a session's page: its id, where that can be a file's name everywhere."""
    safe = re.sub(r"[^A-Za-z0-9_-]+", "-", session_id)[:80]
    if safe != session_id or safe.lower() == "index":
        safe = f"{safe}-{sha256(session_id.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
    return f"{safe}.html"


def words_of(transcript: Transcript) -> Iterator[str]:
    """Yield the words by which a session is found, each as often as it was said."""
    texts = [message.text for message in transcript.messages if message.role in ("user", "assistant")]
    for text in (title_of(transcript.session), *texts, *(note.body for note in transcript.notes)):
        # A single letter is a word in Chinese, but not in English.
        yield from (word[:MAX_WORD] for word in re.findall(r"\w{2,}|[^\W\da-z]", text.lower()))
    for agent in transcript.subagents:
        yield from words_of(agent)


def index(count: int, items: Iterable[str], words: Iterable[str]) -> Iterator[str]:
    """Yield the HTML of the list of all sessions with the words to search in; `words` are asked for after all items."""
    return document(counted(count, "session"), _body(count, items, words), INDEX_SCRIPT)


def _body(count: int, items: Iterable[str], words: Iterable[str]) -> Iterator[str]:
    yield (
        f'<header class="head"><h1>{counted(count, "session")}</h1></header>\n'
        '<nav class="tools" aria-label="Search">\n'
        '<input type="search" id="find" placeholder="Search titles, projects and what was said"'
        ' aria-label="Search all sessions" hidden>\n<span id="found" role="status"></span>\n</nav>\n'
        '<main>\n<ol class="sessions">\n'
    )
    yield from items
    yield '</ol>\n</main>\n<script type="application/json" id="words">'
    yield from words
    yield "</script>\n"


def item(session: Session, address: str) -> str:
    """Return a session as an item of a list, with a link to its page."""
    about = [session.agent, session.project or "", counted(session.message_count, "message")]
    about += ["prompts only"] if session.is_prompts_only else []
    return (
        f'<li><a href="{escape(address)}" dir="auto">{escape(title_of(session))}</a>'
        f"<p>{moment(session.last_active_at)} · {escape(' · '.join(filter(None, about)))}</p></li>\n"
    )
