"""sessiondb path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sessiondb.cli.group import cli

Run = Callable[..., Result]


def test_path_is_printed_and_nothing_made(path: Path, run: Run) -> None:
    assert (run("path").stdout, path.exists()) == (f"{path}\n", False)


def test_option_beats_variable_beats_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def printed(*arguments: str) -> str:
        return CliRunner().invoke(cli, arguments).stdout

    monkeypatch.delenv("SESSIONDB_PATH")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    monkeypatch.setattr("sys.platform", "linux")
    by_default = printed("path")
    monkeypatch.setenv("SESSIONDB_PATH", "/named/by/variable.db")

    assert by_default == "/data/sessiondb/sessions.db\n"
    assert printed("path") == "/named/by/variable.db\n"
    assert printed("--db", "/before.db", "path") == "/before.db\n"
    assert printed("path", "--db", "/after.db") == "/after.db\n"
    assert printed("--db", "/before.db", "path", "--db", "/after.db") == "/after.db\n"
