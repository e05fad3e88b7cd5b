"""Our database among those that Datasette serves: which it is, who may see it, and how a page of it is made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from datasette import Response

from sessiondb.database import SessionDB
from sessiondb.errors import (
    DatabaseBusy,
    DatabaseError,
    DatabaseForeign,
    InvalidInput,
    NotFound,
    SessionDBError,
)
from sessiondb.exchange.html.markup import escape
from sessiondb.web.frame import HEADERS, HOME, Links, Page, Query, document

Render = Callable[[SessionDB, Query, Links], Page]

SHOWN = ("sessions", "messages", "tool_calls", "token_counts", "notes", "projects")
"""Tables whose rows stand on the pages."""

_INTERNAL = ("_internal", "_memory")
_ours: WeakKeyDictionary[Any, tuple[dict[str, Path], dict[str, Path]]] = WeakKeyDictionary()
_STATUS: Mapping[type[SessionDBError], int] = {NotFound: 404, InvalidInput: 400, DatabaseBusy: 503}


def is_ours(path: Path) -> bool:
    """Say whether a file is a database of sessiondb, of this version."""
    try:
        SessionDB(path, read_only=True).close()
    except DatabaseForeign:
        return False
    except DatabaseError:
        # One that cannot be read at this moment is ours for all we know: its page says what is wrong.
        return True
    return True


def files(datasette: Any) -> dict[str, Path]:
    """Return the files that Datasette serves, by the names of their databases."""
    return {
        name: Path(database.path)
        for name, database in datasette.databases.items()
        if name not in _INTERNAL and database.path
    }


def ours(datasette: Any) -> dict[str, Path]:
    """Return the files that are ours, by the names of their databases; they are looked into once."""
    found = files(datasette)
    if datasette not in _ours or _ours[datasette][0] != found:
        _ours[datasette] = found, {name: path for name, path in found.items() if is_ours(path)}
    return _ours[datasette][1]


def is_alone(datasette: Any) -> bool:
    """Say whether the only database is ours."""
    others = [name for name in datasette.databases if name not in _INTERNAL]
    return len(others) == 1 and others == list(ours(datasette))


async def answer(datasette: Any, request: Any, render: Render) -> Any:
    """Return the response to a request for a page of our database."""
    query = {name: request.args.get(name) for name in request.args}
    found = files(datasette)
    if len(found) > 1:
        # One alone is opened by the page, which says what is wrong with it.
        found = await asyncio.to_thread(ours, datasette)
    name = query.get("db") or next(iter(found), None)
    if name not in found:
        return _error(
            NotFound("none of the databases here is one of sessiondb"), await _around(datasette, "")
        )
    await _ensure_allowed(datasette, request.actor, name)
    around = await _around(datasette, name)
    page, text = await asyncio.to_thread(_rendered, found[name], render, query, around)
    if page.moved:
        return Response.redirect(page.moved)
    return Response.html(text, status=page.status, headers=HEADERS)


def links(datasette: Any, name: str) -> Links:
    """Return the addresses of the pages of a database."""

    def path(of: str) -> str:
        return str(datasette.urls.path(of))

    tables = str(datasette.urls.database(name)) if name else path("/")
    home = "/" if is_alone(datasette) else HOME
    return Links(path, name, tables, home, is_named=len(ours(datasette)) > 1)


async def _around(datasette: Any, name: str) -> Links:
    return await asyncio.to_thread(links, datasette, name)


def _rendered(file: Path, render: Render, query: Query, links: Links) -> tuple[Page, str]:
    try:
        with SessionDB(file, read_only=True) as db:
            page = render(db, query, links)
            return page, "" if page.moved else document(page, links)
    except SessionDBError as error:
        page = _refusal(error)
        return page, document(page, links)


def _refusal(error: SessionDBError) -> Page:
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)
    body = f'<main id="main"><h1>This cannot be shown</h1>\n<p dir="auto">{escape(str(error))}</p></main>\n'
    return Page("This cannot be shown", (body,), status=status)


def _error(error: SessionDBError, links: Links) -> Any:
    page = _refusal(error)
    return Response.html(document(page, links), status=page.status, headers=HEADERS)


async def _ensure_allowed(datasette: Any, actor: Any, name: str) -> None:
    """Raise Forbidden where somebody may not see, by Datasette's own rules, what the pages show."""
    if not hasattr(datasette, "ensure_permission"):
        # Datasette before 1.0.
        for table in SHOWN:
            wanted = [("view-table", (name, table)), ("view-database", name), "view-instance"]
            await datasette.ensure_permissions(actor, wanted)
        return
    from datasette.resources import TableResource

    for table in SHOWN:
        await datasette.ensure_permission(
            action="view-table", resource=TableResource(database=name, table=table), actor=actor
        )
