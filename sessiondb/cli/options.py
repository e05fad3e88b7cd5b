"""Options that several commands share, each bundle as one argument, and the types of what people type."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sessiondb.cli.colours import look_options
from sessiondb.cli.freshness import keep_up, look_after
from sessiondb.cli.render import print_notice
from sessiondb.cli.tables import Output
from sessiondb.errors import Ambiguous, DatabaseMissing, InvalidInput, SessionDBError
from sessiondb.settings import DEFAULT, found

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from sessiondb.database import SessionDB
    from sessiondb.records.sessions import Criteria
    from sessiondb.settings.kinds import Number

Function = Callable[..., Any]


class FilePath(click.Path):
    """The path of a file. An empty one, such as a variable that is not set, is refused: Python takes it for the
    folder of now.
    """

    def __init__(self, kind: type[str] | type[Path] = Path) -> None:
        super().__init__(path_type=kind)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path of a text."""
        if not os.fspath(value):
            self.fail("the path is empty: give that of a file or folder", param, ctx)
        return super().convert(value, param, ctx)


class DatabasePath(FilePath):
    """The path of a database, which can be neither stdin nor stdout."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path of a text, which is no dash alone."""
        if value == "-":
            self.fail(
                "a database must be a file, not stdin or stdout: give its path (./- if it is called -)",
                param,
                ctx,
            )
        return super().convert(value, param, ctx)


def database_path() -> Path:
    """Return the database's path: --db, before the command's name or after it, else the default place."""
    named: Path | None = click.get_current_context().find_root().obj
    if named is not None:
        return named.expanduser()
    from sessiondb.settings.database import default_database

    return default_database()


def reading(*, quiet: bool = False) -> SessionDB:
    """Open the database for reading, brought up to date where --sync asks for that.

    One that a later sessiondb wrote is read as it is, and that is said unless `quiet`. Raises DatabaseMissing where
    there is none.
    """
    from sessiondb.database import SessionDB

    path = database_path()
    keep_up(path)
    db = SessionDB(path, read_only=True)
    if db.newer_schema is None:
        look_after(db)
    elif not quiet and not click.get_current_context().resilient_parsing:
        print_notice(
            f"{path} was written by a newer sessiondb (schema {db.newer_schema}): it is opened read-only, and what"
            " this version does not know is not shown; upgrade sessiondb to write to it"
        )
    return db


def writing(*, create: bool = False) -> SessionDB:
    """Open the database for writing. Raises DatabaseMissing where there is none, unless it may be made."""
    from sessiondb.database import SessionDB

    gc.enable()
    path = database_path()
    # Where there is no file to write to, opening it for reading says so in the same words.
    return SessionDB(path, read_only=not create and not os.path.exists(path))


def trying() -> SessionDB:
    """Open the database for a dry run: for reading, or an empty one in its place where there is none."""
    from sessiondb.database import SessionDB

    gc.enable()
    try:
        return reading()
    except DatabaseMissing:
        return SessionDB(":memory:")


def _remember_database(ctx: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.find_root().obj = value


def database_option(function: Function) -> Function:
    """Add --db, which `database_path` knows from then on."""
    return click.option(
        "--db",
        metavar="PATH",
        type=DatabasePath(),
        expose_value=False,
        is_eager=True,
        callback=_remember_database,
        help="Path of the database file.",
    )(function)


def time_begin(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return the stored timestamp at which the time of an option begins (`2026-03`: 1 March)."""
    return span_end("since", value, param=param)


def time_end(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return the stored timestamp at which the time of an option ends (`2026-03`: 1 April)."""
    return span_end("until", value, param=param)


def span_end(
    end: str, value: str | None, zone: str | None = None, *, param: click.Parameter | None = None
) -> str | None:
    """Return where the span of a time in a zone begins (`since`) or ends (`until`), as a stored timestamp."""
    from sessiondb import timestamps

    if value is None:
        return None
    tz = timestamps.zone(zone) if zone else None
    try:
        begin, until = timestamps.parse_range(value, tz=tz)
    except InvalidInput as error:
        raise click.BadParameter(str(error), param=param, param_hint=None if param else f"--{end}") from error
    return begin if end == "since" else until


def project_folder(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return the absolute path of a folder that is there, as agents write it; any other name as it is."""
    return os.path.abspath(value) if value is not None and os.path.isdir(value) else value


def current_folder() -> str:
    """Return the folder a person is in. Raises UsageError where it is gone."""
    try:
        return os.getcwd()
    except FileNotFoundError as error:
        raise click.UsageError(
            "the current folder no longer exists: change to another, or give --project"
        ) from error


def completing(what: str, *kind: str) -> Callable[..., Any]:
    """Return what completes a value for the shell, by its name in cli/completing.py, which is imported when asked.

    It completes nothing where the database cannot be read.
    """

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> Any:
        from sessiondb.cli import completing

        try:
            with ctx.scope(cleanup=False), reading() as db:
                found = getattr(completing, what)(db, *kind, incomplete)
                return [item for item in found if item.value.isprintable()]  # a shell writes it as it is
        except SessionDBError:
            return []

    return complete


def complete_times(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return for the shell times as people say them."""
    from sessiondb.cli import completing

    return completing.times(incomplete)


complete_sessions = completing("session_ids")


def session_argument(function: Function) -> Function:
    """Add SESSION."""
    return click.argument("session", metavar="SESSION", shell_complete=complete_sessions)(function)


def sessions_argument(*, required: bool) -> Callable[[Function], Function]:
    """Add SESSION ..., as `sessions`."""
    metavar = "SESSION..." if required else "[SESSION...]"
    return click.argument(
        "sessions", nargs=-1, required=required, metavar=metavar, shell_complete=complete_sessions
    )


def json_option(function: Function) -> Function:
    """Add --json, as `as_json`, to a command that reports one thing."""
    return click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")(function)


FORMS = {
    "json": "Print JSON.",
    "nl": "Print newline-delimited JSON, one row per line.",
    "csv": "Print CSV.",
    "tsv": "Print tab-separated values.",
}


def output_options(*, limit: int = 20, setting: Number | None = None) -> Callable[[Function], Function]:
    """Add the options of every reading command that say how to print, and how much, as one `output`.

    `setting` is where a user may have chosen another default for the limit.
    """
    shown = "all" if limit == 0 else str(limit)
    options = (
        *(click.option(f"--{form}", f"as_{form}", is_flag=True, help=text) for form, text in FORMS.items()),
        click.option(
            "--fmt", metavar="NAME", help="Print a table in a tabulate style: github, simple, grid, ..."
        ),
        click.option("--no-headers", is_flag=True, help="Omit the header row of CSV, TSV, and tables."),
        click.option(
            "-w", "--wide", is_flag=True, help="Do not truncate the table to the width of the terminal."
        ),
        click.option(
            "-n",
            "--limit",
            metavar="N",
            type=click.IntRange(min=0),
            default=limit,
            help=f"Show at most this many; 0 means all. Default: {shown}.",
        ),
        click.option(
            "--offset",
            metavar="N",
            type=click.IntRange(min=0),
            default=0,
            help="Skip this many first.",
        ),
    )

    def decorate(function: Function) -> Function:
        @wraps(function)
        def command(
            *args: Any, fmt: str | None, no_headers: bool, wide: bool, limit: int, offset: int, **rest: Any
        ) -> Any:
            forms = [form for form in FORMS if rest.pop(f"as_{form}")] + ([fmt] if fmt else [])
            if len(forms) > 1:
                raise click.UsageError("Give only one of --json, --nl, --csv, --tsv, and --fmt.")
            form = forms[0] if forms else "table"
            source = click.get_current_context().get_parameter_source("limit")
            is_given = source not in (None, click.core.ParameterSource.DEFAULT)
            if setting is not None and not is_given:
                limit, where_from = found(setting)
                is_given = where_from != DEFAULT
            output = Output(form, not no_headers, wide, limit or None, offset, is_given)
            return function(*args, output=output, **rest)

        return look_options(with_options(command, options))

    return decorate


def filter_options(*names: str) -> Callable[[Function], Function]:
    """Add options that choose sessions, by their names in SessionFilter, as one dict `where`."""
    known = {
        "agent": click.option(
            "--agent",
            metavar="NAME",
            shell_complete=completing("names", "agent"),
            help="Only sessions of this agent.",
        ),
        "project": click.option(
            "--project",
            metavar="PATH",
            callback=project_folder,
            shell_complete=completing("names", "project"),
            help="Only sessions of this project: a path, or part of one.",
        ),
        "model": click.option(
            "--model",
            metavar="NAME",
            shell_complete=completing("names", "model"),
            help="Only sessions of models whose name starts with this.",
        ),
        "platform": click.option(
            "--platform",
            metavar="NAME",
            shell_complete=completing("names", "platform"),
            help="Only sessions on this platform (telegram, discord, ...).",
        ),
        "tag": click.option(
            "--tag",
            metavar="TAG",
            shell_complete=completing("names", "tag"),
            help="Only sessions with this tag.",
        ),
        "branch": click.option(
            "--branch", metavar="NAME", help="Only sessions that worked on this git branch."
        ),
        "is_open": click.option(
            "--open/--ended", "is_open", default=None, help="Only open sessions, or only ended ones."
        ),
        "since": click.option(
            "--since",
            metavar="TIME",
            callback=time_begin,
            shell_complete=complete_times,
            help="Only sessions active at or after this time.",
        ),
        "until": click.option(
            "--until",
            metavar="TIME",
            callback=time_end,
            shell_complete=complete_times,
            help="Only sessions last active at or before this time.",
        ),
    }

    def decorate(function: Function) -> Function:
        @wraps(function)
        def command(*args: Any, **given: Any) -> Any:
            where = {name: given.pop(name) for name in names}
            return function(*args, where=where, **given)

        return with_options(command, [known[name] for name in names])

    return decorate


def say_unknown(db: SessionDB, where: Criteria) -> None:
    """Say on stderr which names in a filter no session has, and which are the nearest that there are."""
    for sentence in db.unknown_names(**where) if any(where.values()) else ():
        print_notice(sentence)


def one_project(db: SessionDB, name: str | None) -> str | None:
    """Return the one project that a name means, as it is stored; the name itself where there is none.

    Raises Ambiguous where it means several.
    """
    found = db.projects_named(name) if name else []
    if len(found) > 1:
        raise Ambiguous(f"several projects are called {name}: {', '.join(found[:5])}; give the whole path")
    return found[0] if found else name


def with_options(function: Function, options: Sequence[Callable[[Function], Function]]) -> Function:
    """Add options to a command, the first on top."""
    for option in reversed(options):
        function = option(function)
    return function
