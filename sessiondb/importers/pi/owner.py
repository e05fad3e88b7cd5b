"""Whose a log is where several agents write the same, and what OpenClaw's index says of a session."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

from sessiondb.chat.content import text_or_none
from sessiondb.errors import ImportFailed
from sessiondb.importers.base import ChannelRecord
from sessiondb.importers.files.json_lines import object_of
from sessiondb.importers.files.source import Source

# By the name of a folder that the log lies in.
_AGENTS = {
    ".pi": "pi",
    ".openclaw": "openclaw",
    ".clawdbot": "openclaw",
    ".moltbot": "openclaw",
    "openclaw": "openclaw",
    ".omp": "omp",
    ".prime": "prime",
    ".qclaw": "qclaw",
}
_FILE = re.compile(r"[^/\\]+\Z")


def agent_of(path: Path, otherwise: str = "pi") -> str:
    """Return the agent whose log a file is: the nearest folder tells."""
    found = (_AGENTS[part] for part in reversed(path.parts[:-1]) if part in _AGENTS)
    return next(found, otherwise)


class Parent(NamedTuple):
    """A session that another began with: its own id, and the folder that its file lies in."""

    native_id: str
    folder: str


def parent_of(header: dict[str, Any], folder: str) -> Parent | None:
    """Return the session that a header names as its parent, by its file or by its id."""
    named = text_or_none(header.get("parentSession")) or text_or_none(header.get("branchedFrom"))
    if named is None:
        return None
    file = _FILE.search(named)
    if file is None or not file[0].endswith(".jsonl"):
        return Parent(named, folder)
    above = named[: file.start()].rstrip("/\\")
    return Parent(file[0].removesuffix(".jsonl").rpartition("_")[2], above or folder)


class Index:
    """OpenClaw's `sessions.json`: which conversation is in which session."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._entries: dict[str, Any] | None = None

    def key_of(self, native_id: str) -> str | None:
        """Return the conversation that a session is the present one of."""
        found = (key for key, entry in self._all().items() if object_of(entry).get("sessionId") == native_id)
        return next(found, None)

    def spawned_by(self, key: str) -> str | None:
        """Return the id of the session that began the one of a conversation, as a sub-agent."""
        above = text_or_none(object_of(self._all().get(key)).get("spawnedBy"))
        return text_or_none(object_of(self._all().get(above)).get("sessionId")) if above else None

    def _all(self) -> dict[str, Any]:
        if self._entries is None:
            try:
                self._entries = object_of(Source(self._folder / "sessions.json").document())
            except (OSError, ImportFailed):
                self._entries = {}
        return self._entries


def channel_of(key: str) -> ChannelRecord | None:
    """Return the chat that a key names: `agent:main:telegram:group:-100`; none for the main conversation."""
    _, _, rest = key.partition(":")
    _, _, rest = rest.partition(":")
    platform, _, chat = rest.partition(":")
    if not chat or platform == "subagent":
        return None
    kind, _, chat_id = chat.rpartition(":")
    return ChannelRecord(platform, chat_type=kind.rpartition(":")[2] or None, chat_id=chat_id)
