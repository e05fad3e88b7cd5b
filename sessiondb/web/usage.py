"""The page of usage: what was spent over time and on what, with the figures of `sessiondb usage` below the charts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from sessiondb.chat.text import shown_title
from sessiondb.exchange.html.markup import escape
from sessiondb.records.usage import cost_text
from sessiondb.web.charts import COLOURS, Bar, stacked
from sessiondb.web.forms import choice, chosen_range, kept_fields
from sessiondb.web.frame import CRITERIA, HOME, USAGE, Links, Page, Query, at_once
from sessiondb.web.tables import UNKNOWN, Row, cards, figure, section, shown_name, unpriced, usage_table

if TYPE_CHECKING:
    from sessiondb.database import SessionDB
    from sessiondb.records import Usage, UsageReport
    from sessiondb.records.sessions import Criteria

PERIODS = {"daily": "Day", "weekly": "Week", "monthly": "Month"}
SPLITS = ("model", "project", "agent")
# Bars that are wide enough to be seen.
_FITTING = {"365d": "weekly", "all": "monthly"}
DEAREST = 15
"""Sessions, projects and such in a table."""


class View(NamedTuple):
    """What is asked for: rows of which time, parted by what, of what length, and of which responses."""

    by: str
    split: str
    since: str
    is_tokens: bool
    criteria: Criteria


def usage_page(db: SessionDB, query: Query, links: Links) -> Page:
    """Return what was used. Raises InvalidInput for times that cannot be read."""
    view = _view(query)
    found, sessions = at_once(
        lambda: db.usage(view.by, breakdown=view.split, order="asc", **view.criteria),
        lambda: db.usage("session", limit=DEAREST, **view.criteria),
    )
    body = [
        f'<main id="main" class="wide">\n<h1>Usage</h1>\n{_form(query, view, links)}',
        _cards(found),
        _chart(found, view),
        unpriced(found.unpriced),
    ]
    newest = [Row(row, row.name or UNKNOWN, _of_time(row, view, links)) for row in reversed(found.rows)]
    split = view.split
    parts = [Row(row, shown_name(split, row.name), _of_group(split, row, view, links)) for row in found.parts]
    body.append(section(f"By {split}", usage_table(f"By {split}", split.capitalize(), parts, found.sum)))
    dearest = [Row(row, shown_title(row.title), links.session(row.name or "")) for row in sessions.rows]
    body.append(
        section(
            "Most expensive sessions",
            usage_table(_count("Most expensive sessions", sessions), "Session", dearest),
        )
    )
    name = f"By {PERIODS[view.by].lower()}"
    body.append(section(name, usage_table(name, PERIODS[view.by], newest, found.sum)))
    body.append("</main>\n")
    return Page("Usage", body)


def _view(query: Query) -> View:
    by = query.get("by", "")
    split = query.get("split", "")
    since = query.get("since") or "90d"
    criteria: dict[str, Any] = {name: query[name] for name in CRITERIA if query.get(name)}
    criteria["since"] = None if since == "all" else since
    return View(
        by if by in PERIODS else _FITTING.get(since, "daily"),
        split if split in SPLITS else SPLITS[0],
        since,
        query.get("show") == "tokens",
        cast("Criteria", criteria),
    )


def _cards(found: UsageReport) -> str:
    total = found.sum
    if total is None:
        return ""
    tokens = total.tokens
    taken = (tokens.input or 0) + (tokens.cache_read or 0) + (tokens.cache_write or 0)
    dearest = max(found.rows, key=lambda row: row.picodollars or 0, default=None)
    hit = f"{100 * (tokens.cache_read or 0) / taken:.1f} %" if taken else ""
    return cards(
        (
            ("Cost", escape(cost_text(total) or "$0.00"), ""),
            ("Input", figure(tokens.input or 0), "not from the cache"),
            ("Read from the cache", figure(tokens.cache_read or 0), f"{hit} of all input" if hit else ""),
            ("Output", figure(tokens.output or 0), ""),
            ("Responses", f"{total.responses:,}", ""),
            *(
                [("Most expensive", escape(cost_text(dearest)), dearest.name or "")]
                if dearest and dearest.picodollars
                else []
            ),
        )
    )


def _chart(found: UsageReport, view: View) -> str:
    sums: dict[str | None, float] = {}
    for row in found.rows:
        for part in row.parts:
            sums[part.name] = sums.get(part.name, 0) + _height(part, view)
    names = sorted(sums, key=lambda name: -sums[name])
    series = names[: COLOURS - 1] if len(names) > COLOURS else names
    bars = [_bar(row, series, view, is_more=len(names) > len(series)) for row in _filled(found.rows, view.by)]
    labels = [shown_name(view.split, name) for name in series] + ["other"] * (len(names) > len(series))
    tallest = max(found.rows, key=lambda row: _height(row, view), default=None)
    most = "" if tallest is None else _amount(tallest, view)
    what = "Tokens" if view.is_tokens else "Cost"
    return stacked(f"{what} by {PERIODS[view.by].lower()} and {view.split}", bars, labels, most)


def _filled(rows: list[Usage], by: str) -> list[tuple[str, Usage | None]]:
    """Return rows by time, with the days in between on which there was nothing."""
    known = {row.name: row for row in rows if row.name}
    if by != "daily" or not known:
        return list(known.items())
    from datetime import date, timedelta

    first, last = (date.fromisoformat(name) for name in (min(known), max(known)))
    days = (str(first + timedelta(days=number)) for number in range((last - first).days + 1))
    return [(day, known.get(day)) for day in days]


def _bar(found: tuple[str, Usage | None], series: list[str | None], view: View, *, is_more: bool) -> Bar:
    name, row = found
    if row is None:
        return Bar(name, (), f"{name}: nothing")
    heights = {part.name: _height(part, view) for part in row.parts}
    parts = [heights.get(each, 0) for each in series]
    if is_more:
        parts.append(max(0, sum(heights.values()) - sum(parts)))
    text = ", ".join(f"{shown_name(view.split, part.name)} {_amount(part, view)}" for part in row.parts)
    return Bar(name, parts, f"{name}: {_amount(row, view)} ({text})")


def _height(row: Usage, view: View) -> float:
    return float((row.tokens.total if view.is_tokens else row.picodollars) or 0)


def _amount(row: Usage, view: View) -> str:
    return f"{row.tokens.total or 0:,} tokens" if view.is_tokens else cost_text(row) or "$0.00"


def _of_time(row: Usage, view: View, links: Links) -> str | None:
    """Return the address of the sessions of a day or month; a week is no time that can be named."""
    if row.name is None or view.by == "weekly":
        return None
    return links.to(HOME, **{**view.criteria, "since": row.name, "until": row.name})


def _of_group(by: str, row: Usage, view: View, links: Links) -> str | None:
    return None if row.name is None else links.to(HOME, **{**view.criteria, by: row.name})


def _count(caption: str, found: UsageReport) -> str:
    return f"{caption}: {len(found.rows)} of {found.total:,}" if found.total > len(found.rows) else caption


def _form(query: Query, view: View, links: Links) -> str:
    kept = kept_fields(query, [name for name in CRITERIA if name != "since"], links)
    return (
        f'<form class="search" action="{escape(links.path(USAGE))}">{kept.fields}\n'
        + choice("since", "Of the last", chosen_range(view.since), view.since)
        + choice("by", "By", {by: name.lower() for by, name in PERIODS.items()}, view.by)
        + choice("split", "and", {name: name for name in SPLITS}, view.split)
        + choice("show", "Show", {"": "cost", "tokens": "tokens"}, "tokens" if view.is_tokens else "")
        + f"<button>Show</button>\n</form>\n{kept.said}"
    )
