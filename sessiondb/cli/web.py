"""sessiondb web"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from sessiondb.cli.options import database_option, reading
from sessiondb.cli.render import print_notice
from sessiondb.cli.stopping import terminated_as_interrupted


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[DATASETTE OPTIONS]")
@click.option(
    "--host", metavar="ADDRESS", default="127.0.0.1", help="Address to listen on. Default: 127.0.0.1."
)
@click.option(
    "-p",
    "--port",
    type=click.IntRange(1, 65535),
    metavar="PORT",
    help="Port to listen on. Default: the first free one from 8001 on.",
)
@click.option("-o", "--open", "opens", is_flag=True, help="Open the browser.")
@click.option("--sql", "allows_sql", is_flag=True, help="Let visitors run SQL of their own.")
@click.option(
    "--token",
    "has_token",
    is_flag=True,
    help="Require a token, so that other users of this machine cannot read it.",
)
@click.option("--share", "is_shared", is_flag=True, help="Allow other machines, with a token.")
@click.option(
    "--write-metadata",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Write Datasette's metadata of the tables to a file (- for stdout) instead of serving.",
)
@database_option
def command(options: tuple[str, ...], opens: bool, write_metadata: Path | None, **choice: Any) -> None:
    """Browse sessions in the browser, with Datasette.

    Has pages for sessions, search, and usage with charts. Only this machine can open them, unless --share is given.
    Other options are passed on to `datasette serve`.

    \b
    Example:
      sessiondb web --open
      sessiondb web --port 8002 --sql
      sessiondb web --host 192.168.1.5 --share
    """
    with reading() as db:
        path = db.path.absolute()
    if write_metadata is not None:
        _write(write_metadata, path.stem)
        return
    if "--reload" in options:
        raise click.UsageError("--reload restarts Datasette without its protection: leave it out")
    from sessiondb.web.serve import Server, address_of, serve

    server = Server(path, options=options, **choice)
    address = address_of(server)
    if server.is_shared:
        print_notice(
            "Warning: anyone who has the address with its token can read all sessions; nothing is encrypted"
        )
    print_notice(f"serving {path} at {address.url}; press Ctrl-C to stop")
    with suppress(KeyboardInterrupt, click.Abort), terminated_as_interrupted():
        serve(server, address, opens=opens)


def _write(target: Path, database: str) -> None:
    from sessiondb.web.metadata import metadata

    text = json.dumps(metadata(database), indent=2, ensure_ascii=False) + "\n"
    if str(target) == "-":
        click.echo(text, nl=False)
        return
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"cannot write {target}: {error.strerror or error}") from error
