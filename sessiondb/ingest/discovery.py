"""Find the files to import below what a person names: no loops, no devices, no credentials."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from sessiondb.dao.ledger import Stat
from sessiondb.errors import InvalidInput
from sessiondb.importers.files import packed
from sessiondb.importers.files.source import path_text
from sessiondb.ingest.rules import Rules
from sessiondb.storage.beside import KINDS

_PLAIN = (".jsonl", ".ndjson", ".json", ".zip")
_PACKED = tuple(packed.SUFFIXES)
_DATABASES = (".db", ".sqlite", ".sqlite3", ".vscdb")

# What lies beside the session logs of the known agents and is none, or holds secrets.
_NO_FOLDERS = frozenset(
    (
        ".git", "node_modules", "__pycache__", "site-packages", "todos", "file-history", "shell_snapshots",
        "shell-snapshots", "tool-results", ".migration-conflicts", "statsig", "plugins", "request_dumps",
    )
)  # fmt: skip
# Claude Code and Codex keep a history of prompts beside the folders of their logs; elsewhere the name is no session's.
_HISTORY = "history.jsonl"
_STORES = frozenset(("projects", "sessions", "archived_sessions"))
_NO_FILES = frozenset(
    (
        "session_index.jsonl", "sessions-index.json", "logs.json", "_index.json", "journal.jsonl",
        "auth.json", "oauth_creds.json", ".credentials.json", "credentials.json", "google_accounts.json",
        "channel_directory.json", "kanban.db", "user.json", "users.json", "package.json",
        "package-lock.json", "tsconfig.json", "settings.json", "settings.local.json",
        "config.json", "projects.json", "memories.json", "message_feedback.json",
        "shared_conversations.json", "session-store.db", "workspace.json", "auth-profiles.json", "auth-state.json",
        "models.json", "meta.json",
    )
)  # fmt: skip
_NO_BEGINNINGS = ("request_dump_", "checkpoint-", ".")
# Codex's databases but for state_<n>.sqlite, and nanobot's: logs of the program, and copies of what is in its files.
_NO_DATABASES = re.compile(r"(goals|memories|queue|logs|thread_history)_\d+\.sqlite|llm_usage\.sqlite3")
# OpenClaw's copies of sessions; and, with what follows the suffix, the sessions that others took the place of.
_NO_COPIES = re.compile(r".*\.checkpoint\.[^/]+\.jsonl")
_RESET = re.compile(r"(.+\.jsonl)\.reset\.[^/]+")
AIDERS = ".aider.chat.history.md"
"""The name of Aider's history, the one hidden file that is looked at."""
# Cursor's transcripts, as they were before they had lines of JSON.
_TEXTS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.txt")
# OpenHands' state of a conversation, beside the folder of its events.
_STATE = f"{os.sep}base_state.json"
# The messages of a task of Cline's and its kin, whose tokens are in the file of what was shown.
_TASK = f"{os.sep}api_conversation_history.json"
# Where OpenCode keeps its sessions.
_TREE = f"{os.sep}session{os.sep}"
_NO_ENDINGS = (".tmp", ".meta.json", ".checkpoint.json", ".lock", ".settings.json")

# Where a database is tried out or made, beside it.
_BESIDE = re.compile(rf"\..+\.(?:{'|'.join(KINDS)})-[^.]+")

# What the system tells of itself as if in files, endless and no logs: passed over below `/`.
_NO_DISKS = ("/proc", "/sys", "/dev")

_name = attrgetter("name")


class Found(NamedTuple):
    """A file to look at: its absolute path, how it looks now, and whether a person named it."""

    path: str
    stat: Stat
    is_named: bool

    @property
    def name(self) -> str:
        """Return the path as the ledger and people read it, see path_text."""
        # No file has a NUL in its path: of ASCII there is nothing to clean.
        return self.path if self.path.isascii() else path_text(self.path)


class Refused(NamedTuple):
    """A source that cannot be read, why, and whether a person named it."""

    path: str
    reason: str
    is_named: bool = False

    @property
    def name(self) -> str:
        """Return the path as people read it, see path_text."""
        return path_text(self.path)


def discover(
    sources: list[str], rules: Rules | None = None, database: Path | None = None
) -> Iterator[Found | Refused]:
    """Yield each file once that is named, or that lies in a named folder and may hold sessions.

    Folders are read through, links to folders too, each once. Named files are taken whatever they are
    called; FIFOs, sockets and devices are refused, as are folders that cannot be read. What the rules keep out, and
    the database that is imported into, are passed over in a folder, and refused where they are named.
    """
    own = set(identities(_original(database))) if database else set[tuple[int, int]]()
    # What is kept out counts as seen.
    seen = own | set(identities(*_NO_DISKS)) | (rules.ignored_places() if rules else set())
    for source in sources:
        path = absolute(source)
        try:
            status = os.stat(path)
        except OSError as error:
            yield Refused(path, f"cannot be read: {error.strerror}", True)
            continue
        if rules and rules.keeps_out(path):
            yield Refused(path, "is in a folder that import.ignore_folders of the settings names", True)
            continue
        if path in _NO_DISKS:
            yield Refused(path, "holds no files: what the system tells of itself is not read", True)
        elif stat.S_ISDIR(status.st_mode):
            yield from _walk(path, seen)
        elif (status.st_dev, status.st_ino) in own:
            yield Refused(path, "is the database that is imported into", True)
        elif stat.S_ISREG(status.st_mode):
            if (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                yield Found(path, look(path, status), True)
        else:
            yield Refused(path, "is no regular file: a pipe, socket or device is not read", True)


def _original(database: Path) -> Path:
    """Return the database that one is a copy or the beginning of; of any other, itself."""
    folder = database.parent
    return folder.with_name(database.name) if _BESIDE.fullmatch(folder.name) else database


def identities(*paths: str | Path) -> Iterator[tuple[int, int]]:
    """Yield device and inode of the files and folders that are there."""
    for path in paths:
        with contextlib.suppress(OSError):
            status = os.stat(path)
            yield status.st_dev, status.st_ino


def absolute(source: str) -> str:
    """Return the absolute path of a source. Raises InvalidInput for a relative one where the current folder is gone."""
    try:
        return os.path.abspath(os.path.expanduser(source))
    except FileNotFoundError as error:
        raise InvalidInput(
            f"{path_text(source)}: the current folder no longer exists: give the whole path"
        ) from error


def _walk(top: str, seen: set[tuple[int, int]]) -> Iterator[Found | Refused]:
    """Yield what is in a folder and below; folders may be nested deeper than Python calls functions."""
    opened = [_listed(top, seen)]
    while opened:
        for found in opened[-1]:
            if isinstance(found, str):
                opened.append(_listed(found, seen))
                break
            yield found
        else:
            opened.pop()


def _listed(folder: str, seen: set[tuple[int, int]]) -> Iterator[Found | Refused | str]:
    """Yield what is in a folder, of the folders in it their paths."""
    try:
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=_name)
    except OSError as error:
        yield Refused(folder, f"cannot be read: {error.strerror}")
        return
    names = {entry.name for entry in entries}
    for entry in entries:
        try:
            if entry.is_dir():
                if is_walked(entry.name, names):
                    yield entry.path
            elif is_candidate(entry.name, names) and entry.is_file():
                status = entry.stat()
                identity = (status.st_dev, status.st_ino)
                if identity in seen:
                    continue
                # Only what goes by several names can be met twice.
                if status.st_nlink > 1 or entry.is_symlink():
                    seen.add(identity)
                yield Found(entry.path, look(entry.path, status), False)
        except OSError as error:
            yield Refused(entry.path, f"cannot be read: {error.strerror}")


def is_candidate(name: str, siblings: Collection[str] = ()) -> bool:
    """Say whether a file in a folder may hold sessions, by its name and the names beside it; packed or not makes no
    difference.
    """
    if name.endswith(_PACKED):
        name = os.path.splitext(name)[0]
    if name == _HISTORY:
        return not _STORES.isdisjoint(siblings)
    if ".reset." in name and (reset := _RESET.fullmatch(name)):
        name = reset[1]
    if name == AIDERS:
        return True
    if name in _NO_FILES or name.startswith(_NO_BEGINNINGS) or name.endswith(_NO_ENDINGS):
        return False
    if name.endswith(_PLAIN):
        return not (".checkpoint." in name and _NO_COPIES.fullmatch(name))
    if name.endswith(_DATABASES):
        return not _NO_DATABASES.fullmatch(name)
    return _TEXTS.fullmatch(name) is not None


def is_walked(name: str, siblings: set[str]) -> bool:
    """Say whether a folder in a folder is looked into, by its name and the names beside it."""
    # OpenCode keeps the pieces of its sessions in folders beside these.
    is_tree_of_pieces = name in ("message", "part") and bool(siblings & {"session", "info"})
    # And OpenHands the events of a conversation beside its state.
    is_tree_of_pieces |= name == "events" and "base_state.json" in siblings
    return name not in _NO_FOLDERS and not is_tree_of_pieces and not _BESIDE.fullmatch(name)


def look(path: str, status: os.stat_result) -> Stat:
    """Return what tells whether a file has changed; a database's write-ahead log and a session's pieces
    count with it.
    """
    size, mtime = status.st_size, status.st_mtime_ns
    others: Iterable[str | Path] = ()
    if path.endswith(_DATABASES):
        others = (f"{path}-wal",)
    elif _TREE in path:
        from sessiondb.importers.opencode.tree import pieces

        others = pieces(Path(path))
    elif path.endswith(_STATE):
        others = Path(path).with_name("events").glob("*.json")
    elif path.endswith(_TASK):
        others = (Path(path).with_name("ui_messages.json"),)
    for other in others:
        try:
            extra = os.stat(other)
        except OSError:
            continue
        size += extra.st_size
        mtime = max(mtime, extra.st_mtime_ns)
    # Windows gives inode numbers of 64 unsigned bits; SQLite has signed ones.
    return Stat(status.st_dev & 2**63 - 1, status.st_ino & 2**63 - 1, size, mtime, status.st_ctime_ns)
