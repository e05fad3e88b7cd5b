"""Measure live writing, against raw sqlite3 with the same durability, and history for the next model call."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import multiprocessing
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import corpus, cpu_of_children
from sessiondb import SessionDB
from sessiondb.ingest.run import Ingest

# 20,000 words, common ones far more often than rare ones, as in a language.
SYLLABLES = [first + last for first in "bdfgklmnprstvz" for last in ("a", "en", "i", "or", "us")]
WORDS = ["".join(word) for word in itertools.islice(itertools.product(SYLLABLES, repeat=3), 20_000)]
WEIGHTS = list(itertools.accumulate(1 / rank for rank in range(1, len(WORDS) + 1)))
SEARCHES = ("parser", "parser schema", "where is the parser?")

RAW = """
CREATE TABLE messages (
  id INTEGER PRIMARY KEY, session_id TEXT, seq INTEGER, role TEXT, content TEXT, created_at TEXT,
  UNIQUE (session_id, seq)
);
CREATE TABLE tool_calls (
  id INTEGER PRIMARY KEY, session_id TEXT, message_id INTEGER, call_id TEXT, name TEXT, arguments TEXT,
  result TEXT
);
CREATE TABLE token_counts (
  id INTEGER PRIMARY KEY, session_id TEXT, request_key TEXT, input INTEGER, output INTEGER
);
"""


class Spent(NamedTuple):
    """Milliseconds that one of many took: by the clock, and of CPU."""

    wall: float
    cpu: float

    def beside(self, other: Spent) -> str:
        """Return both as multiples of what another one took."""
        return f"{self.wall / other.wall:.1f} x raw, {self.cpu / other.cpu:.1f} x its CPU"


def text(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(WORDS, cum_weights=WEIGHTS, k=words))


@contextlib.contextmanager
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, isolation_level=None, timeout=60)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    yield connection
    connection.close()


def turns_of_texts(turns: int) -> list[list[str]]:
    """Return what is said in each turn: by the user, the assistant, to two tools and by them."""
    chance = random.Random(0)
    return [[text(chance, words) for words in (30, 60, 3, 3, 200, 200)] for _ in range(turns)]


def write_turns(path: Path, worker: int, turns: list[list[str]]) -> None:
    """Write turns: a user's message, one with two calls, the answers to these, a token count for each."""
    with SessionDB(path, time_budget=120) as db:
        session = db.sessions.start("bench").id
        for number, (prompt, answer, *rest) in enumerate(turns):
            calls = [
                {"id": f"{worker}-{number}-{call}", "name": "read", "arguments": {"path": path}}
                for call, path in enumerate(rest[:2])
            ]
            with db.turn(session) as turn:
                written = [turn.append("user", prompt)]
                written.append(turn.append("assistant", answer, tool_calls=calls))
                written += [
                    turn.append("tool", result, tool_call_id=call["id"])
                    for call, result in zip(calls, rest[2:], strict=True)
                ]
                for message in written:
                    turn.add_tokens(
                        request_key=f"{number}-{message.seq}", message_id=message.id, input=100, output=10
                    )


def write_turns_raw(path: Path, worker: int, turns: list[list[str]]) -> None:
    """Write the same rows with nothing but sqlite3: no search, no counters, no check of anything."""
    session = f"s{worker}"
    insert = "INSERT INTO messages (session_id, seq, role, content, created_at) VALUES (?, ?, ?, ?, 'now')"
    with raw(path) as connection:
        for number, (prompt, answer, *rest) in enumerate(turns):
            connection.execute("BEGIN IMMEDIATE")
            last = (
                connection.execute(
                    "SELECT max(seq) FROM messages WHERE session_id = ?", (session,)
                ).fetchone()[0]
                or 0
            )
            said = (("user", prompt), ("assistant", answer), ("tool", None), ("tool", None))
            for place, (role, content) in enumerate(said):
                row = connection.execute(insert, (session, last + place + 1, role, content))
                if place > 1:
                    connection.execute(
                        "INSERT INTO tool_calls (session_id, message_id, call_id, name, arguments, result)"
                        " VALUES (?, ?, ?, 'read', ?, ?)",
                        (session, row.lastrowid, f"{number}-{place}", rest[place - 2], rest[place]),
                    )
                connection.execute(
                    "INSERT INTO token_counts (session_id, request_key, input, output)"
                    " VALUES (?, ?, 100, 10)",
                    (session, f"{number}-{last + place}"),
                )
            connection.execute("COMMIT")


def many_writers(folder: Path, processes: int, turns: int) -> Iterator[tuple[str, float, str]]:
    """Compare processes that write turns to one new file at once."""

    texts = turns_of_texts(turns)

    def measure(write: Callable[[Path, int, list[list[str]]], None], path: Path) -> Spent:
        workers = [
            multiprocessing.Process(target=write, args=(path, worker, texts)) for worker in range(processes)
        ]
        begin, used = time.perf_counter(), cpu_of_children()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if any(worker.exitcode for worker in workers):
            raise SystemExit("a writer failed")
        spent = (time.perf_counter() - begin, cpu_of_children() - used)
        return Spent(*(seconds * 1000 / processes / turns for seconds in spent))

    path = folder / "raw-turns.db"
    with raw(path) as connection:
        connection.executescript(RAW)
    theirs = measure(write_turns_raw, path)
    ours = measure(write_turns, folder / "turns.db")
    with SessionDB(folder / "turns.db") as db:
        found = db.connection.row(
            "SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM token_counts),"
            " (SELECT count(*) FROM (SELECT 1 FROM messages GROUP BY session_id HAVING max(seq) <> count(*)))"
        )
    if found != (processes * turns * 4, processes * turns * 4, 0):
        raise SystemExit(f"rows are missing: {found}")
    what = f"a turn, {processes} processes x {turns}"
    yield f"{what}: raw sqlite3", theirs.wall, ""
    yield f"{what}: sessiondb", ours.wall, ours.beside(theirs)


def one_writer(folder: Path, appends: int, megabytes: int) -> Iterator[tuple[str, float, str]]:
    """Compare single appends, with search on against raw rows without; after an import, if told, with searches."""
    chance = random.Random(0)
    # The appended messages hold the words that are searched for.
    texts = [f"{text(chance, 60)} {chance.choice(SEARCHES)}" for _ in range(appends)]
    with raw(folder / "raw-append.db") as connection:
        connection.executescript(RAW)
        insert = "INSERT INTO messages (session_id, seq, role, content) VALUES ('s', ?, 'user', ?)"
        theirs, worst = timed(lambda number: connection.execute(insert, (number, texts[number])), appends)
    yield "an append: raw sqlite3, no search", theirs.wall, f"worst {worst:.0f} ms"
    with SessionDB(folder / "append.db") as db:
        if megabytes:
            corpus.make(folder / "logs", megabytes)
            Ingest(db.connection).run([str(folder / "logs")])
        before = search_times(db)
        session = db.sessions.start("bench").id
        ours, worst = timed(lambda number: db.messages.append(session, "user", texts[number]), appends)
        size = (folder / "append.db").stat().st_size / 1e6
        after = search_times(db)
    yield (
        f"an append: sessiondb, search on, file of {size:.0f} MB",
        ours.wall,
        f"{ours.beside(theirs)}, worst {worst:.0f} ms",
    )
    for query, spent in after.items():
        yield f"search {query!r} after the appends", spent, f"{spent / before[query]:.2f} x before"


def search_times(db: SessionDB) -> dict[str, float]:
    """Return the median milliseconds of each of the SEARCHES."""
    return {
        query: statistics.median(timed(lambda _: db.search(query), 1)[0].wall for _ in range(21))  # noqa: B023
        for query in SEARCHES
    }


def timed(act: Callable[[int], object], times: int) -> tuple[Spent, float]:
    """Return what a call took, and the greatest milliseconds of one."""
    spent = []
    used = time.process_time()
    for number in range(times):
        begin = time.perf_counter()
        act(number)
        spent.append((time.perf_counter() - begin) * 1000)
    return Spent(sum(spent) / times, (time.process_time() - used) * 1000 / times), max(spent)


def history(folder: Path, lengths: list[int]) -> Iterator[tuple[str, float, str]]:
    """Measure the history of sessions of several lengths."""
    with SessionDB(folder / "history.db") as db:
        for length in lengths:
            session = db.sessions.start("bench").id
            with db.connection.transaction():
                db.connection.executemany(
                    "INSERT INTO messages (session_id, seq, role, content) VALUES (?, ?, ?, ?)",
                    [
                        (session, seq, "user" if seq % 2 else "assistant", f"message {seq}")
                        for seq in range(1, length + 1)
                    ],
                )
        sessions = db.connection.rows("SELECT session_id, count(*) FROM messages GROUP BY 1 ORDER BY 2")
        every_options: tuple[dict[str, Any], ...] = ({"limit": 50}, {"max_tokens": 500})
        for options in every_options:
            for session, length in sessions:
                spent, worst = timed(lambda _: db.history(session, **options), 200)  # noqa: B023
                told = ", ".join(f"{name}={value}" for name, value in options.items())
                yield f"history({told}) of {length} messages", spent.wall, f"worst {worst:.1f} ms"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--turns", type=int, default=200, help="turns that each process writes (default 200)")
    parser.add_argument("--appends", type=int, default=2000, help="single appends (default 2000)")
    parser.add_argument(
        "--megabytes", type=int, default=0, help="import generated logs of this size before the appends"
    )
    parser.add_argument(
        "--lengths", type=int, nargs="+", default=[100, 100_000], help="messages of the sessions read"
    )
    parser.add_argument(
        "--folder", help="where to make the files, which are removed (default: the temporary folder)"
    )


def run(args: argparse.Namespace) -> None:
    """Run the benchmark and print a line for each figure."""
    print(f"SQLite {sqlite3.sqlite_version}, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        for lines in (
            many_writers(folder, args.processes, args.turns),
            one_writer(folder, args.appends, args.megabytes),
            history(folder, args.lengths),
        ):
            for what, milliseconds, note in lines:
                print(f"{what:62}{milliseconds:9.3f} ms   {note}", flush=True)
