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
@click.option("--all", "every", is_flag=True, help="All agents found on this machine.")
@click.option(
    "--hooks",
    is_flag=True,
    help="Hooks, which tell a new session what is known and import each finished turn.",
)
@click.option("--mcp", is_flag=True, help="The MCP server, which lets an agent search.")
@click.option("--skill", is_flag=True, help="A skill that tells an agent when and how to search.")
@consent_options
@look_options
@database_option
def command(
    agents: tuple[str, ...], every: bool, hooks: bool, mcp: bool, skill: bool, consent: Consent
) -> None:
    """Add sessiondb to the settings of agents.

    Without options, hooks and the MCP server are installed. The changes are shown first. Other settings stay as they
    are, and `sessiondb uninstall` undoes the changes.

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
