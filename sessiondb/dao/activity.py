"""When people and agents were at work, and with which tools: messages and tool calls, counted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sessiondb import timestamps
from sessiondb.dao.local_time import local_time
from sessiondb.dao.sessions.filter import where_clause
from sessiondb.records import Group, SessionFilter
from sessiondb.storage.connection import Connection

TIMES = {"day": "date({local})", "hour": "strftime('%H', {local})", "weekday": "strftime('%w', {local})"}
"""By which times messages are counted, as SQL for the zone of this machine."""

_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_SESSIONS = "count(DISTINCT s.id), count(DISTINCT CASE WHEN s.ended_at IS NULL THEN s.id END)"
_IS_TALK = "m.role IN ('user', 'assistant')"
# Many logs date a call and its answer alike: they do not say how long it took.
_IS_TIMED = "c.returned_at > c.called_at"
_SECONDS = "(julianday(c.returned_at) - julianday(c.called_at)) * 86400"


class Activity:
    """Sums of the tables `messages` and `tool_calls`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def times(self, by: str, where: SessionFilter) -> list[Group]:
        """Return messages by one of TIMES, hours and weekdays in their order, of days the newest first.

        The times of `where` bound the messages, not their sessions.
        """
        clause, parameters = _within("m.created_at", where)
        first, last = self._db.row("SELECT min(started_at), max(last_active_at) FROM sessions") or (
            None,
            None,
        )
        zone = local_time(None, first, last)
        key = TIMES[by].format(local=zone.shifted("substr(m.created_at, 1, 16)"))
        rows = self._db.rows(
            f"SELECT {key}, {_SESSIONS}, sum({_IS_TALK}), sum(m.role = 'tool'), min(m.created_at), max(m.created_at)"
            f" FROM messages AS m JOIN sessions AS s ON s.id = m.session_id {clause} GROUP BY 1 ORDER BY 1",
            parameters,
        )
        if by == "day":
            rows.reverse()
        if by == "weekday":
            # SQLite's week begins on Sunday.
            rows.sort(key=lambda row: (int(row[0]) - 1) % 7)
            rows = [(_WEEKDAYS[int(row[0])], *row[1:]) for row in rows]
        return [Group(*row) for row in rows]

    def tools(self, where: SessionFilter) -> list[Group]:
        """Return tool calls by the name of the tool, those most used first, with their errors and their time."""
        clause, parameters = _within("coalesce(c.called_at, c.returned_at, s.last_active_at)", where)
        rows = self._db.rows(
            f"SELECT c.name, {_SESSIONS}, count(DISTINCT coalesce(c.message_id, c.result_message_id)), count(*),"
            " min(coalesce(c.called_at, c.returned_at, s.started_at)),"
            " max(coalesce(c.returned_at, c.called_at, s.last_active_at)), total(c.is_error),"
            f" sum({_SECONDS}) FILTER (WHERE {_IS_TIMED}), count(*) FILTER (WHERE {_IS_TIMED})"
            f" FROM tool_calls AS c JOIN sessions AS s ON s.id = c.session_id {clause}"
            " GROUP BY 1 ORDER BY 5 DESC, 1",
            parameters,
        )
        found = (
            (*counts, int(errors), None if seconds is None else round(seconds, 3), timed)
            for *counts, errors, seconds, timed in rows
        )
        return [Group(*row) for row in found]


def _within(moment: str, where: SessionFilter) -> tuple[str, list[Any]]:
    """Return a WHERE clause in which times are those of what is counted; what has none is left out."""
    clause, parameters = where_clause(replace(where, since=None, until=None))
    conditions = [clause.removeprefix("WHERE ")] if clause else []
    conditions.append(f"{moment} IS NOT NULL")
    for sign, stamp in (
        (">=", timestamps.parse_moment(where.since) if where.since else None),
        ("<", timestamps.parse_end(where.until) if where.until else None),
    ):
        if stamp is not None:
            conditions.append(f"{moment} {sign} ?")
            parameters.append(stamp)
    return f"WHERE {' AND '.join(conditions)}", parameters
