"""What was used, in groups of one price: sums of token counts by a key, and by all that their price depends on.

Sums are made in two steps: by session and hour (usage_source), and those few rows by what was asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import tzinfo
from typing import Any, NamedTuple

from sessiondb import timestamps
from sessiondb.dao.local_time import LocalTime, local_time
from sessiondb.dao.sessions.filter import where_clause
from sessiondb.dao.usage_source import SUMMED, PriceSteps, Source
from sessiondb.errors import InvalidInput
from sessiondb.records import SessionFilter
from sessiondb.storage.connection import Connection
from sessiondb.storage.values import one_text

_PROJECT = "coalesce(p.path, p.name)"
_BY_DAY = ("daily", "weekly", "monthly")
# When the responses of a group were counted, to the minute.
_MOMENT = "coalesce(g.at, substr(s.last_active_at, 1, 16))"
KEYS = {
    "daily": "date({local})",
    "weekly": "date({local}, '-6 days', 'weekday 1')",
    "monthly": "strftime('%Y-%m', {local})",
    "session": "g.session_id",
    "model": "g.model_id",
    "project": "s.project_id",
    "agent": "s.agent",
    "branch": "g.git_branch",
    "blocks": f"substr({_MOMENT}, 1, 13)",
}
"""What responses are summed by, as SQL; names of models and projects are looked up afterwards."""

PARTS = ("model", "project", "agent", "branch")
"""What a key's responses can be parted by."""

_TOTALS = ", ".join(f"CAST(sum(g.{name}) AS INTEGER)" for name in ("responses", *SUMMED, "undated"))
_SPAN = ", min(coalesce(g.first_at, s.last_active_at)), max(coalesce(g.last_at, s.last_active_at))"
# Fewer than one in so many responses are sorted sooner than found along the index.
_NARROW = 4


class Group(NamedTuple):
    """Responses of one key that are priced alike; `size` counts the sizes that their context is above.

    `part`: another of their keys, where they are parted by one. `day`: when their prices began to hold, empty before
    the first change. `has_cost`: their logs say what they cost. `undated_writes`: responses that do not say how long
    the cache keeps what it took. `first_at`, `last_at`: of blocks only.
    """

    key: Any
    model: str | None
    day: str
    service_tier: str | None
    speed: str | None
    inference_geo: str | None
    size: int
    has_cost: bool
    slot: int
    part: Any
    responses: int
    input: int | None
    cache_read: int | None
    cache_write: int | None
    output: int | None
    reasoning: int | None
    cost_microdollars: int | None
    cache_write_5m: int | None
    cache_write_1h: int | None
    cache_write_12h: int | None
    web_searches: int | None
    undated_writes: int
    first_at: str = ""
    last_at: str = ""


class About(NamedTuple):
    """What a table says of a session beside its tokens."""

    title: str | None
    project: str | None
    agent: str
    parent_id: str | None
    relation: str | None


class UsageSums:
    """Sums of the table `token_counts`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def groups(  # noqa: PLR0913
        self,
        by: str,
        where: SessionFilter,
        *,
        model: str | None = None,
        steps: PriceSteps | None = None,
        tz: tzinfo | None = None,
        slots: int = 0,
        part: str | None = None,
    ) -> Iterator[Group]:
        """Yield what was used by one of KEYS, in its order; blocks by hours of UTC.

        With `slots` the time from the first response to the last is cut into so many, which are told apart.

        The times of `where` bound when the tokens were counted, not the sessions; `model` is the beginning of a
        model's name. Days are those of `tz`, else of this machine's zone. `part` is one of PARTS. Raises InvalidInput
        for another key or part.
        """
        if one_text(by, "by") not in KEYS:
            raise InvalidInput(f"cannot group by {by!r}: give one of {', '.join(KEYS)}")
        if part is not None and part not in PARTS:
            raise InvalidInput(f"cannot split by {part!r}: give one of {', '.join(PARTS)}")
        steps = steps or PriceSteps()
        ids: dict[str, int] = dict(self._db.rows("SELECT name, id FROM models"))
        names: dict[Any, str] = {id: name for name, id in ids.items()}
        known = {"model": names, "project": self._projects() if "project" in (by, part) else {}}
        labels, part_labels = known.get(by), known.get(part or "")
        zone = self._zone(tz) if by in _BY_DAY else None
        condition, parameters, is_narrow = self._condition(where, model)
        source, times = Source(condition, is_narrow, zone, "branch" in (by, part), by == "blocks").sql(
            steps, ids
        )
        slot, ends = self._slot(where, slots)
        key = KEYS[by].format(local=zone.shifted(_MOMENT)) if zone else KEYS[by]
        rows = self._db.stream(
            f"SELECT {key}, g.model_id, {_epoch(steps.days)}, g.service_tier, g.speed, g.inference_geo,"
            f" g.size, g.has_cost, {slot}, {KEYS[part] if part else 'NULL'},"
            f" {_TOTALS}{_SPAN if by == 'blocks' else ''}"
            f" FROM ({source}) AS g JOIN sessions AS s ON s.id = g.session_id"
            " GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 ORDER BY 1",
            [*ends, *parameters * times],
        )
        days = ("", *steps.days)
        for name, model_id, epoch, *rest in rows:
            label = name if labels is None else labels.get(name)
            group = Group(label, names.get(model_id), days[epoch], *rest)
            yield group if part_labels is None else group._replace(part=part_labels.get(group.part))

    def models(self) -> list[str]:
        """Return the names of all models."""
        return self._db.column("SELECT name FROM models")

    def about(self, session_ids: Sequence[str]) -> dict[str, About]:
        """Return what is known of sessions, by their ids."""
        rows = self._db.rows(
            f"SELECT s.id, s.title, {_PROJECT}, s.agent, s.parent_id, s.relation FROM json_each(?) AS j"
            " JOIN sessions AS s ON s.id = j.value LEFT JOIN projects AS p ON p.id = s.project_id",
            (json.dumps(list(session_ids)),),
        )
        return {row[0]: About(*row[1:]) for row in rows}

    def _projects(self) -> dict[Any, Any]:
        return dict(self._db.rows(f"SELECT p.id, {_PROJECT} FROM projects AS p"))

    def _zone(self, tz: tzinfo | None) -> LocalTime:
        """Return the offsets of a zone at all times of responses."""
        ends = (*self._ends("counted_at", "token_counts"), *self._ends("last_active_at", "sessions"))
        stamps = sorted(stamp for stamp in ends if stamp)
        return local_time(tz, stamps[0] if stamps else None, stamps[-1] if stamps else None)

    def _ends(self, column: str, table: str) -> tuple[str | None, str | None]:
        """Return the least and the greatest value of a column; asked in one, SQLite would look at all rows."""
        least, greatest = (f"(SELECT {end}({column}) FROM {table})" for end in ("min", "max"))
        row = self._db.row(f"SELECT {least}, {greatest}") or (None, None)
        return row[0], row[1]

    def _slot(self, where: SessionFilter, slots: int) -> tuple[str, list[str]]:
        """Return SQL for the slot of time that a moment is in, counted from 0, and its parameters."""
        begin, end = self._ends("counted_at", "token_counts") if slots else (None, None)
        if begin is None or end is None:
            return "0", []
        begin = max(begin, timestamps.parse_moment(where.since)) if where.since else begin
        end = min(end, timestamps.parse_end(where.until)) if where.until else end
        share = f"(julianday({_MOMENT}) - julianday(?)) / max(julianday(?) - julianday(?), 0.04)"
        return f"max(0, min({slots - 1}, CAST({share} * {slots} AS INTEGER)))", [begin, end, begin]

    def _condition(self, where: SessionFilter, model: str | None) -> tuple[str, list[Any], bool]:
        """Return SQL, in which time and model are those of a response, its parameters, and whether few are meant."""
        clause, parameters = where_clause(replace(where, branch=None, since=None, until=None))
        conditions = [f"t.session_id IN (SELECT s.id FROM sessions AS s {clause})"] if clause else []
        if where.branch is not None:
            conditions.append("t.git_branch = ?")
            parameters.append(where.branch)
        if model is not None:
            conditions.append("t.model_id IN (SELECT id FROM models WHERE instr(name, ?) = 1)")
            parameters.append(model)
        bounds = {">= ?": timestamps.parse_moment(where.since)} if where.since else {}
        bounds |= {"< ?": timestamps.parse_end(where.until)} if where.until else {}
        stamps = list(bounds.values())
        counted = " AND ".join(f"t.counted_at {bound}" for bound in bounds)
        if counted and self._db.value("SELECT 1 FROM token_counts WHERE counted_at IS NULL LIMIT 1"):
            active = " AND ".join(f"s.last_active_at {bound}" for bound in bounds)
            ids = f"SELECT s.id FROM sessions AS s WHERE {active}"
            conditions.append(f"({counted} OR t.counted_at IS NULL AND t.session_id IN ({ids}))")
            return " AND ".join(conditions), [*parameters, *stamps, *stamps], False
        conditions.append(counted)
        is_narrow = bool(counted) and self._is_narrow(counted, stamps)
        return " AND ".join(filter(None, conditions)), [*parameters, *stamps], is_narrow

    def _is_narrow(self, counted: str, stamps: Sequence[str]) -> bool:
        found = self._db.value(f"SELECT count(*) FROM token_counts AS t WHERE {counted}", stamps)
        return bool(found * _NARROW < self._db.value("SELECT count(*) FROM token_counts"))


def _epoch(days: Sequence[str]) -> str:
    """Return SQL for how many of the days have begun at a moment, by UTC."""
    steps = " ".join(f"WHEN {_MOMENT} < '{day}' THEN {number}" for number, day in enumerate(days))
    return f"CASE {steps} ELSE {len(days)} END" if steps else "0"
