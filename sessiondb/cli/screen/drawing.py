"""A transcript of the database as a screen for this terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sessiondb.cli.colours import has_colours, painter
from sessiondb.cli.screen.look import Look
from sessiondb.cli.screen.prose import Prose
from sessiondb.cli.screen.transcript import Part, Screen
from sessiondb.cli.tables import terminal_width
from sessiondb.errors import InvalidInput
from sessiondb.records import Transcript

if TYPE_CHECKING:
    from sessiondb.database import SessionDB

MAX_WIDTH = 120
"""Columns beyond which lines of prose are hard to read."""


def screen_of(
    db: SessionDB, transcript: Transcript, part: tuple[bool, bool], *, full: bool = False
) -> Screen:
    """Return what writes a transcript, taken in outline. `part`: whether its first and its last message are there."""
    prose = Prose(max(min(terminal_width(), MAX_WIDTH), 20), colours=has_colours())
    look = Look(prose, painter(), full, transcript.session.project)
    try:
        resume = db.resume_command(transcript.session.id).line
    except InvalidInput:
        # Some agents cannot resume a session.
        resume = None
    ids = db.short_ids(_ids(transcript))
    return Screen(transcript, look, Part(ids, resume, *part))


def _ids(transcript: Transcript) -> Iterator[str]:
    for agent in transcript.subagents:
        yield agent.session.id
        yield from _ids(agent)
