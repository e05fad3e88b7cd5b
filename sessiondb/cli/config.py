"""sessiondb config"""

from __future__ import annotations

import os
from typing import Any

import click

from sessiondb.chat.text import visible
from sessiondb.cli.options import database_option, database_path, output_options
from sessiondb.cli.render import print_notice, print_result, show_rows, show_text
from sessiondb.cli.tables import Column, Listing, Output
from sessiondb.settings import file, found
from sessiondb.settings.kinds import Setting
from sessiondb.settings.paths import settings_file
from sessiondb.settings.table import DATABASE, SETTINGS

_LISTING = Listing(
    ("setting", "value", "source", "variable", "about"),
    (
        Column("setting", "setting"),
        Column("text", "value", least=16),
        Column("source", "from"),
        Column("about", "about", least=20, rank=1),
    ),
)


@click.group()
@database_option
def command() -> None:
    """Show and change the settings.

    They are kept in a TOML file. The options of a command override the environment, which overrides the file.
    """


@command.command()
@output_options(limit=0)
@database_option
def show(output: Output) -> None:
    """List every setting with its value and where it comes from.

    \b
    Example:
      sessiondb config show
      sessiondb config show --json
    """
    rows = [_row(setting) for setting in SETTINGS]
    end = None if output.limit is None else output.offset + output.limit
    show_rows(output, _LISTING, rows[output.offset : end], total=len(rows))
    path = settings_file()
    if output.form == "table":
        print_notice(
            f"file: {path}{'' if os.path.exists(path) else ' (does not exist yet: `sessiondb config edit` creates it)'}"
        )


def _row(setting: Setting[object]) -> dict[str, Any]:
    value, source = found(setting)
    if setting is DATABASE:
        if click.get_current_context().find_root().obj is not None:
            source = "option"
        value = str(database_path())
    return {
        "setting": setting.key,
        "value": list(value) if isinstance(value, tuple) else value,
        "text": _in_words(value),
        "source": source,
        "variable": setting.variable,
        "about": setting.about,
    }


def _in_words(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(value)
    return "" if value is None else str(value)


@command.command()
def path() -> None:
    """Print the path of the settings file.

    Set $SESSIONDB_CONFIG to use another one.

    \b
    Example:
      sessiondb config path
    """
    show_text([visible(str(settings_file()))])


@command.command()
def edit() -> None:
    """Edit the settings file in $VISUAL or $EDITOR, and check it.

    If there is none yet, it is made, with every setting in it as a comment.

    \b
    Example:
      sessiondb config edit
    """
    place = settings_file()
    if not os.path.exists(place):
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(file.template(), encoding="utf-8")
        except OSError as error:
            raise click.ClickException(f"cannot write {place}: {error.strerror}") from error
    click.edit(filename=str(place))
    file.forget()
    print_result(f"{place}: {_amount(len(file.stored()))}")


def _amount(count: int) -> str:
    return f"{count} setting{'' if count == 1 else 's'} set" if count else "nothing set"
