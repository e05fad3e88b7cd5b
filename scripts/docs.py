"""Keep what README.md quotes true: the help of each command, and the tables and views of schema/.

A quotation stands between two comments and is written anew, whatever was between them:

    <!-- help: list -->    what `sessiondb list --help` prints     <!-- /help -->
    <!-- schema: notes --> the SQL of that table or view           <!-- /schema -->
    <!-- schema: all -->   the first sentence of each of them      <!-- /schema -->
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import click

from sessiondb.cli.group import COMMANDS, cli

ROOT = Path(__file__).parents[1]
WIDTH = 80
_REGION = re.compile(r"(<!-- (help|schema): (.+?) -->\n).*?(<!-- /\2 -->)", re.DOTALL)
_OBJECT = re.compile(r"((?:^--.*\n)+)^(CREATE (TABLE|VIRTUAL TABLE|VIEW) (\w+)(?:.*\n)*?.*;)$", re.MULTILINE)


def rewritten(text: str) -> str:
    """Return a page with its quotations as they should be. Raises KeyError for one of nothing that exists."""
    sources: dict[str, Callable[[str], str]] = {"help": quoted_help, "schema": quoted_schema}
    return _REGION.sub(lambda match: f"{match[1]}\n{sources[match[2]](match[3])}\n\n{match[4]}", text)


def quoted_help(name: str) -> str:
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


def quoted_schema(name: str) -> str:
    """Return a table or view as a block of SQL, or for "all" a list of them."""
    objects = schema_objects()
    if name != "all":
        return _block("sql", objects[name])
    return "\n".join(f"- `{name}`: {_sentence(sql)}" for name, sql in objects.items())


def schema_objects() -> dict[str, str]:
    """Return the tables and views that open with a comment, by name, comment and all, in schema/'s order."""
    files = sorted((ROOT / "schema").glob("*.sql"))
    found = (match for file in files for match in _OBJECT.finditer(file.read_text(encoding="utf-8")))
    return {match[4]: match[1] + match[2] for match in found}


def _sentence(sql: str) -> str:
    comment = " ".join(line.removeprefix("--").strip() for line in sql.partition("\nCREATE")[0].split("\n"))
    sentence = comment.partition(". ")[0].rstrip(".")
    return sentence[0].lower() + sentence[1:]


def _help(context: click.Context) -> str:
    return f"$ {context.command_path} --help\n{context.get_help()}"


def _block(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"


if __name__ == "__main__":
    page = ROOT / sys.argv[1]
    page.write_text(rewritten(page.read_text(encoding="utf-8")), encoding="utf-8")
