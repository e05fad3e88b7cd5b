"""Say in words what was understood of a query."""

from __future__ import annotations

from sessiondb.query.expressions import is_searchable
from sessiondb.query.parse import CHOICE_FIELDS, MAX_TERMS, And, Choice, Node, Not, Or, Query, Term


def explain(query: Query) -> list[str]:
    """Return a line for the words, one for each filter and one for each reason why words were left out."""
    filters = query.filters
    lines = [f"words: {_sentence(query.root)}" if query.root else "words: none"]
    choices = [(name, getattr(filters, name)) for name in CHOICE_FIELDS]
    lines += [f"{name}: {_values(choice)}" for name, choice in choices if choice]
    named = (
        ("after", filters.after),
        ("before", filters.before),
        ("until", filters.until),
        ("in", filters.scope),
        ("in", filters.within),
    )
    lines += [f"{name}: {value}" for name, value in named if value is not None]
    # Where there is nothing else, symbols are looked for by reading.
    read = () if any(map(is_searchable, query.words)) else query.words
    empty = [_sentence(term) for term in query.terms if not is_searchable(term) and term not in read]
    if empty:
        lines.append(f"left out, no letter or digit: {' '.join(empty)}")
    if query.dropped:
        lines.append(f"left out, more than {MAX_TERMS} different words: {query.dropped}")
    return lines


def _sentence(node: Node) -> str:
    if isinstance(node, Term):
        shown = f'"{node.text}"' if node.kind == "phrase" or " " in node.text else node.text
        return f"{shown}*" if node.kind == "prefix" else shown
    if isinstance(node, Not):
        return f"-{_grouped(node.node)}"
    return (" AND " if isinstance(node, And) else " OR ").join(map(_grouped, node.nodes))


def _grouped(node: Node) -> str:
    return f"({_sentence(node)})" if isinstance(node, (And, Or)) else _sentence(node)


def _values(choice: Choice) -> str:
    excluded = [f"not {value}" for value in choice.none_of]
    return " and ".join([" or ".join(choice.any_of)] * bool(choice.any_of) + excluded)
