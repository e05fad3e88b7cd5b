"""Expressions mean what was typed: SQLite is asked, with each tokenizer the indexes use."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessiondb.query import (
    And,
    Node,
    Not,
    Query,
    Term,
    exclusion_expression,
    is_searchable,
    match_expression,
    needs_segments,
    parse,
    relaxed_expressions,
    relaxed_segment_expressions,
    segment,
    segment_exclusion_expression,
    segment_expression,
    tokens,
)

STEMMED = "porter unicode61 remove_diacritics 2"
PLAIN = "unicode61 remove_diacritics 2"
ANY_TEXT = st.lists(
    st.sampled_from(
        ["(", ")", "-", '"', "*", " ", " OR ", "agent:x", "AND", "NOT", "NEAR", "^", "{", "a:", "昨晚", "é"]
    )
    | st.text(max_size=6)
).map("".join)

Find = Callable[[str], list[int]]


@contextmanager
def index(texts: list[str], tokenizer: str = STEMMED) -> Iterator[Find]:
    """Index texts and yield a function from an expression to the positions of the texts it finds."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(f"CREATE VIRTUAL TABLE texts USING fts5(text, tokenize='{tokenizer}')")
        database.executemany("INSERT INTO texts(rowid, text) VALUES (?, ?)", enumerate(texts))
        sql = "SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY rowid"
        yield lambda expression: [row for (row,) in database.execute(sql, (expression,))]


@pytest.fixture(scope="module")
def empty() -> Iterator[list[Find]]:
    with index([], STEMMED) as stemmed, index([], PLAIN) as plain:
        yield [stemmed, plain]


def expressions(query: Query) -> list[str]:
    relaxed = (relaxed_expressions(query), relaxed_segment_expressions(query, glued=True))
    found = [
        match_expression(query),
        segment_expression(query, glued=True),
        exclusion_expression(query),
        segment_exclusion_expression(query),
        *(one.expression for one in relaxed),
        *(term for one in relaxed for term in one.terms),
    ]
    return [expression for expression in found if expression is not None]


@given(text=ANY_TEXT)
def test_sqlite_accepts_every_expression_of_any_text(empty: list[Find], text: str) -> None:
    for expression in expressions(parse(text)):
        assert [find(expression) for find in empty] == [[], []]


@pytest.mark.parametrize(
    "text",
    [
        " ".join(f"w{number}.x*" for number in range(10_000)),
        ".".join(f"w{number}" for number in range(10_000)),
        "x" * 100_000,
        "昨" * 20_000,
        "(-(a b OR -(c d " * 50 + "e" + "))" * 50,
        "-(a b OR " * 50 + "e f -g",
        "(a OR -(b OR c -(d " * 50 + "e",
        '"' * 9_999,
        "- ( OR -( " * 2_000,
    ],
    ids=lambda text: text[:12],
)
def test_sqlite_accepts_expressions_of_enormous_text(empty: list[Find], text: str) -> None:
    for expression in expressions(parse(text)):
        assert [find(expression) for find in empty] == [[], []]


WORDS = ("amber", "birch", "cedar", "dogwood")
ALL_TEXTS = [" ".join(some) for size in range(5) for some in combinations(WORDS, size)]
TYPED = st.recursive(
    st.sampled_from([*WORDS, "++"]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(" ".join),
        st.lists(inner, min_size=2, max_size=3).map(" OR ".join),
        inner.map("({})".format),
        inner.map("-({})".format),
    ),
    max_leaves=10,
)


def occurs(node: Node, text: str) -> bool | None:
    """Tell whether a tree holds for a text, word by word; None for what has no token and is left out."""
    if isinstance(node, Term):
        return node.text in text.split() if is_searchable(node) else None
    if isinstance(node, Not):
        inner = occurs(node.node, text)
        return None if inner is None else not inner
    found = [part for part in (occurs(child, text) for child in node.nodes) if part is not None]
    return (all if isinstance(node, And) else any)(found) if found else None


@given(typed=TYPED)
def test_expressions_find_exactly_what_the_tree_says(typed: str) -> None:
    query = parse(typed)
    expected = [number for number, text in enumerate(ALL_TEXTS) if query.root and occurs(query.root, text)]
    found, excluded = match_expression(query), exclusion_expression(query)
    with index(ALL_TEXTS) as find:
        if 0 in expected:  # the empty text too: only what must not occur can be asked for
            assert sorted({*range(16)} - {*find(excluded or '"none"')}) == expected
            assert set(find(found or '"none"')) - set(find(excluded or '"none"')) <= set(expected)
        else:
            assert (find(found) if found else []) == expected


@given(text=st.text(st.characters(max_codepoint=0x24F, exclude_categories=["Cs"]), max_size=60))
def test_every_word_of_a_message_finds_it(text: str) -> None:
    words = [word for word in text.replace('"', " ").split() if tokens(word)]
    for tokenizer in (STEMMED, PLAIN):
        with index([text, "", "something else"], tokenizer) as find:
            for word in {*tokens(text), *(f'"{word}"' for word in words)}:
                expression = match_expression(parse(word))
                assert expression is not None
                assert 0 in find(expression)


HAN = st.text("昨晚今天记忆断裂服务端修改ひらカタ한국어", min_size=1, max_size=6)
LATIN = st.sampled_from(["youer", "deploy42", "naïve", ", ", "\n", "。"])


@given(before=st.lists(HAN | LATIN), run=HAN, after=st.lists(HAN | LATIN), data=st.data())
def test_every_part_of_a_run_finds_its_message(
    before: list[str], run: str, after: list[str], data: st.DataObject
) -> None:
    text = "".join([*before, run, *after])
    assert needs_segments(text)
    start = data.draw(st.integers(0, len(run) - 1))
    end = data.draw(st.integers(start + 1, len(run)))
    with index([segment(text), segment("明日")]) as find:
        expression = segment_expression(parse(run[start:end]))
        assert expression is not None
        assert find(expression) == [0]
        for word in tokens(segment(text)):
            glued = segment_expression(parse(word), glued=True)
            assert glued is not None
            assert 0 in find(glued)


@pytest.mark.parametrize("typed", ["محمد", "مُحَمَّد", "محـمد"])
@pytest.mark.parametrize("said", ["قال محمد نعم", "قَالَ مُحَمَّدٌ نَعَمْ"])
def test_arabic_is_found_with_and_without_marks(said: str, typed: str) -> None:
    query = parse(typed)
    indexed, expression = (
        (segment(said), segment_expression(query))
        if needs_segments(said)
        else (said, match_expression(query))
    )
    assert expression is not None
    with index([indexed]) as find:
        assert find(expression) == [0]


@pytest.mark.parametrize("typed", ["cafe", "café", "cafe\u0301", "CAFÉ"])
@pytest.mark.parametrize("said", ["a cafe here", "a café here", "a cafe\u0301 here"])
def test_accents_do_not_matter(said: str, typed: str) -> None:
    expression = match_expression(parse(typed))
    assert expression is not None
    with index([said]) as find:
        assert find(expression) == [0]


@pytest.mark.parametrize(
    "word",
    [
        *(
            "migration",
            "deployment",
            "running",
            "omitted",
            "configuration",
            "keyboard",
            "queryset",
            "anything",
        ),
        *("properties", "applications", "availability", "responsible", "currently", "preceding"),
        *("canonicalize", "happiness", "directive", "conclusion", "keystroke", "bodyguards"),
    ],
)
def test_every_beginning_of_a_word_finds_it_in_a_stemmed_index(word: str) -> None:
    with index([word, "unrelated"]) as find:
        for length in range(3, len(word) + 1):
            expression = match_expression(parse(f"{word[:length]}*"))
            assert expression is not None
            assert find(expression) == [0], word[:length]
