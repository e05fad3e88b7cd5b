"""sessiondb rm: sessions by name, open ones too, never without consent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sessiondb import SessionDB

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
