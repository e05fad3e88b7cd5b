"""The forms above charts: the time that is looked at, other choices, and what else was asked and stays so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sessiondb.exchange.html.markup import escape
from sessiondb.web.frame import Links, Query

_RANGES = {"30d": "30 days", "90d": "90 days", "365d": "a year", "all": "all time"}


class Kept(NamedTuple):
    """What else was asked: as hidden fields, and as sentences."""

    fields: str
    said: str


def kept_fields(query: Query, names: Iterable[str], links: Links) -> Kept:
    """Return what a form keeps of a query, and of the address of the database."""
    asked = [(name, query[name]) for name in names if query.get(name)]
    asked += [("db", links.database)] if links.is_named else []
    return Kept(
        "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in asked),
        "".join(f'<p class="more">{name}: <b dir="auto">{escape(value)}</b></p>\n' for name, value in asked),
    )


def chosen_range(since: str) -> dict[str, str]:
    """Return the times that can be chosen, with one that was typed into the address."""
    return _RANGES if since in _RANGES else {since: since, **_RANGES}


def choice(name: str, label: str, values: dict[str, str], chosen: str) -> str:
    """Return a list to choose from; `values` are what is sent and what is shown."""
    options = "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(text)}</option>'
        for value, text in values.items()
    )
    return f'<label>{label} <select name="{name}">{options}</select></label>\n'
