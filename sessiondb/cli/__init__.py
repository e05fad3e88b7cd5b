"""The command line: one command a file, imported when it is called."""

from __future__ import annotations

import gc
import sys
from types import TracebackType


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
    sys.excepthook = show_traceback
    try:
        from sessiondb.cli.group import cli

        cli(prog_name="sessiondb")
    finally:
        gc.freeze()


def show_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print an error that nobody foresaw; what it quotes of a log does not drive the terminal."""
    import traceback

    from sessiondb.cli.text import visible

    print(visible("".join(traceback.format_exception(kind, error, trace))), file=sys.stderr, end="")
