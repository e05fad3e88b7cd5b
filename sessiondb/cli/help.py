"""sessiondb help"""

from __future__ import annotations

from typing import cast

import click

from sessiondb.cli.render import show_text


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    group = cast("click.Group", ctx.find_root().command)
    return [name for name in group.list_commands(ctx) if name.startswith(incomplete)]


@click.command()
@click.argument("words", nargs=-1, metavar="[COMMAND]", shell_complete=_complete)
def command(words: tuple[str, ...]) -> None:
    """Show the help of a command, or list all commands.

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
