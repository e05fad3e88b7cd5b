"""What would narrow a search: its hits counted by agent, project and such, each a click away."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sessiondb.exchange.html.markup import escape
from sessiondb.web.frame import SEARCH, Links, Query
from sessiondb.web.tables import shown_name

if TYPE_CHECKING:
    from sessiondb.records import SearchResult

SHOWN = 8
"""Values of a facet."""


def facets(found: SearchResult, text: str, query: Query, links: Links) -> str:
    """Return links that add a field to a query or, where it stands there already, take it out."""
    parts = "".join(
        _facet(name, values, text, query, links) for name, values in found.facets.items() if values
    )
    return f'<aside class="facets" aria-label="Narrow the search">\n{parts}</aside>\n' if parts else ""


def _facet(name: str, values: dict[str, int], text: str, query: Query, links: Links) -> str:
    items = "".join(
        _value(name, value, number, text, query, links) for value, number in list(values.items())[:SHOWN]
    )
    more = f"<li><small>{len(values) - SHOWN:,} more</small></li>" if len(values) > SHOWN else ""
    return f"<h2>{name.capitalize()}</h2>\n<ul>\n{items}{more}</ul>\n"


def _value(name: str, value: str, number: int, text: str, query: Query, links: Links) -> str:
    field = _field(name, value)
    is_chosen = f" {field} " in f" {text} "
    changed = " ".join(f" {text} ".replace(f" {field} ", " ").split()) if is_chosen else f"{text} {field}"
    kept = {key: query[key] for key in ("in", "sort") if query.get(key)}
    address = escape(links.to(SEARCH, q=changed, **kept))
    label = escape(shown_name(name, value))
    chosen = ' aria-current="true"' if is_chosen else ""
    return (
        f'<li><a href="{address}" title="{escape(field)}"{chosen} dir="auto">{label}</a>'
        f" <small>{number:,}</small></li>\n"
    )


def _field(name: str, value: str) -> str:
    """Return the field of the query language that asks for a value."""
    if name == "month":
        return f"after:{value} until:{value}"
    return f'{name}:"{value}"' if re.search(r"[^\w./:@+-]", value) else f"{name}:{value}"
