"""sessiondb import"""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from sessiondb.cli.import_report import show_report
from sessiondb.cli.options import FilePath, database_option, database_path, json_option, trying
from sessiondb.cli.record_fields import import_fields
from sessiondb.cli.render import Progress, from_home, print_notice, show_json
from sessiondb.cli.stopping import terminated_as_interrupted
from sessiondb.settings.table import REDACTION

if TYPE_CHECKING:
    from datetime import tzinfo

    from sessiondb.records import ImportReport

AUTO = "auto"
"""The source that stands for all places where known agents keep their sessions."""

_PHASES = {"find": "looking at", "copy": "copying ", "read": "reading ", "index": "indexing"}


def _known_format(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    from sessiondb.errors import InvalidInput
    from sessiondb.importers import importer

    try:
        return importer(value).name if value else None
    except InvalidInput as error:
        raise click.BadParameter(str(error)) from error


def _known_zone(ctx: click.Context, param: click.Parameter, value: str | None) -> tzinfo:
    from sessiondb import timestamps
    from sessiondb.errors import InvalidInput
    from sessiondb.settings.time_zone import named_zone

    try:
        return timestamps.zone(value or named_zone())
    except InvalidInput as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@click.argument("sources", nargs=-1, metavar="SOURCE...", type=FilePath(str))
@click.option(
    "--format",
    metavar="NAME",
    callback=_known_format,
    help="Read every file as this format instead of detecting it.",
)
@click.option(
    "--tz",
    metavar="ZONE",
    callback=_known_zone,
    help="Time zone of times without one. Default: this machine's.",
)
@click.option(
    "--agent",
    "agents",
    multiple=True,
    metavar="NAME",
    help="With `auto`: import only this agent. Repeat for several.",
)
@click.option("--watch", is_flag=True, help="Keep importing as logs grow, until Ctrl-C.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    default=2.0,
    metavar="SECONDS",
    help="How often --watch checks for changes. Default: 2.",
)
@click.option(
    "--redact",
    type=click.Choice(REDACTION.choices),
    help="Replace secrets, or secrets and personal data, with placeholders. Default: the setting, or off.",
)
@click.option("--restore", is_flag=True, help="Also import sessions that were removed before.")
@click.option(
    "--explain", is_flag=True, help="Show which format each file is taken for, and why. Imports nothing."
)
@click.option("-n", "--dry-run", is_flag=True, help="Report what an import would do, without doing it.")
@json_option
@database_option
def command(
    sources: tuple[str, ...], agents: tuple[str, ...], dry_run: bool, as_json: bool, explain: bool, **how: Any
) -> None:
    """Import agent logs.

    A SOURCE is a file, a folder, or `auto` for every place where a known agent keeps its logs. Files that
    have not changed since the last import are skipped; files that have grown are read from where the last
    import stopped. Sources are never changed.

    \b
    Example:
      sessiondb import auto --agent codex --watch
      sessiondb import ~/old-laptop/.codex/sessions --tz Europe/Berlin --dry-run
    """
    is_auto, is_watch, interval = AUTO in sources, how.pop("watch"), how.pop("interval")
    if not sources:
        raise click.UsageError(
            "Give files, folders, or `auto` for every place where a known agent keeps its logs."
        )
    if explain:
        from sessiondb.cli import explaining

        explaining.explain(sources, as_json)
        return
    if agents and not is_auto:
        raise click.UsageError("--agent only works with `auto` as a SOURCE.")
    if dry_run and is_watch:
        raise click.UsageError("--watch and --dry-run cannot be used together.")
    if is_auto:
        _show_places(agents)
    if is_watch:
        from sessiondb.cli.watching import follow

        follow(sources, as_json, {"agents": agents, "interval": interval, **how}, show_report)
        return
    with terminated_as_interrupted(), Progress(_PHASES) as progress, _telling_what_stays(dry_run):
        how |= {"agents": agents, "progress": progress, "read_ahead": True}
        if dry_run:
            with trying() as db:
                report = db.import_logs(*sources, dry_run=True, **how)
        else:
            report = _import(*sources, **how)
    if as_json:
        show_json(import_fields(report) | ({"agents": _by_agent(report)} if is_auto else {}))
    else:
        show_report(report)
    if any(os.path.abspath(os.path.expanduser(source)) in report.refused for source in sources):
        raise click.exceptions.Exit(1)


def _import(*sources: str, **how: Any) -> ImportReport:
    from sessiondb.database import SessionDB

    gc.enable()
    return SessionDB.import_into(database_path(), *sources, **how)


@contextlib.contextmanager
def _telling_what_stays(dry_run: bool) -> Iterator[None]:
    """Say at Ctrl-C what was kept."""
    try:
        yield
    except KeyboardInterrupt:
        if not dry_run:
            print_notice("")
            print_notice("stopped; what was read so far is kept, and the next import goes on from there")
        raise


def _show_places(agents: tuple[str, ...]) -> None:
    from sessiondb.database import SessionDB

    known = [str(path) for paths in SessionDB.log_places(agents, histories=True).values() for path in paths]
    found = list(filter(os.path.exists, known))
    print_notice(
        f"looking in {', '.join(map(from_home, found))}"
        if found
        else "no agent logs were found on this machine: give the files or folders to import"
    )


def _by_agent(report: ImportReport) -> dict[str, dict[str, int]]:
    """Return how many sessions were added and updated, by agent."""
    added, updated = report.added_by_agent, report.updated_by_agent
    return {
        agent: {"added": added.get(agent, 0), "updated": updated.get(agent, 0)}
        for agent in sorted(added | updated)
    }
