"""sessiondb help"""

from __future__ import annotations

from typing import cast

import click

from sessiondb.cli.render import show_text


@click.command()
@click.argument("words", nargs=-1, metavar="[COMMAND]")
def command(words: tuple[str, ...]) -> None:
    """Show the help of a command, or the list of commands.

    \b
    Example:
      sessiondb help search
      sessiondb help note add
    """
    context = click.get_current_context().find_root()
    found: click.Command = context.command
    for word in words:
        if not isinstance(found, click.Group):
            raise click.UsageError(f"{context.command_path} has no commands.")
        name, next_found, _ = found.resolve_command(context, [word])
        found = cast("click.Command", next_found)
        context = click.Context(found, parent=context, info_name=name)
    show_text(found.get_help(context).split("\n"))
