"""sessiondb config: what is set, where it comes from, and the file."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sessiondb.cli.group import cli
from sessiondb.settings import file
from sessiondb.settings.table import SETTINGS

Run = Callable[..., Result]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the file of settings is to be."""
    place = tmp_path / "settings" / "config.toml"
    monkeypatch.setenv("SESSIONDB_CONFIG", str(place))
    file.forget()
    return place


def put(place: Path, text: str) -> None:
    place.parent.mkdir(exist_ok=True)
    place.write_text(text, encoding="utf-8")
    file.forget()


def test_show_says_where_each_value_comes_from(
    run: Run, path: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(config, "[limits]\nlist = 3\n[hook]\ntokens = 90")
    monkeypatch.setenv("SESSIONDB_HOOK_TOKENS", "70")
    rows = {row["setting"]: row for row in json.loads(run("config", "show", "--json").stdout)}
    assert list(rows) == [setting.key for setting in SETTINGS]
    told = {name: (row["value"], row["source"]) for name, row in rows.items()}
    assert told["database"] == (str(path), "option")
    assert told["limits.list"] == (3, "file")
    assert told["hook.tokens"] == (70, "$SESSIONDB_HOOK_TOKENS")
    assert told["hook.enabled"] == (True, "default")
    done = run("config", "show")
    assert ["limits.list", "3", "file"] in [row.split()[:3] for row in done.stdout.splitlines()]
    assert done.stderr == f"file: {config}\n"


def test_edit_makes_the_file_and_checks_what_was_written(
    run: Run, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def editing(line: str) -> Result:
        editor = tmp_path / "editor.py"
        editor.write_text(f"import sys; open(sys.argv[1], 'a').write({line!r})")
        monkeypatch.setenv("VISUAL", shlex.join([sys.executable, str(editor)]))
        return run("config", "edit")

    assert editing("").stdout == f"{config}: nothing set\n"
    assert config.read_text() == file.template()
    assert editing("tokens = 9\n").stdout == f"{config}: 1 setting set\n"
    done = editing("tokens = 10\n")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "cannot use the settings" in done.stderr
    assert editing("").exit_code == 1, "it opens all the same"


def test_path_needs_no_file(run: Run, config: Path) -> None:
    assert called("config", "path").stdout == f"{config}\n"
    assert not config.parent.exists()


def test_limits_of_the_file_give_way_to_the_option(run: Run, filled: Path, config: Path) -> None:
    put(config, "[limits]\nlist = 1\nsearch = 0")
    assert len(json.loads(run("list", "--json").stdout)) == 1
    assert len(json.loads(run("list", "--json", "-n", "2").stdout)) == 2
    assert run("search", "ferry", "--json").exit_code == 0


def test_colours_of_the_file_hold_in_a_pipe(run: Run, filled: Path, config: Path) -> None:
    put(config, 'color = "always"')
    assert "\x1b[" in run("list").stdout
    assert "\x1b[" not in run("list", "--color", "never").stdout


@pytest.mark.parametrize("command", [("list",), ("path",), ("usage", "statusline"), ("config", "show")])
def test_a_wrong_file_is_an_error_of_one_line(config: Path, command: tuple[str, ...]) -> None:
    put(config, "\nlimitt = 3")
    done = called(*command)
    assert (done.returncode, done.stdout) == (1, "")
    expected = f"cannot use the settings in {config}, line 2: there is no setting limitt; did you mean"
    assert done.stderr.startswith(f"Error: {expected}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", [("--version",), ("help",), ("config", "path"), ("completions", "bash")])
def test_what_needs_no_setting_works_with_a_wrong_file(config: Path, command: tuple[str, ...]) -> None:
    put(config, "limitt = 3")
    assert called(*command).returncode == 0


def test_a_hook_does_nothing_with_a_wrong_file(config: Path, tmp_path: Path) -> None:
    put(config, f'database = "{tmp_path}/made.db"\nlimitt = 3')
    call = json.dumps({"hook_event_name": "SessionStart", "session_id": "s1", "cwd": str(tmp_path)})
    done = called("hook", "claude-code", given=call)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (tmp_path / "made.db").exists()


def test_a_hook_uses_the_database_of_the_file(config: Path, tmp_path: Path) -> None:
    put(config, 'database = "made.db"')
    call = json.dumps({"hook_event_name": "SessionStart", "session_id": "s1", "cwd": str(tmp_path)})
    assert called("hook", "claude-code", given=call).returncode == 0
    assert (config.parent / "made.db").exists()


def test_the_reader_of_toml_is_loaded_only_where_there_is_a_file(config: Path, filled: Path) -> None:
    program = (
        "import sys; from sessiondb.cli import main; sys.argv[0] = 'sessiondb'\n"
        "try: main()\nfinally: print(bool({'tomllib', 'tomli'} & set(sys.modules)))"
    )
    environment = {**os.environ, "SESSIONDB_PATH": str(filled)}
    command = [sys.executable, "-c", program, "list", "--json", "-n1"]
    put(config, "")
    with_file = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    del environment["SESSIONDB_CONFIG"]
    without = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert (with_file.stdout.split()[-1], without.stdout.split()[-1]) == ("True", "False")


def called(*arguments: str, given: str = "{}") -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, with no database named but by the file."""
    environment = {name: value for name, value in os.environ.items() if name not in ("SESSIONDB_PATH", "TZ")}
    return subprocess.run(
        [sys.executable, "-m", "sessiondb", *arguments],
        cwd=ROOT,
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )


def test_asking_for_help_reads_no_file(config: Path) -> None:
    put(config, "limitt = 3")
    assert CliRunner().invoke(cli, ["--help"]).exit_code == 0
