"""Make a hit's text fit on a line: what FTS5 cut out, or what is around a query's words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from sessiondb.query import Query
from sessiondb.query.text import STOP_WORDS, is_spaced, loose_pattern, tokens

OPEN, CLOSE, ELLIPSIS = "«", "»", "…"
MAX_LENGTH = 240
"""Characters of a snippet; tokens of tool output have no end of their own."""
_BEFORE = 70
_MAX_RUN = 16


def one_line(snippet: str) -> str:
    """Return a snippet on one line, cut to MAX_LENGTH characters about its first mark."""
    text = " ".join(snippet.split())
    if len(text) <= MAX_LENGTH:
        return text
    start = max(0, min(text.find(OPEN) - _BEFORE, len(text) - MAX_LENGTH))
    cut = text[start : start + MAX_LENGTH]
    # A mark that the cut has parted from its partner would mark the rest of the line.
    if cut.rfind(OPEN) > cut.rfind(CLOSE):
        cut += CLOSE
    before = ELLIPSIS if start else ""
    after = ELLIPSIS if start + MAX_LENGTH < len(text) else ""
    return f"{before}{cut}{after}"


def marked(text: str, query: Query) -> str:
    """Return a text from a little before the first of the query's words on, the words marked."""
    pattern = "|".join(dict.fromkeys(_patterns(query)))
    first = re.search(pattern, text, re.IGNORECASE) if pattern else None
    if first is None:
        return one_line(text[: MAX_LENGTH + 1])
    start = max(0, first.start() - _BEFORE)
    part = re.sub(pattern, _with_marks, text[start : start + MAX_LENGTH], flags=re.IGNORECASE).replace(
        CLOSE + OPEN, ""
    )
    before = ELLIPSIS if start else ""
    after = ELLIPSIS if start + MAX_LENGTH < len(text) else ""
    return " ".join(f"{before}{part}{after}".split())


def _with_marks(match: re.Match[str]) -> str:
    return f"{OPEN}{match[0]}{CLOSE}"


def _patterns(query: Query) -> Iterator[str]:
    """Yield the words as typed, then what they consist of, for a text may hold all of it apart."""
    words = [term.text for term in query.words if term.text.strip()]
    words = [word for word in words if word.lower() not in STOP_WORDS] or words
    yield from map(loose_pattern, words)
    for word in words:
        for is_run, letters in groupby(word, key=is_spaced):
            text = "".join(letters)
            if is_run:
                yield from _parts(text[:_MAX_RUN])
            else:
                pieces = [token for token in tokens(text) if token.lower() not in STOP_WORDS]
                yield from (f"(?<![a-zA-Z0-9]){loose_pattern(piece)}" for piece in pieces)


def _parts(run: str) -> Iterator[str]:
    """Yield what of a run of characters may stand alone, the longest first; single ones say nothing."""
    for size in range(len(run), min(len(run), 2) - 1, -1):
        yield from (re.escape(run[start : start + size]) for start in range(len(run) - size + 1))
