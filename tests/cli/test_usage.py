"""sessiondb usage: tokens and cost, by time, session and model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sessiondb import SessionDB

Run = Callable[..., Result]


@pytest.fixture
def used(filled: Path) -> Path:
    """Add tokens of another session, day and model."""
    with SessionDB(filled) as db:
        for key, moment in (("r2", "2026-03-01T23:30:00Z"), ("r3", "2026-03-02T09:00:00Z")):
            db.tokens.add(
                "11112222-ferry", request_key=key, model="claude", counted_at=moment, input=10, output=500
            )
    return filled


def test_days_come_newest_first(used: Path, run: Run) -> None:
    assert run("usage").stdout == (
        "day         responses  input  cache read  cache write  output  reasoning  total   cost\n"
        "2026-03-02          2   1.2k       30.0k                  800        100  32.0k  $1.25\n"
        "2026-03-01          1     10                              500               510\n"
    )


@pytest.mark.parametrize(
    ("by", "name", "expected"),
    [
        ("daily", "day", [("2026-03-02", 2), ("2026-03-01", 1)]),
        ("weekly", "week", [("2026-03-02", 2), ("2026-02-23", 1)]),
        ("monthly", "month", [("2026-03", 3)]),
        ("session", "session_id", [("11112222-ferry", 2), ("11112222-parser", 1)]),
        ("model", "model", [("claude", 2), ("gpt-5", 1)]),
    ],
)
def test_responses_are_grouped(
    used: Path, run: Run, by: str, name: str, expected: list[tuple[str, int]]
) -> None:
    rows = json.loads(run("usage", by, "--json").stdout)

    assert [(row[name], row["responses"]) for row in rows] == expected


def test_json_has_all_buckets(used: Path, run: Run) -> None:
    assert json.loads(run("usage", "model", "--agent", "codex", "--json").stdout) == [
        {
            "model": "gpt-5",
            "responses": 1,
            "input_tokens": 1200,
            "cache_read_tokens": 30000,
            "cache_write_tokens": None,
            "output_tokens": 300,
            "reasoning_tokens": 100,
            "total_tokens": 31500,
            "cost_microdollars": 1250000,
        }
    ]


@pytest.mark.parametrize(
    ("options", "responses"),
    [
        (["--model", "gpt"], 1),
        (["--agent", "hermes", "--model", "claude"], 2),
        (["--since", "2026-03-02"], 2),
        (["--until", "2026-03-01"], 1),
        (["--project", "quill", "--since", "2026-03-02"], 1),
        (["--tag", "kitchen", "--until", "2026-03-01"], 0),
    ],
)
def test_filters_are_about_the_responses(used: Path, run: Run, options: list[str], responses: int) -> None:
    rows = json.loads(run("usage", "monthly", "--json", *options).stdout)

    assert sum(row["responses"] for row in rows) == responses
