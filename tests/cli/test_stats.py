"""sessiondb stats."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sessiondb import SessionDB

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


def test_days_hours_and_weekdays_count_messages(filled: Path, run: Run) -> None:
    rows = json.loads(run("stats", "day", "--json").stdout)
    assert [(row["day"], row["messages"], row["sessions"]) for row in rows] == [
        ("2026-03-05", 1, 1),
        ("2026-03-02", 3, 1),
    ]
    hours = json.loads(run("stats", "hour", "--json").stdout)
    assert [(row["hour"], row["messages"]) for row in hours] == [("08", 3), ("12", 1)]
    weekdays = json.loads(run("stats", "weekday", "--json").stdout)
    assert [(row["weekday"], row["messages"]) for row in weekdays] == [("Monday", 3), ("Thursday", 1)]
    assert json.loads(run("stats", "day", "--since", "2026-03-04", "--json").stdout)[0]["day"] == "2026-03-05"


def test_tools_are_counted_with_their_errors_and_their_time(path: Path, run: Run) -> None:
    with SessionDB(path) as db:
        db.sessions.start("a", id="s", started_at="2026-03-02T08:00:00Z")
        for number, (name, error) in enumerate([("ls", None), ("ls", "no such folder"), ("cat", None)]):
            begun = f"2026-03-02T08:0{number}:00Z"
            call = {"id": f"c{number}", "name": name, "arguments": {}}
            db.messages.append("s", "assistant", "", tool_calls=[call], created_at=begun)
            ended = begun if name == "cat" else begun.replace("00Z", "30Z")
            db.messages.append(
                "s",
                "tool",
                error or "done",
                tool_call_id=f"c{number}",
                is_error=bool(error),
                created_at=ended,
            )

    rows = json.loads(run("stats", "tool", "--json").stdout)

    assert [
        (row["tool"], row["tool_calls"], row["errors"], row["seconds"], row["timed_calls"]) for row in rows
    ] == [
        ("ls", 2, 1, 60.0, 2),
        ("cat", 1, 0, None, 0),
    ]
    assert run("stats", "tool").stdout.splitlines()[:2] == [
        "tool  calls  errors   time  each  sessions  first             last",
        "ls        2       1  1 min  30 s         1  2026-03-02 08:00  2026-03-02 08:01",
    ]
