"""Which sessions hold which word: more than fits into memory, as the search of an index reads it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from heapq import merge
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryFile
from typing import TextIO

MAX_BYTES = 32 << 20
"""What is kept in memory before it is put into a file."""
_A_WORD, _A_NUMBER = 250, 8
"""Bytes that a word takes in memory, and each number with it."""


class Words:
    """The words of numbered sessions. Close it: what is too much for memory is in files of a folder, without a name."""

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._holding: dict[str, list[int]] = {}
        self._numbers = 0
        self._parts: list[TextIO] = []
        self._files = ExitStack()

    def close(self) -> None:
        """Remove the files."""
        self._files.close()

    def add(self, number: int, words: Iterable[str]) -> None:
        """Note the words of a session, whose number is greater than all before. Raises OSError for a full disk."""
        for word in frozenset(words):
            self._holding.setdefault(word, []).append(number)
            self._numbers += 1
        if len(self._holding) * _A_WORD + self._numbers * _A_NUMBER > self._max_bytes:
            self._put_away()

    def _put_away(self) -> None:
        part = TemporaryFile("w+", encoding="utf-8", newline="\n", dir=self._folder)  # noqa: SIM115
        self._parts.append(self._files.enter_context(part))
        # A word has neither a space nor the end of a line in it.
        part.writelines(f"{word} {' '.join(map(str, numbers))}\n" for word, numbers in self._sorted())
        self._holding, self._numbers = {}, 0

    def _sorted(self) -> Iterator[tuple[str, list[int]]]:
        return ((word, self._holding[word]) for word in sorted(self._holding))

    def json(self) -> Iterator[str]:
        """Yield an object in which each word has the numbers of its sessions, as steps from one to the next.

        {"tests": [0, 2, 1]} are the sessions 0, 2 and 3: small numbers are short.
        """
        # What was put away first has the smaller numbers, and `merge` keeps that order for equal words.
        parts = [*map(_read, self._parts), self._sorted()]
        before = "{"
        for word, found in groupby(merge(*parts, key=_word), key=_word):
            numbers = [number for _, some in found for number in some]
            steps = [number - last for last, number in zip([0, *numbers], numbers, strict=False)]
            # Nothing in it may end the element that it stands in: a word has no `<`.
            yield f"{before}{json.dumps(word, ensure_ascii=False)}:{json.dumps(steps, separators=(',', ':'))}"
            before = ","
        yield "}" if before == "," else "{}"


def _word(found: tuple[str, list[int]]) -> str:
    return found[0]


def _read(part: TextIO) -> Iterator[tuple[str, list[int]]]:
    part.seek(0)
    for line in part:
        word, *numbers = line.split(" ")
        yield word, list(map(int, numbers))
