"""The condition that a SessionFilter is, as SQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sessiondb import timestamps
from sessiondb.dao.lookups import PROJECTS, whole_project
from sessiondb.errors import InvalidInput
from sessiondb.records import SessionFilter
from sessiondb.records.agents import stored_name
from sessiondb.storage.values import sound

FILE_TIME = "dated_by_file"
"""The metadata of a session that nothing dates but its file: when that was last changed. Later activity dates it."""

BY_FILE = f"(coalesce(json_extract({sound('s.metadata')}, '$.{FILE_TIME}'), '') = s.last_active_at)"
"""The condition for a session, as s, that only its file dates: who knows how old it is."""

RECENT = f"(s.message_count > 0 AND NOT {BY_FILE})"
"""The condition for a session whose last activity is one: it has messages, and times of its own."""

ON_BRANCH = (
    "(EXISTS (SELECT 1 FROM json_each(s.metadata, '$.git_branch') WHERE value = ?)"
    f" OR json_extract({sound('s.metadata')}, '$.git.branch') = ?"
    " OR s.id IN (SELECT t.session_id FROM token_counts AS t WHERE t.git_branch = ?))"
)
"""The condition for a session that worked on a branch of git: its log says so, or one of its responses."""

USED = (
    f"(NOT {BY_FILE} AND (s.message_count > 0"
    " OR (s.last_active_at > s.started_at AND s.end_reason IS NOT 'imported')))"
)
"""The condition for a session that someone has worked in: its messages may have been cleared since."""


# Of what is given, a session has just this.
_TEXTS = ("agent", "project", "model", "platform", "tag", "branch", "key")
_EXACT = {
    "tag": "s.id IN (SELECT session_id FROM session_tags WHERE tag_id IN (SELECT id FROM tags WHERE name = ?))",
    "branch": ON_BRANCH,
    "key": "s.key = ?",
}


def where_clause(chosen: SessionFilter) -> tuple[str, list[Any]]:
    """Return a WHERE clause over the alias `s` (empty where there is no condition) and its parameters.

    Raises InvalidInput for a time that cannot be read, and a name that is no text.
    """
    if not isinstance(chosen, SessionFilter):
        raise InvalidInput(f"sessions are chosen by a SessionFilter, not by {type(chosen).__name__}")
    _must_be_texts(chosen)
    conditions: list[tuple[str, list[Any]]] = []
    if chosen.agent is not None:
        # One name is a range of the index of agents, in the order of a list; two would have to be sorted.
        names = list(dict.fromkeys((chosen.agent, stored_name(chosen.agent))))
        conditions.append((f"s.agent IN ({', '.join('?' * len(names))})", names))
    if chosen.project is not None:
        conditions.append(
            (f"s.project_id IN ({PROJECTS.format(value='?')})", [whole_project(chosen.project)])
        )
    if chosen.model is not None:
        matches = "SELECT id FROM models WHERE name LIKE ? ESCAPE '\\'"
        conditions.append((f"s.model_id IN ({matches})", [_prefix(chosen.model)]))
    if chosen.platform is not None:
        matches = "SELECT id FROM channels WHERE platform LIKE ? ESCAPE '\\'"
        conditions.append((f"s.channel_id IN ({matches})", [_prefix(chosen.platform)]))
    for exact, condition in _EXACT.items():
        if (value := getattr(chosen, exact)) is not None:
            conditions.append((condition, [value] * condition.count("?")))
    conditions += [(condition, []) for condition in _states(chosen)]
    if chosen.since is not None:
        conditions.append(("s.last_active_at >= ?", [timestamps.parse_moment(chosen.since)]))
    if chosen.until is not None:
        conditions.append(("s.last_active_at < ?", [timestamps.parse_end(chosen.until)]))
    clause = " AND ".join(condition for condition, _ in conditions)
    return (f"WHERE {clause}" if clause else ""), [value for _, values in conditions for value in values]


def _must_be_texts(chosen: SessionFilter) -> None:
    for name in _TEXTS:
        value = getattr(chosen, name)
        if value is not None and not isinstance(value, str):
            raise InvalidInput(f"{name} must be a text, not {type(value).__name__}")


def _states(chosen: SessionFilter) -> Iterator[str]:
    if chosen.is_open is not None:
        yield f"s.ended_at IS {'' if chosen.is_open else 'NOT '}NULL"
    if chosen.is_subagent is not None:
        yield f"s.relation IS {'' if chosen.is_subagent else 'NOT '}'subagent'"


def _prefix(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{escaped}%"
