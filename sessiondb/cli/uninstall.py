"""sessiondb uninstall"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sessiondb.cli.colours import look_options
from sessiondb.cli.installing import agents_argument, chosen, consent_options, settle
from sessiondb.cli.options import database_option

if TYPE_CHECKING:
    from sessiondb.cli.installing import Consent


@click.command()
@agents_argument
@click.option("--all", "every", is_flag=True, help="All agents that sessiondb was added to.")
@consent_options
@look_options
@database_option
def command(agents: tuple[str, ...], every: bool, consent: Consent) -> None:
    """Remove sessiondb from the settings of agents.

    A file that has not changed since is restored byte for byte; from any other, only the entries of sessiondb are
    removed. Sessions stay in the database.

    \b
    Example:
      sessiondb uninstall codex
      sessiondb uninstall --all --dry-run
    """
    from sessiondb.agents.install import plan

    names = chosen(agents, every, plan.installed_agents(), "uninstall", consent)
    settle(plan.removal(names), consent)
