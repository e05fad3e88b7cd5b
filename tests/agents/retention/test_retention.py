"""How long agents keep their logs, what vanishes soon, and what is lost: what doctor and status say of it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sessiondb import SessionDB
from sessiondb.agents.retention import log_report
from sessiondb.agents.retention.rules import RESUMING, claude_rule, gemini_rule
from sessiondb.agents.retention.stores import FILES, Budget
from sessiondb.cli.group import cli
from tests.helpers.claude_logs import SESSIONS, transcript, write
from tests.helpers.waiting import HANG

Run = Callable[..., Result]

ONE, TWO, THREE, FOUR = SESSIONS[1:5]
DAY = 86_400


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the agents be at home below the test's folder, and nothing be managed by the machine."""
    home = tmp_path / "home"
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(home / ".claude"))
    monkeypatch.setenv("CODEX_HOME", str(home / ".codex"))
    monkeypatch.setenv("GEMINI_CLI_HOME", str(home))
    monkeypatch.setenv("GEMINI_CLI_SYSTEM_SETTINGS_PATH", str(home / "nowhere.json"))
    monkeypatch.setattr("sessiondb.agents.retention.rules.CLAUDE_MANAGED", home / "managed.json")
    # A busy machine takes the time that it takes.
    monkeypatch.setattr(Budget.__init__, "__defaults__", (FILES, HANG))
    return home


@pytest.fixture
def run(db: SessionDB) -> Run:
    return lambda *arguments: CliRunner().invoke(cli, ["--db", str(db.path), *arguments])


def settings(home: Path, text: str | dict[str, Any], agent: str = ".claude") -> Path:
    path = home / agent / "settings.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
    return path


def aged(path: Path, days: float) -> Path:
    moment = time.time() - days * DAY
    os.utime(path, (moment, moment))
    return path


@pytest.mark.parametrize(
    ("text", "days", "is_default", "problem"),
    [
        (None, 30, True, None),
        ("{}", 30, True, None),
        ("", 30, True, None),
        ('{"cleanupPeriodDays": 365}', 365, False, None),
        ('\ufeff{"cleanupPeriodDays": 90}', 90, False, None),
        ('{"cleanupPeriodDays": 90, // weeks\n}', 90, False, "Claude Code takes nothing of such a file"),
        ('{"cleanupPeriodDays": "90"}', 30, True, "which is no number of days from 1 on"),
        ('{"cleanupPeriodDays": 0}', 30, True, "which is no number of days from 1 on"),
        ('{"cleanupPeriodDays": true}', 30, True, "which is no number of days from 1 on"),
        ('{"cleanupPeriodDays": 90', None, False, "is broken (line 1"),
        ("[]", None, False, "is broken (it holds no object)"),
    ],
)
def test_claude_code_keeps_logs_as_its_settings_say(
    home: Path, text: str | None, days: float | None, is_default: bool, problem: str | None
) -> None:
    if text is not None:
        settings(home, text)

    rule = claude_rule(home / ".claude")

    assert (rule.days, rule.is_default) == (days, is_default)
    assert (rule.problem is None) == (problem is None)
    assert (problem or "") in (rule.problem or "")
    assert rule.file == home / ".claude" / "settings.json"


def test_settings_that_are_managed_go_over_those_of_the_user(home: Path) -> None:
    settings(home, {"cleanupPeriodDays": 365})
    managed = write(home / "managed.json", [{"cleanupPeriodDays": 7}])

    rule = claude_rule(home / ".claude")

    assert (rule.days, rule.file) == (7, managed)


@pytest.mark.parametrize(
    ("retention", "days", "count", "problem"),
    [
        (None, 30, None, None),
        ({}, 30, None, None),
        ({"enabled": True, "maxAge": "7d"}, 7, None, None),
        ({"maxAge": "2w"}, 14, None, None),
        ({"maxAge": "12h"}, 0.5, None, None),
        ({"maxAge": "3m", "maxCount": 50}, 90, 50, None),
        ({"maxCount": 50}, None, 50, None),
        ({"enabled": False, "maxAge": "7d"}, None, None, None),
        ({"maxAge": "soon"}, None, None, "which is no age such as 30d"),
        ({"maxAge": 7}, None, None, "which is no age such as 30d"),
    ],
)
def test_gemini_keeps_sessions_as_its_settings_say(
    home: Path, retention: Any, days: float | None, count: int | None, problem: str | None
) -> None:
    settings(home, {"general": {"sessionRetention": retention}}, ".gemini")

    rule = gemini_rule(home)

    assert (rule.days, rule.max_count, rule.note) == (days, count, RESUMING)
    assert (rule.problem is None) == (problem is None)
    assert (problem or "") in (rule.problem or "")


def test_gemini_takes_comments_and_the_settings_of_the_system_first(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(home, '{// mine\n"general": {"sessionRetention": {"maxAge": "90d"}},}', ".gemini")
    assert (gemini_rule(home).days, gemini_rule(home).problem) == (90, None)

    system = write(home / "system.json", [{"general": {"sessionRetention": {"maxAge": "1d"}}}])
    monkeypatch.setenv("GEMINI_CLI_SYSTEM_SETTINGS_PATH", str(system))

    assert (gemini_rule(home).days, gemini_rule(home).file) == (1, system)


def test_logs_that_vanish_within_a_week_are_counted(db: SessionDB, home: Path) -> None:
    claude = home / ".claude"
    aged(transcript(claude, ONE), 29)
    aged(transcript(claude, TWO), 24)
    aged(transcript(claude, THREE), 22)
    aged(write(claude / "projects" / "-p" / ONE / "subagents" / "agent-1.jsonl", []), 40)
    aged(write(home / ".gemini" / "tmp" / "quill" / "chats" / "session-1.jsonl", []), 25)
    aged(write(home / ".gemini" / "tmp" / "quill" / "chats" / "session-2.json", []), 2)
    db.import_logs(claude / "projects" / "-home-mira-src-quill" / f"{ONE}.jsonl")

    found = log_report(db).retention

    assert [(kept.rule.agent, kept.logs, kept.vanishing, kept.not_imported) for kept in found] == [
        ("claude-code", 4, 3, 2),
        ("gemini-cli", 2, 1, 1),
    ]


def test_a_log_that_has_grown_since_its_import_is_not_imported(db: SessionDB, home: Path) -> None:
    log = aged(transcript(home / ".claude", ONE), 29)
    db.import_logs(log)
    assert log_report(db).retention[0].not_imported == 0

    with log.open("a") as file:
        file.write("{}\n")
    aged(log, 28)

    assert log_report(db).retention[0].not_imported == 1


def test_a_store_too_large_to_look_at_is_said_to_be(db: SessionDB, home: Path) -> None:
    for session in (ONE, TWO, THREE):
        aged(transcript(home / ".claude", session), 29)
    (home / ".claude" / "projects" / "-home-mira-src-quill" / FOUR).mkdir()

    report = log_report(db, Budget(files=3))

    assert (report.is_complete, report.lost) == (False, [])
    assert report.retention[0].logs in (1, 2)


def test_traces_of_sessions_that_were_lost_before_the_first_import(db: SessionDB, home: Path) -> None:
    claude = home / ".claude"
    transcript(claude, ONE)
    removed = transcript(claude, FOUR)
    db.import_logs(removed)
    removed.unlink()
    for session in (ONE, TWO, FOUR):
        (claude / "projects" / "-home-mira-src-quill" / session).mkdir()
    (claude / "projects" / "-home-mira-src-quill" / "memory").mkdir()
    entries = [
        {"display": "x", "timestamp": 1, "project": "/p", "sessionId": id} for id in (ONE, TWO, THREE, FOUR)
    ]
    write(claude / "history.jsonl", entries)
    codex = [{"session_id": id, "ts": 1, "text": "x"} for id in (ONE, TWO)]
    write(home / ".codex" / "history.jsonl", codex)
    write(
        home / ".codex" / "sessions" / "2026" / "03" / "01" / f"rollout-2026-03-01T10-00-00-{ONE}.jsonl", []
    )

    def lost() -> list[tuple[Any, ...]]:
        return [(one.agent, one.sessions, one.folders, one.prompts) for one in log_report(db).lost]

    expected = [("claude-code", 2, 1, 2), ("codex", 1, 0, 1)]
    assert lost() == expected

    # Their prompts are here then, and the sessions as lost as before; without the history, too.
    db.import_logs(home)
    assert lost() == expected
    (claude / "history.jsonl").unlink()
    assert lost() == expected

    db.remove(TWO)
    assert lost() == [("claude-code", 1, 0, 1)]


def test_status_and_doctor_say_it_in_words(db: SessionDB, home: Path, run: Run) -> None:
    claude = home / ".claude"
    aged(transcript(claude, ONE), 29)
    gone = transcript(claude, TWO)
    db.import_logs(gone)
    gone.unlink()
    (claude / "projects" / "-home-mira-src-quill" / THREE).mkdir()
    (home / ".gemini" / "tmp").mkdir(parents=True)
    settings(home, {"general": {"sessionRetention": {"enabled": False}}}, ".gemini")

    said = run("status").stdout.splitlines()[-8:]

    assert said == [
        "logs         claude-code deletes logs after 30 days (cleanupPeriodDays, default)",
        "             1 of 1 log will be deleted within a week, 1 not imported: `sessiondb import auto`",
        f'             to keep them: "cleanupPeriodDays": 3650 in {claude}/settings.json',
        "logs         gemini-cli keeps its logs (general.sessionRetention)",
        "             resuming in Gemini CLI deletes sessions: import before you resume",
        "only here    1 session exists only in this database: the log is gone",
        "lost         1 session of claude-code, gone before the first import, as traces show:",
        "             1 folder without a log",
    ]
    doctor = run("doctor")
    assert doctor.exit_code == 0
    for line in said:
        assert line[13:] in doctor.stdout
    assert doctor.stdout.splitlines()[-1] == "no problems found"


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_json_has_it_too(db: SessionDB, home: Path, run: Run, command: str) -> None:
    transcript(home / ".claude", ONE)
    file = settings(home, "{")

    logs = json.loads(run(command, "--json").stdout)["logs"]

    (kept,) = logs["retention"]
    assert (kept["agent"], kept["setting"], kept["days"]) == ("claude-code", "cleanupPeriodDays", None)
    assert (kept["file"], kept["logs"], kept["vanishing"], kept["not_imported"]) == (str(file), 1, 0, 0)
    assert kept["problem"].startswith(f"{file} is broken (")
    assert (logs["only_copies"], logs["unreachable"], logs["lost"], logs["is_complete"]) == (0, 0, [], True)


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_nothing_is_said_where_there_is_nothing_to_say(db: SessionDB, run: Run, command: str) -> None:
    assert "logs" not in json.loads(run(command, "--json").stdout)
    assert "delete" not in run(command).stdout


def test_a_log_that_its_agent_has_deleted_can_still_be_read_searched_and_resumed(
    db: SessionDB, home: Path, run: Run
) -> None:
    log = transcript(home / ".claude", ONE, "Where is the salt?")
    db.import_logs(log)
    log.unlink()

    assert "Where is the salt?" in run("list").stdout
    assert ONE in run("search", "salt", "--json").stdout
    assert "Where is the salt?" in run("show", ONE).stdout
    assert run("resume", ONE).exit_code == 0
    assert json.loads(run("status", "--json").stdout)["logs"]["only_copies"] == 1
