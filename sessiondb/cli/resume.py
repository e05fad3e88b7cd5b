"""sessiondb resume"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sessiondb.cli.options import database_option, reading, session_argument, writing
from sessiondb.cli.render import print_notice, print_result

if TYPE_CHECKING:
    from sessiondb.records import ResumeCommand


@click.command()
@session_argument
@click.option("--run", "is_run", is_flag=True, help="Run the command instead of printing it.")
@click.option(
    "--write", "is_write", is_flag=True, help="Recreate the session's log if its agent no longer has it."
)
@click.option(
    "--in",
    "agent",
    metavar="AGENT",
    help="Continue in this agent instead: write the conversation in its format.",
)
@database_option
def command(session: str, is_run: bool, is_write: bool, agent: str | None) -> None:
    """Print the command that resumes a session in its agent.

    A sub-agent is resumed through its parent. Without options, nothing is written. If the agent has deleted the
    session, or never had it on this machine, --write recreates its log from the database, and --run does so before it
    runs the command. No file is overwritten. What the agent adds is imported next time, into the same session or one
    that continues it. Logs can be written for Claude Code, Codex, Copilot CLI, Gemini CLI, and OpenCode.

    \b
    Example:
      sessiondb resume @last
      sessiondb resume 5b0d7c1e --run
      sessiondb resume 5b0d7c1e --in codex
    """
    found = _found(session, agent, is_write=is_write, is_run=is_run)
    for warning in found.warnings:
        print_notice(warning)
    if found.is_written:
        print_notice(f"wrote {found.log}")
    if not is_run:
        print_result(found.line)
        return
    click.get_current_context().exit(_run(found))


def _found(session: str, agent: str | None, *, is_write: bool, is_run: bool) -> ResumeCommand:
    with reading() as db:
        id = db.sessions.resolve(session).id
        if not (is_write or is_run or agent):
            return db.resume_command(id)
    with writing() as db:
        return db.write_for_agent(id, agent, even_there=not is_write)


def _run(found: ResumeCommand) -> int:
    """Run the commands until one fails; return the exit code of the last."""
    import subprocess

    code = 0
    for words in (*found.first, found.words):
        try:
            code = subprocess.run(words, cwd=found.folder, check=False).returncode
        except OSError as error:
            raise click.ClickException(
                f"cannot run {words[0]}: {error.strerror}. Install it first."
            ) from error
        if code:
            break
    return code
