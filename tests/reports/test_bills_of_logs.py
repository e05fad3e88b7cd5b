"""What logs of Gemini CLI and OpenCode cost, from their lines to dollars, against sums that were done by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from tests.helpers.gemini_logs import HEADER, reply, tokens, user, write

SES = "ses_2f1e0d9c8b7aABCDEFGHIJKLMN"


def bill(db: SessionDB) -> list[tuple[Any, ...]]:
    """Return of each model input, cache read, cache write, output, reasoning, and picodollars."""
    rows = db.usage("model").rows
    return [(row.name, *row_tokens(row), row.picodollars) for row in rows]


def row_tokens(row: Any) -> tuple[int | None, ...]:
    found = row.tokens
    return found.input, found.cache_read, found.cache_write, found.output, found.reasoning


def test_gemini_counts_cached_tokens_within_its_input_and_thoughts_beside_its_output(
    db: SessionDB, tmp_path: Path
) -> None:
    flash, pro = "gemini-2.5-flash", "gemini-2.5-pro"
    lines = [
        HEADER,
        user("u1", "Beds?"),
        reply("g1", "", model=flash, **tokens(input=9000, cached=4000, output=100, thoughts=60, total=9160)),
        # The same message, as it is written again with its answer: one response.
        reply(
            "g1", "Yes.", model=flash, **tokens(input=9000, cached=4000, output=100, thoughts=60, total=9160)
        ),
        reply("g2", "Long.", model=pro, **tokens(input=200_000, output=1000)),
        reply("g3", "Longer.", model=pro, **tokens(input=200_001, cached=1, output=1000)),
    ]
    write(tmp_path / "tmp" / "abc" / "chats" / "session-1.jsonl", lines)
    db.import_logs(tmp_path)

    # flash: 5000 x $0.30 + 4000 x $0.03 + 160 x $2.50 = 1500 + 120 + 400 millionths of a dollar.
    # pro: 200,000 x $1.25 + 1000 x $10 = 260,000; above 200,000 tokens 200,000 x $2.50 + 1 x $0.25 + 1000 x $15.
    assert bill(db) == [
        (pro, 400_000, 1, None, 2000, 0, (260_000 + 515_000.25) * 10**6),
        (flash, 5000, 4000, None, 160, 60, 2020 * 10**6),
    ]


def opencode(model: str, cost: float | None, **counts: Any) -> dict[str, Any]:
    return {"modelID": model, "providerID": "p", "cost": cost, "tokens": counts}


def add_opencode(root: Path, *answers: dict[str, Any]) -> None:
    time = {"created": 1_780_000_000_000}
    files = {f"session/prj/{SES}.json": {"id": SES, "projectID": "prj", "title": "Beds", "time": time}}
    for number, answer in enumerate(answers):
        message = {"id": f"msg_{number}", "sessionID": SES, "role": "assistant", "time": time, **answer}
        files[f"message/{SES}/msg_{number}.json"] = message
    for name, value in files.items():
        path = root / "storage" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value), encoding="utf-8")


@pytest.mark.parametrize(("cost", "expected"), [("both", 39_500), ("table", 43_500), ("log", 500)])
def test_opencode_counts_the_cache_beside_its_input_and_reasoning_beside_its_output(
    db: SessionDB, tmp_path: Path, cost: str, expected: int
) -> None:
    sonnet = "claude-sonnet-4-6"
    counts = {"input": 1000, "output": 500, "reasoning": 100, "cache": {"read": 10_000, "write": 6400}}
    add_opencode(tmp_path, opencode(sonnet, None, **counts), opencode(sonnet, 0.0005, input=500, output=200))
    db.import_logs(tmp_path)

    (row,) = db.usage("model", cost=cost).rows

    # 1000 x $3 + 10,000 x $0.30 + 6400 x $3.75 + 600 x $15 = 3000 + 3000 + 24,000 + 9000 = 39,000; and 0.0005 of the
    # log, or 500 x $3 + 200 x $15 = 4500.
    assert row_tokens(row) == (1500, 10_000, 6400, 800, 100)
    assert row.picodollars == expected * 10**6
