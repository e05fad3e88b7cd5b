"""Time an import step by step, against parsing alone, and the start of the command line, against bare Python."""

from __future__ import annotations

import argparse
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import corpus
from sessiondb import SessionDB
from sessiondb.dao.search.repair import IndexRepair
from sessiondb.importers.detect import detect
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Source
from sessiondb.records.progress import Progress

APPENDS = 2000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--mb", type=float, default=100, help="megabytes of logs to generate (default 100)")
    parser.add_argument("--corpus", type=Path, help="a folder of logs to take instead")


def run(args: argparse.Namespace) -> None:
    """Run the benchmark and print its table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        logs = args.corpus or folder / "logs"
        if not args.corpus:
            corpus.make(logs, args.mb)
        files = [Path(root) / file for root, _, names in os.walk(logs) for file in names]
        megabytes = sum(file.stat().st_size for file in files) / 1e6
        print(f"{len(files)} files, {megabytes:.0f} MB, Python {sys.version.split()[0]}")
        parsing = _timed(lambda: _parse(files))
        _print("parsing alone", parsing, parsing, megabytes)
        for what, seconds in _imports(folder, logs):
            _print(what, seconds, parsing, megabytes)
        _print_size(folder / "all.db", megabytes)
        _print_appends(folder / "all.db")
        _print_start_up(folder / "all.db")


def _parse(files: list[Path]) -> None:
    for file in files:
        reader = detect(Sample(file))
        if reader is not None:
            for _ in reader.read(Source(file)):
                pass


def _imports(folder: Path, logs: Path) -> list[tuple[str, float]]:
    first, first_marks = _timed_import(
        folder / "all.db",
        lambda path, note: SessionDB.import_into(path, logs, progress=note, read_ahead=True),
    )
    with SessionDB(folder / "all.db") as db:
        again = _timed(lambda: db.import_logs(logs))
        assert not IndexRepair(db.connection).damaged()

    def into_open(path: Path, note: Progress) -> None:
        with SessionDB(path) as db:
            db.import_logs(logs, progress=note, read_ahead=True)

    later, _ = _timed_import(folder / "open.db", into_open)
    return [
        ("first import, until talk is indexed", first_marks.get("read", first)),
        ("first import, with all indexes", first),
        ("import into an open database", later),
        ("import again, nothing changed", again),
    ]


def _timed_import(path: Path, act: Callable[[Path, Progress], object]) -> tuple[float, dict[str, float]]:
    """Return how long an import took, and when each phase of it ended; print what it has written."""
    marks: dict[str, float] = {}
    written = _written_bytes()
    begun = time.perf_counter()

    def note(phase: str, done: int, total: int) -> None:
        marks[phase] = time.perf_counter() - begun

    act(path, note)
    seconds = time.perf_counter() - begun
    times = (_written_bytes() - written) / path.stat().st_size
    print(f"bytes written: {times:.2f} times the final file ({path.stem})")
    return seconds, marks


def _print_size(path: Path, megabytes: float) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"file: {path.stat().st_size / 1e6 / megabytes:.3f} of the logs; peak memory {peak:.0f} MB")


def _print_appends(path: Path) -> None:
    """Print how long live appends take on what was imported, some of which merge its search index by the way."""
    chance = random.Random(1)
    words = corpus.vocabulary(chance)
    waits, spent = [], []
    with SessionDB(path) as db:
        session = db.sessions.start("bench").id
        for number in range(APPENDS):
            text = " ".join(words[int(len(words) ** chance.random()) - 1] for _ in range(60))
            begun, cpu = time.perf_counter(), time.thread_time()
            db.messages.append(session, "assistant" if number % 2 else "user", text)
            waits.append(time.perf_counter() - begun)
            spent.append(time.thread_time() - cpu)
    for what, times in (("append", waits), ("append, CPU", spent)):
        median, worst = statistics.median(times), max(times)
        print(
            f"{what}: {1000 * median:.2f} ms, the worst of {APPENDS:,} {1000 * worst:.0f} ms,"
            f" {worst / median:.0f} times that"
        )


def _print_start_up(path: Path) -> None:
    bare = _fastest([sys.executable, "-c", "pass"])
    for command in (["list"], ["search", "parser"]):
        spent = _fastest([sys.executable, "-m", "sessiondb", "--db", str(path), *command])
        print(
            f"start of `sessiondb {' '.join(command)}`: {spent / bare:.1f} times bare Python ({bare * 1000:.0f} ms)"
        )


def _fastest(command: list[str], times: int = 15) -> float:
    def once() -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    once()
    return min(_timed(once) for _ in range(times))


def _timed(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def _written_bytes() -> int:
    """Return how many bytes this process has written to the disk; 0 where the system does not tell."""
    try:
        lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


def _print(what: str, seconds: float, parsing: float, megabytes: float) -> None:
    print(
        f"{what:36}{seconds:8.2f} s{megabytes / seconds:9.1f} MB/s{seconds / parsing:8.2f} times parsing",
        flush=True,
    )
