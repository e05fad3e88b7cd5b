"""A small database of three sessions, and a way to run commands on it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sessiondb import SessionDB
from sessiondb.cli.group import cli
from sessiondb.records import Channel
from tests.conftest import HOMES

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the machine's zone be UTC, and tables be as wide as they like."""
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a database may be made."""
    return tmp_path / "sessions.db"


@pytest.fixture
def run(path: Path) -> Run:
    """Return a function that runs a command on that database: what it printed and its exit code."""

    def invoke(*arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(cli, ["--db", str(path), *arguments], input=stdin)

    return invoke


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a database: an ended session of 2 March, an open one of 5 March, an empty one of 1 January."""
    path = tmp_path_factory.mktemp("made") / "sessions.db"
    with SessionDB(path) as db:
        add_parser_session(db)
        chat = Channel("telegram", "dm", chat_id="7", user_name="Noor")
        db.sessions.start(
            "hermes",
            id="11112222-ferry",
            key="telegram:7",
            title="船 Ferry",
            channel=chat,
            started_at="2026-03-05T12:00:00Z",
        )
        db.messages.append(
            "11112222-ferry", "user", "When does the ferry leave?", created_at="2026-03-05T12:00:01Z"
        )
        db.sessions.start("hermes", id="33334444-fig", started_at="2026-01-01T00:00:00Z")
        db.sessions.end("33334444-fig", "done", at="2026-01-01T00:00:00Z")
    return path


@pytest.fixture
def filled(path: Path, made: Path) -> Path:
    """Make the database a copy of it."""
    return Path(shutil.copy(made, path))


def add_parser_session(db: SessionDB) -> None:
    """Add a session with a tool call, injected context, tokens, a tag and a note."""
    project = "/home/mira/src/quill"
    db.sessions.start(
        "codex",
        id="11112222-parser",
        project=project,
        title="Recipe parser",
        model="gpt-5",
        tags=["kitchen"],
        started_at="2026-03-02T08:00:00Z",
    )
    said: dict[str, Any] = {"created_at": "2026-03-02T08:00:01Z"}
    db.messages.append("11112222-parser", "system", "You are in a kitchen.", kind="environment", **said)
    db.messages.append(
        "11112222-parser", "user", "Where does the parser lose ½ cup?", external_id="m-2", **said
    )
    call = {"id": "c1", "name": "grep", "arguments": {"pattern": "½"}}
    db.messages.append(
        "11112222-parser", "assistant", "Let me look.", tool_calls=[call], reasoning="Maybe unicode.", **said
    )
    db.messages.append("11112222-parser", "tool", "amounts.py:12\namounts.py:40", tool_call_id="c1", **said)
    db.messages.append("11112222-parser", "assistant", "In amounts.py.", created_at="2026-03-02T08:05:00Z")
    db.tokens.add(
        "11112222-parser", request_key="r1", model="gpt-5", counted_at="2026-03-02T08:05:00Z",
        input=1200, cache_read=30000, output=300, reasoning=100, cost_microdollars=1_250_000,
    )  # fmt: skip
    db.notes.add(
        "decision", "Amounts are fractions.", session_id="11112222-parser", created_at="2026-03-02T08:05:00Z"
    )
    db.sessions.end("11112222-parser", "done", at="2026-03-02T08:06:00Z")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a home with settings of Claude Code and Codex, and no programs."""
    for name in (*HOMES, "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", os.defpath)
    for folder in (".claude", ".codex"):
        (tmp_path / "home" / folder).mkdir(parents=True)
    (tmp_path / "home" / ".codex" / "config.toml").write_text('model = "x"\n')
    return tmp_path / "home"
