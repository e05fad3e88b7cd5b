"""The words that start this program from wherever an agent runs, and how they are known again in its settings."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sessiondb.errors import InvalidInput

NAME = "sessiondb"

_OWN = re.compile(r"(?:.*[\\/])?sessiondb(?:\.exe|\.cmd)?", re.IGNORECASE)


class Command(NamedTuple):
    """How to start the program: its words, and the database where that is not the default one."""

    program: tuple[str, ...]
    database: str | None = None

    @property
    def is_cached(self) -> bool:
        """Say whether the program lies in a folder that is emptied now and then, as that of `uvx` does."""
        return any(part.lower() in ("cache", ".cache", "caches") for part in Path(self.program[0]).parts)

    def words(self, *arguments: str) -> list[str]:
        """Return the words of a call; a database that is not the default one is named at their end."""
        return [*self.program, *arguments, *(("--db", self.database) if self.database else ())]

    def line(self, *arguments: str) -> str:
        """Return a call as a shell takes it."""
        return quoted(self.words(*arguments))

    def beginning(self) -> str:
        """Return what stands before the name of a command that a person or an agent adds."""
        return quoted([*self.program, *(("--db", self.database) if self.database else ())])


def quoted(words: Sequence[str]) -> str:
    """Return words as the platform's shell takes them."""
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def split(line: str) -> list[str]:
    """Return the words of a line as the platform's shell reads it, none where it cannot be read."""
    try:
        if sys.platform == "win32":
            return [word.strip('"') for word in shlex.split(line, posix=False)]
        return shlex.split(line)
    except ValueError:
        return []


def is_call(words: Sequence[str], *verb: str) -> bool:
    """Say whether words start this program with a command: its name, and what comes after it."""
    programs = [place for place, word in enumerate(words) if _OWN.fullmatch(word)]
    rest = list(words[programs[0] + 1 :]) if programs else []
    if rest[:1] == ["--db"]:
        del rest[:2]
    return bool(programs) and tuple(rest[: len(verb)]) == verb


def named_database(words: Sequence[str]) -> str | None:
    """Return the database that words name."""
    for place, word in enumerate(words):
        if word == "--db" and place + 1 < len(words):
            return words[place + 1]
        if word.startswith("--db="):
            return word.partition("=")[2]
    return None


def this_program() -> tuple[str, ...]:
    """Return the words that start this program by absolute paths: its script, or Python and the package."""
    called = Path(sys.argv[0])
    beside = Path(sys.executable).with_name(f"{NAME}.exe" if sys.platform == "win32" else NAME)
    for script in (called, beside):
        if _OWN.fullmatch(script.name) and script.is_file() and os.access(script, os.X_OK):
            return (os.path.abspath(script),)
    return sys.executable, "-m", NAME


def for_database(path: Path, program: Sequence[str] | None = None) -> Command:
    """Return the command for a database, tried from another folder and without the variables of this shell.

    An agent may hand on as little as HOME and PATH: a database that is found by a variable is named. Raises
    InvalidInput where the program does not start like that.
    """
    words = tuple(program or this_program())
    default = default_database(words)
    if default is None:
        raise InvalidInput(
            f"{quoted(words)} does not run from another folder: install sessiondb with pipx or pip, and run that one"
        )
    database = str(path.expanduser().absolute())
    return Command(words, None if default == database else database)


def default_database(program: Sequence[str]) -> str | None:
    """Return the database that a program uses where nothing is named, None where it does not start."""
    ours = ("SESSIONDB_", "XDG_", "PYTHON")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    try:
        done = subprocess.run(
            [*program, "path"],
            cwd=os.path.abspath(os.sep),
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.rstrip("\r\n") if done.returncode == 0 else None
