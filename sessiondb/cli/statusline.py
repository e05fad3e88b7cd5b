"""sessiondb usage statusline: one line for the status bar of an agent.

Claude Code hands its status line a JSON object on stdin: `model` with `id` and `display_name`, and `cost` with
`total_cost_usd` of the session (code.claude.com/docs/en/statusline). The rest comes from the database, as far as it has
been imported: today's cost, the window of five hours that is open, its pace and when it ends.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from sessiondb.records import Usage

_GAP = " · "


def print_line(path: Path) -> None:
    """Print the line, from stdin where that is no terminal, and from the database at `path` where there is one."""
    from sessiondb.chat.text import one_line

    given = {} if sys.stdin is None or sys.stdin.isatty() else _decoded(sys.stdin.read())
    print(one_line(_GAP.join([*_of_session(given), *_of_database(path)])), flush=True)


def _decoded(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _of_session(given: dict[str, Any]) -> list[str]:
    from sessiondb.records.models import short_model

    model, cost = given.get("model"), given.get("cost")
    name = None
    if isinstance(model, dict):
        id, shown = model.get("id"), model.get("display_name")
        name = shown if isinstance(shown, str) and shown else short_model(id) if isinstance(id, str) else None
    dollars = cost.get("total_cost_usd") if isinstance(cost, dict) else None
    is_number = isinstance(dollars, int | float) and not isinstance(dollars, bool)
    return [*([name] if name else []), *([f"${dollars:,.2f} session"] if is_number else [])]


def _of_database(path: Path) -> list[str]:
    """Return the cost of today and of the open window; what is wrong with the database, where something is."""
    if not os.path.exists(path):
        return []
    from sessiondb.database import SessionDB
    from sessiondb.errors import SessionDBError
    from sessiondb.records.usage import cost_text

    try:
        with SessionDB(path, read_only=True) as db:
            today = db.usage("daily", last=1).sum
            windows = db.usage("blocks", since="10h", limit=1).rows
    except SessionDBError as error:
        return [str(error)]
    parts = [f"{cost_text(today) or '$0.00'} today"] if today else []
    return [*parts, *(_window(row) for row in windows if row.block and row.block.is_open)]


def _window(row: Usage) -> str:
    from datetime import datetime, timezone

    from sessiondb import timestamps
    from sessiondb.records.usage import cost_text

    assert row.block is not None
    left = timestamps.to_datetime(row.block.ends_at) - datetime.now(timezone.utc)
    minutes = max(0, int(left.total_seconds() // 60))
    pace = row.block.picodollars_per_hour
    shown = "" if pace is None else f", ${pace / 1e12:,.2f}/h"
    return f"{cost_text(row)} block ({minutes // 60}h {minutes % 60:02}m left{shown})"
