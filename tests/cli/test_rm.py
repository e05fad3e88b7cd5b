"""sessiondb rm: sessions by name, open ones too, never without consent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sessiondb import SessionDB
from tests.helpers import claude_logs
from tests.helpers.fork_logs import copied, id_of, talk, transcript

Run = Callable[..., Result]


def count(path: Path) -> int:
    with SessionDB(path, read_only=True) as db:
        return int(db.connection.value("SELECT count(*) FROM sessions"))


def test_rm_removes_what_is_named(filled: Path, run: Run) -> None:
    result = run("rm", "11112222-f", "@last", "3333", "--yes", "--json")

    assert json.loads(result.stdout) == {
        "sessions": 2,
        "messages": 1,
        "bytes": 26,
        "dry_run": False,
        "kept": {"open": 0, "pinned": 0},
        "handed_over": 0,
    }
    assert count(filled) == 1


def test_dry_run_names_the_sessions(filled: Path, run: Run) -> None:
    result = run("rm", "11112222-f", "-n")

    assert result.stdout == (
        "id          title     agent   project  last active       messages\n"
        "11112222-f  船 Ferry  hermes           2026-03-05 12:00         1\n"
        "would remove 1 session: 1 message, 26 B of text\n"
    )
    assert count(filled) == 3


@pytest.mark.parametrize(
    ("arguments", "code"), [(["11112222-f"], 1), (["11112222-f", "nope", "--yes"], 1), (["--yes"], 2)]
)
def test_nothing_goes_without_consent_or_with_a_wrong_name(
    filled: Path, run: Run, arguments: list[str], code: int
) -> None:
    assert (run("rm", *arguments).exit_code, count(filled)) == (code, 3)


def test_rm_says_what_stays_with_the_sessions_that_go_on_from_it(
    filled: Path, run: Run, tmp_path: Path
) -> None:
    first = talk(id_of(1), 2, 3)
    for log in (first, [*copied(first, id_of(2)), *talk(id_of(2), 4)]):
        run("import", str(transcript(tmp_path, log)))
    kept = "kept 3 messages that other sessions continue from"
    assert kept in run("rm", id_of(1), "--dry-run").stdout
    result = run("rm", id_of(1), "--yes")
    assert result.stdout == f"removed 1 session: 0 messages, 0 B of text\n{kept}\n"
    assert "Text 3" in run("show", id_of(2)).stdout


def test_rm_says_that_a_session_exists_nowhere_else_and_keeps_it_where_it_is_told_to(
    tmp_path: Path, path: Path, run: Run
) -> None:
    id = claude_logs.SESSIONS[1]
    log = claude_logs.transcript(tmp_path / ".claude", id)
    run("import", str(log))
    log.unlink()

    kept = run("rm", id, "--yes", "--keep-only-copies")
    removed = run("rm", id, "--yes", "--json")

    assert kept.stdout.splitlines() == [
        "removed 0 sessions: 0 messages, 0 B of text",
        "kept 1 only copy (imported from logs that are gone)",
    ]
    assert (json.loads(removed.stdout)["only_copies"], count(path)) == (1, 0)
