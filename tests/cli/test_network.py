"""No command speaks to anybody: Python's audit events tell of each connection, name looked up, and socket bound."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SAMPLES = Path(__file__).parents[1] / "data"

COMMANDS = (
    ("import", str(SAMPLES)),
    ("list",),
    ("search", "the"),
    ("show", "@last"),
    ("status",),
    ("stats",),
    ("usage",),
    ("brief",),
    ("note", "add", "decision", "A note"),
    ("export", "-o", "all.jsonl"),
    ("export", "-o", "pages", "--format", "html"),
    ("secrets", "scan"),
    ("doctor",),
    ("backup", "backup.db"),
    ("prune", "--days", "1", "--yes"),
    ("optimize",),
)
RUN = """
import sys
from click.testing import CliRunner
from sessiondb.cli.group import cli

spoken = []
sys.addaudithook(lambda event, details: spoken.append((event, details)) if event.startswith("socket.") else None)
for command in COMMANDS:
    result = CliRunner().invoke(cli, ["--db", "sessions.db", *command])
    print(command[0], result.exit_code, result.exception or "")
print("spoken", spoken)
"""


def test_no_command_opens_a_connection_or_looks_up_a_name(tmp_path: Path) -> None:
    code = RUN.replace("COMMANDS", repr(COMMANDS))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    *ran, spoken = done.stdout.splitlines()
    failed = {line.split()[0] for line in ran if line.split()[1] != "0"}
    # These end with another status where they find something.
    assert failed <= {"doctor", "secrets"}, ran
    assert len(ran) == len(COMMANDS)
    assert spoken == "spoken []"


def test_a_connection_would_be_noticed(tmp_path: Path) -> None:
    code = RUN.replace("COMMANDS", "()").replace(
        'print("spoken"', "import socket; socket.socket().close(); print('spoken'"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "socket.__new__" in done.stdout
