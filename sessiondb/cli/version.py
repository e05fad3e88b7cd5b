"""sessiondb version"""

from __future__ import annotations

import click


def print_version() -> None:
    """Print the name and version of this program."""
    from sessiondb import __version__

    click.echo(f"sessiondb {__version__}")


@click.command()
def command() -> None:
    """Show the version."""
    print_version()
