"""Read the tree of JSON files in which OpenCode kept its sessions before it had a database.

    storage/session/<project>/<session>.json  storage/message/<session>/*.json  storage/part/<message>/*.json

and in its first months, below storage/session,

    info/<session>.json  message/<session>/*.json  part/<session>/<message>/*.json
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from sessiondb.chat.content import text_or_none
from sessiondb.errors import ImportFailed
from sessiondb.importers.base import Record
from sessiondb.importers.files.source import Source
from sessiondb.importers.opencode.messages import Conversation, agent_of
from sessiondb.importers.opencode.parts import moment_of

# Folders of a tree that hold no sessions, only parts of them or other things -> how deep their files lie.
_PARTS = {"message": 2, "part": 3, "project": 1, "session_diff": 1, "session_share": 1, "todo": 1}
_FILE_NAME = re.compile(r"[\w-][\w.-]*")


class Layout(NamedTuple):
    """Where the messages of a session are, the folders of their parts, and the store that it belongs to."""

    messages: Path
    parts: Path
    store: Path


def is_part(path: Path) -> bool:
    """Say whether a path lies in a folder of a storage tree that holds no sessions, only parts of them."""
    if path.suffix != ".json":
        return False
    folders = enumerate(path.absolute().parents, start=1)
    return any(depth <= _PARTS.get(folder.name, 0) and _is_tree(folder.parent) for depth, folder in folders)


def _is_tree(folder: Path) -> bool:
    if folder.name == "session":
        return (folder / "info").is_dir()
    return folder.name == "storage" or ((folder / "session").is_dir() and (folder / "message").is_dir())


def is_session(path: Path, document: dict[str, Any]) -> bool:
    """Say whether a JSON document is the session file of a tree."""
    time = document.get("time")
    return (
        path.absolute().parent.parent.name == "session"
        and not is_part(path)
        and isinstance(document.get("id"), str)
        and isinstance(document.get("title"), str)
        and isinstance(time, dict)
        and "created" in time
    )


def read(source: Source, info: dict[str, Any]) -> Iterator[Record]:
    """Yield the records of one session, of whose files some may be missing or broken."""
    layout = _layout(source.path.absolute(), str(info["id"]))
    if not info.get("directory"):
        info["directory"] = _worktree(layout.store, info.get("projectID"))
    messages = {}
    for file in _files(layout.messages):
        message = _object(source, file)
        if message is not None:
            messages[text_or_none(message.get("id")) or file.stem] = message
    ordered = sorted(messages.items(), key=lambda item: (moment_of(item[1]), item[0]))
    first = ordered[0][1] if ordered else {}
    conversation = Conversation(info, first, str(layout.store), source, agent_of(layout.store))
    yield conversation.session
    for message_id, message in ordered:
        found = (_object(source, file) for file in _part_files(layout.parts, message_id))
        yield from conversation.message(message_id, message, [part for part in found if part is not None])
    yield from conversation.end()


def pieces(path: Path) -> Iterator[Path]:
    """Yield the files of a session's messages and parts, those that no file name leads to included.

    Only names are read: the session's id is taken to be its file's name.
    """
    if path.absolute().parent.parent.name != "session":
        return
    layout = _layout(path.absolute(), path.stem)
    for message in _files(layout.messages):
        yield message
        yield from _files(layout.parts / message.stem)
    # Loose parts name their message within: any may be one of this session's.
    if layout.parts.is_dir():
        yield from _loose(layout.parts, layout.parts.stat().st_mtime_ns)


def _layout(path: Path, session: str) -> Layout:
    folder = path.parent.parent
    # An id that is no file name would lead out of the tree.
    session = session if _FILE_NAME.fullmatch(session) else path.stem
    if path.parent.name == "info":
        return Layout(folder / "message" / session, folder / "part" / session, folder.parent.parent)
    root = folder.parent
    return Layout(root / "message" / session, root / "part", root.parent)


def _worktree(store: Path, project: Any) -> Any:
    if not isinstance(project, str) or not _FILE_NAME.fullmatch(project):
        return None
    try:
        document = Source(store / "storage" / "project" / f"{project}.json").document()
    except (OSError, ImportFailed):
        return None
    return document.get("worktree") if isinstance(document, dict) else None


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".json")
    except OSError:
        return []  # a message without parts has no folder


def _part_files(parts: Path, message_id: str) -> list[Path]:
    found = _files(parts / message_id) if _FILE_NAME.fullmatch(message_id) else []
    if not found and parts.is_dir():
        return _loose_parts(parts, parts.stat().st_mtime_ns).get(message_id, [])
    return found


@lru_cache(maxsize=1)
def _loose(parts: Path, _changed: int) -> list[Path]:
    """Return the part files that lie in no folder of a message; all sessions of a tree ask for them."""
    return _files(parts)


@lru_cache(maxsize=1)
def _loose_parts(parts: Path, _changed: int) -> dict[str, list[Path]]:
    """Return the part files that lie in no folder of a message, by the message that they name."""
    found: dict[str, list[Path]] = {}
    for path in _loose(parts, _changed):
        try:
            part = Source(path).document()
        except (OSError, ImportFailed):
            continue
        if isinstance(part, dict) and isinstance(part.get("messageID"), str):
            found.setdefault(part["messageID"], []).append(path)
    return found


def _object(source: Source, path: Path) -> dict[str, Any] | None:
    """Read a JSON object; report a file that is none."""
    try:
        value = Source(path).document()
    except (OSError, ImportFailed) as error:
        source.problem(str(error), whole=True)
        return None
    if isinstance(value, dict):
        return value
    source.problem(f"{path} is not a JSON object", whole=True)
    return None
