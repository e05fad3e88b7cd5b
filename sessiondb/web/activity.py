"""The page of activity: on which days and hours there was any, and which tools were used, with their errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from sessiondb.chat.text import counted, duration
from sessiondb.exchange.html.markup import escape
from sessiondb.web.charts import Bar, messages_by_day, stacked
from sessiondb.web.forms import choice, chosen_range, kept_fields
from sessiondb.web.frame import ACTIVITY, CRITERIA, SEARCH, Links, Page, Query, at_once
from sessiondb.web.tables import cards, section, table

if TYPE_CHECKING:
    from sessiondb.database import SessionDB
    from sessiondb.records import Group, Stats
    from sessiondb.records.sessions import Criteria

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
HOURS = tuple(f"{hour:02}" for hour in range(24))
TOOLS = 30
"""Tools in the table."""


def activity_page(db: SessionDB, query: Query, links: Links) -> Page:
    """Return what was going on. Raises InvalidInput for times that cannot be read."""
    since = query.get("since") or "90d"
    given: dict[str, Any] = {name: query[name] for name in CRITERIA if query.get(name)}
    given["since"] = None if since == "all" else since
    where = cast("Criteria", given)
    days, weekdays, hours, tools = at_once(
        lambda: db.stats("day", **where),
        lambda: db.stats("weekday", **where),
        lambda: db.stats("hour", **where),
        lambda: db.stats("tool", limit=TOOLS, **where),
    )
    body = (
        f'<main id="main" class="wide">\n<h1>Activity</h1>\n{_form(query, since, links)}',
        _cards(days),
        messages_by_day("Messages by day", days.groups),
        '<div class="columns even">\n',
        _bars("By hour", hours, HOURS, {hour: f"{hour}:00 to {hour}:59" for hour in HOURS}),
        _bars("By weekday", weekdays, WEEKDAYS, {}),
        f"</div>\n{_tools(tools, links)}</main>\n",
    )
    return Page("Activity", body)


def _cards(days: Stats) -> str:
    groups = days.groups
    busiest = max(groups, key=lambda group: group.messages, default=None)
    values = [
        ("Days", f"{len(groups):,}", "with activity"),
        ("Messages", f"{sum(group.messages for group in groups):,}", ""),
        ("Tool calls", f"{sum(group.tool_calls for group in groups):,}", ""),
    ]
    if busiest is not None:
        values.append(("Busiest day", f"{busiest.messages:,}", f"messages on {busiest.name}"))
    return cards(values)


def _bars(title: str, found: Stats, names: Sequence[str], spoken: dict[str, str]) -> str:
    """Return the messages of each hour or weekday as bars."""
    groups = {group.name: group.messages for group in found.groups}
    if not any(groups.values()):
        return ""
    bars = [
        Bar(
            name,
            (groups.get(name, 0),),
            f"{spoken.get(name, name)}: {counted(groups.get(name, 0), 'message')}",
        )
        for name in names
    ]
    most = counted(max(groups.values()), "message")
    return section(title, stacked(f"Messages {title.lower()}", bars, ("messages",), most))


def _tools(found: Stats, links: Links) -> str:
    if not found.groups:
        return ""
    caption = f"Tools: {len(found.groups)} of {found.total:,}" if found.total > len(found.groups) else "Tools"
    heads = ("Tool", "Calls", "Errors", "Error rate", "Mean time", "Sessions")
    rows = [_tool(group, links) for group in found.groups]
    return section("Tools", table(caption, heads, rows))


def _tool(group: Group, links: Links) -> tuple[str, ...]:
    name = group.name or "(none)"
    shown = f'<span dir="auto">{escape(name)}</span>'
    if group.name and '"' not in group.name:
        address = links.to(SEARCH, q=f'tool:"{group.name}"')
        shown = f'<a href="{escape(address)}">{shown}</a>'
    errors = group.errors or 0
    failed = f"{100 * errors / group.tool_calls:.1f} %" if errors and group.tool_calls else ""
    each = duration((group.seconds or 0) / group.timed_calls) if group.timed_calls else ""
    return shown, f"{group.tool_calls:,}", f"{errors:,}", failed, each, f"{group.sessions:,}"


def _form(query: Query, since: str, links: Links) -> str:
    kept = kept_fields(query, [name for name in CRITERIA if name != "since"], links)
    return (
        f'<form class="search" action="{escape(links.path(ACTIVITY))}">{kept.fields}\n'
        f"{choice('since', 'Of the last', chosen_range(since), since)}<button>Show</button>\n</form>\n{kept.said}"
    )
