"""What a user wants kept out of the database: folders and projects, and secrets in texts."""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

from sessiondb.errors import InvalidInput
from sessiondb.settings import get
from sessiondb.settings.table import IGNORED_FOLDERS, IGNORED_PROJECTS, REDACTION

_CODES = 1 << 30


class Rules(NamedTuple):
    """What an import leaves out. `redaction` is off, secrets or all, see `REDACTION` in the settings."""

    folders: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    redaction: str = "off"

    @property
    def is_any(self) -> bool:
        """Say whether records are looked at at all."""
        return bool(self.projects) or self.redaction != "off"

    def ignores_project(self, project: str | None, name: str | None = None) -> bool:
        """Say whether sessions of a project, by its folder or its name, stay out."""
        return any(_is_within(project, name, rule) for rule in self.projects)

    def ignored_places(self) -> set[tuple[int, int]]:
        """Return by device and inode the folders that are not looked into, whatever name leads there."""
        return {(found.st_dev, found.st_ino) for found in map(_stat, self.folders) if found}

    def keeps_out(self, path: str) -> bool:
        """Say whether a file or folder lies in a folder that is not looked into."""
        places = self.ignored_places()
        while places:
            found = _stat(path)
            if found and (found.st_dev, found.st_ino) in places:
                return True
            above = os.path.dirname(path)
            if above == path:
                break
            path = above
        return False

    def code(self, versions: object) -> int:
        """Return what stands for an importer's version with a file of which sessions were left out: below -1000.

        It is another one under other rules or other `versions`, so that the file is read again then.
        """
        import hashlib  # what only looks at files has no need of it

        digest = hashlib.sha256(repr((sorted(self.projects), versions)).encode()).digest()
        return -1001 - int.from_bytes(digest[:8], "big") % _CODES


def users_rules(redact: str | None = None) -> Rules | None:
    """Return the rules of the settings, None where nothing stays out; `redact` goes over theirs.

    Raises InvalidInput where these cannot be used.
    """
    redaction = get(REDACTION) if redact is None else redact
    if redaction not in REDACTION.choices:
        raise InvalidInput(f"redact must be {REDACTION.expects}, not {redaction!r}")
    projects = (
        os.path.abspath(os.path.expanduser(project)) if project.startswith("~") else project
        for project in get(IGNORED_PROJECTS)
    )
    rules = Rules(get(IGNORED_FOLDERS), tuple(projects), redaction)
    return None if rules == Rules() else rules


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None


def _is_within(project: str | None, name: str | None, rule: str) -> bool:
    """Say whether a project is the one of a rule or in it: a folder by its path, or any that is called so."""
    parts, ruled = _parts(project or name or ""), _parts(rule)
    if not ruled:  # the root of all folders: all sessions that have a project
        return bool(parts)
    is_whole = rule.startswith(("/", "\\")) or ruled[0].endswith(":")
    starts = range(1 if is_whole else len(parts))
    return any(parts[start : start + len(ruled)] == ruled for start in starts)


def _parts(path: str) -> list[str]:
    return [part for part in _folded(path).replace("\\", "/").split("/") if part]


def _folded(name: str) -> str:
    return name.casefold() if sys.platform in ("win32", "darwin") else name
