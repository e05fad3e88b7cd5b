"""The names that sessions are chosen by: which there are, and which a person may have meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sessiondb.dao.lookups import PROJECTS, normal_path
from sessiondb.dao.sessions.filter import where_clause
from sessiondb.errors import InvalidInput
from sessiondb.query.nearest import nearest
from sessiondb.records import SessionFilter
from sessiondb.storage.connection import Connection
from sessiondb.storage.values import one_text

_LISTED = 5
_NAMES = {
    "agent": "SELECT agent, max(last_active_at) FROM sessions GROUP BY agent",
    "project": (
        "SELECT coalesce(p.path, p.name), max(s.last_active_at) FROM projects AS p"
        " JOIN sessions AS s ON s.project_id = p.id GROUP BY p.id"
    ),
    "model": (
        "SELECT m.name, max(s.last_active_at) FROM models AS m JOIN sessions AS s ON s.model_id = m.id"
        " GROUP BY m.id"
    ),
    "platform": (
        "SELECT c.platform, max(s.last_active_at) FROM channels AS c JOIN sessions AS s ON s.channel_id = c.id"
        " GROUP BY c.platform"
    ),
    "tag": (
        "SELECT t.name, max(s.last_active_at) FROM tags AS t JOIN session_tags AS st ON st.tag_id = t.id"
        " JOIN sessions AS s ON s.id = st.session_id GROUP BY t.id"
    ),
    "branch": (
        "SELECT name, max(at) FROM (SELECT git_branch AS name, counted_at AS at FROM token_counts"
        " UNION ALL SELECT json_extract(metadata, '$.git.branch'), last_active_at FROM sessions"
        " UNION ALL SELECT j.value, s.last_active_at FROM sessions AS s, json_each(s.metadata, '$.git_branch') AS j"
        ") WHERE name IS NOT NULL GROUP BY name"
    ),
    # By how often they were called: when each was last would take longest of all.
    "tool": "SELECT name, count(*) FROM tool_calls WHERE name IS NOT NULL GROUP BY name",
}
_HAS_NOTES = f"""
SELECT EXISTS (SELECT 1 FROM notes AS n JOIN projects AS p ON p.id = n.project_id
WHERE p.path = :path OR p.id IN ({PROJECTS.format(value=":name")}))
"""


class Names:
    """The names of agents, projects, models, platforms, tags, branches and tools that sessions have."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def of(self, kind: str) -> list[str]:
        """Return the names of a kind, those of the sessions active last first, tools by their calls.

        Raises InvalidInput for another kind.
        """
        if one_text(kind, "kind") not in _NAMES:
            raise InvalidInput(
                f"sessions have no names of the kind {kind!r}: give one of {', '.join(_NAMES)}"
            )
        return self._db.column(f"{_NAMES[kind]} ORDER BY 2 DESC, 1")

    def unknown(self, where: SessionFilter) -> Iterator[str]:
        """Yield a sentence for each name in a filter that no session has, with the nearest ones that are there."""
        for kind in _NAMES:
            value = getattr(where, kind, None)
            if value is None:
                continue
            clause, parameters = where_clause(SessionFilter(**{kind: value}))
            if not self._db.value(f"SELECT EXISTS (SELECT 1 FROM sessions AS s {clause})", parameters):
                yield self.sentence(kind, value)

    def projects(self, name: str) -> list[str]:
        """Return the projects that a name means: that of this very path or name, else all that a filter finds."""
        rows = self._db.rows(
            "SELECT coalesce(path, name), path = :path OR (path IS NULL AND name = :name),"
            f" lower(name) = lower(:name) FROM projects WHERE path = :path OR id IN ({PROJECTS.format(value=':name')})"
            " ORDER BY 1",
            {"name": name, "path": normal_path(name)},
        )
        for rank in (1, 2):
            best = [row[0] for row in rows if row[rank]]
            if best:
                return best
        return [row[0] for row in rows]

    def sentence(self, kind: str, value: str) -> str:
        """Say that no session has a name, and what the nearest ones are, or where there are few, all."""
        if kind == "project" and self._db.value(_HAS_NOTES, {"name": value, "path": normal_path(value)}):
            return f"no session has the project {value!r}, only notes do"
        known = self.of(kind)
        near = nearest(value, known)
        if near:
            return f"no session has the {kind} {value!r}: did you mean {_either(near)}?"
        if not known:
            return f"no session has the {kind} {value!r}: there are no {kind}{'es' if kind == 'branch' else 's'} yet"
        listed = ", ".join(known[:_LISTED]) + (", ..." if len(known) > _LISTED else "")
        return f"no session has the {kind} {value!r}: there {'is' if len(known) == 1 else 'are'} {listed}"


def _either(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last
