"""What the benchmarks share."""

from __future__ import annotations

import os


def cpu_of_children() -> float:
    """Return the seconds of CPU that processes took that this one has started, and that have ended."""
    times = os.times()
    return times.children_user + times.children_system
