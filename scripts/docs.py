"""Write the pages of docs/ that are made from the program: docs/commands.md and docs/schema.md.

Run it, as `scripts/docs`, after a change to a help text or to schema/. A test compares the pages with what it would
write.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from sessiondb.cli.group import COMMANDS, SECTIONS, cli
from sessiondb.web.metadata import columns, prose, sentences

ROOT = Path(__file__).parents[1]
WIDTH = 80
_MADE_BY = "<!-- Made by scripts/docs from the program. Do not edit it here. -->"


def commands_page() -> str:
    """Return the help of `sessiondb` and of each of its commands, as a page."""
    intro = (
        "Every command prints this with `--help`. What they have in common: a session is named by its id, by a "
        "unique beginning of it, or as `@last`; data goes to stdout and everything else to stderr; commands that "
        "remove something have `--dry-run`, and ask first."
    )
    parts = ["# Commands", _MADE_BY, intro, help_of("sessiondb")]
    for title, names in SECTIONS.items():
        parts.append(f"## {title}")
        for name in names:
            parts += [f"### {name}", help_of(name)]
    return "\n\n".join(parts) + "\n"


def schema_page() -> str:
    """Return what every table and view is for, and the SQL of each, as a page."""
    comments = sentences()
    intro = (
        "One SQLite file, which any SQLite tool may read and write: triggers keep counters and search indexes "
        "true. The SQL is that of a new database; the sentences are the comments of `schema/*.sql`, where the "
        "indexes and triggers are, too. Times are UTC; empty is unknown, 0 is zero."
    )
    parts = ["# Schema", _MADE_BY, intro]
    for kind, heading in (("table", "## Tables"), ("view", "## Views")):
        made = {name: sql for name, sql in objects(kind) if name in comments}
        parts += [heading, "\n".join(f"- [`{name}`](#{name}): {_first(comments[name])}" for name in made)]
        for name, sql in made.items():
            parts += [f"### {name}", comments[name], _block("sql", f"{sql};")]
            parts += ["\n".join(f"- `{column}`: {text}" for column, text in columns(name).items())]
    parts += ["## Migrations", "\n".join(f"- {header}" for header in headers())]
    return "\n\n".join(parts) + "\n"


PAGES: dict[str, Callable[[], str]] = {"docs/commands.md": commands_page, "docs/schema.md": schema_page}


def help_of(name: str) -> str:
    """Return the help of a command and of those within it, or of `sessiondb` itself, as a block of code."""
    top = click.Context(cli, info_name="sessiondb", terminal_width=WIDTH, **cli.context_settings)
    if name == "sessiondb":
        return _block("console", _help(top))
    command = cli.get_command(top, name)
    if command is None:
        raise KeyError(f"there is no command {name!r}, only {', '.join(COMMANDS)}")
    context = click.Context(command, info_name=name, parent=top, terminal_width=WIDTH)
    within = command.commands.items() if isinstance(command, click.Group) else ()
    contexts = [
        click.Context(part, info_name=word, parent=context, terminal_width=WIDTH) for word, part in within
    ]
    return _block("console", "\n\n".join(map(_help, [context, *contexts])))


def headers() -> Iterator[str]:
    """Yield each file of schema/ with the first sentence of the comment that opens it."""
    for name, sql in _migrations().items():
        number, _, text = _first(prose(sql.partition("\n\n")[0])).partition(": ")
        yield f"`schema/{name}`: {text}" if number == name[:4] else f"`schema/{name}`"


def objects(kind: str) -> list[tuple[str, str]]:
    """Return the tables or views of a new database: their names and their SQL."""
    database = sqlite3.connect(":memory:")
    try:
        for sql in _migrations().values():
            database.executescript(sql)
        found = "SELECT name, sql FROM sqlite_schema WHERE type = ? AND sql IS NOT NULL ORDER BY rowid"
        return database.execute(found, (kind,)).fetchall()
    finally:
        database.close()


def _migrations() -> dict[str, str]:
    return {file.name: file.read_text(encoding="utf-8") for file in sorted((ROOT / "schema").glob("*.sql"))}


def _first(text: str) -> str:
    return text.partition(". ")[0].rstrip(".") + "."


def _help(context: click.Context) -> str:
    return f"$ {context.command_path} --help\n{context.get_help()}"


def _block(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"


if __name__ == "__main__":
    for path, page in PAGES.items():
        (ROOT / path).write_text(page(), encoding="utf-8")
