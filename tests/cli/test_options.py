"""What several commands share: times, completion of session ids, --db in two places."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]


def completed(line: str, path: Path) -> list[str]:
    """Return what bash is given to complete the last word of a command line."""
    words = line.split(" ")
    done = subprocess.run(
        [sys.executable, "-m", "sessiondb"],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "SESSIONDB_PATH": str(path),
            "_SESSIONDB_COMPLETE": "bash_complete",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.split()]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("sessiondb show 1111", ["11112222-ferry", "11112222-parser"]),
        ("sessiondb rm 33334444-fig 11112222-p", ["11112222-parser"]),
        ("sessiondb end 9", []),
        ("sessiondb sea", ["search"]),
        ("sessiondb search --sort n", ["newest"]),
    ],
)
def test_the_shell_completes_session_ids(filled: Path, line: str, expected: list[str]) -> None:
    assert completed(line, filled) == expected


def test_without_a_database_nothing_is_completed(path: Path) -> None:
    assert completed("sessiondb show 1", path) == []


def test_db_is_taken_before_and_after_the_command(filled: Path, tmp_path: Path, run: Run) -> None:
    assert run("list", "--nl", "--db", str(filled)).exit_code == 0
    assert run("list", "--db", str(tmp_path / "other.db")).exit_code == 1


def test_a_sessions_titles_are_shown_beside_completed_ids(filled: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sessiondb"],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "_SESSIONDB_COMPLETE": "zsh_complete",
            "COMP_WORDS": f"sessiondb --db {filled} show 11112222-p",
            "COMP_CWORD": "4",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.splitlines() == ["plain", "11112222-parser", "Recipe parser"]
