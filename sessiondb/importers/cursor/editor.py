"""Read the editor's stores, `state.vscdb`: the one of all windows, and those of each workspace.

    cursorDiskKV   composerData:<id>           a session: title, times, model, and in which order its bubbles stand
                   bubbleId:<id>:<bubble>      one bubble; those that no session names were edited away
    composerHeaders                            newer: the same of all sessions, with their folders and parents
    ItemTable      composer.composerData       2024: sessions with their bubbles in them; later only their ids
                   workbench.panel.aichat...   2024: the chats beside them

Only these keys are read: others hold what Cursor proves with who its user is.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sessiondb.chat.content import text_or_none
from sessiondb.errors import ImportFailed
from sessiondb.importers.base import MessageRecord, Record, SessionRecord, TokenRecord, session_id
from sessiondb.importers.chat_api.billing import dollars
from sessiondb.importers.cursor.bubbles import Bubbles, known_model
from sessiondb.importers.cursor.places import AGENT, EDITOR, WORKSPACE
from sessiondb.importers.files.json_lines import object_of, objects_of
from sessiondb.importers.files.source import Source
from sessiondb.importers.files.sqlite_source import open_read_only
from sessiondb.importers.files.uris import place_of
from sessiondb.importers.opencode.db import decode
from sessiondb.importers.vscode.workspace import folder_of
from sessiondb.timestamps import normalise

CHATS = "workbench.panel.aichat.view.aichat.chatdata"
COMPOSERS = "composer.composerData"
_COMPOSER = "composerData:"
_ITEM = "SELECT value FROM ItemTable WHERE key = ?"
_VALUE = "SELECT value FROM cursorDiskKV WHERE key = ?"
# A range, for the index; ";" comes after ":".
_KEYS = "SELECT key FROM cursorDiskKV WHERE key >= 'composerData:' AND key < 'composerData;' ORDER BY key"


def holds_chats(path: Path) -> bool:
    """Say whether a store of VS Code's kind has Cursor's chats. Raises ImportFailed where it cannot be read."""
    with open_read_only(path) as connection:
        sql = "SELECT 1 FROM ItemTable WHERE key IN (?, ?)"
        return connection.execute(sql, (CHATS, COMPOSERS)).fetchone() is not None


def read(source: Source) -> Iterator[Record]:
    """Yield the sessions of a store that have messages."""
    with source.sqlite() as connection:
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "ItemTable" in names:
            yield from _workspace(source, connection)
        if "cursorDiskKV" in names:
            yield from _Store(source, connection, "composerHeaders" in names).records()


def _object(value: Any) -> dict[str, Any]:
    """Return the object of a row, which may be JSON in a string of JSON."""
    found = decode(value)
    return object_of(decode(found) if isinstance(found, str) else found)


class _Store:
    """The store of all windows."""

    def __init__(self, source: Source, connection: sqlite3.Connection, has_headers: bool) -> None:
        self._source = source
        self._connection = connection
        self._has_headers = has_headers
        self._folders: dict[str, str] | None = None
        self._parents: dict[str, str] = {}
        self._told: set[str] = set()

    def records(self) -> Iterator[Record]:
        keys = [text_or_none(row[0]) for row in self._connection.execute(_KEYS)]
        for key in filter(None, keys):
            yield from self._session(key.removeprefix(_COMPOSER))
        for child, parent in sorted(self._parents.items()):
            # Told by the parent only.
            if child in self._told:
                yield SessionRecord(
                    _id(child),
                    AGENT,
                    child,
                    parent_id=_id(parent),
                    relation="subagent",
                    authority=EDITOR,
                )

    def _value(self, key: str) -> Any:
        row = self._connection.execute(_VALUE, (key,)).fetchone()
        return None if row is None else row[0]

    def _session(self, native_id: str) -> Iterator[Record]:
        value = self._value(_COMPOSER + native_id)
        if value is None:
            return
        composer = _object(value)
        if not composer:
            self._source.problem(f"session {native_id} is not a JSON object", whole=True)
            return
        head = {
            **self._head(native_id),
            **{key: value for key, value in composer.items() if value is not None},
        }
        for child in head.get("subagentComposerIds") or ():
            if text_or_none(child):
                self._parents[str(child)] = native_id
        branch = _branch(head)
        bubbles = Bubbles(_id(native_id), self._source.tz, branch)
        found: list[Record] = []
        for bubble, id, at in self._bubbles(native_id, composer):
            try:
                found += bubbles.records(bubble, id, at)
            except RecursionError:
                self._source.problem(f"bubble {id} of {native_id} is nested too deeply", whole=True)
        if any(isinstance(one, MessageRecord | TokenRecord) for one in found):
            self._told.add(native_id)
            yield self._record(native_id, head, branch, bubbles.model)
            yield from found

    def _head(self, native_id: str) -> dict[str, Any]:
        if not self._has_headers:
            return {}
        try:
            row = self._connection.execute(
                "SELECT value FROM composerHeaders WHERE composerId = ?", (native_id,)
            ).fetchone()
        except sqlite3.OperationalError:  # other columns than those that are known
            self._has_headers = False
            return {}
        return _object(row[0]) if row else {}

    def _bubbles(self, native_id: str, composer: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, Any]]:
        """Yield the bubbles of a session in its order, with their ids, and their times if the session tells them."""
        headers = objects_of(composer.get("fullConversationHeadersOnly"))
        inline = object_of(composer.get("conversationMap"))
        for header in headers:
            id = text_or_none(header.get("bubbleId"))
            value = self._value(f"bubbleId:{native_id}:{id}") if id else None
            if id is None or (value is None and id not in inline):
                continue
            bubble = object_of(inline.get(id)) if value is None else _object(value)
            if bubble:
                yield {"type": header.get("type"), **bubble}, id, header.get("createdAt")
            else:
                self._source.problem(f"bubble {id} of {native_id} is not a JSON object", whole=True)
        if not headers:
            yield from _conversation(composer, native_id)

    def _record(
        self, native_id: str, head: dict[str, Any], branch: str | None, model: str | None
    ) -> SessionRecord:
        spawned = object_of(head.get("subagentInfo"))
        parent = text_or_none(spawned.get("parentComposerId")) or self._parents.get(native_id)
        created, last = (normalise(head.get(key), self._source.tz) for key in ("createdAt", "lastUpdatedAt"))
        details = {
            "mode": text_or_none(head.get("unifiedMode")),
            "git_branch": [branch] if branch else None,
            "archived": head.get("isArchived") is True,
            "subagent_type": text_or_none(spawned.get("subagentTypeName")),
            "cost": _cost(head),
        }
        return SessionRecord(
            _id(native_id),
            AGENT,
            native_id,
            project=self._project(native_id, head),
            parent_id=_id(parent) if parent and parent != native_id else None,
            relation="subagent" if parent and parent != native_id else None,
            title=text_or_none(head.get("name")),
            model=known_model(object_of(head.get("modelConfig")).get("modelName")) or model,
            started_at=created,
            last_active_at=last,
            authority=EDITOR,
            metadata={key: value for key, value in details.items() if value} or None,
        )

    def _project(self, native_id: str, head: dict[str, Any]) -> str | None:
        workspace = object_of(head.get("workspaceIdentifier"))
        for key in ("uri", "configPath"):
            uri = workspace.get(key)
            path = uri if isinstance(uri, str) else object_of(uri).get("fsPath") or object_of(uri).get("path")
            if folder := text_or_none(path):
                folder = place_of(folder).path or folder
                return os.path.dirname(folder) if folder.endswith(".code-workspace") else folder
        if self._folders is None:
            self._folders = _folders(self._source.path.absolute().parent.parent / "workspaceStorage")
        named = (self._folders.get(native_id), self._folders.get(text_or_none(workspace.get("id")) or ""))
        repos = objects_of(head.get("trackedGitRepos"))
        return next(filter(None, (*named, *(text_or_none(one.get("repoPath")) for one in repos[:1]))), None)


def _workspace(source: Source, connection: sqlite3.Connection) -> Iterator[Record]:
    """Yield what a workspace's store has: the sessions of 2024, with all that was said in them."""
    project, _ = folder_of(source.path.absolute().with_name("workspace.json"))
    for key, sessions, native, title in (
        (CHATS, "tabs", "tabId", "chatTitle"),
        (COMPOSERS, "allComposers", "composerId", "name"),
    ):
        row = connection.execute(_ITEM, (key,)).fetchone()
        if row is None or row[0] is None:
            continue
        value = decode(row[0])
        if not isinstance(value, dict | list):
            source.problem(f"{key} is not JSON", whole=True)
        # Of the first releases the array alone.
        for session in objects_of(value) or objects_of(object_of(value).get(sessions)):
            native_id = text_or_none(session.get(native))
            if native_id is None:
                source.problem(f"a session of {key} has no id", whole=True)
                continue
            bubbles = Bubbles(_id(native_id), source.tz)
            found = [
                record
                for bubble, id, at in _conversation(session, native_id)
                for record in bubbles.records(bubble, id, at)
            ]
            if found:
                created, last = (
                    normalise(session.get(one), source.tz) for one in ("createdAt", "lastUpdatedAt")
                )
                yield SessionRecord(
                    _id(native_id),
                    AGENT,
                    native_id,
                    project=project,
                    title=text_or_none(session.get(title)),
                    model=bubbles.model,
                    started_at=created,
                    last_active_at=last or normalise(session.get("lastSendTime"), source.tz),
                    authority=WORKSPACE,
                )
                yield from found


def _conversation(session: dict[str, Any], native_id: str) -> Iterator[tuple[dict[str, Any], str, Any]]:
    """Yield the bubbles that stand in a session itself, as those do that have rows of their own."""
    bubbles = objects_of(session.get("conversation")) or objects_of(session.get("bubbles"))
    for number, bubble in enumerate(bubbles, 1):
        id = text_or_none(bubble.get("bubbleId")) or text_or_none(bubble.get("id"))
        yield bubble, id or f"{native_id}#{number}", None


def _id(native_id: str) -> str:
    return session_id(AGENT, native_id)


def _branch(head: dict[str, Any]) -> str | None:
    """Return the branch on which the session was last active."""
    found: list[tuple[float, str]] = []
    for repo in objects_of(head.get("trackedGitRepos")):
        for branch in objects_of(repo.get("branches")):
            name, at = text_or_none(branch.get("branchName")), branch.get("lastInteractionAt")
            if name:
                found.append((at if isinstance(at, int | float) else 0, name))
    return max(found)[1] if found else text_or_none(head.get("createdOnBranch"))


def _cost(head: dict[str, Any]) -> dict[str, float] | None:
    """Return what Cursor says that a session has cost, in dollars a model."""
    found = {}
    for model, usage in object_of(head.get("usageData")).items():
        cost = dollars(object_of(usage).get("costInCents"))
        if cost is not None:
            found[model] = cost
    return found or None


def _folders(storage: Path) -> dict[str, str]:
    """Return the folder of each session and of each workspace, as the stores of the workspaces tell it."""
    found: dict[str, str] = {}
    for workspace in sorted(storage.glob("*/workspace.json")):
        folder, _ = folder_of(workspace)
        if folder is None:
            continue
        found[workspace.parent.name] = folder
        try:
            with open_read_only(workspace.with_name("state.vscdb")) as db:
                row = db.execute(_ITEM, (COMPOSERS,)).fetchone()
        except (ImportFailed, OSError):
            continue
        value = decode(row[0]) if row else None
        for composer in objects_of(object_of(value).get("allComposers")):
            if id := text_or_none(composer.get("composerId")):
                found.setdefault(id, folder)
    return found
