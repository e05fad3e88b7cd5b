"""sessiondb web"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from sessiondb.cli.options import database_option, reading
from sessiondb.cli.render import print_notice

# Transcripts are long: a cell shows its beginning, and counting may take longer than Datasette expects.
_SETTINGS = {
    "default_page_size": "50",
    "truncate_cells_html": "400",
    "sql_time_limit_ms": "10000",
    "facet_time_limit_ms": "2000",
    "num_sql_threads": "2",
}


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[DATASETTE OPTIONS]")
@database_option
def command(options: tuple[str, ...]) -> None:
    """Browse the database in Datasette.

    It is served on this machine only, unless options say otherwise: they are passed on to `datasette serve`.

    \b
    Example:
      sessiondb web
      sessiondb web --port 8002 --open
    """
    with reading() as db:
        path = db.path.absolute()
    settings = [word for name, value in _SETTINGS.items() for word in ("--setting", name, value)]
    arguments = [*_datasette(), "serve", str(path), *settings, *options]
    print_notice(f"serving {path} with Datasette; press Ctrl-C to stop")
    if os.name == "posix":
        os.execv(arguments[0], arguments)
    import subprocess

    raise click.exceptions.Exit(subprocess.run(arguments, check=False).returncode)


def _datasette() -> list[str]:
    """Return the command that is Datasette: of this environment, else the one on the PATH."""
    if find_spec("datasette") is not None:
        return [sys.executable, "-m", "datasette"]
    import shutil

    found = shutil.which("datasette")
    if found is None:
        raise click.ClickException(
            "Datasette is not installed: run `pip install datasette` or `pipx install datasette`, and try again"
        )
    return [str(Path(found).absolute())]
