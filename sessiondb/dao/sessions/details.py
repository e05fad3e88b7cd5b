"""What describes a session: title, project, pin, tags, metadata, and how far it is consolidated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from os import PathLike
from typing import Any

from sessiondb.dao.lookups import Lookups
from sessiondb.dao.search.guard import despite_search
from sessiondb.errors import InvalidInput, NotFound
from sessiondb.storage.connection import Connection
from sessiondb.storage.values import json_value, mapping, moment, one_text, stored_json, texts, whole_number


def given_title(title: str | None) -> dict[str, str | None]:
    """Return the columns for a title that a person gives; a blank one is none. Raises InvalidInput."""
    title = None if title is None or not one_text(title, "title").strip() else title
    return {"title": title, "title_source": "user" if title else None}


class SessionDetails:
    """The part of the table `sessions` that changes while a session lives, and `session_tags`."""

    def __init__(self, connection: Connection, lookups: Lookups) -> None:
        self._db = connection
        self._lookups = lookups

    def touch(self, session_id: str, at: str | datetime | None = None) -> None:
        """Note that a session was active now, or then; its last activity never moves back.

        Raises NotFound.
        """
        self._update(session_id, "last_active_at = max(last_active_at, ?)", (moment(at),))

    def set_title(self, session_id: str, title: str | None) -> None:
        """Set the title, which no import changes afterwards; None takes it away. Raises NotFound."""
        changes = given_title(title).values()
        despite_search(self._db, lambda: self._update(session_id, "title = ?, title_source = ?", [*changes]))

    def set_project(self, session_id: str, project: str | PathLike[str] | None) -> None:
        """Set the folder that a session works on; its notes without a project get it too. Raises NotFound."""
        with self._db.transaction():
            project_id = self._lookups.project(project)
            self._update(session_id, "project_id = ?", (project_id,))
            self._db.execute(
                "UPDATE notes SET project_id = ? WHERE session_id = ? AND project_id IS NULL",
                (project_id, session_id),
            )

    def set_pinned(self, session_id: str, pinned: bool = True) -> None:
        """Pin a session, so that prune leaves it alone, or let it go again.

        Raises NotFound, InvalidInput for what is neither True nor False.
        """
        if not isinstance(pinned, bool):
            raise InvalidInput(f"pinned must be True or False, not {pinned!r}")
        self._update(session_id, "pinned = ?", (int(pinned),))

    def set_metadata(self, session_id: str, changes: Mapping[str, Any]) -> None:
        """Set keys of the metadata, each as a whole; a value of None removes its key.

        Raises NotFound, InvalidInput for what is no JSON.
        """
        with self._db.transaction():
            known = {**self._metadata(session_id), **mapping(changes, "changes")}
            kept = {key: value for key, value in known.items() if key not in changes or value is not None}
            self._update(session_id, "metadata = ?", (json_value(kept),))

    def take_metadata(self, session_id: str, *keys: str) -> dict[str, Any]:
        """Remove keys from the metadata and return what they were; of several that ask, one gets them.

        Raises NotFound.
        """
        texts(keys, "keys")
        if not self._some_metadata(session_id, keys):
            return {}
        with self._db.transaction():
            found = self._some_metadata(session_id, keys)
            if found:
                self.set_metadata(session_id, dict.fromkeys(found))
        return found

    def consolidated(self, session_id: str) -> int:
        """Return how many leading messages are summarised elsewhere. Raises NotFound."""
        found = self._db.value("SELECT consolidated FROM sessions WHERE id = ?", (session_id,))
        if found is None:
            raise NotFound(f"there is no session {session_id}")
        return int(found)

    def consolidate(self, session_id: str, count: int) -> None:
        """Note that the first `count` messages are summarised elsewhere; it only ever grows.

        Raises NotFound, and InvalidInput where the session has fewer messages or more were consolidated
        already.
        """
        whole_number(count, "a count of messages")
        with self._db.transaction():
            known = self.consolidated(session_id)
            last = self._db.value("SELECT max(seq) FROM messages WHERE session_id = ?", (session_id,)) or 0
            if not known <= count <= last:
                raise InvalidInput(
                    f"cannot consolidate {count} messages of {session_id}: {known} are already, of {last}"
                )
            self._update(session_id, "consolidated = ?", (count,))

    def tags(self, session_id: str) -> list[str]:
        """Return a session's tags in alphabetical order."""
        return self._db.column(
            "SELECT g.name FROM session_tags AS st JOIN tags AS g ON g.id = st.tag_id"
            " WHERE st.session_id = ? ORDER BY 1",
            (session_id,),
        )

    def add_tags(self, session_id: str, tags: str | Iterable[str]) -> None:
        """Put a tag, or several, on a session; those it has already stay.

        Raises Conflict where there is no such session, InvalidInput for what is no tag.
        """
        with self._db.transaction():
            for tag in texts(tags, "tags"):
                if not isinstance(tag, str) or not tag.strip():
                    raise InvalidInput(f"a tag must be a text that is not empty, not {tag!r}")
                self._db.execute(
                    "INSERT OR IGNORE INTO session_tags (session_id, tag_id) VALUES (?, ?)",
                    (session_id, self._lookups.tag(tag)),
                )

    def remove_tags(self, session_id: str, tags: str | Iterable[str]) -> None:
        """Take a tag, or several, off a session."""
        with self._db.transaction():
            for tag in texts(tags, "tags"):
                self._db.execute(
                    "DELETE FROM session_tags WHERE session_id = ?"
                    " AND tag_id IN (SELECT id FROM tags WHERE name = ?)",
                    (session_id, tag),
                )

    def _exists(self, session_id: str) -> bool:
        return self._db.row("SELECT 1 FROM sessions WHERE id = ?", (session_id,)) is not None

    def _update(self, session_id: str, assignments: str, values: Sequence[Any]) -> None:
        with self._db.transaction():
            cursor = self._db.execute(
                f"UPDATE sessions SET {assignments} WHERE id = ?", (*values, session_id)
            )
            if not cursor.rowcount:
                raise NotFound(f"there is no session {session_id}")

    def _some_metadata(self, session_id: str, keys: Sequence[str]) -> dict[str, Any]:
        known = self._metadata(session_id)
        return {key: known[key] for key in keys if key in known}

    def _metadata(self, session_id: str) -> dict[str, Any]:
        row = self._db.row("SELECT metadata FROM sessions WHERE id = ?", (session_id,))
        if row is None:
            raise NotFound(f"there is no session {session_id}")
        return stored_json(row[0], {}, f"sessions.metadata of {session_id}")
