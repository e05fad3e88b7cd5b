"""sessiondb brief"""

from __future__ import annotations

import click

from sessiondb.cli.options import complete_sessions, database_option, project_folder, reading
from sessiondb.cli.render import print_notice, show_text


@click.command()
@click.argument("session", required=False, shell_complete=complete_sessions)
@click.option(
    "--project", metavar="PATH", callback=project_folder, help="Of this project, over all its sessions."
)
@click.option("--lang", metavar="LANG", default="en", help="In this language, where there are translations.")
@click.option("--max-tokens", metavar="N", type=click.IntRange(min=1), help="No longer than about this.")
@database_option
def command(session: str | None, project: str | None, lang: str, max_tokens: int | None) -> None:
    """Print what the next session must know, as a prompt.

    Of a session, or of a project, or else of the latest session that has notes.

    \b
    Example:
      sessiondb brief --project .
      sessiondb brief @last --lang ar --max-tokens 800
    """
    with reading() as db:
        session_id = db.sessions.resolve(session).id if session else None
        text = db.continuity.brief(session_id, project=project, lang=lang, max_tokens=max_tokens)
    if text:
        show_text(text.splitlines())
    else:
        print_notice("nothing was noted yet: `sessiondb note add` takes a note")
