"""Stop an operation at one system call of its own choosing: the points, found by a run under strace.

strace counts the calls of each name; with `inject` it kills the process at the N-th, or lets that call fail. A
fork of the same process runs the same operation with the same calls, so that a point can be visited again by its name
and number. Where a folder's name stands in the call (`openat`, `rename`), only those on the operation's own files are
points.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple

import pytest

from tests.safety.forking import Ended, Forker

WRITES = (
    "pwrite64",
    "fdatasync",
    "fsync",
    "ftruncate",
    "unlink",
    "rename",
    "link",
    "linkat",
    "openat",
    "mkdir",
)
_NAMED = ("unlink", "rename", "link", "linkat", "openat", "mkdir")
_CALL = re.compile(r"(?:\d+ +)?(\w+)\(")

need_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")

VISITS = int(os.environ.get("SESSIONDB_VISITS", "250" if os.environ.get("SESSIONDB_SOAK") else "21"))
"""How many points of an operation are visited by kills, and by failures, evenly spread over it; 0 for all."""


class Point(NamedTuple):
    """The N-th call of a name, and what happens there: `signal=KILL`, or `error=ENOSPC` at it."""

    call: str
    number: str
    action: str

    def __str__(self) -> str:
        return f"{self.action.partition('=')[2]} at {self.call} {self.number}"


_forkers: SimpleQueue[Forker] = SimpleQueue()


def run(name: str, folder: Path, *options: str) -> Ended:
    """Run an operation under strace, beside others that other threads run."""
    try:
        forker = _forkers.get_nowait()
    except Empty:
        forker = Forker()
    ended = forker.run(name, folder, *options)
    _forkers.put(forker)
    return ended


def calls(name: str, folder: Path, log: Path) -> list[tuple[str, int]]:
    """Run an operation to its end, and return its calls, by name and number."""
    ended = run(name, folder, "-e", f"trace={','.join(WRITES)}", "-o", str(log), "-s", "4")
    assert ended.status == 0, ended.errors
    counts: Counter[str] = Counter()
    found = []
    for line in log.read_text("utf-8", "replace").splitlines():
        if not (match := _CALL.match(line)):
            continue
        call = match[1]
        counts[call] += 1
        if call not in _NAMED or str(folder) in line:
            found.append((call, counts[call]))
    return found


def kills(found: list[tuple[str, int]]) -> Iterator[Point]:
    """Yield the points at which a process is killed."""
    return (Point(call, str(number), "signal=KILL") for call, number in found)


def failures(found: list[tuple[str, int]]) -> Iterator[Point]:
    """Yield the points at which a call fails: the disk is full from there on, or one call meets a bad disk."""
    for call, number in found:
        if call in ("pwrite64", "ftruncate", "openat", "mkdir"):
            yield Point(call, f"{number}+", "error=ENOSPC")
        yield Point(call, str(number), "error=EIO")


def stop(name: str, folder: Path, point: Point) -> Ended:
    """Run an operation that is stopped at a point."""
    inject = f"inject={point.call}:{point.action}:when={point.number}"
    return run(name, folder, "-o", os.devnull, "-e", f"trace={point.call}", "-e", inject)


def chosen(points: Iterator[Point]) -> list[Point]:
    """Return those that are visited this time."""
    found = list(points)
    step = 1.0 if VISITS == 0 else max(1.0, len(found) / VISITS)
    return [found[int(number * step)] for number in range(int(len(found) / step))]
