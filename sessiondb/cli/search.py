"""sessiondb search"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from sessiondb.cli.colours import is_drawing
from sessiondb.cli.freshness import sync_option
from sessiondb.cli.hits import drawn, fitting, lines, remarks
from sessiondb.cli.options import (
    complete_times,
    completing,
    database_option,
    output_options,
    project_folder,
    reading,
    time_begin,
    time_end,
)
from sessiondb.cli.record_fields import HITS, hit_rows, search_fields
from sessiondb.cli.render import in_lines, print_more, print_notice, show_json, show_rows, show_text
from sessiondb.cli.tables import Output, terminal_height, terminal_width
from sessiondb.settings.table import SEARCH_LIMIT

if TYPE_CHECKING:
    from sessiondb.cli.hit_in_transcript import Opened
    from sessiondb.database import SessionDB
    from sessiondb.records import SearchResult

# What begins with a dash and is no option: a word that must not occur, as in `parser -lexer`.
_EXCLUSION = re.compile(r"-(?!n\d+$)[^-].+|-[^hnw-]")
_KEPT = "\0"


class _WithExclusions(click.Command):
    """A command whose arguments may be words with a dash before them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments. No argument of a process can hold a NUL: it marks what is to be left alone."""
        end = args.index("--") if "--" in args else len(args)
        takes_value = {
            name for param in self.params if not getattr(param, "is_flag", True) for name in param.opts
        }
        kept = [
            _KEPT + arg if _EXCLUSION.fullmatch(arg) and before not in takes_value else arg
            for before, arg in zip(["", *args], args[:end], strict=False)
        ]
        return super().parse_args(ctx, kept + args[end:])


@click.command(cls=_WithExclusions)
@click.argument("query", nargs=-1, required=True, shell_complete=completing("query_words"))
@click.option(
    "--agent",
    metavar="NAME",
    shell_complete=completing("names", "agent"),
    help="Only in sessions of this agent.",
)
@click.option(
    "--project",
    metavar="PATH",
    callback=project_folder,
    shell_complete=completing("names", "project"),
    help="Only in sessions of this project: a path, or part of one.",
)
@click.option("--role", metavar="ROLE", help="Only messages of this role: user, assistant, tool, or system.")
@click.option(
    "--since",
    metavar="TIME",
    callback=time_begin,
    shell_complete=complete_times,
    help="Only messages written at or after this time.",
)
@click.option(
    "--until",
    metavar="TIME",
    callback=time_end,
    shell_complete=complete_times,
    help="Only messages written at or before this time.",
)
@click.option(
    "--in",
    "scope",
    type=click.Choice(("talk", "tools", "notes", "all")),
    help="What to search: messages, tool calls, notes, or all. Default: talk.",
)
@click.option(
    "--sort",
    type=click.Choice(("relevance", "newest", "oldest")),
    default="relevance",
    help="The order of the results. Default: relevance.",
)
@click.option(
    "--messages", "flat", is_flag=True, help="List every match, not just the best one in each session."
)
@click.option(
    "--all", "unfolded", is_flag=True, help="List sub-agents and compactions as rows of their own in a table."
)
@click.option("--raw", is_flag=True, help="Treat the query as raw FTS5 syntax.")
@click.option("--exact", is_flag=True, help="Rank every match of a common word, not just the newest ones.")
@click.option("--explain", is_flag=True, help="Explain how the query was understood.")
@click.option(
    "--open", "opens", is_flag=True, help="Open the transcript of the best match in a pager, at the match."
)
@output_options(setting=SEARCH_LIMIT)
@sync_option
@database_option
def command(
    query: tuple[str, ...], explain: bool, opens: bool, unfolded: bool, output: Output, **criteria: Any
) -> None:
    """Search the text of sessions.

    On a terminal, the best results that fit on the screen are shown; -n N shows N of them.

    A query can have words, "phrases", prefix*, -word, OR, and fields such as agent: or before:. Any text is
    a valid query. If few sessions contain all the words, those that contain some of them are listed too.

    \b
    Example:
      sessiondb search where do we keep the tests
      sessiondb search --in tools '"disk full" OR db.py' --since 30d
    """
    text = " ".join(query).replace(_KEPT, "")
    with reading() as db:
        fold = output.form == "table" and not (unfolded or criteria["flat"])
        result = db.search(text, fold=fold, limit=output.limit, offset=output.offset, **criteria)
        short = db.short_ids({hit.session_id for hit in result.hits if hit.session_id})
        shown = _open(db, result) if opens else None
    for line in result.explanation if explain else ():
        print_notice(line)
    if shown:
        show_text(shown.lines, paged=True, first=shown.first)
        return
    count = len(result.hits)
    if output.form == "json":
        show_json(search_fields(result))
    elif output.form == "table" and is_drawing():
        count = _draw(result, short, output)
    elif output.form == "table":
        show_text(lines(result.hits, short))
    else:
        show_rows(output, HITS, hit_rows(result.hits, short))
    for remark in remarks(result):
        print_notice(remark)
    if count < len(result.hits):
        _say_how_to_go_on(result, output, count)
    else:
        print_more(result.total - output.offset - count)


def _draw(result: SearchResult, short: Mapping[str, str], output: Output) -> int:
    """Print the hits that fit the screen, or as many as were asked for, and return how many those are."""
    blocks = drawn(result.hits, short, terminal_width())
    if not output.is_limit_given:
        # What is said after them, and the prompt, have their lines too.
        said = 2 + sum(len(in_lines(remark)) for remark in remarks(result))
        blocks = fitting(blocks, terminal_height() - said)
    shown = list(blocks)
    show_text(line for number, block in enumerate(shown) for line in ([""] * bool(number) + block))
    return len(shown)


def _say_how_to_go_on(result: SearchResult, output: Output, count: int) -> None:
    left, most = result.total - output.offset - count, output.limit
    print_notice(
        f"{left:,} more; --offset {output.offset + count} shows the next ones, -n {most} the first {most}"
    )


def _open(db: SessionDB, result: SearchResult) -> Opened | None:
    """Return the transcript of the best hit that is in a session, None where there is none."""
    from sessiondb.cli.hit_in_transcript import opened

    hit = next((hit for hit in result.hits if hit.session_id), None)
    if hit is None or hit.session_id is None:
        return None
    return opened(db.transcript(hit.session_id), hit)
