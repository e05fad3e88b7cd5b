"""Token counts: one row for each API response, and their sums."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sessiondb.dao.counters import token_sums
from sessiondb.dao.lookups import Lookups
from sessiondb.errors import Conflict, InvalidInput
from sessiondb.records import Tokens
from sessiondb.records.export_rows import storable_json
from sessiondb.records.sessions import BILLING_DETAILS, TOKEN_BUCKETS
from sessiondb.storage.connection import Connection
from sessiondb.storage.values import json_value, moment, named

_TEXTS = ("service_tier", "speed", "inference_geo", "git_branch", "git_commit")
_GIVEN = (*TOKEN_BUCKETS, *BILLING_DETAILS)
_WRITTEN = ("message_id", "counted_at", "model_id", *_GIVEN)
_UPDATE = f"UPDATE SET {', '.join(f'{column} = excluded.{column}' for column in _WRITTEN)}"
_INSERT = (
    f"INSERT INTO token_counts (session_id, request_key, {', '.join(_WRITTEN)})"
    f" VALUES ({', '.join('?' * (2 + len(_WRITTEN)))}) ON CONFLICT (request_key, session_id) DO "
)
# Only where it differs: triggers forget what filters know of a session whose model changes.
_SET_MODEL = "UPDATE sessions SET model_id = :model WHERE id = :id AND model_id IS NOT :model"
_Tokens = Mapping[str, int | str | Mapping[str, int] | None]
# What JSON holds exactly.
_MOST = 2**53
_About = tuple[str | None, int | None, str | datetime | None]


class Response(NamedTuple):
    """What one response used, and all that its price depends on. `is_total`: of a whole session, no one response."""

    message_id: int | None
    model: str | None
    day: str
    is_total: bool
    service_tier: str | None
    speed: str | None
    inference_geo: str | None
    tokens: Tokens
    cache_write_5m: int | None
    cache_write_1h: int | None
    cache_write_12h: int | None
    web_searches: int | None


class TokenCounts:
    """The table `token_counts`."""

    def __init__(self, connection: Connection, lookups: Lookups) -> None:
        self._db = connection
        self._lookups = lookups

    def add(
        self,
        session_id: str,
        *,
        request_key: str | None = None,
        model: str | None = None,
        message_id: int | None = None,
        counted_at: str | datetime | None = None,
        **tokens: int | str | Mapping[str, int] | None,
    ) -> bool:
        """Add the tokens of one API response.

        Its buckets are input, cache_read, cache_write, output, reasoning and cost_microdollars. They are
        disjoint, but that reasoning is a part of output: from an `input` that includes what was read from
        the cache, subtract it first. For the bill: cache_write_5m, cache_write_1h and cache_write_12h, parts of
        cache_write; service_tier, speed, inference_geo; web_searches, and server_tools, other tools that the
        provider ran, by name; git_branch and git_commit.

        Its `model` is the session's from now on.

        With a `request_key` (the response's id, or one of your own) a response is counted once however often
        it is added: False says that it was there already; an empty one is none. Raises Conflict where there is
        no such session or message, TypeError for another bucket.
        """
        key = None if request_key in (None, "") else named(request_key, "request_key")
        return self._write("NOTHING", session_id, key, (model, message_id, counted_at), tokens)

    def set(
        self,
        session_id: str,
        request_key: str,
        *,
        model: str | None = None,
        message_id: int | None = None,
        counted_at: str | datetime | None = None,
        **tokens: int | str | Mapping[str, int] | None,
    ) -> None:
        """Set the tokens of the response `request_key`, in place of what was counted for it before.

        For running totals: one key for the whole conversation, set anew each time. Buckets and errors are
        those of `add`.
        """
        # Without one, each total would be added to those before it.
        key = named(request_key, "request_key")
        self._write(_UPDATE, session_id, key, (model, message_id, counted_at), tokens)

    def total(self, session_id: str) -> Tokens:
        """Return the sums of a session."""
        return Tokens(
            *(
                self._db.row(
                    f"SELECT {token_sums()} FROM token_counts AS t WHERE session_id = ?", (session_id,)
                )
                or ()
            )
        )

    def of_messages(self, session_id: str) -> dict[int, Tokens]:
        """Return what was counted for the messages of a session, by their id, for those that have any."""
        rows = self._db.rows(
            f"SELECT t.message_id, {token_sums()} FROM token_counts AS t"
            " WHERE t.session_id = ? AND t.message_id IS NOT NULL GROUP BY t.message_id",
            (session_id,),
        )
        return {row[0]: Tokens(*row[1:]) for row in rows}

    def responses(self, session_id: str) -> list[Response]:
        """Return what each response of a session used."""
        buckets = ", ".join(f"t.{name}" for name in TOKEN_BUCKETS)
        rows = self._db.rows(
            "SELECT t.message_id, m.name, substr(coalesce(t.counted_at, s.last_active_at), 1, 10),"
            " coalesce(t.request_key, '') GLOB '*total*', t.service_tier, t.speed, t.inference_geo,"
            f" t.cache_write_5m, t.cache_write_1h, t.cache_write_12h, t.web_searches, {buckets}"
            " FROM token_counts AS t JOIN sessions AS s ON s.id = t.session_id"
            " LEFT JOIN models AS m ON m.id = t.model_id WHERE t.session_id = ?",
            (session_id,),
        )
        # In the order of the fields, but that the buckets, which are last, are one of them.
        return [Response._make((*row[:7], Tokens(*row[11:]), *row[7:11])) for row in rows]

    def of_request(self, session_id: str, request_key: str) -> Tokens | None:
        """Return what was counted for a response, None where nothing was."""
        row = self._db.row(
            f"SELECT {', '.join(TOKEN_BUCKETS)} FROM token_counts WHERE session_id = ? AND request_key = ?",
            (session_id, request_key),
        )
        return None if row is None else Tokens(*row)

    def spoken(self, message_ids: Sequence[int]) -> dict[int, int]:
        """Return how many tokens messages were counted as, without their reasoning, for those that were."""
        rows = self._db.rows(
            "SELECT message_id, CAST(total(output) - total(reasoning) AS INTEGER) FROM token_counts"
            " WHERE output IS NOT NULL AND message_id IN (SELECT value FROM json_each(?))"
            " GROUP BY message_id",
            (json.dumps(list(message_ids)),),
        )
        return {row[0]: row[1] for row in rows}

    def _write(
        self,
        otherwise: str,
        session_id: str,
        request_key: str | None,
        about: _About,
        tokens: _Tokens,
    ) -> bool:
        unknown = sorted(set(tokens) - set(_GIVEN))
        if unknown:
            raise TypeError(f"there is no token bucket {unknown[0]!r}: give some of {', '.join(_GIVEN)}")
        model, message_id, counted_at = about
        with self._db.transaction():
            model_id = self._lookups.model(model)
            values = [session_id, request_key, message_id, moment(counted_at), model_id]
            try:
                cursor = self._db.execute(
                    _INSERT + otherwise,
                    [
                        *values,
                        *(_storable(name, tokens[name]) if name in tokens else None for name in _GIVEN),
                    ],
                )
            except Conflict as error:
                about_what = (
                    f"session {session_id}"
                    if message_id is None
                    else f"session {session_id}, message {message_id}"
                )
                raise Conflict(f"cannot count tokens for {about_what}: there is no such row") from error
            if cursor.rowcount > 0 and model_id is not None:
                self._db.execute(_SET_MODEL, {"model": model_id, "id": session_id})
        return cursor.rowcount > 0


def _storable(name: str, value: int | str | Mapping[str, int] | None) -> int | str | None:
    """Return what a column takes. Raises InvalidInput for anything else."""
    kind: Any = str if name in _TEXTS else Mapping if name == "server_tools" else int
    if value is None or value == "":
        return None
    if not isinstance(value, kind) or isinstance(value, bool):
        wanted = {str: "text", int: "a whole number"}.get(kind, "a number of uses for each tool")
        raise InvalidInput(f"{name} cannot be {value!r}: give {wanted}")
    if isinstance(value, Mapping):
        json_value(dict(value))  # raises InvalidInput for what is no JSON
        return storable_json(dict(value))
    if isinstance(value, int) and not 0 <= value <= _MOST:
        raise InvalidInput(f"there cannot be {value} {name} tokens: give the count of one response")
    stored: int | str = value
    return stored
