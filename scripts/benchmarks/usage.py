"""Time a bill of many responses, against one plain sum of the same rows and bare Python's start.

The database is made up: sessions of a hundred responses over a year, in some projects and branches, of a few models,
most of them cached and one in a hundred with a long context. Each figure is processor time of a whole process, the
median of some runs, the pages in memory.
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import cpu_of_children
from sessiondb import SessionDB, timestamps

RESPONSES = 500_000
RUNS = 5
_A_SESSION = 100
_LAST_DAY = 1_790_000_000.0  # September 2026, in seconds since 1970
_SECONDS = 365 * 86_400
_MODELS = (
    *("claude-opus-4-8",) * 6,
    *("claude-sonnet-4-6",) * 3,
    "claude-haiku-4-5",
    "gpt-5.2-codex",
    "gemini-2.5-pro",
)
_COLUMNS = (
    "session_id", "model_id", "input", "cache_read", "cache_write", "output", "request_key", "counted_at",
    "cache_write_5m", "cache_write_1h", "service_tier", "speed", "git_branch",
)  # fmt: skip
_SUM = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("SELECT sum(input), sum(cache_read), sum(cache_write), sum(output) FROM token_counts").fetchall()
"""
_REPORTS = (
    ("usage daily", "daily"),
    ("usage monthly", "monthly"),
    ("usage model", "model"),
    ("usage project", "project"),
    ("usage session", "session"),
    ("usage branch", "branch"),
    ("usage blocks", "blocks"),
    ("usage daily, one week", "daily", "--since", "2026-09-15"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the benchmark takes."""
    parser.add_argument("--responses", type=int, default=RESPONSES, metavar="N", help="rows of the database")
    parser.add_argument("--runs", type=int, default=RUNS, help="runs of each report")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="make the database here, or take this one")


def run(args: argparse.Namespace) -> None:
    """Make the database, report on it and print what that took."""
    with tempfile.TemporaryDirectory() as folder:
        path = args.keep or Path(folder) / "usage.db"
        if not path.exists():
            make_database(path, args.responses)
        print(f"{args.responses:,} responses: {path.stat().st_size / 1e6:,.0f} MB on disk")
        bare = _median(args.runs, "-c", "pass")
        plain = max(0.001, _median(args.runs, "-c", _SUM, str(path)) - bare)
        print(f"{'bare Python':24} {bare:6.2f} s")
        print(f"{'one plain sum':24} {plain:6.2f} s")
        for name, *options in _REPORTS:
            seconds = _median(args.runs, "-m", "sessiondb", "--db", str(path), "usage", *options, "--json")
            print(f"{name:24} {seconds:6.2f} s {(seconds - bare) / plain:6.1f} x the sum")


def make_database(path: Path, responses: int) -> None:
    """Write a database of so many responses."""
    with SessionDB(path) as db, db.connection.transaction():
        db.connection.execute("INSERT INTO agents VALUES ('claude-code'), ('codex')")
        db.connection.executemany(
            "INSERT INTO projects (path, name) VALUES (?, ?)", ((f"/srv/p{n}", f"p{n}") for n in range(20))
        )
        db.connection.executemany(
            "INSERT INTO models (name) VALUES (?)", ((m,) for m in sorted(set(_MODELS)))
        )
        ids: dict[str, int] = dict(db.connection.rows("SELECT name, id FROM models"))
        marks = ", ".join("?" * len(_COLUMNS))
        for number in range(0, responses, _A_SESSION):
            chance = random.Random(number)
            begun = _LAST_DAY - _SECONDS + _SECONDS * number / responses
            id = f"{chance.getrandbits(128):032x}"
            db.connection.execute(
                "INSERT INTO sessions (id, agent, project_id, title, started_at, last_active_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    id,
                    "claude-code",
                    chance.randrange(1, 21),
                    f"Session {number}",
                    *_moments(begun, begun + 6000),
                ),
            )
            db.connection.executemany(
                f"INSERT INTO token_counts ({', '.join(_COLUMNS)}) VALUES ({marks})",
                _rows(chance, id, begun, ids),
            )


def _moments(*seconds: float) -> Iterator[str]:
    return map(timestamps.from_epoch, seconds)


def _rows(
    chance: random.Random, session: str, begun: float, ids: dict[str, int]
) -> Iterator[tuple[Any, ...]]:
    model = ids[chance.choice(_MODELS)]
    branch = f"branch-{chance.randrange(40)}"
    for number in range(_A_SESSION):
        written = chance.randrange(5_000)
        read = chance.randrange(400_000 if chance.random() < 0.05 else 150_000)
        yield (
            session, model, chance.randrange(3_000), read, written, chance.randrange(2_000),
            f"req_{chance.getrandbits(96):024x}", timestamps.from_epoch(begun + 60 * number),
            0, written, "batch" if number == 7 else "standard", "standard", branch,
        )  # fmt: skip


def _median(runs: int, *arguments: str) -> float:
    return statistics.median(_seconds(arguments) for _ in range(runs + 1))


def _seconds(arguments: tuple[str, ...]) -> float:
    """Return the processor time of a Python process, its own and the system's for it."""
    before = cpu_of_children()
    subprocess.run(
        [sys.executable, *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
    )
    return cpu_of_children() - before
