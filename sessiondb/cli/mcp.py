"""sessiondb mcp"""

from __future__ import annotations

import gc
import sys

import click

from sessiondb.cli.options import current_folder, database_option, database_path
from sessiondb.cli.render import print_notice


@click.command()
@database_option
def command() -> None:
    """Serve the database to agents over MCP, on stdin and stdout.

    Agents start this themselves; `claude mcp add -s user sessiondb -- sessiondb mcp` sets it up for Claude Code. Its
    tools are search, read, brief and note; the first three only read. Needs the extra `mcp`: pip install
    'sessiondb[mcp]'.

    \b
    Example:
      sessiondb mcp
      codex mcp add sessiondb -- sessiondb mcp
    """
    try:
        from sessiondb.agents.loop.mcp_server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "anyio"):
            raise
        raise click.ClickException(
            "the MCP server needs the MCP Python SDK, older than 2.0: run `pip install 'sessiondb[mcp]'` (with pipx:"
            " `pipx inject sessiondb 'mcp<2'`), and try again"
        ) from error
    gc.enable()
    if sys.stdin.isatty():
        print_notice("agents start this and talk to it on stdin, see docs/mcp.md; press Ctrl-C to stop")
    serve(database_path(), current_folder())
