"""Measure what commands take on a large database: memory, bytes written, and CPU seconds against its first import."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks import corpus
from sessiondb import SessionDB
from sessiondb.records import SessionFilter


class Spent(NamedTuple):
    """CPU seconds, MiB of memory at most (no less than this process has), and bytes written, 0 where unknown."""

    seconds: float
    peak: float
    written: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--mb", type=float, default=100, help="megabytes of logs to generate (default 100)")
    parser.add_argument("--corpus", type=Path, help="a folder of logs to take instead")


def run(args: argparse.Namespace) -> None:
    """Import logs, run each command on the database, and print a line for each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        logs = args.corpus or folder / "logs"
        if not args.corpus:
            corpus.make(logs, args.mb)
        path = folder / "sessions.db"
        first = spent(path, ["import", str(logs)])
        size = path.stat().st_size
        print(f"{size / 1e6:.0f} MB of database, Python {sys.version.split()[0]}")
        _print("import", first, first, first.written / size, "of the file")
        for command in _reading(path, folder):
            _print(_name(command), spent(path, command), first)
        for measure in (_merge, _prune, _upkeep):
            for what, one, ratio, unit in measure(path, folder):
                _print(what, one, first, ratio, unit)


def _reading(path: Path, folder: Path) -> Iterator[list[str]]:
    with SessionDB(path, read_only=True) as db:
        session = db.sessions.page(SessionFilter(), limit=1)[0].id
    yield ["list", "--json", "-n", "1000000"]
    yield ["search", "parser"]
    yield ["show", session, "--full"]
    yield ["usage"]
    yield ["stats"]
    yield ["secrets", "scan"]
    yield from (["export", "--format", kind, "-o", str(folder / f"all.{kind}")] for kind in ("jsonl", "md"))
    yield ["export", "--format", "html", "-o", str(folder / "pages")]
    yield ["prune", "--days", "0", "--include-open", "--dry-run"]
    yield ["doctor"]


Measured = Iterator[tuple[str, Spent, float | None, str]]


def _merge(path: Path, folder: Path) -> Measured:
    made = folder / "merged.db"
    one = spent(made, ["merge", str(path)])
    yield "merge into a new file", one, one.written / made.stat().st_size, "of the file"
    yield "merge again", spent(made, ["merge", str(path)]), None, ""


def _prune(path: Path, folder: Path) -> Measured:
    """Remove the oldest tenth of a copy."""
    copy = folder / "pruned.db"
    shutil.copy(path, copy)
    with SessionDB(copy, read_only=True) as db:
        moments = sorted(session.last_active_at for session in db.sessions.page(SessionFilter(), limit=None))
        age = moments[max(1, len(moments) // 10)]
        removed = db.prune(age, include_open=True, dry_run=True).bytes
    one = spent(copy, ["prune", "--older-than", age, "--include-open", "--yes"])
    yield "prune of a tenth", one, one.written / removed, "removed"


def _upkeep(path: Path, folder: Path) -> Measured:
    backup = folder / "backup.db"
    for command in (
        ["backup", str(backup)],
        ["optimize"],
        ["doctor", "--fix"],
        ["prune", "--days", "0", "--include-open", "--keep", "10", "--yes", "--vacuum"],
        ["restore", str(backup)],
    ):
        yield _name(command), spent(path, command), None, ""
    one = folder / "recovered.db"
    yield "recover", _spent(["recover", str(path), str(one)]), None, ""


def spent(path: Path, command: list[str]) -> Spent:
    """Run a command on a database, and return what it has spent. Raises RuntimeError where it fails."""
    return _spent(["--db", str(path), *command])


def _spent(arguments: list[str]) -> Spent:
    child = os.fork()
    if child == 0:
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        os.execv(sys.executable, [sys.executable, "-m", "sessiondb", *arguments])
    # Ended, and not yet forgotten by the system, which tells until then what it has written.
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    written = _written(child)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise RuntimeError(f"sessiondb {' '.join(arguments)} failed")
    return Spent(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, written)


def _written(child: int) -> int:
    try:
        lines = Path(f"/proc/{child}/io").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("wchar"))


def _name(command: list[str]) -> str:
    return " ".join(word for word in command if "/" not in word)


def _print(what: str, one: Spent, first: Spent, ratio: float | None = None, unit: str = "") -> None:
    written = "" if ratio is None else f"{ratio:8.2f} bytes written for one {unit}"
    print(
        f"{what[:48]:48}{one.peak:6.0f} MiB{one.seconds / first.seconds:8.3f} of the import's CPU{written}",
        flush=True,
    )
