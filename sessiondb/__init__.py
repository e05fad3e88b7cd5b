"""One SQLite file that holds every AI-agent session on a machine."""

from __future__ import annotations

from sessiondb.database import SessionDB

__all__ = ["SessionDB", "__version__"]
__version__ = "0.1.0"
