"""What the histories of prompts have in common, which some agents keep beside their logs.

They hold what a person typed in the terminal, of sessions whose logs were deleted long ago too. Their sessions are the
agent's own, under the same ids, marked as PROMPTS_ONLY: the log of a session takes their place (see
dao/union/stand_ins.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from sessiondb.importers.base import (
    PROMPT_ID,
    Fingerprints,
    MessageRecord,
    Record,
    SessionRecord,
    session_id,
)
from sessiondb.importers.files.source import Source
from sessiondb.records.sessions import PROMPTS_ONLY
from sessiondb.timestamps import normalise

FORMATS = ("claude-code-history", "codex-history")
"""The formats of such histories."""


class Typed(NamedTuple):
    """What a person typed, in the session that its agent calls `native_id`; `moment` as it is written.

    A command to the program, and not to the model, is none of the conversation.
    """

    native_id: str
    moment: Any
    text: str
    project: str | None = None
    parts: list[Any] | None = None
    is_command: bool = False


def prompts(source: Source, agent: str, typed: Callable[[dict[str, Any]], Typed | None]) -> Iterator[Record]:
    """Yield the records of a history of an agent; `typed` makes a line what was typed, None where it is no entry."""
    history = _History(source, agent)
    for line in source.json_lines(json.loads, lambda value: value):
        entry = typed(line) if isinstance(line, dict) else None
        if entry is None:
            source.problem("no entry of a history of prompts")
        else:
            yield from history.add(entry)
    history.finish()


def is_moment(value: Any) -> bool:
    """Say whether a value is the number that a history has for a time."""
    return isinstance(value, int | float) and not isinstance(value, bool)


class _History:
    """Turns what was typed into records; entries that name no session are counted, and told at the end."""

    def __init__(self, source: Source, agent: str) -> None:
        self._source = source
        self._agent = agent
        self._fingerprint = Fingerprints(source.state)
        self._begun: set[str] = set()
        self._nameless = 0

    def add(self, typed: Typed) -> Iterator[Record]:
        """Yield the message, and before the first of a session the session."""
        if not typed.native_id:
            self._nameless += 1
            return
        if not typed.text and not typed.parts:
            return
        id = session_id(self._agent, typed.native_id)
        if id not in self._begun:
            self._begun.add(id)
            yield SessionRecord(
                id, self._agent, typed.native_id, project=typed.project, metadata={PROMPTS_ONLY: True}
            )
        yield MessageRecord(
            id,
            "system" if typed.is_command else "user",
            typed.text or None,
            PROMPT_ID + self._fingerprint(typed.moment, id, typed.text),
            normalise(typed.moment, self._source.tz),
            parts=typed.parts,
            metadata={"kind": "command"} if typed.is_command else None,
        )

    def finish(self) -> None:
        """Report the entries that name no session: earlier versions wrote such."""
        if self._nameless:
            entries = "1 prompt names" if self._nameless == 1 else f"{self._nameless:,} prompts name"
            self._source.problem(f"{entries} no session, and cannot be imported", whole=True)
