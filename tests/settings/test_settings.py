"""Settings: where a value comes from, and what each kind of setting takes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sessiondb.errors import InvalidInput
from sessiondb.settings import file, found, get, table
from sessiondb.settings.database import default_database
from sessiondb.settings.kinds import Setting
from sessiondb.settings.paths import settings_file
from sessiondb.settings.table import (
    COLOR,
    HOOK_ENABLED,
    HOOK_SECONDS,
    HOOK_TOKENS,
    IGNORED_FOLDERS,
    SETTINGS,
    TIME_ZONE,
)
from sessiondb.settings.time_zone import named_zone, use_time_zone

ROOT = Path(__file__).parents[2]


def test_without_a_file_everything_is_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TZ", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "CLICOLOR", "SESSIONDB_PATH"):
        monkeypatch.delenv(name, raising=False)
    assert [found(setting) for setting in SETTINGS] == [(setting.default, "default") for setting in SETTINGS]


def test_the_environment_goes_before_the_file_and_the_file_before_the_default(
    configure: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure("")
    assert found(HOOK_TOKENS) == (500, "default")
    configure("[hook]\ntokens = 200")
    assert found(HOOK_TOKENS) == (200, "file")
    monkeypatch.setenv("SESSIONDB_HOOK_TOKENS", "90")
    assert found(HOOK_TOKENS) == (90, "$SESSIONDB_HOOK_TOKENS")
    monkeypatch.setenv("SESSIONDB_HOOK_TOKENS", "")
    assert found(HOOK_TOKENS) == (200, "file")


def test_the_database_of_the_file_may_be_relative_to_it(
    configure: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SESSIONDB_PATH")
    configure('database = "mine.db"')
    assert default_database() == tmp_path / "mine.db"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    configure('database = "~/mine.db"')
    assert default_database() == tmp_path / "home" / "mine.db"
    monkeypatch.setenv("SESSIONDB_PATH", "~/other.db")
    assert default_database() == tmp_path / "home" / "other.db"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ("always", "file")),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, ("never", "$NO_COLOR")),
        ({"FORCE_COLOR": "1"}, ("always", "$FORCE_COLOR")),
        ({"CLICOLOR_FORCE": "0", "CLICOLOR": "0"}, ("never", "$CLICOLOR")),
    ],
)
def test_the_variables_of_colours_go_before_the_file(
    configure: Any, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: tuple[str, str]
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "CLICOLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    configure('color = "always"')
    assert found(COLOR) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("limit = 3", "line 1: there is no setting limit; did you mean limits.list?"),
        ("\n[hook]\n\ntoken = 3", "line 4: there is no setting hook.token; did you mean hook.tokens?"),
        ("hook.token = 3", "line 1: there is no setting hook.token; did you mean hook.tokens?"),
        ("[hok] # mine\ntokens = 3", "line 1: there is no setting hok"),
        ("tokens = 3", "line 1: there is no setting tokens; did you mean hook.tokens?"),
        ("\nfrobnicate = 3", "line 2: there is no setting frobnicate; `sessiondb config show` lists them"),
        ("[hook]\n'tokens' = 'x'", 'line 2: hook.tokens must be a whole number, 0 or more, not "x"'),
        ("[hook]\ntokens = true", "line 2: hook.tokens must be a whole number, 0 or more, not true"),
        ("[hook]\ntokens = -1", "line 2: hook.tokens must be a whole number, 0 or more, not -1"),
        ("[hook]\nenabled = 'off'", 'line 2: hook.enabled must be true or false, not "off"'),
        ("[hook]\nlock_seconds = 1e9", "line 2: hook.lock_seconds must be seconds from 0 to 3600"),
        ("[hook]\nlock_seconds = nan", "line 2: hook.lock_seconds must be seconds from 0 to 3600"),
        ("color = 'red'", 'line 1: color must be auto, always or never, not "red"'),
        ("color = 2026-01-01", 'line 1: color must be auto, always or never, not "2026-01-01"'),
        ("database = ''", 'line 1: database must be a path, as text, not ""'),
        ("prices = ['a']", 'line 1: prices must be a path, as text, not ["a"]'),
        ("time_zone = 'Mars/Olympus'", 'line 1: time_zone must be a time zone such as Europe/Berlin'),
        ("limits = 3", "line 1: there is no setting limits"),
        ("a = = 3", "(at line 1, column 5)"),
        ("color = 'auto'\ncolor = 'never'", "(at "),
    ],
)  # fmt: skip
def test_a_file_that_makes_no_sense_is_refused_with_its_line(configure: Any, text: str, reason: str) -> None:
    path = configure(text)
    with pytest.raises(InvalidInput) as error:
        get(HOOK_TOKENS)
    assert f"cannot use the settings in {path}" in str(error.value)
    assert reason in str(error.value)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.mkdir(), "cannot read the settings in .*: Is a directory"),
        (lambda path: path.write_bytes(b"\xff"), "cannot read the settings in .*: it is not UTF-8 text"),
        (lambda path: None, r"\$SESSIONDB_CONFIG names .*, which is not there"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Any, reason: str
) -> None:
    path = tmp_path / "own.toml"
    monkeypatch.setenv("SESSIONDB_CONFIG", str(path))
    make(path)
    with pytest.raises(InvalidInput, match=reason):
        get(HOOK_TOKENS)


@pytest.mark.parametrize(
    ("variable", "value", "setting", "reason"),
    [
        ("SESSIONDB_HOOK", "perhaps", HOOK_ENABLED, "must be true or false"),
        ("SESSIONDB_HOOK_TOKENS", "many", HOOK_TOKENS, "must be a whole number, 0 or more, not"),
    ],
)
def test_a_variable_that_makes_no_sense_is_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, setting: Any, reason: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidInput, match=f"\\${variable} {reason}"):
        get(setting)


@pytest.mark.parametrize(
    ("word", "is_on"), [("off", False), ("0", False), ("No", False), ("1", True), ("on", True)]
)
def test_hooks_can_be_turned_off_by_a_word(monkeypatch: pytest.MonkeyPatch, word: str, is_on: bool) -> None:
    monkeypatch.setenv("SESSIONDB_HOOK", word)
    assert get(HOOK_ENABLED) is is_on


def test_the_template_sets_nothing_and_names_everything(configure: Any) -> None:
    path = configure(file.template())
    assert file.stored() == {}
    bare = [line.removeprefix("# ") if " = " in line else line for line in path.read_text().splitlines()]
    configure("\n".join(line for line in bare if "~/path" not in line))
    assert file.stored() == {
        setting.key: setting.default for setting in SETTINGS if setting.default is not None
    } | {TIME_ZONE.key: TIME_ZONE.example}


def test_the_file_lies_in_the_place_for_configuration(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert settings_file() == tmp_path / "sessiondb" / "config.toml"


def test_every_setting_is_explained() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    names = [setting.key for setting in SETTINGS] + [
        setting.variable for setting in SETTINGS if setting.variable
    ]
    assert [name for name in names if f"`{name}`" not in page] == []
    assert {value for value in vars(table).values() if isinstance(value, Setting)} == set(SETTINGS)


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Asia/Tokyo", "2026-03-01 09:00"),
        ("+05:30", "2026-03-01 05:30"),
        ("-03:00", "2026-02-28 21:00"),
        ("utc", "2026-03-01 00:00"),
    ],
)
def test_the_time_zone_of_the_file_holds_for_python_and_sqlite(
    configure: Any, zone: str, expected: str
) -> None:
    configure(f'time_zone = "{zone}"')
    program = (
        "import sqlite3; from sessiondb import timestamps; from sessiondb.settings.time_zone import use_time_zone;"
        "use_time_zone(); print(timestamps.local_text('2026-03-01T00:00:00.000Z'));"
        "print(*sqlite3.connect(':memory:').execute(\"SELECT datetime('2026-03-01 00:00', 'localtime')\").fetchone())"
    )
    environment = {name: value for name, value in os.environ.items() if name != "TZ"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [expected, f"{expected}:00"]


def test_where_the_system_has_no_zone_of_a_process_commands_ask_for_it(
    configure: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TZ", raising=False)
    configure('time_zone = "Asia/Tokyo"')
    assert named_zone() is None
    monkeypatch.delattr(time, "tzset")
    use_time_zone()
    assert (named_zone(), os.environ.get("TZ")) == ("Asia/Tokyo", None)


def test_folders_of_the_file_may_be_relative_to_it(
    configure: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    configure('[import]\nignore_folders = ["~/a", "b/../c", "/d"]')
    assert get(IGNORED_FOLDERS) == (f"{tmp_path}/home/a", f"{tmp_path}/c", "/d")


def test_seconds_may_be_whole(configure: Any) -> None:
    configure("hook.lock_seconds = 1")
    assert get(HOOK_SECONDS) == 1.0
