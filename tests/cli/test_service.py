"""sessiondb service: what is printed and how it ends."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import Result

from sessiondb.agents.install import command
from sessiondb.agents.install.command import Command
from tests.agents.install.test_service import calls, system

__all__ = ["system"]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the way of Linux")

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the program be where it is found from anywhere."""
    monkeypatch.setattr(
        command, "for_database", lambda path: Command(("/usr/bin/sessiondb",), str(path.absolute()))
    )


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    return tmp_path / "xdg_config_home" / "systemd" / "user" / "sessiondb.service"


def test_it_is_installed_asked_and_removed(run: Run, path: Path, system: Path, unit: Path) -> None:
    done = run("service", "status")
    assert (done.exit_code, done.stdout.splitlines()[0]) == (1, "systemd user unit: not installed")
    assert done.stderr == "`sessiondb service install` sets it up\n"

    done = run("service", "install")
    assert done.stdout == f"wrote {unit}\nthe systemd user unit was started, and will be at every login\n"
    assert f'"import" "auto" "--watch" "--db" "{path}"' in unit.read_text()

    done = run("service", "status")
    assert (done.exit_code, done.stdout) == (
        0, f"systemd user unit: active\nfile: {unit}\nlast import with changes: none yet\n"
    )  # fmt: skip
    assert run("service", "uninstall").stdout == f"removed {unit}\n"
    assert run("service", "uninstall").stdout == "the service is not installed\n"


def test_a_dry_run_prints_and_does_nothing(run: Run, system: Path, unit: Path) -> None:
    done = run("service", "install", "--dry-run")
    lines = done.stdout.splitlines()
    assert lines[:3] == [f"write {unit}:", "", "[Unit]"]
    assert lines[-1] == "run systemctl --user restart sessiondb.service"
    assert "remove" in run("service", "uninstall", "--dry-run").stdout
    assert (unit.exists(), calls(system)) == (False, [])


def test_status_as_json_says_when_something_was_imported(
    run: Run, path: Path, system: Path, unit: Path, samples: Path
) -> None:
    run("import", str(samples))
    with closing(sqlite3.connect(path)) as plain:
        last = plain.execute("SELECT max(imported_at) FROM imports").fetchone()[0]
    run("service", "install")
    assert json.loads(run("service", "status", "--json").stdout) == {
        "kind": "systemd user unit",
        "path": str(unit),
        "is_installed": True,
        "is_running": True,
        "says": "active",
        "last_import_at": last,
    }


def test_without_systemd_it_says_what_to_do(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = run("service", "install")
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: there is no systemctl here, which starts services: ")
