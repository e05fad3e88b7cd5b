"""Make a hit's text fit on a line: what FTS5 cut out, or what is around a query's words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, islice

from sessiondb.query import Query
from sessiondb.query.text import STOP_WORDS, is_spaced, loose_pattern, pairs, tokens, without_accents

OPEN, CLOSE, ELLIPSIS = "«", "»", "…"
MAX_LENGTH = 240
"""Characters of a snippet; tokens of tool output have no end of their own."""
_BEFORE = 70
_MAX_RUN = 16

EXCERPT = 600
"""Characters of a long text that are looked at closely: FTS5's snippet() takes the square of the matches."""
_FIRST_SLICE = 1 << 14
_FURTHER = 1 << 20
_MAX_PLACES = 300
_MAX_LOOKED_AT = 2000
_SHORTEST = 3


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


def excerpt(text: str, words: Iterable[str]) -> str:
    """Return the part of a long text where most of the words stand close together, its beginning for none.

    Words are found as they are, without regard to upper and lower case or accents, or by their beginning: the
    closer look decides. The time it takes grows with the text, to the first place that holds them all, or to
    1 MB behind the first that holds any.
    """
    if len(text) <= EXCERPT:
        return text
    wanted = list(dict.fromkeys(map(_lowered, words)))
    place = _best_place(text, wanted, _lowered)
    if place is None and not text.isascii():
        wanted = [without_accents(word) for word in wanted if not is_spaced(word)]
        place = _best_place(text, wanted, lambda part: without_accents(_lowered(part)))
    start = max(0, (place or 0) - _BEFORE * 2)
    start = text.rfind(" ", max(0, start - _BEFORE), start) + 1 or start
    before = ELLIPSIS if start else ""
    after = ELLIPSIS if start + EXCERPT < len(text) else ""
    return f"{before}{text[start : start + EXCERPT]}{after}"


def marked(text: str, query: Query) -> str:
    """Return a text from a little before the first of the query's words on, the words marked."""
    text = excerpt(text, (part for term in query.words for part in (term.text, *pairs(term.text))))
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


def _lowered(text: str) -> str:
    """Return a text in lower case, each letter in its place: of all letters this one alone becomes two."""
    return text.replace("\u0130", "I").lower()


def _best_place(text: str, words: Sequence[str], shaped: Callable[[str], str]) -> int | None:
    """Return the first place from which on a line holds the most different words; None where there is none."""
    best, most = None, 0
    begin, size = 0, _FIRST_SLICE
    while begin < len(text) and most < len(words) and (best is None or begin < best + _FURTHER):
        place, held = _densest(_places(shaped(text[begin : begin + size + MAX_LENGTH]), words))
        if held > most:
            best, most = begin + place, held
        begin, size = begin + size, size * 2
    return best


def _places(text: str, words: Iterable[str]) -> list[tuple[int, int]]:
    """Return where words stand, or failing that their beginnings, each with the word's number, in order."""
    found = []
    for number, word in enumerate(words):
        ways = ((word, True), (word, False), (word[: max(_SHORTEST, len(word) - _SHORTEST)], False))
        each = (list(islice(_occurrences(text, *way), _MAX_PLACES)) for way in ways)
        found += [(place, number) for place in next(filter(None, each), [])]
    return sorted(found)


def _occurrences(text: str, word: str, is_whole: bool) -> Iterator[int]:
    """Yield where words are this one or begin so; scripts without spaces have no beginnings."""
    anywhere = not word[:1].isalnum() or is_spaced(word[:1])
    place = -1
    for _ in range(_MAX_LOOKED_AT):
        place = text.find(word, place + 1)
        if place < 0:
            return
        end = place + len(word)
        if anywhere or not (
            text[max(place - 1, 0) : place].isalnum() or (is_whole and text[end : end + 1].isalnum())
        ):
            yield place


def _densest(places: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return the first place from which on a line holds the most different words, and how many."""
    best, most, end = 0, 0, 0
    held: Counter[int] = Counter()
    for place, number in places:
        while end < len(places) and places[end][0] < place + MAX_LENGTH:
            held[places[end][1]] += 1
            end += 1
        if len(held) > most:
            best, most = place, len(held)
        held[number] -= 1
        if not held[number]:
            del held[number]
    return best, most


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
