"""What a user has chosen once and for all, and where each value comes from.

An option of a command wins over the environment, the environment over the file of settings, the file over the
default. Options are the command's own; the rest is asked here, and nowhere else: `get(HOOK_TOKENS)`, with a setting of
table.py. The file is read when a setting is asked for that the environment does not have, and once a process.
"""

from __future__ import annotations

from typing import TypeVar

from sessiondb.settings.file import stored
from sessiondb.settings.kinds import Setting

T = TypeVar("T")

DEFAULT, FILE = "default", "file"
"""Where a value comes from, where that is not the environment."""


def get(setting: Setting[T]) -> T:
    """Return the value of a setting. Raises InvalidInput for one that cannot be used, and for a file that cannot."""
    return found(setting)[0]


def found(setting: Setting[T]) -> tuple[T, str]:
    """Return the value and where it comes from: DEFAULT, FILE or `$NAME`. Raises InvalidInput as `get` does."""
    given = setting.given()
    if given is not None:
        return given
    values = stored()
    return (values[setting.key], FILE) if setting.key in values else (setting.default, DEFAULT)
