"""sessiondb brief"""

from __future__ import annotations

from functools import partial

import click

from sessiondb.chat.text import visible
from sessiondb.cli.freshness import sync_option
from sessiondb.cli.options import (
    complete_sessions,
    completing,
    current_folder,
    database_option,
    one_project,
    project_folder,
    reading,
    say_unknown,
)
from sessiondb.cli.render import print_notice, show_text


@click.command()
@click.argument("session", required=False, shell_complete=complete_sessions)
@click.option(
    "--project",
    metavar="PATH",
    callback=project_folder,
    shell_complete=completing("names", "project"),
    help="Cover this project, across all its sessions.",
)
@click.option(
    "--lang", metavar="LANG", default="en", help="Use translations into this language where there are any."
)
@click.option(
    "--max-tokens", metavar="N", type=click.IntRange(min=1), help="Keep it to about this many tokens."
)
@sync_option
@database_option
def command(session: str | None, project: str | None, lang: str, max_tokens: int | None) -> None:
    """Print a prompt with what the next session should know.

    It covers a session, a project, or by default the current folder. If that folder has no notes, it covers
    the latest session or project that has some.

    \b
    Example:
      sessiondb brief
      sessiondb brief @last --lang ar --max-tokens 800
    """
    with reading() as db:
        brief = partial(db.continuity.brief, lang=lang, max_tokens=max_tokens)
        if session is None and project is None:
            text = brief(project=current_folder()) or brief()
        else:
            text = brief(
                db.sessions.resolve(session).id if session else None, project=one_project(db, project)
            )
            if project and not text:
                say_unknown(db, {"project": project})
    if text:
        show_text(visible(text).rstrip("\n").split("\n"))
    else:
        print_notice("there are no notes yet: add one with `sessiondb note add`")
