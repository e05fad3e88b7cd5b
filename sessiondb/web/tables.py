"""Tables of figures, as they stand below charts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sessiondb.chat.text import counted, folder_name, short_number
from sessiondb.exchange.html.markup import escape
from sessiondb.records.models import short_model
from sessiondb.records.usage import Usage, cost_text

UNKNOWN = "(unknown)"
_BUCKETS = ("input", "cache_read", "cache_write", "output")


class Row(NamedTuple):
    """A row of usage with the name it is shown by, and where that leads."""

    usage: Usage
    name: str
    address: str | None = None


def shown_name(by: str, name: str | None) -> str:
    """Return what a model, project or agent is called in a table."""
    if name is None:
        return UNKNOWN
    if by == "project":
        return folder_name(name) or name
    return short_model(name) if by == "model" else name


def figure(number: int | None) -> str:
    """Return a number of tokens in few characters, and in full where it is pointed at."""
    if number is None:
        return ""
    short = short_number(number)
    return f'<span title="{number:,}">{short}</span>' if short != str(number) else short


def usage_table(caption: str, head: str, rows: Sequence[Row], total: Usage | None = None) -> str:
    """Return rows of usage as a table."""
    if not rows:
        return ""
    columns = (
        head,
        "Responses",
        *(name.replace("_", " ").capitalize() for name in _BUCKETS),
        "Total",
        "Cost",
    )
    foot = [_cells(Row(total, "Total"))] if total and len(rows) > 1 else []
    return table(caption, columns, [_cells(row) for row in rows], foot)


def section(title: str, content: str) -> str:
    """Return a part of a page under its title; nothing where there is nothing in it."""
    id = title.lower().replace(" ", "-")
    head = f'<section aria-labelledby="{id}">\n<h2 id="{id}">{title}</h2>\n'
    return f"{head}{content}</section>\n" if content else ""


def table(
    caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]], foot: Iterable[Sequence[str]] = ()
) -> str:
    """Return a table that scrolls sideways where it is wide; cells are HTML, the first of a row is its head."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    # The title of its section stands above it; who hears the page is told again, at the table.
    title, colon, about = map(escape, caption.partition(": "))
    last = "".join(map(_row, foot))
    return (
        f'<div class="table" tabindex="0" role="group" aria-label="{escape(caption)}">\n'
        f"<table><caption><span>{title}{colon}</span>{about}</caption>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{''.join(map(_row, rows))}</tbody>\n{f'<tfoot>{last}</tfoot>' if last else ''}\n</table></div>\n"
    )


def _row(cells: Sequence[str]) -> str:
    first, *others = cells
    return f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in others)}</tr>\n'


def _cells(row: Row) -> tuple[str, ...]:
    usage = row.usage
    name = f'<span dir="auto" title="{escape(usage.name or row.name)}">{escape(row.name)}</span>'
    first = f'<a href="{escape(row.address)}">{name}</a>' if row.address else name
    buckets = (figure(getattr(usage.tokens, bucket)) for bucket in _BUCKETS)
    return first, f"{usage.responses:,}", *buckets, figure(usage.tokens.total), escape(cost_text(usage))


def cards(values: Iterable[tuple[str, str, str]]) -> str:
    """Return figures that stand out, each with what it is and a word on it."""
    items = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{value}</dd>"
        f"{f'<dd class=about>{escape(about)}</dd>' if about else ''}</div>\n"
        for name, value, about in values
    )
    return f'<dl class="cards">\n{items}</dl>\n'


def unpriced(usages: Sequence[Usage]) -> str:
    """Return a sentence on what has no price; nothing where all have one."""
    if not usages:
        return ""
    names = ", ".join(
        f"{usage.name or '(no model named)'} ({counted(usage.responses, 'response')})" for usage in usages
    )
    responses = sum(usage.responses for usage in usages)
    return f'<p class="warning">{counted(responses, "response")} without a price: {escape(names)}</p>\n'
