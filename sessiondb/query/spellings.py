"""One name, spelled otherwise: identifiers in another case, commit ids cut short, letters that go for one another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import product

# Patterns are compiled when they are first used, for every search starts a process.
_HUMP = r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"
_JOINT = r"(?<=[^\W_])[_'’-](?=[^\W_]{2})"
_COMMIT = r"(?i)(?=.*[0-9])[0-9a-f]{6,40}\Z"

_SHORT_COMMITS = range(7, 13)
"""Digits that git and its hosts show of a commit's id."""

_SHORTEST = 4
_LONGEST = 24
"""Letters of a word that is looked for with one of them changed."""

_LATIN = "abcdefghijklmnopqrstuvwxyz"
_CYRILLIC = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
_MANY = 16


def spellings(word: str) -> tuple[tuple[str, bool], ...]:
    """Return what else is the same name, each with whether it is a beginning only.

    `useTodos` is `use todos` (as which the index has `use_todos` and `use-todos`), and these are `usetodos`;
    `O'Brien` is `obrien`. 6 to 40 hexadecimal digits, one of them below a, begin a commit's id, or are what
    git shows of it. `ё` goes for `е`, `ß` for `ss`, and kana and letters of any width for one another.
    """
    others: dict[str, bool] = {}
    if word.isascii():
        others.setdefault(" ".join(humps(word)), False)
        if re.match(_COMMIT, word):
            others[word] = True
            shorter = () if word.isdecimal() else _SHORT_COMMITS
            others |= {word[:size]: False for size in shorter if size < len(word)}
    else:
        others |= dict.fromkeys(_other_letters(word), False)
    others.setdefault(re.sub(_JOINT, "", word), False)
    return tuple((other, begins) for other, begins in others.items() if begins or other != word)


def humps(word: str) -> list[str]:
    """Return the parts of a camelCase name: `parseHTMLPage` -> `parse`, `HTML`, `Page`."""
    return re.split(_HUMP, word)


def glued(words: Iterable[str], *, stop_words: frozenset[str]) -> Iterator[str]:
    """Yield neighbours of a text written as one word, as code has them: `simple todos` -> `simpletodos`."""
    lowered = [word.lower() for word in words]
    for size in (2, 3):
        for start in range(len(lowered) - size + 1):
            part = lowered[start : start + size]
            ends = {part[0], part[-1]}
            if all(piece.isascii() for piece in part) and not ends & stop_words and min(map(len, ends)) > 1:
                yield "".join(part)


def one_edit(word: str, intact: int | None = None) -> Iterator[str]:
    """Yield what a word may be a slip of: one letter changed, left out, added or swapped, or a space left out.

    The first letter is taken for right; `intact` is how many letters may stand before the slip. Nothing is
    yielded for what is too short, too long, or no word of Latin or Cyrillic letters.
    """
    word = word.lower()
    letters = next((each for each in (_LATIN, _CYRILLIC) if set(word) <= set(each)), "")
    if not letters or not _SHORTEST <= len(word) <= _LONGEST:
        return
    found: dict[str, None] = {}
    last = len(word) if intact is None else min(intact, len(word))
    for place in range(1, last + 1):
        before, after = word[:place], word[place:]
        found |= dict.fromkeys(f"{before}{letter}{after}" for letter in letters)
        if after:
            found[before + after[1:]] = None
            found[f"{before} {after}"] = None
            found |= dict.fromkeys(f"{before}{letter}{after[1:]}" for letter in letters)
            found[before + after[1:2] + after[0] + after[2:]] = None
    if "ss" in word:
        found[word.replace("ss", "ß")] = None
    found.pop(word, None)
    yield from found


def _other_letters(word: str) -> Iterator[str]:
    from unicodedata import normalize

    lower = word.lower()
    if "ß" in lower:
        yield lower.replace("ß", "ss")
    if "е" in lower or "ё" in lower:
        either = [("е", "ё") if letter in "её" else (letter,) for letter in lower]
        if lower.count("е") + lower.count("ё") <= _MANY.bit_length() - 1:
            yield from map("".join, product(*either))
    wide = normalize("NFKC", word)
    yield wide
    half_width = _half_width()
    yield "".join(half_width.get(letter, letter) for letter in wide)


@cache
def _half_width() -> dict[str, str]:
    """Return the half-width writing of each full-width katakana."""
    from unicodedata import normalize

    half = {normalize("NFKC", chr(code)): chr(code) for code in range(0xFF65, 0xFF9E)}
    marked = (
        (f"{letter}{mark}", normalize("NFKC", f"{letter}{mark}"))
        for letter in list(half.values())
        for mark in "ﾞﾟ"
    )
    return half | {wide: narrow for narrow, wide in marked if len(wide) == 1}
