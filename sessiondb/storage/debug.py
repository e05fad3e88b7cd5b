"""SESSIONDB_DEBUG: a comma-separated list of what a process writes to stderr about its databases.

`sql` is every statement with its values, `lock` every wait for another writer and the try after it. Both
quote what is stored: mind where the output goes.
"""

from __future__ import annotations

import os
import sqlite3
import sys

TOPICS = ("sql", "lock")

MAX_LENGTH = 500
"""Characters of a statement that are written: its values may be whole messages."""


def is_on(topic: str) -> bool:
    """Say whether one of TOPICS is asked for."""
    return topic in os.environ.get("SESSIONDB_DEBUG", "").replace(" ", "").split(",")


def trace(connection: sqlite3.Connection) -> None:
    """Let a connection write its statements, where `sql` is asked for."""
    if is_on("sql"):
        connection.set_trace_callback(lambda statement: write("sql", statement))


def write(topic: str, text: str) -> None:
    """Write a line: the process, the topic, and the text with nothing in it that could drive a terminal."""
    line = " ".join(text.split())
    if len(line) > MAX_LENGTH:
        line = f"{line[:MAX_LENGTH]}… ({len(line) - MAX_LENGTH:,} more characters)"
    line = line if line.isprintable() else repr(line)[1:-1]
    print(f"sessiondb[{os.getpid()}] {topic}: {line}", file=sys.stderr, flush=True)
