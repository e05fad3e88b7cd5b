"""Where a file lies that its agent is given by name, and does not look for itself."""

from __future__ import annotations

from pathlib import Path

from sessiondb.settings.paths import user_data


def own_file(agent: str, name: str) -> Path:
    """Return the place of a file that was written for an agent, among the user's data."""
    return user_data() / "sessiondb" / "resumed" / agent / name
