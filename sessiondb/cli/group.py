"""The group of all commands, each imported when it is called."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import click

from sessiondb.chat.text import one_line, shown
from sessiondb.cli.options import database_option
from sessiondb.errors import SessionDBError

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells give it: 128 and the signal's number."""

# Each name and the module of this package that has it as `command`, in the sections and the order of the help.
SECTIONS = {
    "Import sessions": {"import": "import_", "service": "service"},
    "Find and read": {
        "list": "list_",
        "search": "search",
        "show": "show",
        "browse": "browse",
        "web": "web",
        "resume": "resume",
    },
    "Organize and clean up": {
        "title": "title",
        "tag": "tag",
        "pin": "pin",
        "end": "end",
        "reopen": "reopen",
        "prune": "prune",
        "rm": "rm",
        "secrets": "secrets",
    },
    "Work with agents": {
        "note": "note",
        "brief": "brief",
        "install": "install",
        "uninstall": "uninstall",
        "hook": "hook",
        "mcp": "mcp",
    },
    "Usage and cost": {"usage": "usage", "stats": "stats"},
    "Copy and share": {"export": "export", "merge": "merge", "backup": "backup", "restore": "restore"},
    "Database and settings": {
        "status": "status",
        "doctor": "doctor",
        "optimize": "optimize",
        "recover": "recover",
        "path": "path",
        "config": "config",
        "completions": "completions",
        "help": "help",
        "version": "version",
    },
}

COMMANDS = {name: module for section in SECTIONS.values() for name, module in section.items()}

WITHOUT_SETTINGS = ("config", "completions", "help", "version")
"""Commands that work whatever the file of settings says, and do not read it."""


class Commands(click.Group):
    """The commands of COMMANDS. Here an error raised on purpose becomes one line and exit code 1, for all."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options of the group. Without any, a person at a terminal is asked whether to browse."""
        if not args and not ctx.resilient_parsing:
            from sessiondb.cli.browse import is_offered

            if is_offered():
                click.echo(ctx.get_help())
                click.echo()
                args = ["browse" if click.confirm("Browse your sessions now?", default=True) else "version"]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names."""
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section, what they do in one column."""
        width = max(map(len, COMMANDS))
        for title, names in SECTIONS.items():
            found = {name: self.get_command(ctx, name) for name in names}
            with formatter.section(title):
                formatter.write_dl(
                    [
                        (name.ljust(width), command.get_short_help_str(formatter.width - width - 6))
                        for name, command in found.items()
                        if command is not None
                    ]
                )

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command and return it, None where there is no such name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"sessiondb.cli.{COMMANDS[cmd_name]}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is called. Of a name that is none, the nearest are named."""
        if args[0] not in COMMANDS and not (ctx.resilient_parsing or args[0].startswith("-")):
            from difflib import get_close_matches

            near = " or ".join(get_close_matches(args[0], COMMANDS))
            ctx.fail(f"No such command '{args[0]}'." + (f" Did you mean {near}?" if near else ""))
        if args[0] not in WITHOUT_SETTINGS and not ctx.resilient_parsing:
            from sessiondb.settings.file import stored

            if stored():
                from sessiondb.settings.time_zone import use_time_zone

                use_time_zone()
        return super().resolve_command(ctx, args)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Read the options of the group."""
        with _safe_messages():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was called."""
        try:
            with _safe_messages():
                return super().invoke(ctx)
        except SessionDBError as error:
            raise click.ClickException(one_line(str(error))) from error
        except KeyboardInterrupt:
            click.echo(err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None


@contextlib.contextmanager
def _safe_messages() -> Iterator[None]:
    """Let no error quote an argument, such as a file's name, that drives the terminal.

    What the system refuses is one line too: output that finds its disk full, or a file that nobody foresaw. Where
    its reader is gone, click ends in silence.
    """
    try:
        yield
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise
        what = f"use {error.filename}" if error.filename else "go on (the output, or a file that it needs)"
        raise click.ClickException(shown(f"cannot {what}: {error.strerror or error}")) from error
    except click.exceptions.NoArgsIsHelpError:
        # Its message is a help of ours, of many lines.
        raise
    except click.ClickException as error:
        vars(error)["message"] = shown(error.message)
        raise


def _print_version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from sessiondb.cli.version import print_version

        print_version()
        ctx.exit()


@click.group("sessiondb", cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@database_option
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Keep every AI agent session on this machine in one SQLite file.

    The file is the one given by --db, by $SESSIONDB_PATH, or by `sessiondb config`; otherwise
    sessiondb/sessions.db in your user data folder (see `sessiondb path`). A SESSION is an id, a unique prefix of one,
    or @last. A TIME is 30d, 12h, yesterday, last week, 2026-03, 2026-W10, or any date.

    \b
    Example:
      sessiondb import auto
      sessiondb search how did we fix the login
      sessiondb show @last
    """
