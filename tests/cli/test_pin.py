"""sessiondb pin."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

Run = Callable[..., Result]


def test_a_pinned_session_is_not_pruned(filled: Path, run: Run) -> None:
    pinned = run("pin", "3333", "11112222-p")
    kept = json.loads(run("prune", "--days", "1", "--yes", "--json").stdout)
    let_go = run("pin", "--off", "3333")
    removed = json.loads(run("prune", "--days", "1", "--yes", "--json").stdout)

    assert pinned.stdout == "33334444-fig is pinned\n11112222-parser is pinned\n"
    assert let_go.stdout == "33334444-fig is no longer pinned\n"
    assert (kept["sessions"], kept["kept"]) == (0, {"open": 1, "pinned": 2})
    assert (removed["sessions"], removed["kept"]) == (1, {"open": 1, "pinned": 1})
