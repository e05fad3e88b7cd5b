"""What all pages have in common: the frame of the document, and the headers that keep everything else out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from sessiondb.exchange.html.markup import escape
from sessiondb.web.assets import CSS, JS, Asset

T = TypeVar("T")

HEADERS = {
    # Nothing runs or is loaded but our own files, wherever a transcript got its text from.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

HOME, SEARCH, USAGE, ACTIVITY, SESSION = "/-/sessiondb", "/-/search", "/-/usage", "/-/activity", "/-/session"


CRITERIA = ("agent", "project", "model", "platform", "tag", "since", "until")
"""What the pages of a list and of figures can be narrowed to, as their addresses say it."""


def session_path(session_id: str) -> str:
    """Return the path of a session's page."""
    return f"{SESSION}/{quote(session_id, safe='')}"


class Links(NamedTuple):
    """The addresses of pages: `path` puts what Datasette is served below before them. `home` is that of the first
    page and `tables` that of Datasette's own; `database` is the name of ours there, and `is_named` that addresses have
    to say it.
    """

    path: Callable[[str], str]
    database: str
    tables: str
    home: str = HOME
    is_named: bool = False

    def to(self, page: str, /, **query: object) -> str:
        """Return the address of a page, with what is asked of it."""
        known = {name: value for name, value in query.items() if value not in (None, "")}
        if self.is_named:
            known["db"] = self.database
        return self.path(page) + (f"?{urlencode(known)}" if known else "")

    def session(self, session_id: str, *, seq: int | None = None, page: int | None = None) -> str:
        """Return the address of a session, of the page of it that has a message, or of one by its number."""
        address = self.to(session_path(session_id), at=seq, page=page)
        return f"{address}#m{seq}" if seq is not None else address


class Page(NamedTuple):
    """A page without its frame. `has_search`: it has a field to search all sessions of its own. `moved` is where it is
    to be found instead.
    """

    title: str
    body: Iterable[str]
    script: Asset = JS
    status: int = 200
    has_search: bool = False
    moved: str | None = None


Query = Mapping[str, str]
"""What is asked of a page, by name."""


def document(page: Page, links: Links) -> str:
    """Return the HTML of a page in its frame."""
    return "".join(_pieces(page, links))


def _pieces(page: Page, links: Links) -> Iterator[str]:
    asset = links.path(HOME)
    hidden = f'<input type="hidden" name="db" value="{escape(links.database)}">' if links.is_named else ""
    ways = (
        ("Sessions", links.to(links.home)),
        ("Usage", links.to(USAGE)),
        ("Activity", links.to(ACTIVITY)),
        ("Tables", links.tables),
    )
    items = "".join(f'<a href="{escape(address)}">{name}</a>\n' for name, address in ways)
    search = (
        f'<form role="search" action="{escape(links.path(SEARCH))}">{hidden}'
        '<input type="search" name="q" placeholder="Search all sessions" aria-label="Search all sessions">'
        "<button>Search</button></form>\n"
    )
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(page.title)}</title>\n"
        f'<link rel="stylesheet" href="{escape(asset)}/{CSS.name}">\n'
        f'<script src="{escape(asset)}/{page.script.name}" defer></script>\n'
        "</head>\n<body>\n"
        f'<nav class="site" aria-label="Site">\n{items}{"" if page.has_search else search}</nav>\n'
    )
    yield from page.body
    yield "</body>\n</html>\n"


def pages(links: Links, at: str, query: Query, number: int, last: int) -> str:
    """Return links to the other pages of a list or session; nothing where there is one only."""
    if last <= 1:
        return ""
    kept = {name: value for name, value in query.items() if name not in ("page", "at", "db")}

    def link(name: str, page: int, rel: str = "") -> str:
        if not 1 <= page <= last or page == number:
            return ""
        address = escape(links.to(at, **kept, page=page if page > 1 else None))
        return f'<a href="{address}"{rel}>{name}</a>\n'

    return (
        f'<p class="pages">{link("First", 1)}{link("Previous", number - 1, " rel=prev")}'
        f"<span>Page {number:,} of {last:,}</span>\n"
        f"{link('Next', number + 1, ' rel=next')}{link('Last', last)}</p>\n"
    )


def at_once(*parts: Callable[[], T]) -> list[T]:
    """Return what some functions return, two of them at work at a time: SQLite counts beside Python."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(lambda part: part(), parts))


def page_number(query: Query, last: int) -> int:
    """Return the page that is asked for, the nearest one where there is none such."""
    try:
        asked = int(query.get("page", "1"))
    except ValueError:
        asked = 1
    return max(1, min(asked, last))
