"""Make a hit's text fit on a line: what FTS5 cut out, or what is around a query's words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sessiondb.query import Query
from sessiondb.query.text import STOP_WORDS, loose_pattern, pairs

OPEN, CLOSE, ELLIPSIS = "«", "»", "…"
LONGEST = 240
"""Characters of a snippet; tokens of tool output have no end of their own."""
_BEFORE = 70


def one_line(snippet: str) -> str:
    """Return a snippet on one line, cut to LONGEST characters about its first mark."""
    text = " ".join(snippet.split())
    if len(text) <= LONGEST:
        return text
    start = max(0, min(text.find(OPEN) - _BEFORE, len(text) - LONGEST))
    cut = text[start : start + LONGEST]
    # A mark that the cut has parted from its partner would mark the rest of the line.
    if cut.rfind(OPEN) > cut.rfind(CLOSE):
        cut += CLOSE
    before = ELLIPSIS if start else ""
    after = ELLIPSIS if start + LONGEST < len(text) else ""
    return f"{before}{cut}{after}"


def marked(text: str, query: Query) -> str:
    """Return a text from a little before the first of the query's words on, the words marked."""
    pattern = "|".join(dict.fromkeys(_patterns(query)))
    first = re.search(pattern, text, re.IGNORECASE) if pattern else None
    if first is None:
        return one_line(text[: LONGEST + 1])
    start = max(0, first.start() - _BEFORE)
    part = re.sub(pattern, _with_marks, text[start : start + LONGEST], flags=re.IGNORECASE).replace(
        CLOSE + OPEN, ""
    )
    before = ELLIPSIS if start else ""
    after = ELLIPSIS if start + LONGEST < len(text) else ""
    return " ".join(f"{before}{part}{after}".split())


def _with_marks(match: re.Match[str]) -> str:
    return f"{OPEN}{match[0]}{CLOSE}"


def _patterns(query: Query) -> Iterator[str]:
    """Yield the words as typed, then what they consist of: a text may hold all of it apart."""
    yield from (loose_pattern(term.text) for term in query.words if term.text.strip())
    pieces = [piece.replace(" ", "") for term in query.words for piece in pairs(term.text)]
    content = [piece for piece in pieces if piece.lower() not in STOP_WORDS] or pieces
    yield from (rf"\b{piece}" if piece.isascii() else loose_pattern(piece) for piece in content)
