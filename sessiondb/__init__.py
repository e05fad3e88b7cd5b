"""One SQLite file that holds every AI-agent session on a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sessiondb.database import SessionDB
    from sessiondb.errors import SessionDBError
    from sessiondb.records import Channel

__all__ = ["Channel", "SessionDB", "SessionDBError", "__version__"]
__version__ = "0.1.0"

_HOMES = {
    "Channel": "sessiondb.records",
    "SessionDB": "sessiondb.database",
    "SessionDBError": "sessiondb.errors",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for: a command loads no more than it uses."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
