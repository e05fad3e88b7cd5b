"""A folder of pages with an index, whose search needs no server: it holds the words of what was said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import NamedTuple

from sessiondb.chat.text import counted
from sessiondb.exchange.html.document import INDEX_SCRIPT, document
from sessiondb.exchange.html.markup import escape
from sessiondb.exchange.html.messages import moment
from sessiondb.exchange.html.page import title_of
from sessiondb.records import Session, Transcript

INDEX = "index.html"
MAX_WORD = 40
"""Letters of a word that can be found: what is longer is a hash or a line without spaces, found by its beginning."""


class Entry(NamedTuple):
    """A session in the index: where its page is, and the words in it."""

    session: Session
    file: str
    words: frozenset[str]


def file_name(session_id: str) -> str:
    """Return the name of a session's page: its id, where that can be a file's name everywhere."""
    safe = re.sub(r"[^A-Za-z0-9_-]+", "-", session_id)[:80]
    if safe != session_id or safe.lower() == "index":
        safe = f"{safe}-{sha256(session_id.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
    return f"{safe}.html"


def entry(transcript: Transcript) -> Entry:
    """Return what the index holds of a session."""
    return Entry(transcript.session, file_name(transcript.session.id), frozenset(_words(transcript)))


def _words(transcript: Transcript) -> Iterator[str]:
    texts = [message.text for message in transcript.messages if message.role in ("user", "assistant")]
    for text in (title_of(transcript.session), *texts, *(note.body for note in transcript.notes)):
        # A single letter is a word in Chinese, but not in English.
        yield from (word[:MAX_WORD] for word in re.findall(r"\w{2,}|[^\W\da-z]", text.lower()))
    for agent in transcript.subagents:
        yield from _words(agent)


def index(entries: Iterable[Entry]) -> Iterator[str]:
    """Yield the HTML of the list of all sessions, the newest first, with the words to search in."""
    ordered = sorted(entries, key=lambda each: (each.session.last_active_at, each.session.id), reverse=True)
    return document(counted(len(ordered), "session"), _body(ordered), INDEX_SCRIPT)


def _body(entries: list[Entry]) -> Iterator[str]:
    yield (
        f'<header class="head"><h1>{counted(len(entries), "session")}</h1></header>\n'
        '<nav class="tools" aria-label="Search">\n'
        '<input type="search" id="find" placeholder="Search titles, projects and what was said"'
        ' aria-label="Search all sessions" hidden>\n<span id="found" role="status"></span>\n</nav>\n'
        '<main>\n<ol class="sessions">\n'
    )
    for each in entries:
        yield item(each.session, each.file)
    yield f'</ol>\n</main>\n<script type="application/json" id="words">{_index_json(entries)}</script>\n'


def item(session: Session, address: str) -> str:
    """Return a session as an item of a list, with a link to its page."""
    about = [session.agent, session.project or "", counted(session.message_count, "message")]
    about += ["prompts only"] if session.is_prompts_only else []
    return (
        f'<li><a href="{escape(address)}" dir="auto">{escape(title_of(session))}</a>'
        f"<p>{moment(session.last_active_at)} · {escape(' · '.join(filter(None, about)))}</p></li>\n"
    )


# A search in the browser, from a file and without a server: the index holds each word once, and where it is in steps
# from one page to the next, {"tests": [0, 2, 1]} for the pages 0, 2 and 3. Small numbers are short.
def _index_json(entries: list[Entry]) -> str:
    """Return the words, each with the numbers of the entries that hold it, as steps from one to the next."""
    holding: dict[str, list[int]] = {}
    for number, each in enumerate(entries):
        for word in each.words:
            holding.setdefault(word, []).append(number)
    steps = {
        word: [number - before for before, number in zip([0, *numbers], numbers, strict=False)]
        for word, numbers in sorted(holding.items())
    }
    # Nothing in it may end the element that it stands in.
    return json.dumps(steps, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
