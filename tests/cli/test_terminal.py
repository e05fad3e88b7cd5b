"""Nothing from a transcript drives the terminal: every command, with every payload in every field, on a pty."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import tty
from collections.abc import Callable
from pathlib import Path

import pytest

from sessiondb import Channel, SessionDB
from sessiondb.cli.group import COMMANDS, cli
from sessiondb.records import HookEntry
from tests.helpers.payloads import DRIVING, PAYLOADS, SEQUENCES

NOT_RUN = {"web", "mcp", "browse", "completions", "help", "version"}
"""The first two start a server, browse has tests of its own, and the others print nothing of what is stored."""

COLOURS = re.compile("\x1b\\[(?:[0-3]|2;3|3[1-6])m")
"""Those that sessiondb and rich give, a kind each; a log's own would be in RAW as well."""
RAW = [payload for payload in SEQUENCES if payload.startswith("\x1b") and "m" in payload]
BAR = re.compile("\x1b\\[\\?25[lh]|\x1b\\[K|\r")
FORGED = "forged: no problems found"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a database with a session for each payload, which stands in each of its fields."""
    path = tmp_path_factory.mktemp("payloads") / "sessions.db"
    with SessionDB(path) as db:
        for number, payload in enumerate(PAYLOADS):
            fill(db, f"s{number:03}", payload)
    return path


def fill(db: SessionDB, id: str, payload: str) -> None:
    db.sessions.start(
        f"agent{payload}", id=id, key=f"{id}{payload}", title=f"title{payload}", project=f"/p{payload}/q{payload}",
        model=f"model{payload}", tags=[f"tag{payload}"],
        channel=Channel("telegram", "dm", payload, payload, payload, payload, payload),
    )  # fmt: skip
    call = {"id": f"call{payload}", "name": f"tool{payload}", "arguments": {payload: payload}}
    db.messages.append(id, "system", f"injected {payload}", kind=f"kind{payload}")
    db.messages.append(id, "user", f"findable {payload}", external_id=f"m{payload}")
    db.messages.append(
        id, "assistant", payload, tool_calls=[call], reasoning=payload, model=f"model{payload}"
    )
    db.messages.append(id, "tool", f"result {payload}", tool_call_id=f"call{payload}")
    db.tokens.add(id, request_key=payload, model=f"model{payload}", input=1, output=2)
    for kind in ("decision", "failure", "win", "followup", "question", "workstream", "summary"):
        db.notes.add(
            kind, f"noted {payload}", session_id=id, context=payload, resolution=payload, author=payload,
            assignee=payload,
        )  # fmt: skip
    db.hook_log.add(HookEntry("", f"agent{payload}", payload, id, f"/p{payload}", 1), digest=None)
    db.sessions.end(id, f"reason{payload}")


@pytest.fixture
def odd_files(tmp_path: Path) -> Path:
    """Make files that cannot be imported, with payloads in their names and in what is wrong with them."""
    folder = tmp_path / "logs"
    folder.mkdir()
    for payload in PAYLOADS:
        name = payload.replace("/", "")
        (folder / f"{name}.jsonl").write_text(f'{{"role": "user"}} {payload}\n', "utf-8")
        (folder / f"{name}.json").write_text('{"messages": [{"role": "user", "content": "ok"}]}\n', "utf-8")
    return folder


def on_a_terminal(*arguments: str) -> str:
    """Return all that a command writes to a terminal, which is both its stdout and its stderr."""
    master, slave = os.openpty()
    tty.setraw(slave)
    pieces: list[bytes] = []

    def read() -> None:
        try:
            while piece := os.read(master, 65536):
                pieces.append(piece)
        except OSError:
            return  # the other end is closed

    reader = threading.Thread(target=read)
    reader.start()
    with (
        pytest.MonkeyPatch.context() as patch,
        open(slave, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as terminal,
    ):
        for name in ("NO_COLOR", "COLUMNS", "PAGER"):
            patch.delenv(name, raising=False)
        patch.setenv("TERM", "xterm-256color")
        patch.setattr(sys, "stdout", terminal)
        patch.setattr(sys, "stderr", terminal)
        with pytest.raises(SystemExit):
            cli(arguments, prog_name="sessiondb")
    reader.join()
    os.close(master)
    return b"".join(pieces).decode()


def assert_safe(said: str, *, has_bar: bool = False, has_content: bool = False) -> None:
    assert not [sequence for sequence in RAW if sequence in said]
    said = COLOURS.sub("", said)
    said = BAR.sub("", said) if has_bar else said
    assert said
    assert {character for character in said if character in DRIVING} <= {"\t", "\n"}
    if not has_content:
        assert not [line for line in said.splitlines() if line.lstrip().startswith(FORGED)]


FORMS = (
    (),
    ("--wide",),
    ("--json",),
    ("--nl",),
    ("--csv",),
    ("--tsv",),
    ("--fmt", "github"),
    ("--fmt", "html"),
)
READING = (
    ("list", "-n", "0"),
    ("search", "findable", "-n", "0"),
    ("search", "result", "--in", "tools", "--messages", "-n", "0"),
    ("search", "noted", "--in", "notes", "-n", "0"),
    ("note", "list", "-n", "0"),
    ("usage", "model"),
    ("usage", "session"),
    ("stats", "agent"),
    ("stats", "tool"),
    ("stats", "project"),
)


@pytest.mark.parametrize("form", FORMS, ids=" ".join)
@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_tables_and_data_of_a_hostile_log_are_safe(
    database: Path, command: tuple[str, ...], form: tuple[str, ...]
) -> None:
    is_data = form in (("--csv",), ("--tsv",))  # which have line breaks in quotes
    assert_safe(on_a_terminal("--db", str(database), *command, *form), has_content=is_data)


@pytest.mark.figures
def test_transcripts_of_a_hostile_log_are_safe(
    database: Path, record_property: Callable[[str, object], None]
) -> None:
    record_property("payloads shown on a terminal", len(PAYLOADS) * 4)
    for number in range(len(PAYLOADS)):
        for form in ((), ("--full",), ("--format", "md"), ("--json",)):
            assert_safe(
                on_a_terminal("--db", str(database), "show", f"s{number:03}", *form), has_content=True
            )


def test_the_brief_of_a_hostile_note_is_safe(database: Path) -> None:
    for number in range(len(PAYLOADS)):
        assert_safe(on_a_terminal("--db", str(database), "brief", f"s{number:03}"), has_content=True)
    for payload in PAYLOADS:
        assert_safe(
            on_a_terminal("--db", str(database), "brief", "--project", f"/p{payload}/q{payload}"),
            has_content=True,
        )


@pytest.mark.once
@pytest.mark.parametrize(
    "command",
    [
        ("search", "findable", "--explain"),
        ("search", "findable", "--open"),
        ("export",),
        ("export", "--redact"),
        ("status",),
        ("status", "--json"),
        ("doctor",),
        ("optimize",),
        ("path",),
        ("config", "show"),
        ("service", "status"),
        ("install", "codex", "-n"),
        ("uninstall", "codex", "-n"),
        ("recover", "{folder}/none{}.db", "{folder}/new.db"),
        ("restore", "{folder}/none{}.db"),
        ("secrets", "scan"),
        ("hook", "log", "--limit", "0"),
        ("hook", "log", "--limit", "100"),
        ("help",),
        ("version",),
        ("title", "s001", "{}"),
        ("tag", "s001", "{}"),
        ("pin", "s001"),
        ("resume", "s001"),
        ("pin", "s001", "--off"),
        ("end", "s001"),
        ("end", "s001", "--json"),
        ("end", "--stale", "1d"),
        ("reopen", "s001"),
        ("prune", "--days", "0", "-n"),
        ("prune", "--days", "0", "-n", "--json"),
        ("rm", "s001", "s002", "s040", "-n"),
        ("note", "add", "decision", "{}", "--context", "{}", "--project", "/p{}", "--author", "{}"),
        ("note", "done", "1", "{}"),
        ("backup", "{folder}/backup{}.db"),
        ("merge", "{folder}/none{}.db"),
        # Errors quote what they were given: a shell puts the names of files there.
        ("show", "{}"),
        ("show", "s001", "s{}"),
        ("show", "s001", "--{}"),
        ("list", "--since", "{}"),
        ("list", "--fmt", "{}"),
        ("search", "--raw", '"{}'),
        ("search", "--in", "{}", "x"),
        ("rm", "s{}"),
        ("import", "--format", "{}", "."),
        ("import", "--tz", "{}", "."),
        ("{}",),
        ("--{}",),
    ],
    ids=" ".join,
)
def test_what_a_command_says_is_safe(tmp_path: Path, database: Path, command: tuple[str, ...]) -> None:
    path = tmp_path / "copy.db"
    with SessionDB(database, read_only=True) as db:
        db.connection.rows("VACUUM INTO ?", (str(path),))
    payloads = PAYLOADS if "{}" in " ".join(command) else PAYLOADS[:1]
    for payload in payloads:
        given = [
            word.replace("{folder}", str(tmp_path)).replace("{}", payload.replace("/", ""))
            for word in command
        ]
        assert_safe(on_a_terminal("--db", str(path), *given), has_bar=True, has_content="search" in command)


@pytest.mark.parametrize("options", [(), ("--json",), ("--dry-run",)], ids=" ".join)
def test_a_file_name_forges_no_line_of_a_report(
    tmp_path: Path, odd_files: Path, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessiondb.cli.import_report.SHOWN", 1000)
    said = on_a_terminal("--db", str(tmp_path / "s.db"), "import", str(odd_files), *options)
    assert FORGED in said
    assert_safe(said, has_bar=True)


def test_merging_a_hostile_database_is_safe(tmp_path: Path, database: Path) -> None:
    SessionDB(tmp_path / "s.db").close()
    assert_safe(on_a_terminal("--db", str(tmp_path / "s.db"), "merge", str(database)), has_bar=True)


def test_a_traceback_quotes_nothing_raw() -> None:
    code = """
from sessiondb.cli import group, main
def fail(**how):
    raise RuntimeError("\\x1b]0;PWNED\\a\\u202e")
group.cli.main = fail
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "RuntimeError: \\x1b]0;PWNED" in done.stderr
    assert_safe(done.stderr, has_content=True)


def test_the_shell_completes_no_name_that_drives_it(tmp_path: Path) -> None:
    with SessionDB(tmp_path / "s.db") as db:
        for payload in PAYLOADS:
            db.sessions.start("codex", id=f"x{payload}", title=payload)
        db.sessions.start("codex", id="xplain", title="plain")
    command = "from sessiondb.cli import main; import sys; sys.argv = ['sessiondb']; main()"
    words = f"sessiondb --db {tmp_path / 's.db'} show x"
    done = subprocess.run(
        [sys.executable, "-c", command],
        env={**os.environ, "_SESSIONDB_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": "4"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "xplain" in done.stdout
    assert_safe(done.stdout, has_content=True)


def test_every_command_is_tried() -> None:
    tried = " ".join(Path(__file__).read_text().split())
    assert [name for name in COMMANDS if f'"{name}"' not in tried and name not in NOT_RUN] == []
