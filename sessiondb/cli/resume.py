"""sessiondb resume"""

from __future__ import annotations

import click

from sessiondb.cli.options import database_option, reading, session_argument
from sessiondb.cli.render import print_notice, print_result


@click.command()
@session_argument
@click.option("--run", "is_run", is_flag=True, help="Run the command instead of printing it.")
@database_option
def command(session: str, is_run: bool) -> None:
    """Print the command that resumes a session in its agent.

    A sub-agent is resumed by its parent. Printing writes nothing.

    \b
    Example:
      sessiondb resume @last
      sessiondb resume 5b0d7c1e --run
    """
    with reading() as db:
        found = db.resume_command(db.sessions.resolve(session).id)
    for warning in found.warnings:
        print_notice(warning)
    if not is_run:
        print_result(found.line)
        return
    import subprocess

    try:
        done = subprocess.run(found.words, cwd=found.folder, check=False)
    except OSError as error:
        raise click.ClickException(
            f"cannot run {found.words[0]}: {error.strerror}. Install it first."
        ) from error
    click.get_current_context().exit(done.returncode)
