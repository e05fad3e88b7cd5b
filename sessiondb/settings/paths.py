"""Where a user's files lie: the settings, and the platform's folders for data and configuration."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def settings_file() -> Path:
    """Return the path of the file of settings: $SESSIONDB_CONFIG, else sessiondb/config.toml in the platform's place
    for configuration.
    """
    named = os.environ.get("SESSIONDB_CONFIG")
    return Path(named).expanduser() if named else user_config() / "sessiondb" / "config.toml"


def user_data() -> Path:
    """Return the folder for user data: $XDG_DATA_HOME or ~/.local/share; on macOS and Windows the platform's
    own.
    """
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    named = os.environ.get("XDG_DATA_HOME")
    if named:
        return Path(named)
    return Path.home() / ("Library/Application Support" if sys.platform == "darwin" else ".local/share")


def user_config() -> Path:
    """Return the folder for user configuration, as click's programs (llm) have it."""
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")


def user_state() -> Path:
    """Return the folder for state that is neither data nor configuration: $XDG_STATE_HOME or ~/.local/state; on macOS
    and Windows that for data.
    """
    if sys.platform in ("win32", "darwin"):
        return user_data()
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
