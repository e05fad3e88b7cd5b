"""What prune and rm have in common: say what would go, ask, remove, report."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

import click

from sessiondb.chat.text import counted, short_bytes
from sessiondb.cli.colours import look_options
from sessiondb.cli.options import Function, database_path, reading, with_options, writing
from sessiondb.cli.record_fields import removal_fields, session_rows
from sessiondb.cli.render import ask, can_ask, print_result, show_json, show_text
from sessiondb.cli.tables import Column, Output, table
from sessiondb.settings import get

if TYPE_CHECKING:
    from sessiondb.database import SessionDB
    from sessiondb.records import Removal
    from sessiondb.settings.kinds import Setting

SHOWN = 20
"""Sessions that a preview names."""

_HINTS = {
    "undated": " (dated by nothing but a file; --include-undated removes such)",
    "only_copies": " (imported from logs that are gone)",
    "unreachable": " (the folder of the log cannot be reached)",
}

_DOOMED = (
    Column("short_id", "id"),
    Column("marked_title", "title", least=12),
    Column("agent", "agent", least=6),
    Column("folder", "project", least=6),
    Column("last_active_at", "last active", "time", short="active"),
    Column("message_count", "messages", "number", short="msgs"),
)


class Extent(TypedDict):
    """How far a removal goes, as the library takes it."""

    dry_run: bool
    purge: bool
    with_copies: bool
    keep_only_copies: bool


class Consent(NamedTuple):
    """How sure the caller of a destructive command is, how far it goes, and whether the report is to be JSON."""

    dry_run: bool
    yes: bool
    as_json: bool
    purge: bool
    with_copies: bool
    keep_only_copies: bool

    def options(self, *, dry_run: bool) -> Extent:
        """Return what the library takes."""
        return {
            "dry_run": dry_run,
            "purge": self.purge,
            "with_copies": self.with_copies,
            "keep_only_copies": self.keep_only_copies,
        }


def keep_option(setting: Setting[bool] | None = None) -> Callable[[Function], Function]:
    """Return what adds --keep-only-copies; without it a setting may say whether they are kept."""

    def chosen(ctx: click.Context, param: click.Parameter, value: bool | None) -> bool:
        if value is None:
            return setting is not None and get(setting)
        return value

    return click.option(
        "--keep-only-copies/--no-keep-only-copies",
        default=None,
        callback=chosen,
        help="Keep imported sessions whose log is gone or cannot be reached, or not.",
    )


def consent_options(function: Function) -> Function:
    """Add --dry-run, --yes, --purge and --json of a destructive command; hand them on with --keep-only-copies."""
    options = (
        click.option(
            "--purge", is_flag=True, help="Leave no trace of them in the database file, which is rewritten."
        ),
        click.option(
            "--with-copies",
            is_flag=True,
            help="With --purge: also remove what other sessions share with them.",
        ),
        click.option(
            "-n", "--dry-run", is_flag=True, help="Show what would be removed, without removing it."
        ),
        click.option(
            "-y", "--yes", is_flag=True, help="Do not ask for confirmation; required without a terminal."
        ),
        click.option("--json", "as_json", is_flag=True, help="Print the report as JSON."),
    )

    @wraps(function)
    def command(*args: Any, **rest: Any) -> Any:
        consent = Consent(**{name: rest.pop(name) for name in Consent._fields})
        return function(*args, consent=consent, **rest)

    return look_options(with_options(command, options))


def opened(consent: Consent) -> SessionDB:
    """Open the database, for reading only where nothing is to be removed."""
    if consent.dry_run:
        return reading()
    from sessiondb.database import SessionDB

    # To open a database takes room already, and the disk may have none.
    SessionDB.free_reserve(database_path())
    return writing()


def remove(db: SessionDB, consent: Consent, run: Callable[[bool], Removal]) -> None:
    """Report what `run(True)` would remove, ask if need be, and remove it by `run(False)`."""
    if not consent.yes or consent.dry_run:
        planned = run(True)
        if consent.dry_run or not (planned.sessions or consent.purge):
            _report(db, consent, planned)
            return
        confirm(
            f"{'Purge' if consent.purge else 'Remove'} {_amount(planned)}?",
            f"{_amount(planned)} would be removed; confirm with --yes, or look first with --dry-run",
            lambda: None if consent.as_json else _preview(db, planned),
        )
    _report(db, consent, run(False))


def confirm(question: str, refusal: str, preview: Callable[[], None]) -> None:
    """Show what a question is about, and ask it.

    Raises click.Abort for a no, and ClickException with the refusal where nobody is at a terminal to answer.
    """
    if not can_ask():
        raise click.ClickException(refusal)
    preview()
    if not ask(question):
        raise click.Abort


def _report(db: SessionDB, consent: Consent, removal: Removal) -> None:
    if consent.as_json:
        show_json(removal_fields(removal) | {"dry_run": consent.dry_run})
        return
    if consent.dry_run:
        _preview(db, removal)
    verb = "purge" if consent.purge else "remove"
    print_result(f"{f'would {verb}' if consent.dry_run else f'{verb}d'} {_amount(removal)}")
    for state, number in removal.kept.items():
        if number:
            print_result(f"kept {_kept(state, number)}{_HINTS.get(state, '')}")
    if removal.handed_over and not consent.dry_run:
        print_result(_handed_over(removal))
    for path in removal.elsewhere:
        print_result(f"still in {path}")


def _preview(db: SessionDB, removal: Removal) -> None:
    sessions = [db.sessions.get(id) for id in removal.sessions[:SHOWN]]
    sessions.sort(key=lambda session: session.last_active_at)
    short = db.short_ids([session.id for session in sessions])
    show_text(table(Output(), _DOOMED, session_rows(sessions, short)))
    if len(removal.sessions) > SHOWN:
        print_result(f"... and {len(removal.sessions) - SHOWN:,} more")
    if removal.undated:
        print_result(
            f"{counted(removal.undated, 'of these has', 'of these have')} no date but that of the log"
        )
    if removal.only_copies:
        print_result(
            f"{counted(removal.only_copies, 'of these exists', 'of these exist')} only here, because the log is gone;"
            " --keep-only-copies keeps such sessions"
        )
    if removal.handed_over:
        print_result(_handed_over(removal))


def _kept(state: str, number: int) -> str:
    if state == "only_copies":
        return counted(number, "only copy", "only copies")
    return counted(number, f"{state} session")


def _handed_over(removal: Removal) -> str:
    return f"kept {counted(removal.handed_over, 'message')} that other sessions continue from"


def _amount(removal: Removal) -> str:
    sessions, messages = counted(len(removal.sessions), "session"), counted(removal.messages, "message")
    only = f" ({removal.only_copies:,} with no other copy)" if removal.only_copies else ""
    return f"{sessions}: {messages}, {short_bytes(removal.bytes)} of text{only}"
