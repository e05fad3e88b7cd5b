"""Measure how long appends and reads wait while a large log is imported, against the length of its transactions."""

from __future__ import annotations

import argparse
import multiprocessing
import re
import sys
import tempfile
import time
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import corpus
from sessiondb import SessionDB
from sessiondb.storage.turns import Pace

PAUSE = 0.005
"""Seconds between two appends of one process."""

_SESSION = re.compile(rb'"sessionId": ?"[^"]*"')


def one_log(folder: Path, megabytes: float, seed: int) -> Path:
    """Write the lines of many generated sessions as one log of one session."""
    corpus.make(folder / f"parts-{seed}", megabytes, seed)
    log = folder / f"{seed:08}-2222-4333-a444-555555555555.jsonl"
    name = b'"sessionId":"' + log.stem.encode() + b'"'
    with log.open("wb") as file:
        for part in sorted((folder / f"parts-{seed}").rglob("*.jsonl")):
            data = part.read_bytes()
            if _SESSION.search(data):
                file.write(_SESSION.sub(name, data[: data.rfind(b"\n") + 1]))
    return log


def append(path: Path, name: str, over: Event, results: Any) -> None:
    """Append and read in turn until the import is over; give back how long each took, in seconds."""
    appends, reads = [], []
    with SessionDB(path) as db:
        session = db.sessions.start("bench", id=name).id
        while not over.is_set():
            begin = time.perf_counter()
            db.messages.append(session, "user", "hello there")
            done = time.perf_counter()
            db.history(session, limit=20)
            appends.append(done - begin)
            reads.append(time.perf_counter() - done)
            time.sleep(PAUSE)
        is_whole = db.messages.last_seq(session) == len(appends)
    results.put((appends, reads, is_whole))


def import_logs(path: Path, logs: list[Path], seconds: float, results: Any) -> None:
    """Import one log after the other for so long; give back how long each transaction had the lock."""
    held: list[float] = []

    take_note = Pace.note

    def note(self: Pace, size: int) -> None:
        held.append(time.monotonic() - self.begun)
        take_note(self, size)

    Pace.note = note  # type: ignore[method-assign]
    begin = time.monotonic()
    number = 0
    with SessionDB(path) as db:
        while number < len(logs) and (not number or time.monotonic() - begin < seconds):
            db.import_logs(logs[number], read_ahead=True)
            number += 1
    results.put((held, time.monotonic() - begin, number))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--appenders", type=int, default=8)
    parser.add_argument("--megabytes", type=int, default=350, help="size of each log (default 350)")
    parser.add_argument("--seconds", type=float, default=60, help="go on with further logs for so long")
    parser.add_argument("--log", type=Path, help="import this log alone, in place of generated ones")
    parser.add_argument("--folder", help="where to make the files, which are removed")


def run(args: argparse.Namespace) -> None:
    """Run the benchmark and print a line for each figure."""
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        logs = [args.log] if args.log else [one_log(folder, args.megabytes, seed) for seed in (1, 2, 3)]
        path = folder / "s.db"
        SessionDB(path).close()
        over = multiprocessing.Event()
        results: Any = multiprocessing.Queue()
        appenders = [
            multiprocessing.Process(target=append, args=(path, f"live-{number}", over, results))
            for number in range(args.appenders)
        ]
        for process in appenders:
            process.start()
        imported: Any = multiprocessing.Queue()
        importer = multiprocessing.Process(target=import_logs, args=(path, logs, args.seconds, imported))
        importer.start()
        held, seconds, number = imported.get()
        over.set()
        _report([results.get() for _ in appenders], held, f"{number} logs in {seconds:.0f} s")
        for process in (*appenders, importer):
            process.join()


def _report(found: list[tuple[list[float], list[float], bool]], held: list[float], what: str) -> None:
    print(f"{what}, {len(held)} transactions, {len(found)} appenders")
    appends = [wait for waits, _, _ in found for wait in waits]
    reads = [wait for _, waits, _ in found for wait in waits]
    for name, times in (("a transaction of the import", held), ("an append", appends), ("a read", reads)):
        times.sort()
        points = [times[min(len(times) - 1, int(len(times) * part))] for part in (0.5, 0.99, 0.999, 1)]
        print(f"{name:30}" + "".join(f"{1000 * point:9.1f}" for point in points) + " ms (p50 p99 p99.9 p100)")
    print(
        f"the worst append is {max(appends) / max(held):.2f} x the longest transaction, of {len(appends):,}"
    )
    if not all(is_whole for _, _, is_whole in found):
        raise SystemExit("appends are missing")
