"""Read what a person typed into a tree of words and a set of filters. No text is an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, NamedTuple

from sessiondb.query.text import clean

# Different words of one query; SQLite's time grows with their square (0.5 ms for 256, 190 ms for 10,000).
MAX_TERMS = 256
# Groups within groups; FTS5's parser takes some 30 open parentheses, and a group may need three.
MAX_DEPTH = 8

Kind = Literal["word", "phrase", "prefix"]


class Term(NamedTuple):
    """Hold one word, phrase or beginning of a word (text without its quotes or asterisk)."""

    text: str
    kind: Kind = "word"


class Not(NamedTuple):
    """Hold what must not occur."""

    node: Node


class And(NamedTuple):
    """Hold two or more nodes that must all occur."""

    nodes: tuple[Node, ...]
    operator: Literal["AND"] = "AND"  # what tells it from an Or of the same nodes


class Or(NamedTuple):
    """Hold two or more nodes of which one must occur."""

    nodes: tuple[Node, ...]
    operator: Literal["OR"] = "OR"


Node = Term | Not | And | Or


class Choice(NamedTuple):
    """Hold the values of one field: any of the first, none of the second."""

    any_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.any_of or self.none_of)


class Filters(NamedTuple):
    """Hold the fields of a query; times as typed (until: to its end; within: all of it), scope as talk, tools, notes
    or all.
    """

    role: Choice = Choice()
    agent: Choice = Choice()
    project: Choice = Choice()
    tool: Choice = Choice()
    model: Choice = Choice()
    tag: Choice = Choice()
    before: str | None = None
    until: str | None = None
    after: str | None = None
    scope: str | None = None
    within: str | None = None

    def __bool__(self) -> bool:
        return self != Filters()


CHOICE_FIELDS = ("role", "agent", "project", "tool", "model", "tag")
ROLES = ("user", "assistant", "tool", "system")


class Query(NamedTuple):
    """Hold a parsed query: its text, the tree of its words, its filters, and how many words were too many.

    `misread` are the fields whose values make no sense, or are missing, as typed: they are words.
    """

    text: str = ""
    root: Node | None = None
    filters: Filters = Filters()
    dropped: int = 0
    misread: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[Term, ...]:
        """Return the different terms that are looked for (not the excluded ones) in the order typed."""
        return tuple(dict.fromkeys(term for term, is_wanted in _walk(self.root) if is_wanted))

    @property
    def terms(self) -> tuple[Term, ...]:
        """Return all different terms in the order typed, the excluded ones too."""
        return tuple(dict.fromkeys(term for term, _ in _walk(self.root)))

    @property
    def is_empty(self) -> bool:
        """Tell whether there is neither a word nor a filter."""
        return self.root is None and not self.filters


def _walk(node: Node | None, is_wanted: bool = True) -> Iterator[tuple[Term, bool]]:
    if isinstance(node, Term):
        yield node, is_wanted
    elif isinstance(node, Not):
        yield from _walk(node.node, not is_wanted)
    elif node is not None:
        for child in node.nodes:
            yield from _walk(child, is_wanted)


_TIME_FIELDS = {"before": "before", "until": "until", "after": "after", "since": "after"}
_OPPOSITES = {"before": "after", "until": "after", "after": "before"}
_SCOPES = {"talk": "talk", "tool": "tools", "tools": "tools", "note": "notes", "notes": "notes", "all": "all"}
QUOTES = '"“”„'
_FIELD = "|".join([*CHOICE_FIELDS, *_TIME_FIELDS, "in"])
# A dash excludes where a word begins; two dashes begin an option of some command, which is a word.
# The colon of a field is not that of `tool::name` or `agent://x`. A quote without its partner fits nothing
# here and is passed over, as blanks are.
_LEXER = re.compile(
    rf"""
      (?P<minus>(?<![^\s(])-(?!-))?
      (?: (?P<open>\()
        | [{QUOTES}](?P<phrase>[^{QUOTES}]*)[{QUOTES}](?P<star>\*)*
        | (?P<field>(?i:{_FIELD})):(?!:|//)
          (?: [{QUOTES}](?P<quoted>[^{QUOTES}]*)[{QUOTES}] | (?P<value>[^\s(){QUOTES}]+) )
        | (?P<word>[^\s(){QUOTES}]+)
      )
    | (?P<close>\))
    """,
    re.VERBOSE,
)

# What may belong to a time in several words, as in `after:last week` or `before:3 days ago`.
_FURTHER_WORD = rf"[ \t]+([^\s(){QUOTES}:]+)"
_MAX_FURTHER = 3


class _Group:
    """Gather what stands between two parentheses: alternatives, each a list of nodes that must all occur."""

    def __init__(self, negated: bool = False, inverted: bool = False) -> None:
        self.negated = negated
        self.inverted = inverted  # within an odd number of negated groups
        self.alternatives: list[list[Node]] = [[]]


class _Parser:
    def __init__(self, is_time: Callable[[str], bool], is_period: Callable[[str], bool]) -> None:
        self.is_time = is_time
        self.is_period = is_period
        self.groups = [_Group()]
        self.ignored_depth = 0
        self.terms: dict[Term, bool] = {}
        self.operators: list[Node] = []
        self.choices: dict[str, tuple[list[str], list[str]]] = {}
        self.fields: dict[str, Any] = {}
        self.misread: list[str] = []

    def take(self, match: re.Match[str]) -> int:
        """Take in what the lexer found, and return where to go on."""
        negated = match["minus"] is not None
        if match["open"]:
            self._open(negated)
        elif match["close"]:
            self._close()
        elif match["phrase"] is not None:
            self._add(match["phrase"].strip(), "prefix" if match["star"] else "phrase", negated)
        elif match["field"]:
            return self._field(match, negated)
        else:
            self._word(match["word"], negated)
        return match.end()

    def finish(self) -> tuple[Node | None, Filters]:
        while len(self.groups) > 1:
            self._close_group()
        root = _group_node(self.groups[0])
        for name, values in self.choices.items():
            self.fields[name] = Choice(*map(_distinct, values))
        filters = Filters(**self.fields)
        if root is None and not filters:
            root = _all_of(self.operators)
        return root, filters

    def _open(self, negated: bool) -> None:
        if len(self.groups) > MAX_DEPTH:
            self.ignored_depth += 1
        else:
            self.groups.append(_Group(negated, self.groups[-1].inverted != negated))

    def _close(self) -> None:
        if self.ignored_depth:
            self.ignored_depth -= 1
        elif len(self.groups) > 1:
            self._close_group()

    def _close_group(self) -> None:
        group = self.groups.pop()
        node = _group_node(group)
        if node is not None:
            self._append(_negate(node) if group.negated else node)

    def _word(self, text: str, negated: bool) -> None:
        if text in ("AND", "OR") and not negated:
            self.operators.append(Term(text))
            if text == "OR":
                self.groups[-1].alternatives.append([])
        elif text.strip("-"):
            if re.fullmatch(rf"(?i)(?:{_FIELD}):", text):
                self.misread.append(f"-{text}" if negated else text)
            stem = text.rstrip("*")
            self._add(stem, "prefix" if stem != text else "word", negated)

    def _add(self, text: str, kind: Kind, negated: bool) -> None:
        term = Term(text, kind)
        if text and self.terms.setdefault(term, len(self.terms) < MAX_TERMS):
            self._append(Not(term) if negated else term)

    def _append(self, node: Node) -> None:
        self.groups[-1].alternatives[-1].append(node)

    def _field(self, match: re.Match[str], negated: bool) -> int:
        """Take in a field, and return where it ends."""
        name, value, end = (
            match["field"].lower(),
            (match["quoted"] or match["value"] or "").strip(),
            match.end(),
        )
        may_go_on = name == "in" or name in _TIME_FIELDS
        if may_go_on and match["value"] and not self._makes_sense(name, value, negated):
            value, end = self._longer_time(name, value, match.string, end)
        if not self._filter(name, value, negated):
            self._add(match[0].removeprefix("-"), "word", negated)
            self.misread.append(match[0])
        return end

    def _longer_time(self, name: str, value: str, text: str, end: int) -> tuple[str, int]:
        """Return a time with as many further words as make it one, and where it ends; else what was given."""
        is_time = self.is_time if name in _TIME_FIELDS else self.is_period
        values = [(value, end)]
        while len(values) <= _MAX_FURTHER and (
            further := re.compile(_FURTHER_WORD).match(text, values[-1][1])
        ):
            values.append((f"{values[-1][0]} {further[1]}", further.end()))
        return next((longer for longer in values[:0:-1] if is_time(longer[0])), values[0])

    def _filter(self, name: str, value: str, negated: bool) -> bool:
        """Record a field; return False where it is none after all and has to be read as a word."""
        negated = negated != self.groups[-1].inverted
        if name == "role":
            value = value.lower()
        if not self._makes_sense(name, value, negated):
            return False
        if name == "in":
            scope = _SCOPES.get(value.lower())
            self.fields |= {"scope": scope} if scope else {"within": value}
        elif name in _TIME_FIELDS:
            bound = _TIME_FIELDS[name]
            self.fields[_OPPOSITES[bound] if negated else bound] = value
        else:
            self.choices.setdefault(name, ([], []))[negated].append(value)
        return True

    def _makes_sense(self, name: str, value: str, negated: bool) -> bool:
        if name == "in":
            return not negated and (value.lower() in _SCOPES or self.is_period(value))
        if name == "role":
            return value in ROLES
        return bool(value) and (name not in _TIME_FIELDS or self.is_time(value))


def _never(text: str) -> bool:
    return False


def parse(
    text: str, is_time: Callable[[str], bool] = bool, is_period: Callable[[str], bool] = _never
) -> Query:
    """Parse what a person typed; `is_time` tells the times that before: and after: can read, `is_period` those of in:.

    Words side by side must all occur and bind tighter than `OR`; the first MAX_TERMS different ones count.
    Ignored are `AND`, operators without operands, unpaired quotes and parentheses, and parentheses deeper
    than MAX_DEPTH. Filters hold for the whole query wherever they stand; a field whose value makes no sense
    (`role:admin`, `before:each`, `in:here`) is a word. A time may have several (`after:last week`). Raises nothing.
    """
    text = clean(text)
    parser = _Parser(is_time, is_period)
    position = 0
    while match := _LEXER.search(text, position):
        position = parser.take(match)
    root, filters = parser.finish()
    dropped = list(parser.terms.values()).count(False)
    return Query(text, root, filters, dropped, _distinct(parser.misread))


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _negate(node: Node) -> Node:
    return node.node if isinstance(node, Not) else Not(node)


def _all_of(nodes: list[Node]) -> Node | None:
    return _combined(And, nodes)


def _group_node(group: _Group) -> Node | None:
    return _combined(Or, [node for node in map(_all_of, group.alternatives) if node is not None])


def _combined(kind: type[And] | type[Or], nodes: list[Node]) -> Node | None:
    """Return nodes as one: children of the same kind taken in, duplicates dropped, None for none."""
    flat: dict[Node, None] = {}
    for node in nodes:
        flat |= dict.fromkeys(node.nodes if isinstance(node, kind) else (node,))
    return kind(tuple(flat)) if len(flat) > 1 else next(iter(flat), None)
