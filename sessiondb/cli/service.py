"""sessiondb service"""

from __future__ import annotations

import click

from sessiondb import timestamps
from sessiondb.cli.options import database_option, database_path, json_option, reading
from sessiondb.cli.render import from_home, print_notice, print_result, show_json, show_text
from sessiondb.errors import DatabaseMissing

dry_run_option = click.option(
    "-n", "--dry-run", is_flag=True, help="Show what would be written and run, without doing it."
)


@click.group()
@database_option
def command() -> None:
    """Keep the database up to date in the background.

    Runs `sessiondb import auto --watch` from login on, as a systemd user unit on Linux, a launchd agent on macOS, or
    a scheduled task on Windows.
    """


@command.command()
@dry_run_option
@database_option
def install(dry_run: bool) -> None:
    """Install the service and start it, or restart it.

    \b
    Example:
      sessiondb service install --dry-run
      sessiondb service install
    """
    from sessiondb.agents.install import command as calls
    from sessiondb.agents.install import service

    found = service.here()
    if not dry_run:
        service.check(found)
    words = calls.for_database(database_path()).words(*service.ARGUMENTS)
    content = found.content(words, service.own_variables())
    if dry_run:
        show_text([f"write {found.path}:", "", *service.text_of(content).splitlines(), ""])
        _print_calls(found.starting())
        return
    is_new = service.install(found, content)
    print_result(f"{'wrote' if is_new else 'unchanged:'} {from_home(str(found.path))}")
    print_result(f"the {found.kind} was started, and will be at every login")


@command.command()
@json_option
@database_option
def status(as_json: bool) -> None:
    """Show whether the service is running, and the last import.

    The exit code is 1 if it is not running.

    \b
    Example:
      sessiondb service status
    """
    from sessiondb.agents.install import service

    found = service.here()
    state = service.state(found)
    try:
        with reading() as db:
            last = db.status().last_import_at
    except DatabaseMissing:
        last = None
    if as_json:
        fields = {"kind": found.kind, "path": str(found.path), **state._asdict(), "last_import_at": last}
        show_json(fields)
    else:
        print_result(f"{found.kind}: {state.says}")
        if state.is_installed:
            print_result(f"file: {from_home(str(found.path))}")
        print_result(f"last import with changes: {timestamps.local_text(last) if last else 'none yet'}")
    if not state.is_running:
        if not state.is_installed:
            print_notice("`sessiondb service install` sets it up")
        raise click.exceptions.Exit(1)


@command.command()
@dry_run_option
@database_option
def uninstall(dry_run: bool) -> None:
    """Stop the service and remove it. The database stays.

    \b
    Example:
      sessiondb service uninstall
    """
    from sessiondb.agents.install import service

    found = service.here()
    if dry_run:
        _print_calls(found.stopping())
        print_result(f"remove {found.path}")
        _print_calls(found.after_removal())
    elif service.uninstall(found):
        print_result(f"removed {from_home(str(found.path))}")
    else:
        print_result("the service is not installed")


def _print_calls(commands: list[list[str]]) -> None:
    from sessiondb.agents.install.command import quoted

    for words in commands:
        print_result(f"run {quoted(words)}")
