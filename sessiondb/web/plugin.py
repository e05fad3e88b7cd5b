"""What Datasette calls: addresses of the pages, links to them from its tables and its menu."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from datasette import Response

from sessiondb.web import site
from sessiondb.web.activity import activity_page
from sessiondb.web.assets import ASSETS
from sessiondb.web.cells import cell
from sessiondb.web.frame import ACTIVITY, HOME, SEARCH, SESSION, USAGE
from sessiondb.web.home import home_page
from sessiondb.web.hooks import hookimpl
from sessiondb.web.search import search_page
from sessiondb.web.session import session_page
from sessiondb.web.usage import usage_page

_FOR_GOOD = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


@hookimpl
def register_routes(datasette: Any) -> list[tuple[str, Any]]:
    """Return the addresses of our pages; the first page is ours where there is no other database."""
    routes = [
        (rf"^{HOME}$", _home),
        (rf"^{HOME}/(?P<name>[\w.-]+)$", _asset),
        (rf"^{SEARCH}$", _search),
        (rf"^{USAGE}$", _usage),
        (rf"^{ACTIVITY}$", _activity),
        (rf"^{SESSION}/(?P<id>.+)$", _session),
    ]
    return [(r"^/$", _home), *routes] if site.is_alone(datasette) else routes


@hookimpl
def menu_links(datasette: Any) -> list[dict[str, str]]:
    """Return the entries of Datasette's own menu."""
    ways = (("Sessions", HOME), ("Search sessions", SEARCH), ("Usage", USAGE), ("Activity", ACTIVITY))
    return [{"href": str(datasette.urls.path(path)), "label": label} for label, path in ways]


@hookimpl
def render_cell(row: Any, value: Any, column: str, table: str | None, database: str, datasette: Any) -> Any:
    """Return a cell of Datasette's tables as a link to the page of its session."""
    return cell(row, value, (table, column), database, datasette)


async def _home(request: Any, datasette: Any) -> Any:
    return await site.answer(datasette, request, home_page)


async def _search(request: Any, datasette: Any) -> Any:
    return await site.answer(datasette, request, search_page)


async def _usage(request: Any, datasette: Any) -> Any:
    return await site.answer(datasette, request, usage_page)


async def _activity(request: Any, datasette: Any) -> Any:
    return await site.answer(datasette, request, activity_page)


async def _session(request: Any, datasette: Any) -> Any:
    id = unquote(request.url_vars["id"])
    return await site.answer(datasette, request, lambda db, query, links: session_page(db, id, query, links))


async def _asset(request: Any) -> Any:
    asset = ASSETS.get(request.url_vars["name"])
    if asset is None:
        return Response.text("there is no such file\n", status=404)
    return Response(asset.text, content_type=f"{asset.content_type}; charset=utf-8", headers=_FOR_GOOD)
