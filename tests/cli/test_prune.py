"""sessiondb prune: by last activity, ended sessions only, never without consent."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sessiondb import SessionDB
from sessiondb.cli import removing
from tests.helpers.claude_logs import SESSIONS, transcript

Run = Callable[..., Result]

PREVIEW = """\
id          title          agent   project  last active       messages
33334444    (no title)     hermes           2026-01-01 00:00         0
11112222-p  Recipe parser  codex   quill    2026-03-02 08:05         3
"""


def left(path: Path) -> set[str]:
    with SessionDB(path, read_only=True) as db:
        return {row[0] for row in db.connection.rows("SELECT id FROM sessions")}


ALL = {"11112222-ferry", "11112222-parser", "33334444-fig"}


def test_dry_run_shows_what_would_go_and_changes_nothing(filled: Path, run: Run) -> None:
    before = filled.read_bytes()

    result = run("prune", "--days", "30", "--dry-run")

    assert (
        result.stdout == PREVIEW + "would remove 2 sessions: 5 messages, 138 B of text\nkept 1 open session\n"
    )
    assert (result.stderr, result.exit_code) == ("", 0)
    assert (left(filled), filled.read_bytes()) == (ALL, before)


def test_dry_run_in_json_counts(filled: Path, run: Run) -> None:
    assert json.loads(run("prune", "--days", "30", "-n", "--json").stdout) == {
        "sessions": 2,
        "messages": 5,
        "bytes": 138,
        "dry_run": True,
        "kept": {"open": 1, "pinned": 0},
        "handed_over": 0,
    }


def test_undated_sessions_are_named_and_go_where_prune_is_told_to(filled: Path, run: Run) -> None:
    with SessionDB(filled) as db:
        active = db.sessions.get("11112222-parser").last_active_at
        db.sessions.set_metadata("11112222-parser", {"dated_by_file": active})

    kept = run("prune", "--days", "30", "--yes", "--dry-run").stdout.splitlines()
    gone = run("prune", "--days", "30", "--include-undated", "--dry-run").stdout.splitlines()
    report = json.loads(run("prune", "--days", "30", "--include-undated", "--json", "-n").stdout)

    assert kept[-1] == "kept 1 undated session (dated by nothing but a file; --include-undated removes such)"
    assert "1 of these has no date but that of the log" in gone
    assert (report["undated"], report["kept"]) == (1, {"open": 1, "pinned": 0})


def test_nothing_is_removed_where_nobody_can_be_asked(filled: Path, run: Run) -> None:
    result = run("prune", "--days", "30", stdin="y\n")

    assert (result.stdout, result.exit_code, left(filled)) == ("", 1, ALL)
    assert result.stderr == (
        "Error: 2 sessions: 5 messages, 138 B of text would be removed;"
        " confirm with --yes, or look first with --dry-run\n"
    )


def test_yes_removes_and_counts(filled: Path, run: Run) -> None:
    result = run("prune", "--days", "30", "--yes", "--json")

    assert json.loads(result.stdout) == {
        "sessions": 2,
        "messages": 5,
        "bytes": 138,
        "dry_run": False,
        "kept": {"open": 1, "pinned": 0},
        "handed_over": 0,
    }
    assert left(filled) == {"11112222-ferry"}


@pytest.mark.parametrize(
    ("answer", "remaining", "code"), [("y\n", {"11112222-ferry"}, 0), ("n\n", ALL, 1), ("", ALL, 1)]
)
def test_a_person_is_asked_after_a_preview(
    filled: Path, run: Run, monkeypatch: pytest.MonkeyPatch, answer: str, remaining: set[str], code: int
) -> None:
    monkeypatch.setattr(removing, "can_ask", lambda: True)

    result = run("prune", "--days", "30", stdin=answer)

    assert result.stdout.startswith(PREVIEW)
    assert "Remove 2 sessions: 5 messages, 138 B of text? [y/N]:" in result.stderr
    assert (left(filled), result.exit_code) == (remaining, code)


@pytest.mark.parametrize(
    ("options", "removed"),
    [
        (["--older-than", "2026-02"], {"33334444-fig"}),
        (["--older-than", "30d", "--agent", "codex"], {"11112222-parser"}),
        (["--older-than", "30d", "--project", "quill"], {"11112222-parser"}),
        (["--older-than", "30d", "--tag", "kitchen"], {"11112222-parser"}),
        (["--older-than", "30d", "--model", "gpt"], {"11112222-parser"}),
        (["--older-than", "30d", "--platform", "telegram"], set()),
        (["--older-than", "30d", "--platform", "telegram", "--include-open"], {"11112222-ferry"}),
        (["--days", "0", "--include-open"], ALL),
        (["--days", "30", "--keep", "2"], {"33334444-fig"}),
        (["--days", "365000"], set()),
    ],
)
def test_options_choose_what_goes(filled: Path, run: Run, options: list[str], removed: set[str]) -> None:
    result = run("prune", "--yes", *options)

    assert (ALL - left(filled), result.exit_code) == (removed, 0)


def test_nothing_to_remove_is_said_without_asking(filled: Path, run: Run) -> None:
    result = run("prune", "--older-than", "2025")

    assert (result.stdout, result.exit_code) == ("removed 0 sessions: 0 messages, 0 B of text\n", 0)


def test_vacuum_gives_the_space_back(filled: Path, run: Run) -> None:
    with SessionDB(filled) as db:
        db.messages.append("11112222-ferry", "user", "x" * 2_000_000)
    run("end", "11112222-ferry")
    size = filled.stat().st_size

    result = run("prune", "--days", "0", "--yes", "--vacuum")

    assert result.stderr.startswith("freed ")
    assert filled.stat().st_size < size - 1_900_000
    assert run("doctor").stdout == "no problems found\n"


def test_a_pruned_session_does_not_come_back(samples: Path, path: Path, run: Run) -> None:
    logs = str(samples / "agentloop")
    run("import", logs)
    run("prune", "--days", "0", "--yes")

    again = json.loads(run("import", logs, "--json").stdout)
    restored = json.loads(run("import", logs, "--json", "--restore").stdout)

    assert (again["sessions"]["added"], restored["sessions"]["added"]) == (0, 2)


@pytest.mark.parametrize(
    "arguments", [[], ["--days", "3", "--older-than", "3d"], ["--days", "-1"], ["--days", "x"]]
)
def test_an_age_is_needed(filled: Path, run: Run, arguments: list[str]) -> None:
    result = run("prune", "--yes", *arguments)

    assert (result.stdout, result.exit_code, left(filled)) == ("", 2, ALL)


@pytest.fixture
def half_gone(tmp_path: Path, run: Run) -> Path:
    """Import two sessions, of which Claude Code then deletes the first."""
    home = tmp_path / ".claude"
    log = transcript(home, SESSIONS[1], "Where is the salt?")
    transcript(home, SESSIONS[2], "Where is the pepper?")
    run("import", str(home))
    log.unlink()
    return log


def test_prune_says_of_how_many_the_source_is_gone(
    half_gone: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    preview = run("prune", "--days", "30", "-n").stdout.splitlines()
    report = json.loads(run("prune", "--days", "30", "-n", "--json").stdout)
    refused = run("prune", "--days", "30").stderr
    monkeypatch.setattr(removing, "can_ask", lambda: True)
    asked = run("prune", "--days", "30", stdin="n\n").stderr

    amount = "2 sessions: 4 messages, 90 B of text (1 with no other copy)"
    assert preview[-2:] == [
        "1 of these exists only here, because the log is gone; --keep-only-copies keeps such sessions",
        f"would remove {amount}",
    ]
    assert (report["only_copies"], report["kept"]) == (1, {"open": 0, "pinned": 0})
    assert f"{amount} would be removed" in refused
    assert f"Remove {amount}? [y/N]:" in asked


@pytest.mark.parametrize(
    ("options", "setting"), [(["--keep-only-copies"], None), ([], "1"), (["--keep-only-copies"], "0")]
)
def test_prune_keeps_only_copies_where_it_is_told_to(
    half_gone: Path, path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, options: list[str], setting: str
) -> None:
    if setting is not None:
        monkeypatch.setenv("SESSIONDB_KEEP_ONLY_COPIES", setting)

    report = json.loads(run("prune", "--days", "30", "--yes", "--json", *options).stdout)

    assert report["kept"] == {"open": 0, "pinned": 0, "only_copies": 1}
    assert (report["sessions"], "only_copies" in report) == (1, False)
    assert left(path) == {SESSIONS[1]}


def test_an_option_wins_over_the_environment(
    half_gone: Path, path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSIONDB_KEEP_ONLY_COPIES", "1")

    run("prune", "--days", "30", "--yes", "--no-keep-only-copies")

    assert left(path) == set()


def test_what_may_be_the_only_copy_is_kept_too_and_said(half_gone: Path, path: Path, run: Run) -> None:
    home = half_gone.parents[2]
    home.rename(home.with_name("unplugged"))

    result = run("prune", "--days", "30", "--yes", "--keep-only-copies")

    assert result.stdout.splitlines() == [
        "removed 0 sessions: 0 messages, 0 B of text",
        "kept 2 unreachable sessions (the folder of the log cannot be reached)",
    ]
    assert left(path) == {SESSIONS[1], SESSIONS[2]}


def test_sessions_that_an_agent_writes_here_are_pruned_as_ever(filled: Path, run: Run) -> None:
    run("prune", "--days", "30", "--yes", "--keep-only-copies")

    assert left(filled) == {"11112222-ferry"}


def test_a_vacuum_says_that_a_reader_keeps_the_log_from_being_emptied(filled: Path, run: Run) -> None:
    with contextlib.closing(sqlite3.connect(filled)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sessions").fetchone()
        busy = run("prune", "--days", "30", "--yes", "--vacuum").stderr
    free = run("prune", "--days", "30", "--yes", "--vacuum").stderr

    assert "the write-ahead log could not be emptied" in busy
    assert "run `sessiondb optimize` later" in busy
    assert "write-ahead log" not in free
