"""How long agents keep their logs, by their own settings.

    Claude Code   cleanupPeriodDays, 30 where it is not set; managed settings go over the user's. By the time of the
                  last change of a file. Plain JSON alone: with a comment in it nothing of the file is in effect.
    Gemini CLI    general.sessionRetention {enabled, maxAge, maxCount}, on with 30 days where it is not set; the
                  system's settings go over the user's. By the last update of a session, which its file's time is.
                  JSON with comments.

Sources: Claude Code 2.1.332 and Gemini CLI 0.61.0, run against a stub of a model (November 2026);
code.claude.com/docs/en/settings, github.com/google-gemini/gemini-cli/blob/main/docs/cli/session-management.md.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

from sessiondb.agents.install import jsonc
from sessiondb.errors import InvalidInput

DEFAULT_DAYS = 30.0
"""What both agents keep their logs for where nobody has said otherwise."""

if sys.platform == "win32":
    CLAUDE_MANAGED = Path(
        os.environ.get("PROGRAMFILES", "C:\\Program Files"), "ClaudeCode", "managed-settings.json"
    )
    GEMINI_SYSTEM = Path(os.environ.get("PROGRAMDATA", "C:\\ProgramData"), "gemini-cli", "settings.json")
elif sys.platform == "darwin":
    CLAUDE_MANAGED = Path("/Library/Application Support/ClaudeCode/managed-settings.json")
    GEMINI_SYSTEM = Path("/Library/Application Support/GeminiCli/settings.json")
else:
    CLAUDE_MANAGED = Path("/etc/claude-code/managed-settings.json")
    GEMINI_SYSTEM = Path("/etc/gemini-cli/settings.json")

_AGE = re.compile(r"(\d+)([hdwm])")
_DAYS = {"h": 1 / 24, "d": 1.0, "w": 7.0, "m": 30.0}

# A resume in a later minute leaves a second file of the session without content, and the next start in the project
# removes both.
RESUMING = "resuming in Gemini CLI deletes sessions: import before you resume"


class Rule(NamedTuple):
    """What an agent does with old logs.

    `days` after which it deletes them: None where it deletes none, or where `problem` says why that is not known.
    `file` is where the setting stands, or can be put; `change` what to write there to keep logs. `max_count`: how many
    sessions it keeps at most.
    """

    agent: str
    setting: str
    days: float | None
    is_default: bool
    file: Path
    change: str
    problem: str | None = None
    note: str | None = None
    max_count: int | None = None


class _Read(NamedTuple):
    data: dict[str, Any]
    problem: str | None = None
    is_plain: bool = True


def claude_rule(folder: Path) -> Rule:
    """Return the rule of Claude Code with its settings in a folder."""
    file = folder / "settings.json"
    read, managed = _read(file), _read(CLAUDE_MANAGED)
    key = "cleanupPeriodDays"
    if key in managed.data:
        file, read = CLAUDE_MANAGED, managed
    own = read.data
    rule = Rule("claude-code", key, DEFAULT_DAYS, key not in own, file, f'"{key}": 3650')
    if read.problem:
        problem = f"{read.problem}: Claude Code takes nothing of it, and deletes nothing until that is mended"
        return rule._replace(days=None, is_default=False, problem=problem)
    if key not in own:
        return rule
    days = own[key]
    if isinstance(days, bool) or not isinstance(days, int | float) or days < 1:
        problem = f"{key} is {days!r}, which is no number of days from 1 on: Claude Code goes by its default"
        return rule._replace(is_default=True, problem=problem)
    strict = "has comments or commas that plain JSON lacks: Claude Code takes nothing of such a file"
    return rule._replace(days=float(days), problem=None if read.is_plain else strict)


def gemini_rule(home: Path) -> Rule:
    """Return the rule of Gemini CLI with its folder `.gemini` in a folder."""
    file = home / ".gemini" / "settings.json"
    named = os.environ.get("GEMINI_CLI_SYSTEM_SETTINGS_PATH")
    system = Path(named) if named else GEMINI_SYSTEM
    read, over = _read(file), _read(system)
    found = _retention(over.data)
    if found:
        file, read = system, over
    else:
        found = _retention(read.data)
    change = '"general": {"sessionRetention": {"enabled": false}}'
    rule = Rule(
        "gemini-cli", "general.sessionRetention", DEFAULT_DAYS, not found, file, change, note=RESUMING
    )
    if read.problem:
        return rule._replace(days=None, is_default=False, problem=f"{read.problem}: nobody knows what holds")
    count = found.get("maxCount")
    rule = rule._replace(max_count=count if isinstance(count, int) and not isinstance(count, bool) else None)
    if found.get("enabled") is False:
        return rule._replace(days=None, max_count=None)
    if "maxAge" not in found:
        return rule._replace(
            days=None if rule.max_count is not None else rule.days, is_default=rule.max_count is None
        )
    age = _AGE.fullmatch(found["maxAge"]) if isinstance(found["maxAge"], str) else None
    if age is None:
        problem = f"maxAge is {found['maxAge']!r}, which is no age such as 30d: nobody knows what holds"
        return rule._replace(days=None, is_default=False, problem=problem)
    return rule._replace(days=int(age[1]) * _DAYS[age[2]])


def _retention(data: dict[str, Any]) -> dict[str, Any]:
    general = data.get("general")
    found = general.get("sessionRetention") if isinstance(general, dict) else None
    return found if isinstance(found, dict) else {}


def _read(file: Path) -> _Read:
    """Return what settings hold, with or without comments; nothing where there are none."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return _Read({})
    except OSError as error:
        return _Read({}, f"{file} cannot be read ({error.strerror})")
    except UnicodeDecodeError:
        return _Read({}, f"{file} is no UTF-8")
    is_plain = True
    try:
        data = jsonc.load(text, strict=True)
    except InvalidInput:
        is_plain = False
        try:
            data = jsonc.load(text)
        except InvalidInput as error:
            return _Read({}, f"{file} is broken ({error})")
    if not isinstance(data, dict):
        return _Read({}, f"{file} is broken (it holds no object)")
    return _Read(data, None, is_plain)
