"""Sessions: start, find, list, end, reopen; what describes one is in session_details.py."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from os import PathLike
from typing import Any

from sessiondb import timestamps
from sessiondb.dao.counters import token_sums
from sessiondb.dao.lookups import normal_path
from sessiondb.dao.search.guard import despite_search
from sessiondb.dao.sessions.details import SessionDetails, given_title
from sessiondb.dao.sessions.filter import BY_FILE, RECENT, USED, where_clause
from sessiondb.errors import Ambiguous, Conflict, InvalidInput, NotFound
from sessiondb.records import Channel, Session, SessionFilter, Tokens
from sessiondb.records.sessions import PROMPTS_ONLY, RELATIONS
from sessiondb.storage.connection import Row
from sessiondb.storage.values import (
    json_object,
    moment,
    named,
    one_text,
    row_limit,
    row_offset,
    stored_json,
    texts,
)

__all__ = ["LAST", "Sessions"]

LAST = "@last"
"""The name of the session that was active last, wherever a session is named by id or unique prefix."""

_LONGEST_NAME = 100
"""Characters of what was taken for an id that an error repeats."""

_COLUMNS = f"""
  s.id, s.agent, s.started_at, s.last_active_at, s.native_id, s.key, coalesce(p.path, p.name),
  c.platform, c.chat_type, c.chat_id, c.chat_name, c.user_id, c.user_name, c.thread_id,
  s.parent_id, s.relation, s.title, m.name, s.ended_at, s.end_reason, s.message_count, s.tool_call_count,
  s.consolidated, s.pinned, s.origin, s.metadata,
  (SELECT json_array({token_sums()}) FROM token_counts AS t WHERE t.session_id = s.id)
"""
_FROM = """
FROM sessions AS s
LEFT JOIN projects AS p ON p.id = s.project_id
LEFT JOIN channels AS c ON c.id = s.channel_id
LEFT JOIN models AS m ON m.id = s.model_id
"""
_MARKED = f'%"{PROMPTS_ONLY}"%'
_KNOWN = """
SELECT id FROM sessions WHERE id IN (SELECT value FROM json_each(?)) AND coalesce(metadata, '') NOT LIKE ?
UNION SELECT session_id FROM deletions WHERE session_id IN (SELECT value FROM json_each(?))
"""


class Sessions(SessionDetails):
    """The table `sessions`, with the names behind its keys."""

    def start(  # noqa: PLR0913
        self,
        agent: str,
        *,
        id: str | None = None,
        key: str | None = None,
        project: str | PathLike[str] | None = None,
        title: str | None = None,
        channel: Channel | None = None,
        model: str | None = None,
        parent: str | None = None,
        relation: str | None = None,
        tags: str | Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
        started_at: str | datetime | None = None,
    ) -> Session:
        """Start a session, open until someone ends it, and return it.

        `id` is minted where it is not given. `project` is the folder's path. `parent` is the id of the
        session that this one comes from, `relation` how: fork, subagent, continuation or reset. Raises
        Conflict where the id exists already, or where the key has an open session; NotFound where there is
        no such parent.
        """
        named(agent, "agent")
        if key is not None:
            named(key, "key")
        if relation not in (None, *RELATIONS):
            raise InvalidInput(f"relation must be one of {', '.join(RELATIONS)}, not {relation!r}")
        columns = {**given_title(title), "relation": relation, "id": id or None, "key": key}
        columns |= {"parent_id": parent, "metadata": json_object(metadata, "metadata")}
        started = moment(started_at)

        def write() -> Session:
            names = {
                "agent": self._lookups.agent(agent),
                "project_id": self._lookups.project(project),
                "channel_id": self._lookups.channel(_with_text_ids(channel)),
                "model_id": self._lookups.model(model),
            }
            session_id = self._insert({**columns, **names, "started_at": started, "last_active_at": started})
            self.add_tags(session_id, tags)
            return self.get(session_id)

        return despite_search(self._db, write)

    def get_or_start(self, key: str, agent: str, **fields: Any) -> Session:
        """Return the open session of a key; where it has none, start one with the fields that `start` takes.

        However many processes ask at once, they get one and the same.
        """
        found = self.open_id(key)
        if found is None:
            found = despite_search(
                self._db, lambda: self.open_id(key) or self.start(agent, key=key, **fields).id
            )
        return self.get(found)

    def get(self, session_id: str) -> Session:
        """Return a session by its exact id. Raises NotFound."""
        row = self._db.row(f"SELECT {_COLUMNS} {_FROM} WHERE s.id = ?", (session_id,))
        if row is None:
            raise NotFound(f"there is no session {session_id}: `sessiondb list` lists them")
        return _session_record(row)

    def resolve(self, name: str) -> Session:
        """Return the session a person named: its id, its agent's own id, a unique prefix of either, or @last.

        Raises NotFound, and Ambiguous where a prefix fits several.
        """
        if name == LAST:
            row = self._db.row(
                f"SELECT s.id FROM sessions AS s WHERE {RECENT} ORDER BY s.last_active_at DESC, s.id LIMIT 1"
            )
            if row is None and self._exists_any():
                raise NotFound(
                    "no session has both messages and times: give the id of one, `sessiondb list` lists them"
                )
            if row is None:
                raise NotFound("there are no sessions yet: `sessiondb import auto` imports them")
            return self.get(row[0])
        if not one_text(name, "the name of a session").strip():
            raise NotFound(
                "give the id of a session, the beginning of one, or @last: `sessiondb list` lists them"
            )
        # Copied with a space, or from a program that writes ids in capitals.
        for typed in dict.fromkeys((name, name.strip(), name.strip().lower())):
            if found := self._named(typed):
                return self.get(found)
        shown = name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..."
        raise NotFound(f"there is no session {shown}: `sessiondb list` lists them")

    def _named(self, name: str) -> str | None:
        for condition in (
            "id = :name",
            "native_id = :name",
            "id >= :name AND id < :name || char(1114111)",
            "native_id >= :name AND native_id < :name || char(1114111)",
        ):
            found = self._db.rows(f"SELECT id FROM sessions WHERE {condition} LIMIT 6", {"name": name})
            if len(found) == 1:
                return str(found[0][0])
            if found:
                some = ", ".join(row[0] for row in found[:5]) + (", ..." if len(found) > 5 else "")
                raise Ambiguous(f"several sessions begin with {name}: {some}; give more of the id")
        return None

    def open_id(self, key: str) -> str | None:
        """Return the id of the open session of a key, None where it has none."""
        found = self._db.value("SELECT id FROM sessions WHERE key = ? AND ended_at IS NULL", (key,))
        return None if found is None else str(found)

    def latest(
        self, *, project: str | PathLike[str] | None = None, agent: str | None = None
    ) -> Session | None:
        """Return the session active last, of a project or an agent; None where there is none.

        `project` is a folder's path, or the name of an undertaking without a folder. A sub-agent's session is
        a part of another one, and does not count. One that nobody has worked in yet, or that nothing dates but
        its file, comes only where there is no other.
        """
        conditions = ["s.relation IS NOT 'subagent'"]
        if project is not None:
            # One project, so that the index of its sessions gives their order.
            conditions.append(
                "s.project_id = coalesce((SELECT id FROM projects WHERE path = :project),"
                " (SELECT id FROM projects WHERE path IS NULL AND name = :project))"
            )
        if agent is not None:
            conditions.append("s.agent = :agent")
        for some in ([*conditions, USED], conditions):
            found = self._db.value(
                f"SELECT s.id FROM sessions AS s WHERE {' AND '.join(some)}"
                " ORDER BY s.last_active_at DESC, s.id LIMIT 1",
                {"project": None if project is None else normal_path(project), "agent": agent},
            )
            if found is not None:
                return self.get(found)
        return None

    def _exists_any(self) -> bool:
        return bool(self._db.value("SELECT EXISTS (SELECT 1 FROM sessions)"))

    def prompts_only(self) -> dict[str, str]:
        """Return the ids of the sessions of which only the prompts are known, each with its agent."""
        return dict(self._db.rows("SELECT id, agent FROM sessions WHERE metadata LIKE ?", (_MARKED,)))

    def known(self, session_ids: Iterable[str]) -> set[str]:
        """Return which of some sessions are here with more than their prompts, or were removed here."""
        ids = json.dumps(texts(session_ids, "session_ids"))
        return {row[0] for row in self._db.rows(_KNOWN, (ids, _MARKED, ids))}

    def has_any(self) -> bool:
        """Say whether there has ever been a session, those removed since included."""
        return bool(
            self._db.value("SELECT EXISTS (SELECT 1 FROM sessions) OR EXISTS (SELECT 1 FROM deletions)")
        )

    def page(
        self, where: SessionFilter, *, limit: int | None = 20, offset: int = 0, fold: bool = False
    ) -> list[Session]:
        """Return sessions, the newest activity first; `limit` None means all.

        Those that are empty, or that nothing dates but their file, come last. With `fold`, a sub-agent whose parent
        is among the sessions meant is left out. Raises InvalidInput for a limit or offset below 0.
        """
        row_limit(limit)
        offset = row_offset(offset)
        clause, parameters = _clause(where, fold)
        found: list[Session] = []
        for condition in (RECENT, f"NOT {RECENT}"):
            narrowed = f"{clause} {'AND' if clause else 'WHERE'} {condition}"
            left = None if limit is None else limit - len(found)
            if left == 0:
                break
            rows = self._db.rows(
                f"SELECT {_COLUMNS} {_FROM} {narrowed} ORDER BY s.last_active_at DESC, s.id LIMIT ? OFFSET ?",
                [*parameters, row_limit(left), offset],
            )
            found += map(_session_record, rows)
            if offset and not rows:
                # What is passed over may begin in the one and end in the other.
                offset -= self._count(narrowed, parameters)
            else:
                offset = 0
        return found

    def subagents(self, session_id: str) -> list[str]:
        """Return the ids of the sub-agents that a session began, by their start."""
        return self._db.column(
            "SELECT id FROM sessions WHERE parent_id = ? AND relation = 'subagent' ORDER BY started_at, id",
            (session_id,),
        )

    def subagent_counts(self, session_ids: Iterable[str]) -> dict[str, int]:
        """Return how many sub-agents are below each of some sessions, at any depth, for those that have any."""
        rows = self._db.rows(
            "WITH RECURSIVE below (root, id) AS ("
            "SELECT parent_id, id FROM sessions"
            " WHERE relation = 'subagent' AND parent_id IN (SELECT value FROM json_each(?))"
            " UNION SELECT b.root, s.id FROM below AS b JOIN sessions AS s ON s.parent_id = b.id"
            " WHERE s.relation = 'subagent') SELECT root, count(*) FROM below GROUP BY root",
            (json.dumps(texts(session_ids, "session_ids")),),
        )
        return {row[0]: row[1] for row in rows}

    def tags_of(self, session_ids: str | Iterable[str]) -> dict[str, list[str]]:
        """Return the tags of some sessions in alphabetical order, for those that have any."""
        rows = self._db.rows(
            "SELECT st.session_id, g.name FROM session_tags AS st JOIN tags AS g ON g.id = st.tag_id"
            " WHERE st.session_id IN (SELECT value FROM json_each(?)) ORDER BY g.name",
            (json.dumps(texts(session_ids, "session_ids")),),
        )
        found: dict[str, list[str]] = {}
        for session_id, name in rows:
            found.setdefault(session_id, []).append(name)
        return found

    def count(self, where: SessionFilter, *, fold: bool = False) -> int:
        """Return how many sessions there are; `fold` is that of `page`."""
        # Counted apart, since the others could only be told by the row of every session.
        folded = self._count(*_clause(where, fold, only_folded=True)) if fold else 0
        return self._count(*where_clause(where)) - folded

    def _count(self, clause: str, parameters: list[Any]) -> int:
        return int(self._db.value(f"SELECT count(*) FROM sessions AS s {clause}", parameters))

    def end(
        self, session_ids: str | Sequence[str], reason: str = "ended", *, at: str | datetime | None = None
    ) -> list[str]:
        """End a session, or several, and return the ids of those that were open; the first reason stays.

        Raises NotFound.
        """
        ended = []
        moment_of_end = moment(at)
        # A clock that was set back does not end a session before what was said in it.
        earliest = "started_at" if at is not None else "last_active_at"
        with self._db.transaction():
            for session_id in texts(session_ids, "session_ids"):
                cursor = self._db.execute(
                    f"UPDATE sessions SET ended_at = max(?, {earliest}), end_reason = ?"
                    " WHERE id = ? AND ended_at IS NULL",
                    (moment_of_end, reason, session_id),
                )
                if cursor.rowcount:
                    ended.append(session_id)
                elif not self._exists(session_id):
                    raise NotFound(f"there is no session {session_id} to end")
        return ended

    def end_stale(self, before: str | date, reason: str = "stale") -> list[str]:
        """End the open sessions last active before a time, or for an age (`12h`), as of that activity.

        Returns their ids. Raises InvalidInput for a time that cannot be read.
        """
        with self._db.transaction():
            ended = self._db.column(
                "SELECT s.id FROM sessions AS s WHERE s.ended_at IS NULL AND s.last_active_at < ?"
                f" AND NOT {BY_FILE} ORDER BY s.last_active_at",
                (timestamps.parse_moment(before),),
            )
            self._db.executemany(
                "UPDATE sessions SET ended_at = last_active_at, end_reason = ? WHERE id = ?",
                [(reason, session_id) for session_id in ended],
            )
        return ended

    def reopen(self, session_id: str) -> bool:
        """Make an ended session open again; False where it was open.

        Raises NotFound, and Conflict where another session of its key is open.
        """
        with self._db.transaction():
            session = self.get(session_id)
            if session.is_open:
                return False
            if session.key is not None and (other := self.open_id(session.key)) is not None:
                raise Conflict(f"the key {session.key!r} has an open session {other}: end it first")
            self._db.execute(
                "UPDATE sessions SET ended_at = NULL, end_reason = NULL WHERE id = ?", (session_id,)
            )
        return True

    def prefixes(self, beginning: str, limit: int = 50) -> list[tuple[str, str | None]]:
        """Return ids that begin so, with their titles, the newest first: what a shell completes."""
        rows = self._db.rows(
            "SELECT id, title FROM sessions WHERE substr(id, 1, length(:beginning)) = :beginning"
            " ORDER BY last_active_at DESC LIMIT :limit",
            {"beginning": beginning, "limit": row_limit(limit)},
        )
        return [(row[0], row[1]) for row in rows]

    def _insert(self, columns: Mapping[str, Any]) -> str:
        """Insert a row; checked first, so that an error names what is in the way."""
        id, key, parent = columns["id"], columns["key"], columns["parent_id"]
        if id is not None and self._exists(id):
            raise Conflict(f"there is a session {id} already: leave out the id, or reopen that one")
        if key is not None and (open_id := self.open_id(key)) is not None:
            raise Conflict(f"the key {key!r} has an open session {open_id}: end it first")
        if parent is not None and not self._exists(parent):
            raise NotFound(f"there is no session {parent} to be the parent")
        new_id = id or str(uuid.uuid4())
        row = {**columns, "id": new_id, "native_id": id}
        self._db.execute(
            f"INSERT INTO sessions ({', '.join(row)}, origin)"
            f" VALUES ({', '.join('?' * len(row))}, (SELECT value FROM meta WHERE key = 'database_id'))",
            list(row.values()),
        )
        self._db.execute("DELETE FROM deletions WHERE session_id = ?", (new_id,))
        return new_id


def _clause(where: SessionFilter, fold: bool, *, only_folded: bool = False) -> tuple[str, list[Any]]:
    """Return a WHERE clause over the alias `s` and its parameters; `only_folded` is what `fold` leaves out."""
    clause, parameters = where_clause(where)
    if not fold:
        return clause, parameters
    # A parent that is not there has left no id. Without conditions, every other one is among those meant.
    is_meant = f" AND s.parent_id IN (SELECT s.id FROM sessions AS s {clause})" if clause else ""
    # Every id is at least '': that is a range of the index of parents, which IS NOT NULL is not.
    is_folded = f"s.relation = 'subagent' AND s.parent_id >= ''{is_meant}"
    condition = is_folded if only_folded else f"NOT coalesce({is_folded}, 0)"
    return f"{clause} {'AND' if clause else 'WHERE'} {condition}", parameters * (2 if clause else 1)


def _with_text_ids(channel: Channel | None) -> Channel | None:
    """Return a channel with its ids as text: many platforms give numbers."""
    if channel is None:
        return None
    if not isinstance(channel, Channel):
        raise InvalidInput(f"channel must be a sessiondb.Channel, not {type(channel).__name__}")
    named(channel.platform, "platform")
    names = ("chat_id", "user_id", "thread_id")
    given = {name: value for name in names if (value := getattr(channel, name)) not in (None, "")}
    return replace(channel, **{name: str(named(value, name)) for name, value in given.items()})


def _session_record(row: Row) -> Session:
    """Return the record of a row of _COLUMNS."""
    channel = Channel(*row[7:14]) if row[7] is not None else None
    pinned, origin, metadata, tokens = row[23:]
    values = [
        *row[:7],
        channel,
        *row[14:23],
        bool(pinned),
        origin,
        stored_json(metadata, {}, f"sessions.metadata of {row[0]}"),
    ]
    values.append(Tokens(*json.loads(tokens)))
    return Session(*values)
