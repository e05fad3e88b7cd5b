"""Run operations in forks of a process that has imported all of them: to start Python for each would take most of the
time. `python -m tests.safety.forking` is that process; `Forker` talks to it.

    test                          forker                          its child
    name, folder          ->      fork                    ->      waits
    its pid               <-
    strace attaches to it
    "go"                  ->                              ->      runs the operation under strace
    its status            <-      waits for it            <-      ends, or is killed
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import pkgutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
TIMEOUT = 600.0

_UNUSED = ("cli", "web", "loop", "adapters", "install", "schema", "__main__")


class Ended(NamedTuple):
    """How an operation ended: its status (negative for a signal), what it acknowledged, and what it complained."""

    status: int
    acknowledged: list[str]
    errors: str


class Forker:
    """A process with everything imported; it runs one operation at a time, and ends with this one."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.safety.forking"],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": "0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(self._process.communicate)

    def run(self, name: str, folder: Path, *options: str) -> Ended:
        """Run an operation under strace with some options."""
        said, complained = Path(f"{folder}.out"), Path(f"{folder}.err")
        pid = self._ask(f"{name}\t{folder}\t{said}\t{complained}")
        tracer = subprocess.Popen(
            ["strace", "-f", "-p", str(pid), *options], stderr=subprocess.PIPE, text=True
        )
        assert tracer.stderr is not None
        try:
            told = tracer.stderr.readline()
            assert "attached" in told, told + tracer.stderr.read()
            late = threading.Timer(TIMEOUT, os.kill, (pid, 9))
            late.start()
            status = self._ask("go")
            late.cancel()
            tracer.stderr.read()
        finally:
            tracer.stderr.close()
            tracer.wait(TIMEOUT)
        ended = Ended(status, said.read_text().splitlines(), complained.read_text())
        said.unlink()
        complained.unlink()
        return ended

    def _ask(self, line: str) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def import_all() -> None:
    """Import what operations may need, so that no fork has to."""
    import sessiondb

    for module in pkgutil.walk_packages(sessiondb.__path__, "sessiondb."):
        if module.name.split(".")[1] not in _UNUSED:
            importlib.import_module(module.name)


def serve() -> None:
    """Fork for each operation that is asked for on standard input, one after the other."""
    from tests.safety import operations

    for line in iter(sys.stdin.readline, ""):
        name, folder, said, complained = line.rstrip("\n").split("\t")
        waiting, start = os.pipe()
        outputs = [os.open(file, os.O_CREAT | os.O_WRONLY, 0o600) for file in (said, complained)]
        pid = os.fork()
        if pid == 0:
            for number, output in enumerate(outputs, start=1):
                os.dup2(output, number)
            os.close(start)
            os.read(waiting, 1)
            os._exit(operations.ended(name, folder))
        _say(pid)
        sys.stdin.readline()
        os.write(start, b"!")
        for file in (waiting, start, *outputs):
            os.close(file)
        _say(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def _say(number: int) -> None:
    os.write(1, f"{number}\n".encode())


if __name__ == "__main__":
    if "SESSIONDB_MUTANT" in os.environ:
        import tests.helpers.mutants  # noqa: F401 - it switches a mechanism off
    import_all()
    # What lives on in all children is not to be copied into each by the collector.
    gc.freeze()
    serve()
