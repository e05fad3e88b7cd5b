"""The service: what is written for each system, what its program is called with, and what is left when that fails."""

from __future__ import annotations

import configparser
import plistlib
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from sessiondb.agents.install import service
from sessiondb.agents.install.service import LaunchAgent, ScheduledTask, Service, SystemdUnit
from sessiondb.errors import NotFound, ServiceFailed
from sessiondb.ingest import places

WORDS = ["/opt/my tools/sessiondb", "import", "auto", "--watch", "--db", '/data/50% "x"/$HOME.db']
VARIABLES = {"CODEX_HOME": "/home/mira/a b", "CLAUDE_CONFIG_DIR": "/x,/y%z"}
ROOT = Path(__file__).parents[3]

# A program of the system: it writes down what it is called with, keeps whether the service runs, and fails at a word.
FAKE = """#!{python}
import os, pathlib, sys
folder = pathlib.Path({folder!r})
with open(folder / "calls", "a") as calls:
    print(*sys.argv[1:], file=calls)
failing = folder / "fails_at"
if failing.exists() and failing.read_text() in sys.argv:
    sys.exit("Failed to connect to bus")
running = folder / "running"
words = set(sys.argv)
if words & {{"restart", "bootstrap", "/Run"}}:
    running.touch()
if words & {{"disable", "bootout", "/End"}}:
    running.unlink(missing_ok=True)
if words & {{"is-active", "print", "/Query"}}:
    if "/Query" in words:
        print('"sessiondb","N/A","Running"' if running.exists() else '"sessiondb","N/A","Ready"')
    elif "print" in words:
        print("gui/0/sessiondb.watch = {{\\n\\tstate = " + ("running" if running.exists() else "not running"))
    else:
        print("active" if running.exists() else "inactive")
        sys.exit(0 if running.exists() else 3)
"""


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the programs of all systems first on the path, give the user a home, and return their folder."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("systemctl", "launchctl", "schtasks"):
        (folder / name).write_text(FAKE.format(python=sys.executable, folder=str(folder)))
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    return folder


def calls(folder: Path) -> list[str]:
    """Return what the programs were called with since the last time."""
    file = folder / "calls"
    found = file.read_text().splitlines() if file.exists() else []
    file.unlink(missing_ok=True)
    return found


KINDS = {
    SystemdUnit: (
        ["--user daemon-reload", "--user enable sessiondb.service", "--user restart sessiondb.service"],
        ["--user disable --now sessiondb.service"],
        ["--user daemon-reload"],
    ),
    LaunchAgent: (["bootstrap gui/{uid} {path}"], ["bootout gui/{uid}/sessiondb.watch"], []),
    ScheduledTask: (
        ["/Create /TN sessiondb /XML {path} /F", "/Run /TN sessiondb"],
        ["/End /TN sessiondb", "/Delete /TN sessiondb /F"],
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_service_is_installed_told_of_and_removed(system: Path, kind: type[Service]) -> None:
    found = kind()
    values = {"uid": getattr(found, "_domain", "/").partition("/")[2], "path": found.path}
    starting, stopping, forgetting = ([call.format(**values) for call in of] for of in KINDS[kind])
    content = found.content(WORDS, VARIABLES)

    assert service.state(found) == (False, False, "not installed")
    assert service.install(found, content) is True
    assert (found.path.read_bytes(), calls(system)) == (content, starting)
    assert service.state(found)[:2] == (True, True)
    calls(system)
    assert service.install(found, content) is False
    assert calls(system) == stopping + starting
    (system / "running").unlink()
    assert service.state(found)[:2] == (True, False)
    calls(system)
    assert service.uninstall(found) is True
    assert (found.path.exists(), calls(system)) == (False, stopping + forgetting)
    assert service.uninstall(found) is False


@pytest.mark.parametrize(
    ("kind", "word"), [(SystemdUnit, "enable"), (LaunchAgent, "bootstrap"), (ScheduledTask, "/Create")]
)
@pytest.mark.parametrize("before", [None, b"an older one"])
def test_what_was_there_is_put_back_when_the_system_refuses(
    system: Path, kind: type[Service], word: str, before: bytes | None
) -> None:
    found = kind()
    if before:
        found.path.parent.mkdir(parents=True)
        found.path.write_bytes(before)
    (system / "fails_at").write_text(word)
    with pytest.raises(ServiceFailed, match=f"`{found.program} .*{word}.*` failed: Failed to connect to bus"):
        service.install(found, found.content(WORDS, VARIABLES))
    assert (found.path.read_bytes() if found.path.exists() else None) == before


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_system_without_the_program_is_told_what_to_do(
    system: Path, kind: type[Service], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    found = kind()
    with pytest.raises(NotFound, match=f"there is no {found.program} here.*sessiondb import auto --watch"):
        service.install(found, b"")
    assert not found.path.exists()


def test_a_unit_says_what_it_was_given() -> None:
    text = SystemdUnit().content(WORDS, VARIABLES).decode()
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    assert parser["Service"]["ExecStart"] == (
        '"/opt/my tools/sessiondb" "import" "auto" "--watch" "--db" "/data/50%% \\"x\\"/$$HOME.db"'
    )
    assert 'Environment="CODEX_HOME=/home/mira/a b"\nEnvironment="CLAUDE_CONFIG_DIR=/x,/y%%z"\n' in text
    assert parser["Install"]["WantedBy"] == "default.target"


def test_a_launchd_agent_says_what_it_was_given() -> None:
    found = plistlib.loads(LaunchAgent().content(WORDS, VARIABLES))
    assert (found["ProgramArguments"], found["EnvironmentVariables"]) == (WORDS, VARIABLES)
    assert (found["RunAtLoad"], found["KeepAlive"]) == (True, {"SuccessfulExit": False})


def test_a_task_of_windows_says_what_it_was_given() -> None:
    content = ScheduledTask().content(["C:\\a & b\\sessiondb.exe", *WORDS[1:]], VARIABLES)
    root = ElementTree.fromstring(content)
    at = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
    assert root.findtext(f".//{at}Command") == "C:\\a & b\\sessiondb.exe"
    assert root.findtext(f".//{at}Arguments") == 'import auto --watch --db "/data/50% \\"x\\"/$HOME.db"'
    assert "a &amp; b" in service.text_of(content)


def test_each_system_has_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {}
    for platform in ("linux", "darwin", "win32"):
        monkeypatch.setattr(sys, "platform", platform)
        found[platform] = type(service.here())
    assert found == {"linux": SystemdUnit, "darwin": LaunchAgent, "win32": ScheduledTask}


def test_the_service_is_told_what_moves_logs_and_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in places.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CODEX_HOME", "/c")
    monkeypatch.setenv("SESSIONDB_CONFIG", "/s.toml")
    monkeypatch.setenv("SESSIONDB_PATH", "/d.db")
    assert service.own_variables() == {"SESSIONDB_CONFIG": "/s.toml", "CODEX_HOME": "/c"}


def test_every_variable_that_moves_logs_is_among_them() -> None:
    text = (ROOT / "sessiondb" / "ingest" / "places.py").read_text(encoding="utf-8")
    used = re.findall(r'(?:_folder\(|environ\.get\()"([A-Z_]+)"', text)
    assert set(used) <= set(places.VARIABLES)
