"""sessiondb prune: by last activity, ended sessions only, never without consent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sessiondb import SessionDB
from sessiondb.cli import removing

Run = Callable[..., Result]

PREVIEW = """\
id          title          agent   project  last active       messages
33334444                   hermes           2026-01-01 00:00         0
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
    assert "1 session of these dated only by the file it came from" in gone
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

    assert result.stderr.startswith("gave ")
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
