"""The command line: one command a file, imported when it is called; a few answer before click is imported."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence
from types import TracebackType

from sessiondb.errors import SessionDBError


def main() -> None:
    """Run the command line of this process."""
    # What start-up makes lives to the end. Looking for garbage in it, again and again and once more at exit,
    # takes a seventh of the time of `list`. Commands that write, and may run long, switch the collector on.
    gc.disable()
    _begin_anew_in_utf8()
    _replace_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        # A terminal or file of a narrow encoding gets what it cannot hold as escapes, not a traceback.
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    sys.excepthook = show_traceback
    try:
        if not answered(sys.argv[1:]):
            from sessiondb.cli.group import cli

            cli(prog_name="sessiondb")
    finally:
        gc.freeze()


def _begin_anew_in_utf8() -> None:
    """Start this process anew in Python's UTF-8 mode if it has arguments that the locale has no characters for.

    They are UTF-8, as terminals and scripts write it in any locale. Python holds their bytes as lone surrogates,
    which would be stored as U+FFFD.
    """
    if sys.getfilesystemencoding() == "utf-8" or not sys.executable:
        return
    if any("\udc80" <= character <= "\udcff" for argument in sys.argv for character in argument):
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


def _replace_closed_streams() -> None:
    """Put the null device where the caller has closed a stream: the next file opened would get its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def answered(arguments: Sequence[str]) -> bool:
    """Say whether the command is one of AT_ONCE that takes these arguments: then it has answered."""
    command = AT_ONCE.get(arguments[0]) if arguments else None
    try:
        return command is not None and command(arguments[1:])
    except (OSError, SessionDBError):
        # Nothing can be written, or the settings cannot be used. Click meets that again, and says it.
        return False


def _version(arguments: Sequence[str]) -> bool:
    from sessiondb import __version__

    return not arguments and _printed(f"sessiondb {__version__}")


def _path(arguments: Sequence[str]) -> bool:
    from sessiondb.chat.text import visible
    from sessiondb.settings.database import default_database

    return not arguments and _printed(visible(str(default_database())))


def _usage(arguments: Sequence[str]) -> bool:
    if list(arguments) != ["statusline"]:
        return False
    from sessiondb.cli.statusline import print_line
    from sessiondb.settings.database import default_database
    from sessiondb.settings.time_zone import use_time_zone

    use_time_zone()
    print_line(default_database())
    return True


def _complete(arguments: Sequence[str]) -> bool:
    from sessiondb.cli.completing import answer
    from sessiondb.cli.group import cli

    return answer(arguments, cli)


def _hook(arguments: Sequence[str]) -> bool:
    from sessiondb.agents.loop.hook import responded

    return responded(arguments)


def _printed(line: str) -> bool:
    print(line, flush=True)
    return True


AT_ONCE: dict[str, Callable[[Sequence[str]], bool]] = {
    "--version": _version,
    "version": _version,
    "path": _path,
    "usage": _usage,
    "__complete": _complete,
    "hook": _hook,
}
"""Commands that cannot wait for click: for a hook, a status line or a script. Each is called with the arguments
after its name, and returns False to leave them to click, which has the same command with its help and options.
"""


def show_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print an error that nobody foresaw; what it quotes of a log does not drive the terminal."""
    import traceback

    from sessiondb.chat.text import visible

    print(visible("".join(traceback.format_exception(kind, error, trace))), file=sys.stderr, end="")
