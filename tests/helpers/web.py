"""A database as the pages show it, a server of it, and the Datasettes that it is to work with."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from email.message import Message as Headers
from pathlib import Path
from typing import Any, NamedTuple

from sessiondb import SessionDB
from tests.helpers.waiting import HANG

ROOT = Path(__file__).parents[2]
NEXT = ROOT / ".venv-datasette1"
EVIL = (
    "<script>document.title='bad'</script><img src=x onerror=\"document.title='bad'\">"
    " [link](javascript:document.title='bad') <https://elsewhere.example/x.png>"
)
LONG = 450
"""Messages of the session that has three pages."""


def datasettes() -> list[tuple[str, Path | None]]:
    """Return the Pythons with the Datasettes to test: this one's, and the pre-release that scripts/test installs."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    python = NEXT / "bin" / "python" if (NEXT / "lib" / version).is_dir() else None
    return [("stable", Path(sys.executable)), ("next", python)]


def fill(path: Path) -> Path:
    """Make a database with a session of each kind, used over the last days."""
    now = datetime.now(timezone.utc).replace(microsecond=0)
    with SessionDB(path) as db:
        start = db.sessions.start
        start("codex", id="plain", title="Mending the parser", project="/home/ann/quill", model="gpt-5")
        db.messages.append("plain", "user", f"Where is the tokenizer? {EVIL}")
        call = {"id": "c1", "name": "grep", "arguments": {"pattern": "def tokenize"}}
        asked = db.messages.append("plain", "assistant", f"Let me look. {EVIL}", tool_calls=[call])
        db.messages.append("plain", "tool", f"lexer.py:12: def tokenize {EVIL}", tool_call_id="c1")
        db.tokens.add(
            "plain",
            model="gpt-5",
            input=1500,
            cache_read=9000,
            output=700,
            request_key="r1",
            message_id=asked.id,
        )
        db.notes.add("followup", "Write the lexer's tests", session_id="plain", due_at="2026-12-01")
        start(
            "claude-code", id="long", title="اختبار طويل", project="/home/ann/quill", model="claude-opus-4-6"
        )
        begin = {"id": "a1", "name": "Task", "arguments": {"prompt": "Count the ferries"}}
        for number in range(1, LONG + 1):
            role = "user" if number % 2 else "assistant"
            calls = [begin] if number == 2 else None
            db.messages.append("long", role, f"مرحبا {number} ferry", tool_calls=calls)
        for number in range(40):
            db.tokens.add(
                "long", model="claude-opus-4-6" if number % 3 else "claude-haiku-4-5", input=100 * number, output=50,
                request_key=f"l{number}", counted_at=now - timedelta(days=number * 3),
            )  # fmt: skip
        start("claude-code", id="agent", title="Count", parent="long", relation="subagent")
        db.messages.append("agent", "user", "Count the ferries")
        db.messages.append("agent", "assistant", "There are seven ferries.")
        start("gemini-cli", id="strange/id %41?#", title="An id that needs quoting")
        db.messages.append("strange/id %41?#", "user", "Hello & <goodbye>")
        db.tokens.add("strange/id %41?#", model="gemini-2.5-pro", input=100, output=20, request_key="g1")
        db.sessions.end(["plain", "long"])
    return path


class Answer(NamedTuple):
    """What a server answered."""

    status: int
    text: str
    headers: Headers


class Server(NamedTuple):
    """A running server, and the first line that it printed."""

    base: str
    process: subprocess.Popen[str]
    database: Path

    def get(self, path: str, **headers: str) -> Answer:
        """Ask for a page; redirects are followed."""
        request = urllib.request.Request(self.base + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=HANG) as found:
                return Answer(found.status, found.read().decode(), found.headers)
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read().decode(), error.headers)


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def serving(
    python: Path, database: Path, *options: str, module: str = "sessiondb", port: int | None = None
) -> Iterator[Server]:
    """Run `sessiondb web`, or with another `module` bare Datasette, on a database until the block ends."""
    begin = ["--db", str(database), "web"] if module == "sessiondb" else ["serve", str(database)]
    tried = [port] if port else [free_port() for _ in range(5)]
    for number in tried:
        command = [str(python), "-m", module, *begin, "--port", str(number), *options]
        log = database.with_name(f"{number}.log")
        with log.open("w") as output:
            process = subprocess.Popen(
                command, stdout=output, stderr=output, text=True, env=environment(database.parent)
            )
        try:
            # Another program may have taken the port since it was found free.
            if not _answers(process, number):
                continue
            yield Server(f"http://127.0.0.1:{number}", process, database)
            return
        finally:
            process.terminate()
            process.wait(HANG)
    raise AssertionError(f"the server does not answer:\n{log.read_text()}")


def environment(home: Path) -> Mapping[str, str]:
    """Return the variables of a process that knows no other home than this folder."""
    return {**os.environ, "HOME": str(home), "TZ": "UTC", "PYTHONPATH": str(ROOT)}


def told(database: Path, *words: str) -> list[dict[str, Any]]:
    """Return what a command says in JSON."""
    command = [sys.executable, "-m", "sessiondb", "--db", str(database), *words, "--json"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment(database.parent)
    )
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def _answers(process: subprocess.Popen[str], port: int) -> bool:
    """Wait until a server answers, or has ended; say which."""
    deadline = time.monotonic() + HANG
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=HANG).close()
            return process.poll() is None
        time.sleep(0.05)
    return False
