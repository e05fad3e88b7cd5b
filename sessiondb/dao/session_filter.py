"""Which sessions a list, a search or a prune is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sessiondb.dao.lookups import PROJECTS


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """Which sessions: all conditions must hold; None is no condition.

    `project` is a folder, some folders of its path, or a name, upper or lower case; `tag` and `agent` are
    exact; `model` and `platform` match by their beginning. `since` and `until` bound the last activity: from
    `since` on, before `until`. `is_open`: True those not ended.
    """

    agent: str | None = None
    project: str | None = None
    model: str | None = None
    platform: str | None = None
    tag: str | None = None
    key: str | None = None
    is_open: bool | None = None
    since: str | None = None
    until: str | None = None

    def where(self) -> tuple[str, list[Any]]:
        """Return a WHERE clause over the alias `s` (empty where there is no condition) and its parameters."""
        conditions: list[tuple[str, list[Any]]] = []
        if self.agent is not None:
            conditions.append(("s.agent = ?", [self.agent]))
        if self.project is not None:
            conditions.append((f"s.project_id IN ({PROJECTS.format(value='?')})", [self.project]))
        if self.model is not None:
            matches = "SELECT id FROM models WHERE name LIKE ? ESCAPE '\\'"
            conditions.append((f"s.model_id IN ({matches})", [_prefix(self.model)]))
        if self.platform is not None:
            matches = "SELECT id FROM channels WHERE platform LIKE ? ESCAPE '\\'"
            conditions.append((f"s.channel_id IN ({matches})", [_prefix(self.platform)]))
        if self.tag is not None:
            matches = (
                "SELECT session_id FROM session_tags WHERE tag_id IN (SELECT id FROM tags WHERE name = ?)"
            )
            conditions.append((f"s.id IN ({matches})", [self.tag]))
        if self.key is not None:
            conditions.append(("s.key = ?", [self.key]))
        if self.is_open is not None:
            conditions.append((f"s.ended_at IS {'' if self.is_open else 'NOT '}NULL", []))
        if self.since is not None:
            conditions.append(("s.last_active_at >= ?", [self.since]))
        if self.until is not None:
            conditions.append(("s.last_active_at < ?", [self.until]))
        clause = " AND ".join(condition for condition, _ in conditions)
        return (f"WHERE {clause}" if clause else ""), [value for _, values in conditions for value in values]


def _prefix(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{escaped}%"
