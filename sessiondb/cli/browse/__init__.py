"""sessiondb browse: sessions on a full screen, in Textual, which is imported when it runs.

store    what is shown, read a page at a time, and what is changed: the only place that has a database
rows     a session as a row of the list, and as facts
blocks   a session as blocks that fold, and these as lines of a width
listing, reading   the two widgets, which draw the lines that are on the screen
screens  the list, and one session; keys in keymap, what is asked in dialogs, what is done in deeds
app      all of it
"""

from __future__ import annotations

import gc
import sys
from importlib.util import find_spec

import click

from sessiondb.cli.options import (
    completing,
    database_option,
    database_path,
    reading,
)
from sessiondb.errors import SessionDBError


def is_installed() -> bool:
    """Say whether Textual is there."""
    return find_spec("textual") is not None


@click.command()
@click.argument("query", nargs=-1, shell_complete=completing("query_words"))
@database_option
def command(query: tuple[str, ...]) -> None:
    """Browse sessions in a full-screen view.

    QUERY filters the list to begin with. Press ? for the keys. Needs the extra `tui`: pip install 'sessiondb[tui]'.

    \b
    Example:
      sessiondb browse
      sessiondb browse parser agent:codex
    """
    from sessiondb.cli.browse.store import Store

    with Store(database_path()) as store:
        if not is_installed():
            raise click.ClickException("browse needs Textual: install it with pip install 'sessiondb[tui]'")
        if not is_at_terminal():
            raise click.ClickException("browse needs a terminal: use list, search, and show instead")
        from sessiondb.cli.browse.app import Browser

        # The collector stays out of start-up, but an app that runs for hours needs it.
        gc.freeze()
        gc.enable()
        app = Browser(store, " ".join(query))
        session_id = app.run()
    if session_id:
        _resume(session_id)
    if app.return_code:
        click.get_current_context().exit(app.return_code)


def _resume(session_id: str) -> None:
    """Go on with a session in its agent, as `sessiondb resume ID --run` does."""
    from sessiondb.cli.resume import command as resume

    group = click.get_current_context().find_root()
    with resume.make_context("resume", [session_id, "--run"], parent=group) as context:
        resume.invoke(context)


def is_at_terminal() -> bool:
    """Say whether a person sees what is printed, and can type."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def is_offered() -> bool:
    """Say whether a person could browse: there is a terminal, Textual, and a database."""
    if not (is_at_terminal() and is_installed()):
        return False
    try:
        reading().close()
    except SessionDBError:
        return False
    return True
