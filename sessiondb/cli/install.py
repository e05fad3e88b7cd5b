"""sessiondb install"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import click

from sessiondb.cli.colours import look_options
from sessiondb.cli.installing import agents_argument, chosen, consent_options, settle
from sessiondb.cli.options import database_option, database_path
from sessiondb.cli.render import print_notice

if TYPE_CHECKING:
    from sessiondb.cli.installing import Consent


@click.command()
@agents_argument
@click.option("--all", "every", is_flag=True, help="All agents that are found on this machine.")
@click.option("--hooks", is_flag=True, help="Hooks: what is known at the start, an import at the end.")
@click.option("--mcp", is_flag=True, help="The MCP server, by which an agent searches.")
@click.option("--skill", is_flag=True, help="A skill that tells an agent when and how to search.")
@consent_options
@look_options
@database_option
def command(
    agents: tuple[str, ...], every: bool, hooks: bool, mcp: bool, skill: bool, consent: Consent
) -> None:
    """Let agents call sessiondb, by entries in their settings.

    Hooks and the MCP server are installed where no option says otherwise. The difference is shown first. Whatever else
    the settings hold stays as it is, and `sessiondb uninstall` brings back what was there before.

    \b
    Example:
      sessiondb install claude-code
      sessiondb install --all --skill --dry-run
    """
    from sessiondb.agents.install import command as calls
    from sessiondb.agents.install import plan

    names = chosen(agents, every, plan.present_agents(), "install", consent)
    kinds = _kinds({"hooks": hooks, "mcp": mcp, "skill": skill})
    settle(plan.installation(names, kinds, calls.for_database(database_path())), consent)


def _kinds(given: dict[str, bool]) -> Collection[str]:
    """Return what to install. Without the SDK of MCP, its server is left out where nobody asked for it."""
    from sessiondb.agents.install import plan

    kinds = [kind for kind, is_given in given.items() if is_given] or ["hooks", "mcp"]
    if "mcp" not in kinds or plan.can_serve():
        return kinds
    hint = "the MCP server needs the Python SDK of MCP: `pip install 'sessiondb[mcp]'`"
    if given["mcp"]:
        raise click.ClickException(f"{hint}, and try again")
    print_notice(f"only the hooks: {hint}, and install again for both")
    return ["hooks"]
