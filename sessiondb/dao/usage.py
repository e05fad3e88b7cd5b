"""What was used, in groups of one price: sums of token counts by a key, and by all that their price depends on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any, NamedTuple

from sessiondb import timestamps
from sessiondb.dao.session_filter import where_clause
from sessiondb.errors import InvalidInput
from sessiondb.records import SessionFilter
from sessiondb.storage.connection import Connection

_MOMENT = "coalesce(t.counted_at, s.last_active_at)"
_COUNTED = "t.counted_at"
_PROJECT = "coalesce(p.path, p.name)"
_DAY = "date({local})"
KEYS = {
    "daily": _DAY,
    "weekly": "date({local}, '-6 days', 'weekday 1')",
    "monthly": "strftime('%Y-%m', {local})",
    "session": "t.session_id",
    "model": "t.model_id",
    "project": "s.project_id",
    "agent": "s.agent",
    "branch": "t.git_branch",
    "blocks": "{moment}",
}
"""What responses are summed by, as SQL; names of models and projects are looked up afterwards."""

# Totals of a whole session are no context of one response.
_IS_ONE = "(coalesce(t.request_key, '') NOT GLOB '*total*')"
_CONTEXT = "coalesce(t.input, 0) + coalesce(t.cache_read, 0) + coalesce(t.cache_write, 0)"
_SUMMED = (
    "input", "cache_read", "cache_write", "output", "reasoning", "cost_microdollars", "cache_write_5m",
    "cache_write_1h", "cache_write_12h", "web_searches",
)  # fmt: skip
# As floating-point numbers, which are exact up to 2^53, and no error beyond.
_SUMS = ", ".join(f"CAST(sum(t.{name} * 1.0) AS INTEGER)" for name in _SUMMED)
_UNDATED = "t.cache_write > 0 AND t.cache_write_5m IS NULL AND t.cache_write_1h IS NULL"
_FOUND = f"count(*), {_SUMS}, coalesce(sum({_UNDATED}), 0)"


class Group(NamedTuple):
    """Responses of one key that are priced alike; `size` counts the sizes that their context is above.

    `has_cost`: their logs say what they cost. `undated_writes`: responses that do not say how long the cache keeps
    what it took.
    """

    key: Any
    model: str | None
    day: str
    service_tier: str | None
    speed: str | None
    inference_geo: str | None
    size: int
    has_cost: bool
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

    def groups(
        self,
        by: str,
        where: SessionFilter,
        *,
        model: str | None = None,
        sizes: Sequence[int] = (),
        tz: tzinfo | None = None,
    ) -> Iterator[Group]:
        """Yield what was used by one of KEYS; blocks come in the order of time, one moment at a time.

        The times of `where` bound when the tokens were counted, not the sessions; `model` is the beginning of a
        model's name. Days are those of `tz`, else of this machine's zone. Raises InvalidInput for another key.
        """
        if by not in KEYS:
            raise InvalidInput(f"cannot count by {by!r}: give one of {', '.join(KEYS)}")
        moment = self._moment()
        clause, parameters = _at_responses(where, model, moment)
        local = self._local(moment, tz)
        key = KEYS[by].format(local=local, moment=moment)
        columns = (
            f"{key}, t.model_id, substr({moment}, 1, 10), t.service_tier, t.speed, t.inference_geo,"
            f" {_size(sizes)}, t.cost_microdollars IS NOT NULL"
        )
        joined = "s." in f"{columns}{clause}"
        join = "JOIN sessions AS s ON s.id = t.session_id" if joined else ""
        names: dict[Any, Any] = dict(self._db.rows("SELECT id, name FROM models"))
        label = self._labels(by)
        rows = self._db.stream(
            f"SELECT {columns}, {_FOUND} FROM token_counts AS t {join} {clause}"
            " GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY 1",
            parameters,
        )
        for name, model_id, *rest in rows:
            yield Group(label.get(name) if label is not None else name, names.get(model_id), *rest)

    def models(self) -> list[str]:
        """Return the names of all models."""
        return [name for (name,) in self._db.rows("SELECT name FROM models")]

    def about(self) -> dict[str, About]:
        """Return what is known of each session, by its id."""
        rows = self._db.rows(
            f"SELECT s.id, s.title, {_PROJECT}, s.agent, s.parent_id, s.relation FROM sessions AS s"
            " LEFT JOIN projects AS p ON p.id = s.project_id"
        )
        return {row[0]: About(*row[1:]) for row in rows}

    def _labels(self, by: str) -> dict[Any, Any] | None:
        if by == "model":
            return dict(self._db.rows("SELECT id, name FROM models"))
        if by == "project":
            return dict(self._db.rows(f"SELECT p.id, {_PROJECT} FROM projects AS p"))
        return None

    def _moment(self) -> str:
        """Return when a response was counted, as SQL: from its own row where each has a time, by an index."""
        undated = self._db.value("SELECT 1 FROM token_counts WHERE counted_at IS NULL LIMIT 1")
        return _MOMENT if undated else _COUNTED

    def _local(self, moment: str, tz: tzinfo | None) -> str:
        """Return a moment in a zone, as SQL: SQLite knows the machine's only, so that offsets are spelled out."""
        if tz is None:
            return f"{moment}, 'localtime'"
        first, last = self._db.row("SELECT min(started_at), max(last_active_at) FROM sessions") or (
            None,
            None,
        )
        counted = self._db.row("SELECT min(counted_at), max(counted_at) FROM token_counts") or (None, None)
        stamps = sorted(stamp for stamp in (first, last, *counted) if stamp)
        if not stamps:
            return moment
        begin, end = (timestamps.to_datetime(stamp) for stamp in (stamps[0], stamps[-1]))
        *changes, (_, final) = _offsets(tz, begin, end)
        cases = " ".join(
            f"WHEN {moment} < '{timestamps.from_datetime(until)}' THEN '{minutes:+d} minutes'"
            for until, minutes in changes
        )
        shift = f"CASE {cases} ELSE '{final:+d} minutes' END" if cases else f"'{final:+d} minutes'"
        return f"{moment}, {shift}"


def _offsets(tz: tzinfo, begin: datetime, end: datetime) -> list[tuple[datetime, int]]:
    """Return until when the zone is how many minutes ahead of UTC, the last one for good."""

    def ahead(moment: datetime) -> int:
        return int((moment.astimezone(tz).utcoffset() or timedelta()).total_seconds() // 60)

    begin = begin.replace(minute=0, second=0, microsecond=0, tzinfo=timezone.utc)
    found = []
    now = ahead(begin)
    while begin < end:
        after = begin + timedelta(days=1)
        if ahead(after) != now:
            while ahead(begin) == now:
                begin += timedelta(minutes=15)
            found.append((begin, now))
            now = ahead(begin)
        else:
            begin = after
    return [*found, (end, now)]


def _size(sizes: Sequence[int]) -> str:
    if not sizes:
        return "0"
    first, *others = sizes
    steps = " ".join(f"WHEN {_CONTEXT} <= {size} THEN {above}" for above, size in enumerate(others, 1))
    return f"CASE WHEN {_CONTEXT} <= {first} OR NOT {_IS_ONE} THEN 0 {steps} ELSE {len(sizes)} END"


def _at_responses(where: SessionFilter, model: str | None, moment: str) -> tuple[str, list[Any]]:
    """Return a WHERE clause in which time and model are those of the response, not of its session."""
    clause, parameters = where_clause(replace(where, since=None, until=None))
    conditions = [clause.removeprefix("WHERE ")] if clause else []
    for condition, value in (
        (f"{moment} >= ?", timestamps.parse_moment(where.since) if where.since else None),
        (f"{moment} < ?", timestamps.parse_end(where.until) if where.until else None),
        ("t.model_id IN (SELECT id FROM models WHERE instr(name, ?) = 1)", model),
    ):
        if value is not None:
            conditions.append(condition)
            parameters.append(value)
    return ("WHERE " + " AND ".join(conditions) if conditions else ""), parameters
