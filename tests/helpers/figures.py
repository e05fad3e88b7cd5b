"""Print what a run of tests counted, in one table at its end: `pytest -p tests.helpers.figures`.

Tests count by `record_property(name, number)`. Of what is called worst, largest or least the extreme is shown, of all
else the sum.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

_FILE = os.environ.get("SESSIONDB_FIGURES", "")
"""Where the figures of earlier runs stand, to which those of this one are added."""

_begin = time.monotonic()


def total(counted: Iterable[tuple[str, Any]]) -> dict[str, float]:
    """Return one figure for each name."""
    found: dict[str, float] = {}
    for name, number in counted:
        if name not in found:
            found[name] = number
        elif name.startswith(("worst", "largest")):
            found[name] = max(found[name], number)
        elif name.startswith("least"):
            found[name] = min(found[name], number)
        else:
            found[name] += number
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table, where the tests of all processes come together."""
    if hasattr(terminalreporter.config, "workerinput"):
        return
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, ())]
    counted = [pair for report in reports if report.when == "call" for pair in report.user_properties]
    counted.append(
        ("tests failed", sum(len(terminalreporter.stats.get(kind, ())) for kind in ("failed", "error")))
    )
    counted.append(("minutes", round((time.monotonic() - _begin) / 60, 1)))
    figures = total([*_earlier(), *counted])
    if _FILE:
        Path(_FILE).write_text(json.dumps(list(figures.items())), encoding="utf-8")
    terminalreporter.section("figures")
    for name, number in sorted(figures.items()):
        terminalreporter.write_line(f"{name:<44} {number:>12,}")


def _earlier() -> list[tuple[str, Any]]:
    file = Path(_FILE) if _FILE else None
    if file is None or not file.exists() or not file.stat().st_size:
        return []
    return [(name, number) for name, number in json.loads(file.read_text(encoding="utf-8"))]
