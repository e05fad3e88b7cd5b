"""Read the header of a Codex session, and tell its own lines from those copied from its parent.

A fork, and a sub-agent that was given its parent's conversation, open with a header of their own, the
parent's header, and the parent's lines; most builds stamp the copies with the moment of copying. What is
the session's own begins with its first own turn. Turns and sessions have UUIDs of version 7, which begin
with the milliseconds since 1970 at which they were made: a turn older than the session is the parent's.
Where turns have no such id, the copied header opens the copy, and the first turn a second or more later
ends it. Where there is neither, all that is stamped within the first second may be a copy.

Copies are marked `inherited`: those that the parent has are left out when they are stored, and the others
stay, such as all of them where the parent's file is gone.

Sources: codex-rs/rollout of github.com/openai/codex (up to August 2026), and reports of others who count
from these files.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import msgspec

from sessiondb.chat.content import text_or_none
from sessiondb.importers.base import SessionRecord, session_id
from sessiondb.importers.codex.items import AGENT, Item
from sessiondb.importers.files.packed import plain_path
from sessiondb.records.sessions import Relation

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_COPY_LASTS_MS = 1000
_KEPT = (
    "originator",
    "cli_version",
    "source",
    "thread_source",
    "model_provider",
    "agent_nickname",
    "agent_role",
    "git",
    "instructions",
)


class Header(Item):
    """What a session says of itself in its first line."""

    session_id: Any = None
    timestamp: Any = None
    cwd: Any = None
    originator: Any = None
    cli_version: Any = None
    source: Any = None
    thread_source: Any = None
    forked_from_id: Any = None
    parent_thread_id: Any = None
    model_provider: Any = None
    agent_nickname: Any = None
    agent_role: Any = None
    git: Any = None
    instructions: Any = None


class Replay(msgspec.Struct):
    """Whether the lines that come now are a copy of the parent's; times are milliseconds since 1970.

    `born` is when the session was made as its id says, `began` as its header does. `is_told`: a header or a turn's id
    has told what is a copy.
    """

    has_parent: bool = False
    born: int = 0
    began: int = 0
    copying: bool = False
    since: int | None = None
    own: bool = False
    is_told: bool = False

    def covers(self, stamp: str | None) -> bool:
        """Say whether a line stamped so is a copy, or may be one."""
        if not self.has_parent or self.own:
            return False
        # From the surest sign to the weakest: within the copy by header or turn id; before the session was made;
        # within the second in which files are copied, where no better sign has come.
        if self.copying or stamp is None:
            return self.copying
        moment = milliseconds(stamp)
        return moment < self.began or (not self.is_told and moment < self.began + _COPY_LASTS_MS)

    def copied_header(self, stamp: str | None) -> None:
        """Note that the parent's header comes by."""
        self.copying, self.is_told = True, True
        self.since = milliseconds(stamp) if stamp else None

    def turn(self, turn_id: Any, stamp: str | None) -> None:
        """Note that a turn begins: the parent's, or the session's own first one."""
        if not self.has_parent or self.own:
            return
        made = born(turn_id)
        moment = milliseconds(stamp) if stamp else None
        # The id of a turn tells when it was made: one older than the session is the parent's. Where turns have no
        # such id, the stamps do: copies bear the moment of copying, one of its own comes later.
        if made is not None:
            self.copying, self.is_told = made < self.born, True
        elif self.copying:
            self.copying = moment is None or self.since is None or moment < self.since + _COPY_LASTS_MS
        elif moment is not None and moment < self.began + _COPY_LASTS_MS:
            return
        self.own = not self.copying


def born(native_id: Any) -> int | None:
    """Return when a UUID of version 7 was made, in milliseconds since 1970; None for any other id."""
    match = _UUID.fullmatch(native_id) if isinstance(native_id, str) else None
    return int(native_id[:8] + native_id[9:13], 16) if match and match[1] == "7" else None


def milliseconds(stamp: str) -> int:
    """Return a stored timestamp as milliseconds since 1970."""
    moment = datetime.fromisoformat(stamp[:-1]).replace(tzinfo=timezone.utc)
    return round(moment.timestamp() * 1000)


def native_id(header: Header | None, path: Path) -> tuple[str, str]:
    """Return a session's own id and what makes it unique: without a header, the file's name and folder."""
    # `session_id` comes second: in a sub-agent's header it is that of the session which started them all.
    named = text_or_none(header.id) or text_or_none(header.session_id) if header else None
    if named:
        return named, ""
    match = list(_UUID.finditer(path.name))
    return (match[-1][0], "") if match else (plain_path(path).stem, str(path.parent))


def parent(header: Header) -> tuple[str | None, Relation | None]:
    """Return the native id of a session's parent, and what the session is to it."""
    # Builds differ in where they name the parent: in the header, within `source`, or as what it forked from.
    spawn = _spawn(header.source)
    spawned_by = text_or_none(header.parent_thread_id) or text_or_none(spawn.get("parent_thread_id"))
    forked_from = text_or_none(header.forked_from_id)
    is_subagent = isinstance(header.source, dict) and "subagent" in header.source
    if is_subagent or spawned_by or header.thread_source == "subagent":
        return spawned_by or forked_from, "subagent"
    return forked_from, "fork" if forked_from else None


def header_record(header: Header, session: str, native: str) -> SessionRecord:
    """Return the session that a header opens."""
    parent_id, relation = parent(header)
    kept = {key: value for key in _KEPT if (value := getattr(header, key)) not in (None, "", {})}
    return SessionRecord(
        session,
        AGENT,
        native,
        project=text_or_none(header.cwd),
        parent_id=session_id(AGENT, parent_id) if parent_id else None,
        relation=relation,
        metadata=kept or None,
    )


def _spawn(source: Any) -> dict[str, Any]:
    """Return what the header of a sub-agent says of how it came to be."""
    subagent = source.get("subagent") if isinstance(source, dict) else None
    spawn = subagent.get("thread_spawn") if isinstance(subagent, dict) else None
    return spawn if isinstance(spawn, dict) else {}
