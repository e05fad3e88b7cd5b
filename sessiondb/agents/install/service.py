"""What the system starts at login: `sessiondb import auto --watch`, by systemd, launchd or the Windows scheduler.

Each of these reads one file, which is written here, and is told of it by its own program. Where that fails, the file is
put back as it was.
"""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol
from xml.sax.saxutils import escape

from sessiondb.agents.install import files
from sessiondb.errors import NotFound, ServiceFailed
from sessiondb.ingest.places import VARIABLES
from sessiondb.settings.paths import user_data

ARGUMENTS = ("import", "auto", "--watch")
ABOUT = "Import the sessions of AI agents as they are written"

_SECONDS = 30.0


class Said(NamedTuple):
    """How a program of the system ended, and what it said."""

    code: int
    text: str


class State(NamedTuple):
    """What is known of the service: whether its file is there, and what the system says of it."""

    is_installed: bool
    is_running: bool
    says: str


class Service(Protocol):
    """A way to have a program started at login and kept running."""

    kind: str
    program: str
    path: Path

    def content(self, words: Sequence[str], variables: Mapping[str, str]) -> bytes:
        """Return the file that describes the service."""

    def starting(self) -> list[list[str]]:
        """Return the commands that make the system read the file and start the service, anew where it runs."""

    def stopping(self) -> list[list[str]]:
        """Return the commands that stop the service; each may fail where there is none."""

    def after_removal(self) -> list[list[str]]:
        """Return the commands that make the system forget the file."""

    def asking(self) -> list[str]:
        """Return the command that asks how the service is."""

    def understood(self, said: Said) -> tuple[bool, str]:
        """Return of what that said whether the service runs, and how it is, in words."""


# Three systems, one way: the file is written, and the commands of `starting` tell the system of it. So each class says
# what stands in the file, and which commands those are; nothing is run here.
class SystemdUnit:
    """A unit of systemd's instance for a user (systemd.service(5), systemd.syntax(7))."""

    kind = "systemd user unit"
    program = "systemctl"
    _NAME = "sessiondb.service"

    def __init__(self) -> None:
        config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
        self.path = config / "systemd" / "user" / self._NAME

    def content(self, words: Sequence[str], variables: Mapping[str, str]) -> bytes:
        """Return the unit."""
        lines = [
            "[Unit]",
            f"Description={ABOUT}",
            "",
            "[Service]",
            # A service sees nothing of the shell: what moves the database and the logs is written down.
            *(f"Environment={_systemd(f'{name}={value}')}" for name, value in variables.items()),
            f"ExecStart={' '.join(_systemd(word).replace('$', '$$') for word in words)}",
            # After an error a minute later, in the background; a clean end is meant, as by SIGTERM.
            "Restart=on-failure",
            "RestartSec=60",
            "Nice=10",
            "",
            "[Install]",
            "WantedBy=default.target",
        ]
        return ("\n".join(lines) + "\n").encode()

    def starting(self) -> list[list[str]]:
        """Return the commands that start the unit now and at each login."""
        return [
            self._call("daemon-reload"),
            self._call("enable", self._NAME),
            self._call("restart", self._NAME),
        ]

    def stopping(self) -> list[list[str]]:
        """Return the command that stops the unit for good."""
        return [self._call("disable", "--now", self._NAME)]

    def after_removal(self) -> list[list[str]]:
        """Return the command that reads all units again."""
        return [self._call("daemon-reload")]

    def asking(self) -> list[str]:
        """Return the question whether the unit is active."""
        return self._call("is-active", self._NAME)

    def understood(self, said: Said) -> tuple[bool, str]:
        """Return whether it is, and systemd's word for it."""
        return said.code == 0, said.text or "unknown"

    def _call(self, *arguments: str) -> list[str]:
        return [self.program, "--user", *arguments]


class LaunchAgent:
    """An agent of launchd for a user (launchd.plist(5), launchctl(1))."""

    kind = "launchd agent"
    program = "launchctl"
    _LABEL = "sessiondb.watch"

    def __init__(self) -> None:
        self.path = Path.home() / "Library" / "LaunchAgents" / f"{self._LABEL}.plist"
        self._domain = f"gui/{os.getuid() if hasattr(os, 'getuid') else 0}"

    def content(self, words: Sequence[str], variables: Mapping[str, str]) -> bytes:
        """Return the property list."""
        found: dict[str, object] = {
            "Label": self._LABEL,
            "ProgramArguments": list(words),
            "RunAtLoad": True,
            # As systemd's Restart=on-failure with RestartSec=60.
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": 60,
            "ProcessType": "Background",
        }
        if variables:
            found["EnvironmentVariables"] = dict(variables)
        return plistlib.dumps(found, sort_keys=False)

    def starting(self) -> list[list[str]]:
        """Return the command that loads the agent; one that is loaded already is stopped before."""
        return [[self.program, "bootstrap", self._domain, str(self.path)]]

    def stopping(self) -> list[list[str]]:
        """Return the command that unloads the agent."""
        return [[self.program, "bootout", f"{self._domain}/{self._LABEL}"]]

    def after_removal(self) -> list[list[str]]:
        """Return nothing: launchd has forgotten it."""
        return []

    def asking(self) -> list[str]:
        """Return the question how the agent is."""
        return [self.program, "print", f"{self._domain}/{self._LABEL}"]

    def understood(self, said: Said) -> tuple[bool, str]:
        """Return whether it runs, and launchd's word for it."""
        if said.code:
            return False, "not loaded"
        states = (line.partition("=")[2].strip() for line in said.text.splitlines() if "state =" in line)
        state = next(states, "unknown")
        return state == "running", state


class ScheduledTask:
    """A task of the Windows scheduler that begins at logon, from an XML file (Task Scheduler Schema, schtasks)."""

    kind = "scheduled task"
    program = "schtasks"
    _NAME = "sessiondb"

    def __init__(self) -> None:
        self.path = user_data() / "sessiondb" / "task.xml"

    def content(self, words: Sequence[str], variables: Mapping[str, str]) -> bytes:
        """Return the task. It has no variables of its own: they come from the user's."""
        command, arguments = escape(words[0]), escape(subprocess.list2cmdline(words[1:]))
        text = f"""<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Description>{ABOUT}</Description></RegistrationInfo>
  <Triggers><LogonTrigger><Enabled>true</Enabled></LogonTrigger></Triggers>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure><Interval>PT1M</Interval><Count>999</Count></RestartOnFailure>
    <Hidden>true</Hidden>
  </Settings>
  <Actions><Exec><Command>{command}</Command><Arguments>{arguments}</Arguments></Exec></Actions>
</Task>
"""
        return text.replace("\n", "\r\n").encode("utf-16")

    def starting(self) -> list[list[str]]:
        """Return the commands that make the task anew and run it."""
        create = [self.program, "/Create", "/TN", self._NAME, "/XML", str(self.path), "/F"]
        return [create, [self.program, "/Run", "/TN", self._NAME]]

    def stopping(self) -> list[list[str]]:
        """Return the commands that end the task and delete it."""
        return [[self.program, "/End", "/TN", self._NAME], [self.program, "/Delete", "/TN", self._NAME, "/F"]]

    def after_removal(self) -> list[list[str]]:
        """Return nothing: the task is deleted."""
        return []

    def asking(self) -> list[str]:
        """Return the question how the task is."""
        return [self.program, "/Query", "/TN", self._NAME, "/FO", "CSV", "/NH"]

    def understood(self, said: Said) -> tuple[bool, str]:
        """Return whether it runs, and the scheduler's word for it, which is in the language of the system."""
        if said.code:
            return False, "not registered"
        # The state is a word in the system's language: only in English is a task known to be running.
        state = said.text.strip().rpartition(",")[2].strip('"') or "unknown"
        return state == "Running", state


def here() -> Service:
    """Return the way of this system. Raises NotFound where it has none that is known."""
    if sys.platform == "win32":
        return ScheduledTask()
    return LaunchAgent() if sys.platform == "darwin" else SystemdUnit()


def text_of(content: bytes) -> str:
    """Return the text of a file that describes a service."""
    return content.decode("utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8")


def own_variables() -> dict[str, str]:
    """Return the variables of this process that the service is told: it does not see those of a shell."""
    return {name: os.environ[name] for name in ("SESSIONDB_CONFIG", *VARIABLES) if os.environ.get(name)}


def check(service: Service) -> None:
    """Raise NotFound where the system lacks the program that the service is handed to."""
    if shutil.which(service.program) is None:
        raise NotFound(
            f"there is no {service.program} here, which starts services: let what you have instead start"
            f" `sessiondb {' '.join(ARGUMENTS)}`, or run `sessiondb import auto` now and then, as by cron"
        )


def install(service: Service, content: bytes) -> bool:
    """Write the file and start the service; False where it was like that already, and is only started anew.

    Raises ServiceFailed where the system refuses it; the file is then as it was.
    """
    check(service)
    before = files.read(service.path)
    # It may run with the old file: stopped first, so that what starts is the new one.
    if before is not None:
        _run_all(service.stopping(), must=False)
    if before != content:
        files.replace(service.path, content, expected=before)
    try:
        _run_all(service.starting())
    except ServiceFailed:
        if before != content:
            # What the system has refused must not be tried at each login.
            files.replace(service.path, before, expected=content)
        raise
    return before != content


def uninstall(service: Service) -> bool:
    """Stop the service and remove its file; False where there is none. Raises ServiceFailed."""
    check(service)
    before = files.read(service.path)
    if before is None:
        return False
    _run_all(service.stopping(), must=False)
    files.replace(service.path, None, expected=before)
    _run_all(service.after_removal(), must=False)
    return True


def state(service: Service) -> State:
    """Return how the service is. Raises NotFound where the system cannot say."""
    is_installed = files.read(service.path) is not None
    if not is_installed:
        return State(False, False, "not installed")
    check(service)
    return State(True, *service.understood(_run(service.asking())))


def _run_all(commands: Sequence[Sequence[str]], *, must: bool = True) -> None:
    for command in commands:
        said = _run(command)
        if said.code and must:
            reason = said.text or f"it ended with {said.code}"
            raise ServiceFailed(f"`{' '.join(command)}` failed: {reason}; what was written was removed again")


def _run(command: Sequence[str]) -> Said:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Said(1, str(error))
    return Said(done.returncode, (done.stdout.strip() or done.stderr.strip()))


def _systemd(word: str) -> str:
    """Return a word as a unit has it: quoted, and without what systemd would replace."""
    safe = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("\n", "\\n")
    return f'"{safe}"'
