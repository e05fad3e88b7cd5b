"""What is typed and shown in a locale that knows nothing but ASCII."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sessiondb import SessionDB

SESSION = "5e1f0000-0000-4000-8000-000000000001"
TITLE = "Größe der Öfen 窯"

pytestmark = pytest.mark.skipif(
    os.name == "nt", reason="Windows has arguments in Unicode, whatever its locale"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with SessionDB(tmp_path / "sessions.db") as db:
        db.sessions.start("quill", id=SESSION, title="Kilns", project="/srv/kälte")
    return tmp_path / "sessions.db"


def run(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    ascii_alone = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    return subprocess.run(
        [sys.executable, "-m", "sessiondb", "--db", os.fspath(path), *arguments],
        env={**os.environ, **ascii_alone},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_arguments_are_kept_as_they_were_typed(path: Path) -> None:
    assert run(path, "title", SESSION, TITLE).returncode == 0
    assert run(path, "tag", SESSION, "grün").returncode == 0

    with SessionDB(path) as db:
        assert db.sessions.get(SESSION).title == TITLE
        assert db.sessions.tags(SESSION) == ["grün"]
    listed = json.loads(run(path, "list", "--project", "/srv/kälte", "--json").stdout)
    assert [row["id"] for row in listed] == [SESSION]


def test_a_path_is_the_file_of_that_name(path: Path, tmp_path: Path) -> None:
    done = run(path, "export", SESSION, "-o", str(tmp_path / "öfen.jsonl"))

    assert (done.returncode, (tmp_path / "öfen.jsonl").is_file()) == (0, True)


def test_what_is_not_ascii_is_shown(path: Path) -> None:
    with SessionDB(path) as db:
        db.sessions.set_title(SESSION, TITLE)

    done = run(path, "list")

    assert (done.returncode, TITLE in done.stdout, done.stderr) == (0, True, "")
