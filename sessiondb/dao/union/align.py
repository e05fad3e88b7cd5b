"""Bring the messages of one session, as two databases hold them, into one order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from heapq import merge
from operator import itemgetter
from typing import NamedTuple

from sessiondb.records.export_rows import MessageRow


class Known(NamedTuple):
    """A message that is here already: its id and seq in this database, and what it is known by."""

    id: int
    seq: int
    external_id: str | None
    digest: bytes
    created_at: str | None
    is_prompt: bool = False


class _Placed(NamedTuple):
    """A message by its id, and what tells its place among others."""

    id: int
    created_at: str | None
    is_prompt: bool


def digest(message: MessageRow) -> bytes:
    """Return a hash of what a message says: its role, its text, the calls it asks for and those it
    answers.
    """
    said = [message.role, message.content or ""]
    said += [call.call_id or f"{call.name}\x1f{call.arguments}" for call in message.tool_calls]
    said += [call.call_id or call.result or "" for call in message.answers]
    if message.content is None and bytes(message.parts):
        said.append(bytes(message.parts).decode())
    return hashlib.blake2b("\x1e".join(said).encode(), digest_size=16).digest()


class Alignment:
    """Takes their messages in order and finds for each the one of ours that it is.

    The two are one where they have the same external id; else where they say the same, at the same time as
    far as both know it, and neither comes before messages that were found to be one already. What only one
    has stays between the messages that both have; where both have something there, turns come in order of time,
    and ours first where that is the same or not known.
    """

    def __init__(self, ours: Iterable[Known]) -> None:
        self._ours = list(ours)
        self._by_id: dict[str, list[int]] = {}
        self._by_digest: dict[bytes, list[int]] = {}
        # Backwards, so that the first of several equals is taken first: pop() takes from the end.
        for index, known in reversed(list(enumerate(self._ours))):
            if known.external_id is not None:
                self._by_id.setdefault(known.external_id, []).append(index)
            self._by_digest.setdefault(known.digest, []).append(index)
        self._next = 0
        self._order: list[int] = []
        self._added: list[int] = []
        self._waiting: list[_Placed] = []

    def find(self, message: MessageRow) -> Known | None:
        """Return the message of ours that the next one of theirs is, None where it is new."""
        index = self._same_id(message)
        if index is None:
            index = self._same_words(message)
        if index is None:
            return None
        if index >= self._next:
            self._order += [*self._between(index), self._ours[index].id]
            self._waiting = []
            self._next = index + 1
        return self._ours[index]

    def add(self, id: int, message: MessageRow) -> None:
        """Take a new message of theirs, and the id that it was given here."""
        self._added.append(id)
        self._waiting.append(_Placed(id, message.created_at, message.role == "user"))

    def order(self) -> list[int] | None:
        """Return the ids of all messages in order, None where theirs only come after ours."""
        order = [*self._order, *self._between(len(self._ours))]
        return None if order == [*(known.id for known in self._ours), *self._added] else order

    def _between(self, end: int) -> list[int]:
        """Return what stands between the last message that both have and ours at an index, of both in order."""
        ours = [_Placed(one.id, one.created_at, one.is_prompt) for one in self._ours[self._next : end]]
        return [id for _, id in merge(_in_time(ours), _in_time(self._waiting), key=itemgetter(0))]

    def _same_id(self, message: MessageRow) -> int | None:
        indexes = self._by_id.get(message.external_id) if message.external_id is not None else None
        return indexes.pop() if indexes else None

    def _same_words(self, message: MessageRow) -> int | None:
        for index in reversed(self._by_digest.get(digest(message), ())):
            known = self._ours[index]
            is_same_time = (
                None in (known.created_at, message.created_at) or known.created_at == message.created_at
            )
            if index >= self._next and is_same_time:
                return index
        return None


def _in_time(part: list[_Placed]) -> list[tuple[str, int]]:
    """Return the ids of messages with the times that their turns began, each no earlier than the one before it.

    A part keeps its own order, and a turn stays whole: the answer of a tool follows its call.
    """
    timed = []
    begun = ""
    for message in part:
        if message.is_prompt or not begun:
            begun = max(begun, message.created_at or "")
        timed.append((begun, message.id))
    return timed
