"""A search hit in its transcript: the whole session, and the line to begin with."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from sessiondb.chat.transcript import Look, lines
from sessiondb.cli.tables import strong
from sessiondb.records import Message, SearchHit, Transcript

# Tool output is not shortened: what was found may stand in it.
_LOOK = Look(full=True, strong=strong)
_ABOVE = 3
"""Lines that are left to be seen above the marked word, where it stands far below its message's heading."""


class Opened(NamedTuple):
    """The lines of a transcript, and the number, from 1, of the line that a hit is at."""

    lines: list[str]
    first: int


def opened(transcript: Transcript, hit: SearchHit) -> Opened:
    """Write a transcript out. A hit of no message, as a title is none, is at the top."""
    found = list(lines(transcript, _LOOK))
    if hit.seq is None:
        return Opened(found, 1)
    before = [message for message in transcript.messages if message.seq < hit.seq]
    upto = [message for message in transcript.messages if message.seq <= hit.seq]
    heading = _length(transcript, before) + 1
    marked = re.findall("«(.+?)»", hit.snippet)
    for number in range(heading, _length(transcript, upto)):
        if any(word in found[number] for word in marked):
            return Opened(found, max(heading + 1, number + 1 - _ABOVE))
    return Opened(found, heading + 1)


def _length(transcript: Transcript, messages: list[Message]) -> int:
    part = replace(transcript, messages=messages, notes=[])
    return sum(1 for _ in lines(part, _LOOK))
