"""sessiondb rm"""

from __future__ import annotations

import click

from sessiondb.cli.options import database_option, sessions_argument
from sessiondb.cli.removing import Consent, consent_options, opened, remove


@click.command()
@sessions_argument(required=True)
@consent_options
@database_option
def command(sessions: tuple[str, ...], consent: Consent) -> None:
    """Remove sessions.

    Their messages, tool calls, tokens, and notes go with them, even if they are open or pinned. They are not
    imported again, except by `import --restore`. The logs they came from are never touched.

    \b
    Example:
      sessiondb rm 5b0d7c1e 019ce14a --yes
    """
    with opened(consent) as db:
        named = [db.sessions.resolve(name).id for name in sessions]
        remove(db, consent, lambda dry_run: db.remove(*named, dry_run=dry_run))
