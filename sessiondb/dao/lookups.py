"""What names stand for: look-up rows by their natural keys, found or added, and sessions by short ids."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from os import PathLike
from typing import TYPE_CHECKING

from sessiondb.chat.text import folder_name
from sessiondb.errors import InvalidInput
from sessiondb.storage.connection import Connection

if TYPE_CHECKING:
    from sessiondb.records import Channel

PROJECTS = (
    "SELECT id FROM projects WHERE instr(lower('/' || replace(coalesce(path, ''), '\\', '/') || '/'"
    " || coalesce(name, '') || '/'), lower('/' || trim(replace({value}, '\\', '/'), '/') || '/'))"
)
"""The projects that a `--project` means, wherever it is given: by their folder, some folders of its path, or name."""

_FROM_HERE = r"\.{1,2}(?:[\\/].*)?"
_DRIVE = r"(?:[\\/]{2}[?.][\\/])?([A-Za-z]):(?=[\\/]|$)"

_CHANNEL = "platform, chat_type, chat_id, chat_name, user_id, user_name, thread_id"

MIN_LENGTH = 8
"""Characters of a short id at least, so that it goes on naming one session for a while."""


class Lookups:
    """Ids of look-up rows. Each method adds the row where there is none, inside the caller's transaction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def agent(self, name: str) -> str:
        """Return the agent's name, which is its key."""
        self._db.execute("INSERT OR IGNORE INTO agents (name) VALUES (?)", (name,))
        return name

    def model(self, name: str | None) -> int | None:
        """Return the id of a model, None for one without a name."""
        return self._named("models", None if name == "" else name)

    def tag(self, name: str) -> int:
        """Return the id of a tag."""
        found = self._named("tags", name)
        assert found is not None
        return found

    def project(self, path: str | PathLike[str] | None, name: str | None = None) -> int | None:
        """Return the id of a project by its folder's path, or by its name where it has no folder."""
        if path is None and name is None:
            return None
        if path is not None:
            path = normal_path(path)
            found = self._db.value("SELECT id FROM projects WHERE path = ?", (path,))
        else:
            found = self._db.value("SELECT id FROM projects WHERE path IS NULL AND name = ?", (name,))
        if found is None:
            name = name or folder_name(path or "")
            found = self._db.execute(
                "INSERT INTO projects (path, name) VALUES (?, ?)", (path, name)
            ).lastrowid
        return int(found) if found is not None else None

    def channel(self, channel: Channel | None) -> int | None:
        """Return the id of a channel by its natural key: platform, chat type, chat, thread and user.

        Names that are known only now are filled in.
        """
        if channel is None:
            return None
        key = [channel.platform, channel.chat_type, channel.chat_id, channel.thread_id, channel.user_id]
        found = self._db.value(
            "SELECT id FROM channels WHERE platform = ? AND coalesce(chat_type, '') = coalesce(?, '')"
            " AND coalesce(chat_id, '') = coalesce(?, '') AND coalesce(thread_id, '') = coalesce(?, '')"
            " AND coalesce(user_id, '') = coalesce(?, '')",
            key,
        )
        if found is None:
            values = [getattr(channel, column) for column in _CHANNEL.split(", ")]
            cursor = self._db.execute(
                f"INSERT INTO channels ({_CHANNEL}, name) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [*values, channel.description],
            )
            return cursor.lastrowid
        if channel.chat_name or channel.user_name:
            self._db.execute(
                "UPDATE channels SET chat_name = coalesce(:chat_name, chat_name),"
                " user_name = coalesce(:user_name, user_name), name = :name WHERE id = :id AND"
                " (chat_name IS NOT coalesce(:chat_name, chat_name)"
                " OR user_name IS NOT coalesce(:user_name, user_name))",
                {
                    "chat_name": channel.chat_name,
                    "user_name": channel.user_name,
                    "name": channel.description,
                    "id": found,
                },
            )
        return int(found)

    def _named(self, table: str, name: str | None) -> int | None:
        if name is None:
            return None
        found = self._db.value(f"SELECT id FROM {table} WHERE name = ?", (name,))
        if found is None:
            found = self._db.execute(f"INSERT INTO {table} (name) VALUES (?)", (name,)).lastrowid
        return int(found) if found is not None else None


def count_by_agent(connection: Connection, session_ids: Iterable[str]) -> dict[str, int]:
    """Return how many of some sessions each agent has, by agent."""
    rows = connection.rows(
        "SELECT agent, count(*) FROM sessions WHERE id IN (SELECT value FROM json_each(?))"
        " GROUP BY agent ORDER BY agent",
        (json.dumps(list(session_ids)),),
    )
    return {row[0]: row[1] for row in rows}


def message_counts(
    connection: Connection, session_ids: Iterable[str] | None = None
) -> Iterator[tuple[str, int]]:
    """Yield the ids of some sessions, or of all of them, and how many messages each has."""
    sql = "SELECT id, message_count FROM sessions"
    if session_ids is None:
        yield from connection.stream(sql)
    else:
        chosen = f"{sql} WHERE id IN (SELECT value FROM json_each(?))"
        yield from connection.stream(chosen, (json.dumps(list(session_ids)),))


def short_ids(connection: Connection, session_ids: Iterable[str]) -> dict[str, str]:
    """Return for each id the beginning that no other session's id shares, MIN_LENGTH characters or more."""
    from sessiondb.storage.values import texts  # which reads times too: to open a database has no need of it

    rows = connection.rows(
        "SELECT value, (SELECT max(id) FROM sessions WHERE id < value),"
        " (SELECT min(id) FROM sessions WHERE id > value) FROM json_each(?)",
        (json.dumps(texts(session_ids, "session_ids")),),
    )
    return {
        id: id[: max(MIN_LENGTH, _shared(id, before) + 1, _shared(id, after) + 1)]
        for id, before, after in rows
    }


def _shared(id: str, other: str | None) -> int:
    """Return how many characters two ids have in common at their beginning."""
    if other is None:
        return 0
    return next(
        (place for place, (ours, theirs) in enumerate(zip(id, other, strict=False)) if ours != theirs),
        min(len(id), len(other)),
    )


def whole_project(name: str, folder: str | None = None) -> str:
    """Return the path of a project that is named from the current folder (`.`, `../web`), or another; any other name
    as it is.

    Raises InvalidInput where the current folder no longer exists.
    """
    if not re.fullmatch(_FROM_HERE, name):
        return name
    try:
        return os.path.abspath(os.path.join(folder or os.getcwd(), name))
    except FileNotFoundError as error:
        raise InvalidInput(f"there is no project {name!r}: the current folder no longer exists") from error


def normal_path(path: str | os.PathLike[str]) -> str:
    """Return a folder's path without a closing slash, as agents write it either way.

    One on a Windows drive has the drive's letter in upper case and backslashes: shells and editors differ in both.
    Raises InvalidInput for what is no path.
    """
    try:
        text = os.fsdecode(path)
    except TypeError as error:
        raise InvalidInput(f"a project must be the path of a folder, not {type(path).__name__}") from error
    drive = re.match(_DRIVE, text)
    if drive is None:
        return text.rstrip("/\\") or text[:1]
    below = text[drive.end() :].replace("/", "\\").rstrip("\\")
    return f"{drive[1].upper()}:{below or chr(92)}"
