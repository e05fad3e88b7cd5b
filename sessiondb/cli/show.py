"""sessiondb show"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from sessiondb.chat.transcript import STYLES, Look, lines, without_tools
from sessiondb.cli.colours import is_drawing
from sessiondb.cli.freshness import sync_option
from sessiondb.cli.options import database_option, output_options, reading, session_argument
from sessiondb.cli.record_fields import MESSAGES, fields_of, message_rows, session_details
from sessiondb.cli.render import print_more, show_json, show_rows, show_text
from sessiondb.cli.tables import Output, strong
from sessiondb.records import Transcript

if TYPE_CHECKING:
    from sessiondb.database import SessionDB


@click.command()
@session_argument
@click.option(
    "--tools/--no-tools", default=True, help="Include tool calls and their results, or not. Default: include."
)
@click.option(
    "--around",
    metavar="MESSAGE",
    help="Only the messages around this one, given by its number (seq) or its id in the agent's log.",
)
@click.option(
    "-C",
    "--context",
    metavar="N",
    type=click.IntRange(min=0),
    default=5,
    help="How many messages to show on either side of it. Default: 5.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(STYLES),
    default="text",
    help="Print plain text or Markdown. Default: text.",
)
@click.option(
    "--full", is_flag=True, help="Show long parts in full: results, reasoning, changes, injected context."
)
@output_options(limit=0)
@sync_option
@database_option
def command(session: str, around: str | None, context: int, output: Output, tools: bool, **look: Any) -> None:
    """Show the transcript of a session.

    On a terminal, Markdown is rendered, tool calls are described in words, and long parts are folded. In a pipe, it
    is plain text.

    \b
    Example:
      sessiondb show @last
      sessiondb show 5b0d7c1e --around 12 --no-tools
    """
    is_drawn = output.form == "table" and look["style"] == "text" and is_drawing()
    with reading() as db:
        found = _read(db, session, around, context, outline=is_drawn)
        shown = found.messages if tools else without_tools(found.messages)
        page = replace(found, messages=shown[output.offset :][: output.limit])
        screen = None
        if is_drawn:
            from sessiondb.cli.screen.drawing import screen_of

            is_all = around is None
            part = (is_all and not output.offset, is_all and len(page.messages) + output.offset >= len(shown))
            screen = screen_of(db, page, part, full=look["full"])
    if screen is not None:
        show_text(screen.lines(), paged=True)
    elif output.form == "json":
        rows = [{name: row[name] for name in MESSAGES.fields} for row in message_rows(page.messages)]
        notes = [fields_of(note) for note in page.notes]
        show_json({"session": session_details(page.session, page.tags), "messages": rows, "notes": notes})
    elif output.form == "table":
        show_text(lines(page, Look(**look, strong=strong)), paged=True)
    else:
        show_rows(output, MESSAGES, message_rows(page.messages))
    print_more(len(shown) - output.offset - len(page.messages))


def _read(db: SessionDB, name: str, around: str | None, context: int, *, outline: bool) -> Transcript:
    session = db.sessions.resolve(name)
    first: int | None = None
    last: int | None = None
    if around is not None:
        middle = db.messages.find(session.id, around)
        first, last = middle - context, middle + context
    return db.transcript(session.id, first=first, last=last, outline=outline)
