"""A session as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sessiondb.records.messages import Message
    from sessiondb.records.notes import Note
    from sessiondb.records.sessions import Session


@dataclass(frozen=True, slots=True)
class Transcript:
    """A session, its tags, its messages or a part of them, and its notes."""

    session: Session
    tags: list[str]
    messages: list[Message]
    notes: list[Note]
