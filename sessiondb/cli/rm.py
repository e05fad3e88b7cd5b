"""sessiondb rm"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sessiondb.cli.options import database_option, sessions_argument
from sessiondb.cli.removing import Consent, consent_options, keep_option, opened, remove
from sessiondb.errors import NotFound

if TYPE_CHECKING:
    from sessiondb.database import SessionDB


@click.command()
@sessions_argument(required=True)
@keep_option()
@consent_options
@database_option
def command(sessions: tuple[str, ...], consent: Consent) -> None:
    """Remove sessions.

    Their messages, tool calls, tokens, and notes go with them, even if they are open or pinned. They are not
    imported again, except by `import --restore`. The logs they came from are never touched; --purge lists them. A
    session that was removed earlier can still be purged, by its full id.

    \b
    Example:
      sessiondb rm 5b0d7c1e 019ce14a --yes
      sessiondb rm 5b0d7c1e --purge
    """
    with opened(consent) as db:
        named = [_resolved(db, name, consent) for name in sessions]
        remove(db, consent, lambda dry_run: db.remove(*named, **consent.options(dry_run=dry_run)))


def _resolved(db: SessionDB, name: str, consent: Consent) -> str:
    """Return the id of a session; a purge takes the whole id of one that was removed before."""
    try:
        return db.sessions.resolve(name).id
    except NotFound:
        if consent.purge:
            return name
        raise
