"""Many processes use a database at once, from before there is one: nothing is lost, doubled or refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from tests.helpers import memory
from tests.helpers.waiting import HANG
from tests.helpers.web import free_port
from tests.safety.soundness import faults

pytestmark = pytest.mark.safety
ROOT = Path(__file__).parents[2]
IS_SOAK = bool(os.environ.get("SESSIONDB_SOAK"))
SECONDS = int(os.environ.get("SESSIONDB_LOAD_SECONDS", "600" if IS_SOAK else "30"))
ROLES = ["append"] * 8 + ["import"] * 2 + ["prune", "optimize", "search", "search"]
LOG_LIMIT = 128 * 2**20
"""Bytes of the write-ahead log that no amount of writing may exceed."""


class Worker:
    """A process that plays a role. What it says is kept in files: a pipe that nobody reads yet would stop it."""

    def __init__(self, role: str, folder: Path, number: int) -> None:
        self.role = role
        self._said, self._errors = folder / f"said{number}.json", folder / f"errors{number}.txt"
        worker = "tests.safety.busy_worker"
        with self._said.open("wb") as said, self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", worker, role, str(folder), str(number), str(SECONDS)],
                cwd=ROOT,
                stdout=said,
                stderr=errors,
            )

    def is_running(self) -> bool:
        """Say whether it has not ended yet."""
        return self._process.poll() is None

    def said(self) -> Any:
        """Return what it did, and how long the slowest of it took."""
        assert self._process.returncode == 0, f"{self.role}: {self._errors.read_text('utf-8')[-2000:]}"
        return json.loads(self._said.read_bytes())


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Return an empty folder on a disk: in memory nobody waits for another's commit."""
    with memory.disk_folder() as folder:
        yield folder


@pytest.fixture
def datasette(tmp_path: Path) -> Iterator[Callable[[], bool]]:
    """Serve the database with Datasette; yield what reads a page of it, and says whether there was one yet."""
    if find_spec("datasette") is None:
        pytest.skip("datasette is not installed")
    port = free_port()
    page = f"http://127.0.0.1:{port}/sessions/messages.json?_size=5&_sort_desc=id"
    servers: list[subprocess.Popen[bytes]] = []

    def read() -> bool:
        if not servers and (tmp_path / "sessions.db").exists():
            command = [sys.executable, "-m", "datasette", str(tmp_path / "sessions.db"), "-p", str(port)]
            servers.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        try:
            with urllib.request.urlopen(page, timeout=HANG) as answer:
                return "rows" in json.load(answer)
        except urllib.error.URLError:
            return False

    yield read
    for server in servers:
        server.kill()
        server.wait()


def test_processes_that_use_a_new_database_at_once_lose_and_double_nothing(
    tmp_path: Path, datasette: Callable[[], bool], record_property: Callable[[str, object], None]
) -> None:
    workers = [Worker(role, tmp_path, number) for number, role in enumerate(ROLES)]
    log, largest, pages = tmp_path / "sessions.db-wal", 0, 0
    end = time.monotonic() + SECONDS + HANG
    while any(worker.is_running() for worker in workers) or not (pages or time.monotonic() > end):
        largest = max(largest, log.stat().st_size if log.exists() else 0)
        pages += datasette()
        time.sleep(0.05)
    said: dict[str, list[Any]] = {}
    for worker in workers:
        said.setdefault(worker.role, []).append(worker.said())
    acknowledged = [name for worker in said["append"] for name in worker["done"]]
    lines = sum(worker["done"] for worker in said["import"])
    worst = {role: round(max(worker["slowest"] for worker in workers), 2) for role, workers in said.items()}
    sys.stdout.write(
        f"{len(acknowledged)} acknowledged, {lines} lines imported, {said['prune'][0]['done']} sessions pruned;"
        f" worst in seconds {worst}; log at most {largest / 1e6:.1f} MB;"
        f" {pages} pages read\n"
    )

    record_property("writes acknowledged", len(acknowledged))
    record_property("lines imported beside appends", lines)
    record_property("pages of Datasette read", pages)
    record_property("worst append, s", worst["append"])
    record_property("worst search, s", worst["search"])
    record_property("largest write-ahead log, MB", round(largest / 1e6, 1))

    assert faults(tmp_path / "sessions.db") == {}
    with SessionDB(tmp_path / "sessions.db", read_only=True) as db:
        written = [
            text.split()[0]
            for (text,) in db.connection.rows(
                "SELECT content FROM messages JOIN sessions AS s ON s.id = session_id"
                " WHERE s.agent = 'appender' AND role = 'user'"
            )
        ]
        asked = [name.rstrip("?") for name in written if name != "Where"]
        imported = db.connection.value(
            "SELECT count(*) FROM messages JOIN sessions AS s ON s.id = session_id WHERE s.agent = 'claude-code'"
        )
    plain = [name for name in acknowledged if int(name.rpartition("x")[2]) % 6]
    assert sorted(asked) == sorted(plain)
    assert len(written) == len(acknowledged) >= 50
    assert imported == lines
    assert pages > 0
    if IS_SOAK:
        # Ten times what is promised of a quiet machine: no other is asked how long it took.
        assert worst["append"] < 10
        assert largest < LOG_LIMIT
