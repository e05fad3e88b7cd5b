"""Visit the points of an operation, and tell what was lost, half done or broken at any of them."""

from __future__ import annotations

import contextlib
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sessiondb import SessionDB
from tests.helpers.stores import contents
from tests.safety.forking import Ended
from tests.safety.operations import OPERATIONS, database
from tests.safety.points import Point, calls, chosen, failures, kills, stop
from tests.safety.soundness import faults

_OWN = {"deletions": 5, "sessions": -2}
"""Where a row of `contents` has what is of the run itself, by table: its time, and the database it was made by."""


Count = Callable[[str, object], None]


class Campaign:
    """One operation, its folder before and after it, and the points at which it is stopped."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.operation = OPERATIONS[name]
        self._before, self._after = folder / "before", folder / "after"
        self._folder = folder
        self._before.mkdir()
        self.operation.prepare(self._before)
        # The calls are those of a folder with a name as long as that of every visit.
        shutil.copytree(self._before, self._after)
        self.calls = calls(name, self._after, folder / "log")
        self.wanted = rows(self._after) if self.operation.can_be_repeated else {}
        self.acknowledged = 0
        self.visited = 0
        self.passed = self.wrong = 0

    def kill(self) -> list[str]:
        """Kill it at each point, and return what is wrong then."""
        return self._visit(chosen(kills(self.calls)))

    def fail(self) -> list[str]:
        """Let the disk be full, or fail, at each point, and return what is wrong then."""
        return self._visit(chosen(failures(self.calls)))

    def count(self, record: Count) -> None:
        """Record what was counted."""
        record("points stopped", self.visited)
        record("writes acknowledged", self.acknowledged)
        record("writes lost, or things half done", self.wrong)

    def _visit(self, points: list[Point]) -> list[str]:
        assert points, "no call was found to stop at"
        with ThreadPoolExecutor(2) as threads:
            found = list(threads.map(self._complaints, points))
        sys.stdout.write(f"{self.name}: {len(points)} points, {self.acknowledged} acknowledged\n")
        assert self.passed <= len(points) // 10, f"{self.passed} of {len(points)} points were never reached"
        self.wrong += sum(map(len, found))
        return [
            f"{self.name}, {point}: {complaint}"
            for point, complaints in zip(points, found, strict=True)
            for complaint in complaints
        ]

    def _complaints(self, point: Point) -> list[str]:
        folder = self._folder / f"{point.call}-{point.number}-{point.action[-3:]}"
        shutil.copytree(self._before, folder)
        try:
            stopped = stop(self.name, folder, point)
            self.visited += 1
            self.acknowledged += len(stopped.acknowledged)
            return list(self._wrong(folder, point, stopped))
        finally:
            shutil.rmtree(folder)

    def _wrong(self, folder: Path, point: Point, stopped: Ended) -> Iterator[str]:
        """Yield what is wrong after a stop: with the ending itself, with the file, and with what comes next."""
        if stopped.status == 0 and point.action == "signal=KILL":
            # The pages that a commit changes are not quite the same each time: there was no such call in this run.
            self.passed += 1
        elif (stopped.status == -signal.SIGKILL) != (point.action == "signal=KILL"):
            yield f"went past it: {stopped.status}"
        if stopped.status not in (0, 3, -signal.SIGKILL):
            yield f"ended with {stopped.status}: {stopped.errors[-300:]}"
        if stopped.status == 3 and "damaged" in stopped.errors and "doctor" not in self.name:
            yield f"took a bad disk for a damaged file: {stopped.errors[-300:]}"
        if self.operation.begins_sound:
            yield from (f"{name}: {found}" for name, found in faults(database(folder)).items())
        yield from self._lost(folder, stopped.acknowledged)
        if not self.operation.can_be_repeated:
            with SessionDB(database(folder)) as db:
                db.sessions.start("agent", title="the next command works")
            return
        self.operation.run(folder)
        yield from (
            f"after it ran again: {name}: {found}" for name, found in faults(database(folder)).items()
        )
        left = rows(folder)
        for table, wanted in self.wanted.items():
            if left[table] != wanted:
                yield f"{table} are not what an undisturbed run leaves: {left[table]} instead of {wanted}"
        yield from (f"left behind: {file}" for file in strays(folder) - strays(self._after))

    def _lost(self, folder: Path, acknowledged: list[str]) -> Iterator[str]:
        """Yield what was acknowledged and is not there, and turns of which a part is there."""
        if self.operation.can_be_repeated:
            return
        said = texts(database(folder))
        for what in acknowledged:
            if not any(what in text.split() or f"{what}?" in text.split() for text in said):
                yield f"lost {what}"
        if self.name == "turns":
            turns = [sum(f"turn{number}" in text for text in said) for number in range(5)]
            yield from (f"half a turn: {count} messages" for count in turns if count not in (0, 4))


def rows(folder: Path) -> dict[str, list[Any]]:
    """Return all content of a folder's database, without the times of the run itself."""
    with SessionDB(database(folder)) as db:
        found = contents(db)
    return {
        table: sorted(
            (row if (own := _OWN.get(table)) is None else (*row[:own], *row[own:][1:]) for row in content),
            key=repr,
        )
        for table, content in found.items()
    }


def texts(path: Path) -> list[str]:
    """Return all text in a database."""
    if not path.exists() or path.stat().st_size == 0:
        return []
    with contextlib.closing(sqlite3.connect(path)) as plain:
        if not plain.execute("SELECT 1 FROM sqlite_master WHERE name = 'messages'").fetchone():
            return []
        return [
            f"{content or ''} {result or ''}"
            for content, result in plain.execute(
                "SELECT content, (SELECT result FROM tool_calls WHERE result_message_id = m.id) FROM messages AS m"
            )
        ]


def strays(folder: Path) -> set[str]:
    """Return the files of a folder, but those that SQLite keeps beside an open database, and the backups that a
    migration makes before each of its steps.
    """
    return {
        str(file.relative_to(folder))
        for file in folder.rglob("*")
        if file.is_file() and not file.name.endswith(("-wal", "-shm", ".backup"))
    }
