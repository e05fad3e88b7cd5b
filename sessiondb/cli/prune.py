"""sessiondb prune"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sessiondb import timestamps
from sessiondb.chat.text import short_bytes
from sessiondb.cli.options import database_option, filter_options, say_unknown, time_begin
from sessiondb.cli.removing import Consent, consent_options, keep_option, opened, remove
from sessiondb.cli.render import print_notice
from sessiondb.settings.table import KEEP_ONLY_COPIES

if TYPE_CHECKING:
    from sessiondb.records.sessions import Criteria


@click.command()
@click.option("--days", type=click.IntRange(min=0), metavar="N", help="Sessions inactive for this many days.")
@click.option(
    "--older-than",
    metavar="AGE",
    callback=time_begin,
    help="Sessions inactive for this long, or since this time.",
)
@filter_options("agent", "project", "model", "platform", "tag")
@click.option("--include-open", is_flag=True, help="Also remove open sessions.")
@click.option(
    "--include-undated",
    is_flag=True,
    help="Also remove sessions without times of their own, by the age of their file.",
)
@click.option(
    "--keep", type=click.IntRange(min=0), default=0, metavar="N", help="Keep the newest N matching sessions."
)
@keep_option(KEEP_ONLY_COPIES)
@click.option("--vacuum", is_flag=True, help="Shrink the file afterward.")
@consent_options
@database_option
def command(
    days: int | None, older_than: str | None, where: Criteria, vacuum: bool, consent: Consent, **which: Any
) -> None:
    """Remove ended sessions that have been inactive for a while.

    Open and pinned sessions are kept, and so are those whose only date is that of their file. Removed sessions are
    not imported again, except by `import --restore`. The logs they came from are never touched.

    Agents delete their logs after a while, so a session here may be the only copy. Before anything is removed, you
    are told how many are. --keep-only-copies, or the setting keep_only_copies, keeps those.

    \b
    Example:
      sessiondb prune --days 90 --dry-run
      sessiondb prune --older-than 1y --agent codex --yes --vacuum
      sessiondb prune --days 365 --keep-only-copies
    """
    if (days is None) == (older_than is None):
        raise click.UsageError("Give either --days N or --older-than AGE.")
    # One moment for the preview and the removal: what was shown is what goes.
    before = older_than or timestamps.parse_moment(f"{days}d")
    with opened(consent) as db:
        say_unknown(db, where)
        remove(
            db,
            consent,
            lambda dry_run: db.prune(before, **consent.options(dry_run=dry_run), **which, **where),
        )
        if vacuum and not consent.dry_run:
            freed = db.vacuum(on_log_left=_say_log_left)
            print_notice(f"freed {short_bytes(freed)} on the disk")


def _say_log_left() -> None:
    print_notice(
        "the write-ahead log could not be emptied while the database is being read: run `sessiondb optimize` later"
    )
