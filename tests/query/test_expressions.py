"""Expressions are exactly these."""

from __future__ import annotations

import pytest

from sessiondb.query import (
    Relaxed,
    exclusion_expression,
    marked_strings,
    match_expression,
    parse,
    relaxed_expressions,
    relaxed_segment_expressions,
    segment_exclusion_expression,
    segment_expression,
    tokens,
)
from sessiondb.query.expressions import MAX_PHRASE_TOKENS, MAX_RELAXED_TERMS


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("deploy", '"deploy"'),
        ("it's", '"it\'s"'),
        ("src/main.py", '"src/main.py"'),
        ("C++", '"C++"'),
        ("foo.bar_baz", '("foo.bar_baz" OR "foo.barbaz")'),
        ("a@b.c", '"a@b.c"'),
        ("50%", '"50%"'),
        ("wrong-book", '("wrong-book" OR "wrongbook")'),
        ("#123", '"#123"'),
        ('"blue green"', '"blue green"'),
        ("foo123*", '"foo123"*'),
        ("a b", '("a" AND "b")'),
        ("a b OR c", '(("a" AND "b") OR "c")'),
        ("a (b OR c)", '("a" AND ("b" OR "c"))'),
        ('a -b -"c d"', '"a" NOT ("b" OR "c d")'),
        ("a b -c", '("a" AND "b") NOT "c"'),
        ("a -(b c)", '"a" NOT ("b" AND "c")'),
        ("a (b -c)", '("a" AND "b") NOT "c"'),
        ("(a -b) OR c", '(("a" NOT "b") OR "c")'),
        ("a (b OR -c)", '"a" NOT ("c" NOT "b")'),
        ("a OR -b", '"a"'),
        ("-(-a)", '"a"'),
        ("++ a 🎉", '"a"'),
        ("a -++", '"a"'),
        ("NEAR ^a b:c {d}", '("NEAR" AND "^a" AND "b:c" AND "{d}")'),
        ("مُحَمَّد", '"محمد"'),
        ('in:"the end"', '"in:""the end"""'),
        ("", None),
        ("-a", None),
        ("++ 🎉 '", None),
        ("agent:codex", None),
    ],
)
def test_match_expression_quotes_every_word(text: str, expression: str | None) -> None:
    assert match_expression(parse(text)) == expression


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("昨晚", '"昨 晚"'),
        ("人", '"人"'),
        ("记忆断裂", '"记 忆 断 裂"'),
        ("修改youer服务端", '"修 改 youer 服 务 端"'),
        ("昨晚 deploy", '("昨 晚" AND "deploy")'),
        ("昨晚*", '"昨 晚"*'),
        ("昨晚 -今天", '"昨 晚" NOT "今 天"'),
        ("محمد", '"محمد"'),
        ("مُحَمَّد", '"محمد"'),
        ("deploy", None),
        ("café -昨晚", None),
        ("", None),
    ],
)
def test_segment_expression_exists_where_a_word_needs_it(text: str, expression: str | None) -> None:
    assert segment_expression(parse(text)) == expression


@pytest.mark.parametrize(
    ("text", "plain", "segments"),
    [
        ("a -b", '"b"', None),
        ("-b -c*", '("b" OR "c"*)', None),
        ("agent:codex -b", '"b"', None),
        ("deploy -昨晚", '"昨晚"', '"昨 晚"'),
        ("a", None, None),
    ],
)
def test_exclusions_stand_alone_too(text: str, plain: str | None, segments: str | None) -> None:
    query = parse(text)
    assert (exclusion_expression(query), segment_exclusion_expression(query)) == (plain, segments)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Where are the tests kept?", ("tests", "kept")),
        ("what is it", ("what", "is", "it")),
        ("it's", ("it", "s")),
        ("Anna's cat and a Cat", ("Anna", "cat")),
        ("src/main.py", ("src/main.py", "main py", "src", "main", "py")),
        ("re.compile", ("re.compile", "compile")),
        ('"tests kept" kept', ("tests kept", "tests", "kept")),
        ("deploy -test", ("deploy",)),
        ("a OR (b c)", ("b", "c")),
        ("++ 🎉", ()),
        ("", ()),
    ],
)
def test_relaxed_words_are_tokens_without_stop_words(text: str, terms: tuple[str, ...]) -> None:
    assert relaxed_expressions(parse(text)).terms == tuple(f'"{term}"' for term in terms)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("记忆断裂", ('"记 忆"', '"忆 断"', '"断 裂"')),
        ("昨晚", ('"昨 晚"',)),
        ("人", ('"人"',)),
        ("修改youer服务端", ('"修 改"', '"youer"', '"服 务"', '"务 端"')),
        ("昨晚 the deploy", ('"昨 晚"', '"deploy"')),
        ("the deploy", ()),
    ],
)
def test_relaxed_segments_are_pairs_of_characters(text: str, terms: tuple[str, ...]) -> None:
    assert relaxed_segment_expressions(parse(text)).terms == terms


def test_relaxed_expression_joins_terms_and_keeps_exclusions() -> None:
    assert relaxed_expressions(parse("the red cat -dog")) == Relaxed(
        ('"red"', '"cat"'), '("red" OR "cat") NOT "dog"'
    )
    assert relaxed_expressions(parse("of the foo123*")) == Relaxed(('"foo123"*',), '"foo123"*')


@pytest.mark.parametrize("text", ["x." * 1_000, "昨" * 1_000])
def test_a_phrase_without_end_is_cut(text: str) -> None:
    expression = segment_expression(parse(text), glued=True)
    assert expression is not None
    assert len(tokens(expression)) == MAX_PHRASE_TOKENS


def test_relaxed_terms_are_capped() -> None:
    terms = relaxed_expressions(parse(" ".join(f"w{number}" for number in range(200)))).terms
    assert terms == tuple(f'"w{number}"' for number in range(MAX_RELAXED_TERMS))


@pytest.mark.parametrize(
    ("expression", "strings"),
    [
        ('("a b" AND "c"*) NOT "d"', ('"a b"', '"c"*', '"d"')),
        ("disk NEAR(full soon, 5) OR content : err*", ('"disk"', '"full"', '"soon"', '"err"*')),
        ('{name result} : "x ""y"', ('"x ""y"',)),
        ("", ()),
    ],
)
def test_what_an_expression_looks_for_is_a_list_of_strings(expression: str, strings: tuple[str, ...]) -> None:
    assert marked_strings(expression) == strings
