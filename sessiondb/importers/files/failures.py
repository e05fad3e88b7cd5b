"""Why a file cannot be read, beside an OSError: damage, limits, and what may be otherwise next time."""

from __future__ import annotations

from sessiondb.errors import ImportFailed


class Damaged(ImportFailed):
    """Report a file that cannot be read any further."""


class Unreadable(ImportFailed):
    """Report a file that cannot be read now, and may be later though it stays as it is."""
