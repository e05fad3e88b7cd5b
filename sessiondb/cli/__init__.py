"""The command line: one command a file, imported when it is called."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Run the command line of this process."""
    # What start-up makes lives to the end. Looking for garbage in it, again and again and once more at exit,
    # takes a seventh of the time of `list`. Commands that write, and may run long, switch the collector on.
    gc.disable()
    for stream in (sys.stdout, sys.stderr):
        # A terminal or file of a narrow encoding gets what it cannot hold as escapes, not a traceback.
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    try:
        from sessiondb.cli.group import cli

        cli(prog_name="sessiondb")
    finally:
        gc.freeze()
