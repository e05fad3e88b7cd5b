"""sessiondb web: hands the file to Datasette, or says that there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from sessiondb.cli import web

Run = Callable[..., Result]


def test_datasette_gets_the_file_settings_and_further_options(filled: Path, tmp_path: Path) -> None:
    package = tmp_path / "site" / "datasette"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("import sys; print(sys.argv[1:])")

    done = subprocess.run(
        [sys.executable, "-m", "sessiondb", "web", "--db", str(filled), "--port", "8002", "-o"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path / "site"), *sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )

    settings = [word for name, value in web._SETTINGS.items() for word in ("--setting", name, value)]
    assert done.stdout == f"{['serve', str(filled), *settings, '--port', '8002', '-o']}\n"
    assert (done.stderr, done.returncode) == (f"serving {filled} with Datasette; press Ctrl-C to stop\n", 0)


def test_datasette_knows_the_settings(datasette_settings: Mapping[str, Any]) -> None:
    assert set(web._SETTINGS) <= set(datasette_settings)


def test_without_datasette_the_error_says_what_to_do(
    filled: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "")

    result = run("web")

    assert (result.stdout, result.exit_code) == ("", 1)
    assert result.stderr.startswith("Error: Datasette is not installed: ")


def test_without_a_database_nothing_is_opened(run: Run) -> None:
    assert run("web").exit_code == 1
