"""sessiondb stats."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]


def test_sessions_are_counted_by_agent(filled: Path, run: Run) -> None:
    assert run("stats").stdout == (
        "agent   sessions  open  messages  tool calls  first             last\n"
        "codex          1     0         3           1  2026-03-02 08:00  2026-03-02 08:05\n"
        "hermes         2     1         1           0  2026-01-01 00:00  2026-03-05 12:00\n"
    )


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("project", [("/home/mira/src/quill", 1), (None, 2)]),
        ("platform", [(None, 2), ("telegram", 1)]),
        ("model", [("gpt-5", 1), (None, 2)]),
        ("tag", [("kitchen", 1), (None, 2)]),
        ("month", [("2026-03", 2), ("2026-01", 1)]),
    ],
)
def test_sessions_are_counted_by_what_they_share(
    filled: Path, run: Run, by: str, expected: list[tuple[str | None, int]]
) -> None:
    rows = json.loads(run("stats", by, "--json").stdout)

    assert [(row[by], row["sessions"]) for row in rows] == expected


def test_filters_and_limit(filled: Path, run: Run) -> None:
    cut = run("stats", "-n", "1", "--nl")

    assert json.loads(cut.stdout)["agent"] == "codex"
    assert cut.stderr == "1 more; use -n/--limit to see them (0 means all)\n"
    assert [row["agent"] for row in json.loads(run("stats", "--since", "2026-03-03", "--json").stdout)] == [
        "hermes"
    ]
    assert run("stats", "weather").exit_code == 2
