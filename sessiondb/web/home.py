"""The first page: the sessions, what is still to be done, and what the last days and the last year were like."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, cast

from sessiondb.chat.text import counted, short_bytes
from sessiondb.exchange.html.markup import escape
from sessiondb.exchange.html.messages import moment
from sessiondb.exchange.html.site import item
from sessiondb.records import SessionFilter
from sessiondb.records.usage import cost_text
from sessiondb.web.charts import Bar, messages_by_day, stacked
from sessiondb.web.frame import (
    ACTIVITY,
    CRITERIA,
    HOME,
    USAGE,
    Links,
    Page,
    Query,
    at_once,
    page_number,
    pages,
)
from sessiondb.web.tables import cards, figure, shown_name

if TYPE_CHECKING:
    from sessiondb.database import SessionDB
    from sessiondb.records import Note, Usage
    from sessiondb.records.sessions import Criteria

SIZE = 50
"""Sessions of a page."""

DAYS = 30
FOLLOWUPS = 20
GROUPS = 12


def home_page(db: SessionDB, query: Query, links: Links) -> Page:
    """Return the first page, or a list of the sessions that are asked for by agent, project and such."""
    criteria = {name: query[name] for name in CRITERIA if query.get(name)}
    if query.get("open"):
        criteria["is_open"] = query["open"] == "1"  # type: ignore[assignment]
    where = SessionFilter(**cast("Criteria", criteria))
    total = db.sessions.count(where)
    last = max(1, -(-total // SIZE))
    number = page_number(query, last)
    sessions = db.sessions.page(where, limit=SIZE, offset=(number - 1) * SIZE)
    is_first = not criteria and number == 1
    title = counted(total, "session")
    listed = "".join(item(session, links.session(session.id)) for session in sessions)
    ways = pages(links, HOME, query, number, last)
    heading = "Recent sessions" if is_first else "Sessions"
    listing = (
        f'<section aria-labelledby="list">\n<h2 id="list">{heading}</h2>\n<ol class="sessions">\n{listed}</ol>\n'
        f"{ways}</section>\n"
    )
    body = (
        f'<main id="main"{" class=wide" if is_first else ""}>\n<h1>{title}</h1>\n',
        *(_overview(db, links, listing) if is_first else (_chosen(query, links), listing)),
        "</main>\n",
    )
    return Page(title, body)


def _chosen(query: Query, links: Links) -> str:
    """Return what the list is narrowed to, each with a link that lets go of it."""
    names = [name for name in (*CRITERIA, "open") if query.get(name)]
    if not names:
        return ""
    items = "".join(
        f"<li>{name}: <b dir=auto>{escape(query[name])}</b>"
        f' <a href="{escape(links.to(HOME, **{other: query[other] for other in names if other != name}))}"'
        f' aria-label="Without {name}">×</a></li>\n'
        for name in names
    )
    return f'<ul class="chosen">{items}</ul>\n'


def _overview(db: SessionDB, links: Links, listing: str) -> Iterator[str]:
    year, recent, counted_all, followups, agents, projects = at_once(
        lambda: _year(db, links),
        lambda: _recent_usage(db, links),
        lambda: _status(db),
        lambda: _followups(db, links),
        lambda: _groups(db, "agent", "Agents", links),
        lambda: _groups(db, "project", "Projects", links),
    )
    yield f'{counted_all}<div class="columns">\n<div>\n{recent}{year}{listing}</div>\n'
    yield f"<div>\n{followups}{agents}{projects}</div>\n</div>\n"


def _status(db: SessionDB) -> str:
    status = db.status()
    imported = f", last import {moment(status.last_import_at)} UTC" if status.last_import_at else ""
    return (
        f'<p class="more">{counted(status.messages, "message")}, {counted(status.tool_calls, "tool call")},'
        f" {short_bytes(status.bytes)}{imported}</p>\n"
    )


def _recent_usage(db: SessionDB, links: Links) -> str:
    found = db.usage("daily", last=DAYS)
    total = found.sum
    if total is None or not total.responses:
        return ""
    # Where nothing has a price, the tokens are what there is to see.
    is_priced = bool(total.picodollars)
    today = date.today()
    by_day = {row.name: row for row in found.rows}
    days = [str(today - timedelta(days=DAYS - 1 - number)) for number in range(DAYS)]
    bars = [_day(day, by_day.get(day), is_priced) for day in days]
    most = max(bars, key=lambda bar: bar.parts[0]).name
    tallest = cost_text(by_day[most]) if is_priced else f"{by_day[most].tokens.total or 0:,} tokens"
    values = (
        ("Cost", escape(cost_text(total) or "$0.00"), ""),
        ("Tokens", figure(total.tokens.total or 0), ""),
        ("Responses", f"{total.responses:,}", ""),
    )
    title = f"{'Cost' if is_priced else 'Tokens'} of the last {DAYS} days"
    return (
        f'<section aria-labelledby="recent">\n<h2 id="recent"><a href="{escape(links.to(USAGE, since="30d"))}">'
        f"Last {DAYS} days</a></h2>\n{cards(values)}{stacked(title, bars, ('all',), tallest)}</section>\n"
    )


def _day(day: str, row: Usage | None, is_priced: bool) -> Bar:
    if row is None:
        return Bar(day, (0,), f"{day}: nothing")
    height = row.picodollars if is_priced else row.tokens.total
    return Bar(day, (height or 0,), f"{day}: {row.tokens.total or 0:,} tokens, {cost_text(row) or '$0.00'}")


def _year(db: SessionDB, links: Links) -> str:
    found = db.stats("day", since="372d")
    drawn = messages_by_day("Messages of the year", found.groups)
    if not drawn:
        return ""
    address = escape(links.to(ACTIVITY, since="365d"))
    return f'<section aria-labelledby="year">\n<h2 id="year"><a href="{address}">Activity</a></h2>\n{drawn}</section>\n'


def _followups(db: SessionDB, links: Links) -> str:
    found = db.notes.find(kind="followup", is_open=True)
    if not found:
        return ""
    found.sort(key=lambda note: (note.due_at is None, note.due_at or "", note.created_at))
    items = "".join(_followup(note, links) for note in found[:FOLLOWUPS])
    more = f"<p class=more>{len(found) - FOLLOWUPS:,} more</p>\n" if len(found) > FOLLOWUPS else ""
    return (
        f'<section aria-labelledby="followups">\n<h2 id="followups">Open follow-ups</h2>\n<ul class="notes">'
        f"{items}</ul>\n{more}</section>\n"
    )


def _followup(note: Note, links: Links) -> str:
    due = f" <small>due {escape(note.due_at)}</small>" if note.due_at else ""
    body = f'<span dir="auto">{escape(note.body)}</span>'
    link = f' <a href="{escape(links.session(note.session_id))}">session</a>' if note.session_id else ""
    return f"<li>{body}{due}{link}</li>\n"


def _groups(db: SessionDB, by: str, title: str, links: Links) -> str:
    found = sorted((group for group in db.stats(by).groups if group.name), key=lambda group: -group.sessions)
    items = "".join(
        f'<li><a href="{escape(links.to(HOME, **{by: group.name}))}" title="{escape(group.name)}" dir="auto">'
        f"{escape(shown_name(by, group.name))}</a> <small>{group.sessions:,}</small></li>\n"
        for group in found[:GROUPS]
        if group.name
    )
    more = f'<p class="more">{len(found) - GROUPS:,} more</p>\n' if len(found) > GROUPS else ""
    head = f'<section aria-labelledby="{by}s">\n<h2 id="{by}s">{title}</h2>\n'
    return f'{head}<ul class="groups">\n{items}</ul>\n{more}</section>\n' if found else ""
