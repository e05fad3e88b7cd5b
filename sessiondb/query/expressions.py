"""Turn a parsed query into FTS5 expressions. Every word is quoted, so no word is ever syntax.

A text that needs_segments() stands in two indexes: as it is in the plain one, segmented in the other. Where
there is a segment expression, hits are those of both indexes, less what either exclusion expression finds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from sessiondb.query.parse import And, Node, Not, Or, Query, Term
from sessiondb.query.spellings import humps, spellings
from sessiondb.query.text import (
    STOP_WORDS,
    is_spaced,
    needs_segments_query,
    pairs,
    segment,
    strip_marks,
    token_pattern,
    tokens,
)
from sessiondb.query.word_forms import other_forms

# Tokens of a quoted string (a phrase of 50,000 tokens takes SQLite 3 s) and strings of a relaxed expression.
MAX_PHRASE_TOKENS = 256
MAX_RELAXED_TERMS = 64
# Words of a phrase that is looked for across the ends of lines in JSON: each end takes as long as the phrase itself.
MAX_BROKEN = 4

# What English words go on with. A stemmed index cuts these off, and with them letters of a typed beginning:
# `migrati*` would miss "migration", stored as "migrat".
_ENDINGS = (
    *("ing", "ed", "ly", "ion", "ation", "ator", "ment", "ness", "able", "ability", "ible", "ibility"),
    *("ance", "ence", "ity", "ive", "ize", "ate", "al", "ful", "ous"),
)
_MOST_ENDS = 8
_SHORT = 2
# Patterns are compiled when they are first used, for every search starts a process.
_STEMMABLE = r"(?ai)[a-z]{3,}\Z"
_STRING = r'"((?:[^"]|"")*)"(\*?)'
# Of bare FTS5 syntax: names of columns, the distance of NEAR, operators.
_NO_WORDS = r"\{[^}]*\}\s*:|\w+\s*:|,\s*[0-9]+\s*\)|\b(?:AND|OR|NOT|NEAR)\b"
# The end of a line between two words, as tokens of JSON: alone, and before a line indented by a tab or by blanks.
_LINE_ENDS = (" n", " n t", " n ")
_PUNCTUATION = "'`’‘.,;:!?…。，、！？；：）】》"

Shape = Callable[[str], str]


class Relaxed(NamedTuple):
    """Hold quoted FTS5 strings of which any may occur, and the expression that joins them (None if none)."""

    terms: tuple[str, ...] = ()
    expression: str | None = None


class _Parts(NamedTuple):
    """Say what a node matches: what is wanted (None: everything) less what is excluded (None: nothing)."""

    wanted: str | None = None
    excluded: str | None = None


def match_expression(query: Query) -> str | None:
    """Return the FTS5 expression of a query for a plain index; None where no word is left to look for."""
    return _expression(query, strip_marks)


def segment_expression(query: Query, *, glued: bool = False) -> str | None:
    """Return the FTS5 expression of a query for the segments index; None where none of its words need it.

    With glued, there is an expression for any word: Latin that is glued to CJK, such as the `youer` of
    `修改youer服务端`, stands alone in the segments index only.
    """
    return _expression(query, segment) if glued or _is_segmented(query) else None


def exclusion_expression(query: Query) -> str | None:
    """Return the FTS5 expression of what no hit may match in a plain index; it exists without words too."""
    return _excluded(query, strip_marks)


def segment_exclusion_expression(query: Query, *, glued: bool = False) -> str | None:
    """Return the expression of what no hit may match in the segments index; None if that needs none.

    With glued, there is one for any word, as of segment_expression().
    """
    excluded = _excluded(query, segment)
    return excluded if excluded and (glued or needs_segments_query(excluded)) else None


def relaxed_expressions(query: Query) -> Relaxed:
    """Return a query's words for ranking by any of them in a plain index.

    Words are split into tokens, stop words left out unless there is nothing else, and what several tokens
    made up is added as a whole. Exclusions still hold. At most MAX_RELAXED_TERMS strings, in the order typed.
    """
    return _relaxed(query, strip_marks, lambda text: tokens(strip_marks(text)))


def relaxed_segment_expressions(query: Query, *, glued: bool = False) -> Relaxed:
    """Return the same for the segments index, where any two neighbouring characters of a run are a word.

    Empty where segment_expression() has none.
    """
    return _relaxed(query, segment, pairs) if glued or _is_segmented(query) else Relaxed()


def form_expressions(string: str) -> tuple[str, ...]:
    """Return the quoted strings of a word's other forms, given its own from relaxed_expressions()."""
    word = string[1:-1]
    return tuple(f'"{form}"' for form in other_forms(word)) if word.isascii() and word.isalpha() else ()


def for_json(expression: str, column: str) -> str:
    """Return an expression that finds its strings in JSON text as well, which is in this column of the index.

    Where a line begins with a word, JSON writes the word glued to the n of its newline, or the t of a tab; and within
    a phrase a line may end between any two words.
    """
    return re.sub(
        _STRING, lambda match: f"({match[0]} OR {column} : ({_in_json(*match.groups())}))", expression
    )


def _in_json(text: str, star: str) -> str:
    words = text.split()
    written = [f"n{text}", f"t{text}"]
    if len(words) <= MAX_BROKEN:
        broken = ((" ".join(words[:at]), " ".join(words[at:])) for at in range(1, len(words)))
        written += [before + ends + after for before, after in broken for ends in _LINE_ENDS]
    return " OR ".join(f'"{each}"{star}' for each in written)


def marked_strings(expression: str) -> tuple[str, ...]:
    """Return the quoted strings that an FTS5 expression looks for, those of `--raw` made of its bare words."""
    bare = re.sub(_NO_WORDS, " ", re.sub(_STRING, " ", expression))
    strings = [match[0] for match in re.finditer(_STRING, expression)]
    strings += [f'"{word}"{star}' for word, star in re.findall(r"(\w+)(\*?)", bare)]
    return tuple(dict.fromkeys(string for string in strings if token_pattern(string).search(string)))


def symbolic_words(query: Query) -> tuple[str, ...]:
    """Return the words that begin or end with a symbol, which no index knows: `C++`, `#123`, `__init__`."""
    words = (term.text.strip("'`’‘").rstrip(_PUNCTUATION) for term in query.words if term.kind == "word")
    searchable = (word for word in words if token_pattern(word).search(word))
    return tuple(word for word in searchable if not (word[0].isalnum() and word[-1].isalnum()))


def is_searchable(term: Term) -> bool:
    """Tell whether a term has any token, that is a letter or a digit."""
    return bool(tokens(strip_marks(term.text)))


def _is_segmented(query: Query) -> bool:
    return any(needs_segments_query(term.text) for term in query.words)


def _expression(query: Query, shape: Shape) -> str | None:
    if query.root is None:
        return None
    parts = _compile(query.root, shape)
    if parts.wanted is None:
        # "All but x, or y": FTS5 cannot list everything, so only what is looked for remains.
        kept = _without_exclusions(query.root)
        parts = _Parts() if kept is None else _compile(kept, shape)
    return _less(parts.wanted, parts.excluded)


def _excluded(query: Query, shape: Shape) -> str | None:
    return None if query.root is None else _compile(query.root, shape).excluded


def _compile(node: Node, shape: Shape) -> _Parts:
    if isinstance(node, Term):
        return _Parts(_quoted_term(node, shape))
    if isinstance(node, Not):
        inner = _compile(node.node, shape)
        return _Parts(inner.excluded) if inner.wanted is None else _Parts(excluded=_net(inner))
    parts = [part for part in (_compile(child, shape) for child in node.nodes) if part != _Parts()]
    if isinstance(node, And):
        wanted = _joined("AND", (part.wanted for part in parts))
        return _Parts(wanted, _joined("OR", (part.excluded for part in parts)))
    either = _joined("OR", map(_net, parts))
    # "a, or all but x, or all but y" is all but what has x and y without a.
    excluded = _joined("AND", (part.excluded for part in parts if part.wanted is None))
    return _Parts(either) if excluded is None else _Parts(excluded=_net(_Parts(excluded, either)))


def _less(wanted: str | None, excluded: str | None) -> str | None:
    return wanted if wanted is None or excluded is None else f"{wanted} NOT {excluded}"


def _net(parts: _Parts) -> str | None:
    less = _less(parts.wanted, parts.excluded)
    return f"({less})" if parts.excluded and less else less


def _without_exclusions(node: Node) -> Node | None:
    if isinstance(node, (And, Or)):
        kept = tuple(child for child in map(_without_exclusions, node.nodes) if child is not None)
        return type(node)(kept) if kept else None
    return node if isinstance(node, Term) else None


def _joined(operator: str, parts: Iterable[str | None]) -> str | None:
    kept = list(dict.fromkeys(part for part in parts if part))
    return f"({f' {operator} '.join(kept)})" if len(kept) > 1 else next(iter(kept), None)


def _quoted_term(term: Term, shape: Shape) -> str | None:
    string = _quoted(shape(term.text))
    if string is None or term.kind == "phrase":
        return string
    if term.kind == "word":
        others = ((_quoted(shape(text)), "*" * begins) for text, begins in spellings(term.text))
        return _joined("OR", (string, *(f"{other}{star}" for other, star in others if other)))
    strings = [f"{string}*"]
    if re.search(_STEMMABLE, term.text):
        strings += [f"{_quoted(shape(text))}*" for text in _beginnings(term.text)]
        strings += [f"{_quoted(shape(text))}" for text in _completions(term.text)]
    return _joined("OR", strings)


def _quoted(text: str) -> str | None:
    ends = [match.end() for match in islice(token_pattern(text).finditer(text), MAX_PHRASE_TOKENS)]
    if not ends:
        return None
    text = text[: ends[-1]] if len(ends) == MAX_PHRASE_TOKENS else text
    return '"{}"'.format(text.replace('"', '""'))


def _beginnings(text: str) -> Iterator[str]:
    """Yield longer beginnings for one whose last y the stemmer turns into i: no "keyboard" begins "kei"."""
    if text.lower().endswith(("y", "ys")):
        yield from (text + character for character in "abcdefghijklmnopqrstuvwxyz0123456789")


def _completions(text: str) -> Iterator[str]:
    """Yield whole words for a beginning that stops within an ending."""
    lower = text.lower()
    for ending in _ENDINGS:
        yield from (text + ending[cut:] for cut in range(1, len(ending)) if lower.endswith(ending[:cut]))
    if lower[-1] == lower[-2]:
        yield from (f"{text}ing", f"{text}ed")


def _relaxed(query: Query, shape: Shape, split: Callable[[str], list[str]]) -> Relaxed:
    pieces = [(term, split(term.text)) for term in query.words]
    strings = [string for term, found in pieces for string in _worth_ranking(term, found, shape)]
    if not strings:
        strings = [f'"{token}"' for _, found in pieces for token in found]
    different: dict[str, str] = {}
    for string in strings:
        different.setdefault(string.lower(), string)
    terms = tuple(islice(different.values(), MAX_RELAXED_TERMS))
    return Relaxed(terms, _less(_joined("OR", terms), _excluded(query, shape)))


def _worth_ranking(term: Term, found: list[str], shape: Shape) -> Iterator[str]:
    kept = [token for token in found if token.lower() not in STOP_WORDS]
    # The s of "Anna's" makes no compound; pairs of characters say more than their whole run.
    compound = len(found) > 1 and kept and not (len(kept) == 1 and ("'" in term.text or "’" in term.text))
    whole = _quoted_term(term, shape)
    if whole and term.kind == "prefix":
        yield whole
    elif whole and len(found) == 1 and whole[0] == "(":
        yield whole
        parts = humps(found[0])
        found = [part for part in parts if len(part) > _SHORT] if len(parts) > 1 else []
    elif whole and compound and not is_spaced(term.text):
        yield whole
        # The end of a path names a file: db.py of dao/db.py.
        yield from (f'"{" ".join(found[start:])}"' for start in range(1, min(len(found) - 1, _MOST_ENDS)))
    words = found[:-1] if term.kind == "prefix" else found
    # The letters of "a@b.c" and the figures of "1.2.3" say nothing by themselves.
    words = [word for word in words if len(words) == 1 or len(word) > 1 or not word.isascii()]
    yield from (f'"{token}"' for token in words if token.lower() not in STOP_WORDS)
