"""A session as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sessiondb.records.record import Record

if TYPE_CHECKING:
    from sessiondb.records.messages import Message
    from sessiondb.records.notes import Note
    from sessiondb.records.sessions import Session, Tokens


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Transcript(Record):
    """A session, its tags, its messages or a part of them, and its notes.

    Where they were asked for, `subagents` are the transcripts of its sub-agents by their start, `tokens` those of its
    responses by the id of the message, and `files` the logs it came from, the one that is believed first.
    """

    session: Session
    tags: list[str]
    messages: list[Message]
    notes: list[Note]
    subagents: list[Transcript] = field(default_factory=list)
    tokens: dict[int, Tokens] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
