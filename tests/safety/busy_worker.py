"""One of many processes that use a database at once, for some seconds: busy_worker.py ROLE FOLDER NUMBER SECONDS.

Each says a line of JSON at its end: what it did, and how long the slowest of it took.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from sessiondb import SessionDB
from tests.helpers.live_worker import write_turn

NAMES = [
    "alder",
    "birch",
    "cedar",
    "elm",
    "fir",
    "hazel",
    "juniper",
    "larch",
    "maple",
    "oak",
    "pine",
    "rowan",
]


LEAST = 10
"""Rounds that each makes, however slow the machine is."""

TIME_BUDGET = 30.0 if os.environ.get("SESSIONDB_SOAK") else 600.0
"""Seconds that a write waits for others: as ever in a soak, elsewhere for as long as a busy machine takes."""


class Clock:
    """Runs for some seconds, and knows how long the slowest round took."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self.slowest = 0.0

    def rounds(self) -> Iterator[int]:
        """Number the rounds until the time is over."""
        number = 0
        while (begin := time.monotonic()) < self._end or number < LEAST:
            yield number
            self.slowest = max(self.slowest, time.monotonic() - begin)
            number += 1


def append(db: SessionDB, folder: Path, number: int, clock: Clock) -> list[str]:
    """Append messages, and a turn now and then; return the text of each that was acknowledged."""
    session = db.sessions.start("appender", id=f"appender{number}")
    done = []
    for count in clock.rounds():
        name = f"w{number}x{count}"
        if count % 6:
            db.messages.append(session.id, "user", f"{name} {NAMES[count % len(NAMES)]}")
        else:
            write_turn(db, session.id, name)
        done.append(name)
    return done


def import_logs(db: SessionDB, folder: Path, number: int, clock: Clock) -> int:
    """Let a log grow, and import the folder that all importers share; return how many lines were written."""
    log = folder / "logs" / f"grows{number}.jsonl"
    log.parent.mkdir(exist_ok=True)
    written = 0
    for count in clock.rounds():
        with log.open("a") as file:
            for line in range(40):
                entry = {
                    "type": "user",
                    "uuid": f"{number}-{count}-{line}",
                    "parentUuid": None,
                    "sessionId": f"grows{number}",
                    "timestamp": f"2026-03-02T08:{count % 60:02}:{line:02}.000Z",
                    "version": "2.1.0",
                    "cwd": "/home/mira/quill",
                    "message": {
                        "role": "user",
                        "content": f"line{number}x{count}x{line} " + "and more " * 50,
                    },
                }
                file.write(json.dumps(entry) + "\n")
                written += 1
        db.import_logs(folder / "logs")
    db.import_logs(folder / "logs")
    return written


def prune(db: SessionDB, folder: Path, number: int, clock: Clock) -> int:
    """Make old sessions and prune them; return how many were pruned."""
    pruned = 0
    for count in clock.rounds():
        at = "2020-01-01T00:00:00Z"
        session = db.sessions.start("pruned", id=f"pruned{count}", started_at=at)
        db.messages.append(session.id, "user", "soon gone", created_at=at)
        db.sessions.end(session.id, at=at)
        pruned += len(db.prune("2021-01-01").sessions)
    return pruned


def optimize(db: SessionDB, folder: Path, number: int, clock: Clock) -> int:
    """Merge the indexes again and again."""
    for _ in clock.rounds():
        db.optimize()
        time.sleep(0.5)
    return 0


def search(db: SessionDB, folder: Path, number: int, clock: Clock) -> int:
    """Search for words that are written meanwhile; return how many searches found something."""
    return sum(bool(db.search(NAMES[count % len(NAMES)]).hits) for count in clock.rounds())


ROLES: dict[str, Callable[[SessionDB, Path, int, Clock], object]] = {
    "append": append,
    "import": import_logs,
    "prune": prune,
    "optimize": optimize,
    "search": search,
}


def main(role: str, folder: str, number: str, seconds: str) -> None:
    """Play a role."""
    clock = Clock(float(seconds))
    with SessionDB(Path(folder) / "sessions.db", time_budget=TIME_BUDGET) as db:
        done = ROLES[role](db, Path(folder), int(number), clock)
    json.dump({"done": done, "slowest": clock.slowest}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
