"""sessiondb import --watch: a line for each update, and a clean end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest
from click.testing import Result

from sessiondb import SessionDB, timestamps
from sessiondb.cli import watching
from sessiondb.errors import DatabaseBusy
from sessiondb.ingest.run import Ingest
from tests.helpers.waiting import HANG

Run = Callable[..., Result]
NAME = "rollout-2026-03-12T09-41-07-019ce14a-7d30-7b52-9c1e-4a6f0d83e2b5.jsonl"


@pytest.fixture
def log(samples: Path, tmp_path: Path) -> Path:
    """Return a log that can grow."""
    (log,) = samples.glob(f"codex/sessions/*/*/*/{NAME}")
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / NAME).write_bytes(log.read_bytes())
    return folder / NAME


def say(log: Path, text: str) -> None:
    payload = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}
    line = {"timestamp": "2026-03-12T20:00:00.000Z", "type": "response_item", "payload": payload}
    with open(log, "a") as file:
        file.write(json.dumps(line) + "\n")


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """Return what is to be done in the pauses, one by one; after the last it is time to end."""
    to_do: list[Callable[[], object]] = []

    class Pauses:
        def wait(self, seconds: float) -> bool:
            if not to_do:
                return True
            to_do.pop(0)()
            return False

    class Asked:
        def __enter__(self) -> Pauses:
            return Pauses()

        def __exit__(self, *error: object) -> None: ...

    monkeypatch.setattr(watching, "asked_to_end", Asked)
    monkeypatch.setattr(timestamps, "now", lambda: "2026-03-12T21:00:00.000Z")
    return to_do


def test_each_update_is_a_line(log: Path, run: Run, steps: list[Callable[[], object]]) -> None:
    steps += [lambda: say(log, "One"), lambda: None, lambda: say(log, "Two")]

    result = run("import", str(log.parent), "--watch")

    title = "test_next_tide fails on the last Sunday of March and on no other day. Find out why and mend it."
    assert result.stdout.splitlines()[1:] == [
        "sessions: 1 added, 0 updated, 0 unchanged",
        "messages: 6 added, plus 5 entries of tools and the system",
        f"2026-03-12 21:00 1 message: {title} (codex)",
        f"2026-03-12 21:00 more text: {title} (codex)",
    ]
    assert (result.stderr, result.exit_code) == ("", 0)


def test_json_is_a_line_for_each_update(log: Path, run: Run, steps: list[Callable[[], object]]) -> None:
    steps += [lambda: say(log, "One")]

    result = run("import", str(log.parent), "--watch", "--json")

    reports = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(report["sessions"]["added"], report["messages"]["added"]) for report in reports] == [
        (1, 6),
        (0, 1),
    ]


def test_the_database_beside_the_logs_is_not_told(
    log: Path, path: Path, run: Run, steps: list[Callable[[], object]]
) -> None:
    steps += [lambda: say(log, "One"), lambda: say(log, "Two")]

    result = run("import", str(path.parent), "--watch")

    assert log.is_relative_to(path.parent)
    assert len(result.stdout.splitlines()) == 5
    assert (result.stderr, result.exit_code) == ("", 0)


def test_what_cannot_be_read_is_told_once(log: Path, run: Run, steps: list[Callable[[], object]]) -> None:
    stray = log.parent / "stray.jsonl"
    steps += [
        lambda: stray.write_text("{}\n"),
        lambda: stray.write_text("{}\n{}\n"),
        lambda: say(log, "One"),
    ]

    result = run("import", str(log), str(log.parent), "--watch")

    assert result.stderr == f"not imported: {stray}: is not a session log that sessiondb knows\n"


def test_a_busy_database_is_tried_again(
    log: Path, path: Path, run: Run, steps: list[Callable[[], object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import_now = Ingest.run
    answers: Iterator[bool] = iter([False, True, False])

    def sometimes(self: Ingest, sources: list[str]) -> object:
        if next(answers):
            raise DatabaseBusy("somebody else is writing")
        return import_now(self, sources)

    monkeypatch.setattr(Ingest, "run", sometimes)
    steps += [lambda: say(log, "One"), lambda: None]

    result = run("import", str(log.parent), "--watch")

    assert result.stderr == "somebody else is writing\n"
    with SessionDB(path) as db:
        assert [message.text for message in db.messages.transcript(db.sessions.resolve("@last").id)][
            -1
        ] == "One"


def test_several_sessions_are_counted(log: Path, run: Run, steps: list[Callable[[], object]]) -> None:
    def copy() -> None:
        text = log.read_text()
        for last in "67":
            changed = NAME.replace("e2b5", f"e2b{last}")
            (log.parent / changed).write_text(text.replace("4a6f0d83e2b5", f"4a6f0d83e2b{last}"))

    steps += [copy]

    assert run("import", str(log.parent), "--watch").stdout.endswith(" (codex) and 1 other session\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_end_it_cleanly(log: Path, path: Path, number: int) -> None:
    command = [sys.executable, "-m", "sessiondb", "--db", str(path), "import", str(log.parent), "--watch"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [*command, "--interval", "0.1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        try:
            assert process.stdout is not None
            assert _line(process.stdout, 3) == "messages: 6 added, plus 5 entries of tools and the system\n"
            say(log, "One")
            assert "1 message: " in _line(process.stdout, 1)
            process.send_signal(number)
            assert process.wait(HANG) == 0
        finally:
            process.kill()
        assert process.stderr is not None
        assert (process.stdout.read(), process.stderr.read()) == ("", "")
    assert not Path(f"{path}-wal").exists()


def _line(stream: IO[str], number: int) -> str:
    for _ in range(number - 1):
        stream.readline()
    return stream.readline()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x", "--agent", "codex"], "--agent only works with `auto` as a SOURCE."),
        (["x", "--watch", "--dry-run"], "--watch and --dry-run cannot be used together."),
        (["x", "--watch", "--interval", "0"], "0.0 is not in the range x>=0.1."),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    path: Path, run: Run, arguments: list[str], message: str
) -> None:
    result = run("import", *arguments)

    assert (result.stdout, result.exit_code, path.exists()) == ("", 2, False)
    assert message in result.stderr
