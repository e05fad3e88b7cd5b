"""Cells of Datasette's tables as links to our pages."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from sessiondb.exchange.html.markup import escape
from sessiondb.web import site

# By column: where the id of the session stands in the row, and the seq of a message.
_OF_SESSION = {"session_id": "session_id", "parent_id": "parent_id"}
_BY_TABLE: dict[tuple[str | None, str], tuple[str, str | None]] = {
    ("sessions", "title"): ("id", None),
    ("session_overview", "title"): ("id", None),
    ("session_overview", "id"): ("id", None),
    ("messages", "seq"): ("session_id", "seq"),
    ("transcript", "seq"): ("session_id", "seq"),
}


def cell(row: Any, value: Any, place: tuple[str | None, str], database: str, datasette: Any) -> Markup | None:
    """Return the link of a cell in a table and column, None where it is to stay as it is."""
    id_column, seq_column = _BY_TABLE.get(place) or (_OF_SESSION.get(place[1]), None)
    if id_column is None or database not in site.ours(datasette) or id_column not in row.keys():  # noqa: SIM118
        return None
    id = _plain(row[id_column])
    if id is None:
        return None
    seq = row[seq_column] if seq_column else None
    address = site.links(datasette, database).session(str(id), seq=seq)
    label = value["label"] if isinstance(value, dict) else value
    return Markup(f'<a href="{escape(address)}">{escape(str(label or "(no title)"))}</a>')


def _plain(value: Any) -> Any:
    """Return the value of a cell; where Datasette knows what it refers to, it comes with a label."""
    return value["value"] if isinstance(value, dict) else value
