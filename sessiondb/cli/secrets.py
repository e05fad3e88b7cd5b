"""sessiondb secrets"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from sessiondb.chat.text import counted, shown_title
from sessiondb.cli.options import database_option, reading, writing
from sessiondb.cli.removing import confirm
from sessiondb.cli.render import print_result, show_json, show_text
from sessiondb.cli.tables import Column, Output, table

if TYPE_CHECKING:
    from sessiondb.database import SessionDB
    from sessiondb.records.secrets import SecretsFound

FOUND = 3
"""The exit code that says that there are secrets."""

_SHOWN = 20
_SESSIONS = (
    Column("short_id", "id"),
    Column("title", "title", least=12),
    Column("agent", "agent", least=6),
    Column("secrets", "secrets", "number"),
)


@click.group()
@database_option
def command() -> None:
    """Find secrets that were pasted into chats."""


@command.command()
@click.option("--purge", is_flag=True, help="Replace them with [redacted:KIND], and leave no trace of them.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation; required without a terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@database_option
def scan(purge: bool, yes: bool, as_json: bool) -> None:
    """Search every text for keys, tokens, and passwords.

    They are counted by kind and session, and never shown. The exit code is 3 if any are left. The logs that sessions
    came from are not touched.

    \b
    Example:
      sessiondb secrets scan
      sessiondb secrets scan --purge
    """
    with writing() if purge else reading() as db:
        found = db.scan_secrets()
        if not (purge and found.kinds):
            _report(db, found, as_json)
            sys.exit(FOUND if found.kinds else 0)
        if not yes:
            confirm(
                f"Purge {_amount(found)}?",
                f"{_amount(found)} would be purged; confirm with --yes",
                lambda: _report(db, found, as_json=False),
            )
        _report(db, db.scan_secrets(purge=True), as_json)


def _amount(found: SecretsFound) -> str:
    return counted(sum(found.kinds.values()), "secret")


def _kinds(found: SecretsFound) -> str:
    """Return of what kinds they are, nothing where that says no more than how many."""
    if len(found.kinds) > 1:
        return f" ({', '.join(f'{number:,} {kind}' for kind, number in found.kinds.items())})"
    return "".join(f" ({kind})" for kind in found.kinds if kind != "secret")


def _report(db: SessionDB, found: SecretsFound, as_json: bool) -> None:
    if as_json:
        show_json({"kinds": found.kinds, "sessions": found.sessions, "purged": found.purged})
        return
    print_result(f"{'purged ' if found.purged else ''}{_amount(found)}{_kinds(found)}")
    rows = list(_rows(db, found))
    if rows and not found.purged:
        show_text(table(Output(), _SESSIONS, rows[:_SHOWN]))
        if len(rows) > _SHOWN:
            print_result(f"... and {counted(len(rows) - _SHOWN, 'more session')}")


def _rows(db: SessionDB, found: SecretsFound) -> Iterator[dict[str, Any]]:
    from sessiondb.chat.redaction.redact import without_secrets

    short = db.short_ids(list(found.sessions))
    for session_id, number in found.sessions.items():
        session = db.sessions.get(session_id)
        yield {
            "short_id": short[session_id],
            # A title is made of the first prompt, secrets and all.
            "title": without_secrets(shown_title(session.title)),
            "agent": session.agent,
            "secrets": number,
        }
