"""Measure how long searches take, in one process, in a small and in a large database.

The databases are made up: sessions of twenty rows, eight of them talk of some hundred words and twelve of them
tool calls of some three kilobytes, in words of which a few are common and most are rare. 200,000 rows are
a file of 1 GB. Some words are put in on purpose: one in ten messages in all, one in a hundredth of the messages,
one in a quarter. Each figure is the median of many runs, the pages in memory.
"""

from __future__ import annotations

import argparse
import itertools
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from sessiondb import SessionDB, timestamps
from sessiondb.dao.search.indexes import SearchIndex

ROWS = (20_000, 200_000)
RUNS = 21
_SESSION_ROWS = 20
_TALK_ROWS = 8
_FIRST_DAY = 1_735_689_600.0  # 1 January 2025, in seconds since 1970
_SECONDS = 540 * 86_400
_SYLLABLES = [first + last for first in "bdfgklmnprstvz" for last in ("a", "en", "i", "or", "us")]
_WORDS = ["".join(word) for word in itertools.islice(itertools.product(_SYLLABLES, repeat=3), 30_000)]
_WEIGHTS = list(itertools.accumulate(1 / (rank + 3) for rank in range(len(_WORDS))))
_QUESTION = (
    f"where did we put the {' '.join(_WORDS[rank] for rank in (300, 40, 900, 120, 2000, 10, 5000, 70))}?"
)

SEARCHES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("rare word", "zyxrare", {}),
    ("ordinary word", "zyxsome", {}),
    ("word in a quarter", "zyxquarter", {}),
    ("  newest first", "zyxquarter", {"sort": "newest"}),
    ("  all, --exact", "zyxquarter", {"exact": True}),
    ("  of one agent", "zyxquarter", {"agent": "rare-agent"}),
    ("  of one project", "zyxquarter", {"project": "/srv/p7"}),
    ("  by the user", "zyxquarter", {"role": "user"}),
    ("  of one month", "zyxquarter", {"since": "2025-02-01", "until": "2025-02-28"}),
    ("  since a year's begin", "zyxquarter", {"since": "2026"}),
    ("  of sessions with a tag", "zyxquarter tag:often", {}),
    ("  of few with a tag", "zyxquarter tag:seldom", {}),
    ("two words", "zyxsome zyxquarter", {}),
    ("question of eight words", _QUESTION, {}),
    ("tool output", "zyxsome", {"scope": "tools"}),
    ("word in a quarter of it", "zyxquarter", {"scope": "tools"}),
    ("  of one tool", "zyxquarter tool:write", {}),
)


class Timing(NamedTuple):
    """Milliseconds of one search: the median, and the fastest run."""

    median: float
    least: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the benchmark takes."""
    parser.add_argument("--rows", type=int, nargs=2, default=ROWS, metavar="N", help="rows of the databases")
    parser.add_argument("--runs", type=int, default=RUNS, help="runs of each search")


def run(args: argparse.Namespace) -> None:
    """Make both databases, search them and print what it took and how it grew."""
    timings = []
    with tempfile.TemporaryDirectory() as folder:
        for rows in args.rows:
            path = Path(folder) / f"{rows}.db"
            make_database(path, rows)
            print(f"{rows:,} rows: {path.stat().st_size / 1e6:,.0f} MB on disk")
            with SessionDB(path, read_only=True) as db:
                timings.append(measure(db, args.runs))
    print(f"{'':24} {'small':>9} {'large':>9} {'growth':>7}   (fastest)")
    for (name, _, _), small, large in zip(SEARCHES, *timings, strict=True):
        growth = large.median / small.median
        fastest = f"{small.least:.1f}, {large.least:.1f}"
        print(f"{name:24} {small.median:6.1f} ms {large.median:6.1f} ms {growth:6.1f}x   {fastest}")


def measure(db: SessionDB, runs: int) -> list[Timing]:
    """Return how long each of the SEARCHES takes."""
    return [_timed(partial(db.search, text, **options), runs) for _, text, options in SEARCHES]


def make_database(path: Path, rows: int) -> None:
    """Write a database of so many rows, and its indexes."""
    with SessionDB(path) as db:
        index = SearchIndex(db.connection)
        with db.connection.bulk_load(), db.connection.transaction(), index.bulk():
            db.connection.execute("INSERT INTO agents VALUES ('common-agent'), ('rare-agent')")
            db.connection.executemany(
                "INSERT INTO projects (path, name) VALUES (?, ?)",
                ((f"/srv/p{n}", f"p{n}") for n in range(50)),
            )
            db.connection.execute("INSERT INTO tags (id, name) VALUES (1, 'often'), (2, 'seldom')")
            sessions = rows // _SESSION_ROWS
            for number in range(sessions):
                _add_session(db, number, _FIRST_DAY + _SECONDS * number / sessions)
        for _ in index.catch_up():
            pass
        index.optimize()


def _timed(search: Callable[[], object], runs: int) -> Timing:
    search()
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        search()
        seconds.append(time.perf_counter() - start)
    return Timing(statistics.median(seconds) * 1000, min(seconds) * 1000)


def _add_session(db: SessionDB, number: int, seconds: float) -> None:
    chance = random.Random(number)
    moment = timestamps.from_epoch(seconds)
    agent = "rare-agent" if number % 10 == 3 else "common-agent"
    project = min(int(chance.paretovariate(0.9)), 50)
    session = (f"session-{number:06}", agent, project, moment, moment, _TALK_ROWS, _SESSION_ROWS - _TALK_ROWS)
    db.connection.execute(
        "INSERT INTO sessions (id, agent, project_id, started_at, last_active_at, message_count, tool_call_count)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        session,
    )
    for tag, one_in in ((1, 3), (2, 50)):
        if number % one_in == 0:
            db.connection.execute("INSERT INTO session_tags VALUES (?, ?)", (session[0], tag))
    first = number * _SESSION_ROWS + 1
    for seq, role in enumerate(_roles(), 1):
        text = None if role == "tool" else _text(chance, 110, first + seq)
        row = (first + seq - 1, session[0], seq, role, text, moment)
        db.connection.execute(
            "INSERT INTO messages (id, session_id, seq, role, content, created_at) VALUES (?, ?, ?, ?, ?, ?)",
            row,
        )
        if role == "tool":
            tool = "write" if seq % 4 == 0 else "read"
            call = (session[0], row[0], tool, '{"path": "src/main.py"}', _text(chance, 450, first + seq))
            db.connection.execute(
                "INSERT INTO tool_calls (session_id, result_message_id, name, arguments, result)"
                " VALUES (?, ?, ?, ?, ?)",
                call,
            )


def _roles() -> Iterator[str]:
    for row in range(_SESSION_ROWS):
        yield "tool" if row % 5 in (1, 2, 3) else ("user" if row % 10 == 0 else "assistant")


def _text(chance: random.Random, words: int, number: int) -> str:
    said = chance.choices(_WORDS, cum_weights=_WEIGHTS, k=words)
    draw = chance.random()
    if draw < 0.25:
        said[words // 2] = "zyxquarter"
    if draw < 0.01:
        said[words // 3] = "zyxsome"
    if number % 1900 == 7 and number < 20_000:
        said[words // 4] = "zyxrare"
    return " ".join(said)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add_arguments(parser)
    run(parser.parse_args())
