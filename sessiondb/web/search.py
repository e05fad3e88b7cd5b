"""The page of a search: what was found, with the words marked, and what would narrow it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sessiondb.chat.text import counted, one_line, shown_title
from sessiondb.exchange.html.markup import escape
from sessiondb.exchange.html.messages import moment
from sessiondb.web.facets import facets
from sessiondb.web.frame import SEARCH, Links, Page, Query, page_number, pages

if TYPE_CHECKING:
    from sessiondb.database import SessionDB
    from sessiondb.records import SearchHit, SearchResult

SIZE = 20
"""Hits of a page."""

_SCOPES = (("", "Talk"), ("tools", "Tools"), ("notes", "Notes"), ("all", "All"))
_SORTS = (("", "Best first"), ("newest", "Newest first"), ("oldest", "Oldest first"))
_MARKED = re.compile("«([^«»]*)»")


def search_page(db: SessionDB, query: Query, links: Links) -> Page:
    """Return what a search found; without words the form alone. Raises InvalidInput."""
    text = query.get("q", "").strip()
    form = _form(query, links)
    if not text:
        about = f'<main id="main">\n<h1>Search</h1>\n{form}{_HELP}</main>\n'
        return Page("Search", (about,), has_search=True)
    asked = page_number(query, 10_000)
    found = _found(db, text, query, asked)
    last = max(1, -(-found.total // SIZE))
    if asked > last:
        found = _found(db, text, query, last)
    number = min(asked, last)
    hits = "".join(_hit(hit, links) for hit in found.hits)
    title = counted(found.total, "session")
    body = (
        f'<main id="main" class="wide">\n<h1>{title} found</h1>\n{form}',
        "".join(f'<p class="warning">{escape(remark)}</p>\n' for remark in _remarks(found)),
        f'<div class="found">\n<div>\n<ol class="sessions hits">\n{hits}</ol>\n',
        f"{pages(links, SEARCH, query, number, last)}</div>\n",
        f"{facets(found, text, query, links)}</div>\n</main>\n",
    )
    return Page(f"{one_line(text)} - search", body, has_search=True)


def _found(db: SessionDB, text: str, query: Query, number: int) -> SearchResult:
    return db.search(
        text,
        scope=query.get("in") or None,
        sort=query.get("sort") or "relevance",
        fold=True,
        facets=True,
        limit=SIZE,
        offset=(number - 1) * SIZE,
    )


def _remarks(found: SearchResult) -> list[str]:
    remarks = list(found.remarks)
    if found.relaxed:
        remarks.append("Few sessions contain all the words; those with some of them follow.")
    if found.truncated:
        remarks.append("Of so many matches only the newest, or the best, were ranked.")
    if found.pending:
        remarks.append(f"{counted(found.pending, 'row')} cannot be found yet: run `sessiondb optimize`.")
    return remarks


def _hit(hit: SearchHit, links: Links) -> str:
    address = links.session(hit.session_id, seq=hit.seq) if hit.session_id else None
    title = escape(shown_title(hit.title) if hit.session_id else "(a note of a project)")
    name = f'<a href="{escape(address)}" dir="auto">{title}</a>' if address else f'<b dir="auto">{title}</b>'
    about = [moment(hit.created_at), *map(escape, (hit.agent or "", hit.project or "", _where(hit)))]
    about += [counted(hit.more, "further match", "further matches")] if hit.more else []
    about += (
        [counted(hit.others, "sub-agent or compaction", "sub-agents or compactions")] if hit.others else []
    )
    return (
        f'<li>{name}\n<p class="snippet" dir="auto">{marked(hit.snippet)}</p>\n'
        f"<p>{' · '.join(filter(None, about))}</p></li>\n"
    )


def _where(hit: SearchHit) -> str:
    if hit.source == "note":
        return f"note {hit.note_id}, {hit.note_status}"
    kinds = {"tool_call": "tool call", "session": "title"}
    kind = kinds.get(hit.source) or hit.role or ""
    return f"{kind} #{hit.seq}" if hit.seq is not None else kind


def marked(snippet: str) -> str:
    """Return the HTML of a snippet, what was found in it as marks."""
    return _MARKED.sub(r"<mark>\1</mark>", escape(snippet))


def _form(query: Query, links: Links) -> str:
    hidden = f'<input type="hidden" name="db" value="{escape(links.database)}">' if links.is_named else ""
    return (
        f'<form class="search" role="search" action="{escape(links.path(SEARCH))}">{hidden}\n'
        f'<label>Words <input type="search" name="q" value="{escape(query.get("q", ""))}" dir="auto"></label>\n'
        f"{_choice('in', 'Where', _SCOPES, query)}{_choice('sort', 'Order', _SORTS, query)}"
        "<button>Search</button>\n</form>\n"
    )


def _choice(name: str, label: str, values: tuple[tuple[str, str], ...], query: Query) -> str:
    chosen = query.get(name, "")
    options = "".join(
        f'<option value="{value}"{" selected" if value == chosen else ""}>{text}</option>'
        for value, text in values
    )
    return f'<label>{label} <select name="{name}">{options}</select></label>\n'


_HELP = """\
<p>Words that all must occur; any text will do. What narrows it:</p>
<dl class="help">
<div><dt><code>"disk full"</code></dt><dd>next to each other, in this order</dd></div>
<div><dt><code>migrat*</code></dt><dd>the beginning of a word</dd></div>
<div><dt><code>-windows</code></dt><dd>without this word</dd></div>
<div><dt><code>enospc OR "disk full"</code></dt><dd>either</dd></div>
<div><dt><code>agent: project: tool: model: role: tag:</code></dt><dd>whose they are</dd></div>
<div><dt><code>after:30d before:2026-03 in:2026-03</code></dt><dd>when</dd></div>
<div><dt><code>in:tools in:notes in:all</code></dt><dd>where to look</dd></div>
</dl>
<p>Keys: <kbd>/</kbd> search, <kbd>j</kbd> and <kbd>k</kbd> next and previous.</p>
"""
