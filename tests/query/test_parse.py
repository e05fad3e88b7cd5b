"""What a person types becomes the tree they meant, and never an error."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sessiondb.query.parse import (
    MAX_DEPTH,
    MAX_TERMS,
    And,
    Choice,
    Filters,
    Node,
    Not,
    Or,
    Query,
    Term,
    parse,
)

A, B, C, D = (Term(name) for name in "abcd")


def phrase(text: str) -> Term:
    return Term(text, "phrase")


def prefix(text: str) -> Term:
    return Term(text, "prefix")


def depth(node: Node | None) -> int:
    if isinstance(node, (And, Or)):
        return 1 + max(map(depth, node.nodes))
    return 1 + depth(node.node) if isinstance(node, Not) else 0


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("a", A),
        ("a b", And((A, B))),
        ("a a b a", And((A, B))),
        ("a\tb\n\u3000c\xa0d", And((A, B, C, D))),
        ("a\0b", And((A, B))),
        ('"a b"', phrase("a b")),
        ("“a b” „c d“", And((phrase("a b"), phrase("c d")))),
        ('a"b c"d', And((A, phrase("b c"), D))),
        ("depl*", prefix("depl")),
        ("depl**", prefix("depl")),
        ('"blue gre"*', prefix("blue gre")),
        ("a*b", Term("a*b")),
        ("a OR b", Or((A, B))),
        ("a or b", And((A, Term("or"), B))),
        ("a b OR c d", Or((And((A, B)), And((C, D))))),
        ("a (b OR c) d", And((A, Or((B, C)), D))),
        ("(a OR (b OR c)) OR d", Or((A, B, C, D))),
        ("(a (b (c)))d", And((A, B, C, D))),
        ("main(a)", And((Term("main"), A))),
        ("a AND b", And((A, B))),
        ("a and b", And((A, Term("and"), B))),
        ("a NOT b", And((A, Term("NOT"), B))),
        ("-a", Not(A)),
        ("a -b", And((A, Not(B)))),
        ('a -"b c"', And((A, Not(phrase("b c"))))),
        ("a -b*", And((A, Not(prefix("b"))))),
        ("a -(b OR c)", And((A, Not(Or((B, C)))))),
        ("-(-a)", A),
        ("a-b", Term("a-b")),
        ("a - b", And((A, B))),
        ("-OR", Not(Term("OR"))),
        ("--no-verify", Term("--no-verify")),
        ('"a b"-c', And((phrase("a b"), Term("-c")))),
        ('a","-c', And((A, phrase(","), Term("-c")))),
    ],
)
def test_words_phrases_and_operators(text: str, root: Node) -> None:
    assert parse(text) == Query(text.replace("\0", " "), root)


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("", None),
        (" \n\t", None),
        ("-", None),
        ("-- ---", None),
        ("*", None),
        ("()", None),
        (")(", None),
        ('""', None),
        ('"', None),
        ('-""', None),
        ("-()", None),
        ("OR", Term("OR")),
        ("AND OR", And((Term("AND"), Term("OR")))),
        ("OR a", A),
        ("a OR", A),
        ("a OR OR b", Or((A, B))),
        ("AND a AND", A),
        ("a OR () OR b", Or((A, B))),
        ("(a", A),
        ("a)", A),
        ("((a OR b", Or((A, B))),
        (")) a ((b", And((A, B))),
        ('"a b', And((A, B))),
        ('a "b', And((A, B))),
        ('"a b" c"', And((phrase("a b"), C))),
        ('5" nail', And((Term("5"), Term("nail")))),
        ('it"s', And((Term("it"), Term("s")))),
        ("🎉", Term("🎉")),
        ("\ud800", Term("\ufffd")),
    ],
)
def test_nothing_typed_is_an_error(text: str, root: Node | None) -> None:
    assert parse(text).root == root


@pytest.mark.parametrize(
    "word",
    [
        *(
            "it's",
            "src/main.py",
            "C++",
            "#123",
            "foo.bar_baz",
            "a@b.c",
            "50%",
            "wrong-book",
            "error-401",
            "@last",
        ),
        *("getUserById", "修改youer服务端", "http://x", "agent://x", "foo:bar", "std::vector", "tool::name"),
        *("project::run", "xrole:user"),
    ],
)
def test_code_and_addresses_are_one_word(word: str) -> None:
    assert parse(word) == Query(word, Term(word))


@pytest.mark.parametrize(
    ("text", "filters"),
    [
        ("role:user", {"role": Choice(("user",))}),
        ("agent:codex agent:hermes agent:codex", {"agent": Choice(("codex", "hermes"))}),
        ("agent:codex OR agent:hermes", {"agent": Choice(("codex", "hermes"))}),
        ("-agent:codex", {"agent": Choice((), ("codex",))}),
        ("-(agent:codex)", {"agent": Choice((), ("codex",))}),
        ("-(-(agent:codex) -agent:hermes)", {"agent": Choice(("codex", "hermes"))}),
        ('project:"my app"', {"project": Choice(("my app",))}),
        ("project:/home/me/app", {"project": Choice(("/home/me/app",))}),
        (r"project:C:\app", {"project": Choice(("C:\\app",))}),
        ("(tool:bash)", {"tool": Choice(("bash",))}),
        ("Tag:release", {"tag": Choice(("release",))}),
        ("model:gpt-5 -model:gpt-4", {"model": Choice(("gpt-5",), ("gpt-4",))}),
        ("before:2026-03 after:30d", {"before": "2026-03", "after": "30d"}),
        ('until:yesterday since:"3 days ago"', {"until": "yesterday", "after": "3 days ago"}),
        ("-before:2026", {"after": "2026"}),
        ("-after:2026", {"before": "2026"}),
        ("role:User -role:TOOL", {"role": Choice(("user",), ("tool",))}),
        ("before:2025 before:2026", {"before": "2026"}),
        ("in:tools", {"scope": "tools"}),
        ("in:Note", {"scope": "notes"}),
    ],
)
def test_fields_become_filters(text: str, filters: dict[str, Any]) -> None:
    assert parse(text) == Query(text, None, Filters(**filters))


def test_fields_stand_anywhere_among_words() -> None:
    query = parse("a (role:user OR b) -c after:7d d")
    assert query.root == And((A, B, Not(C), D))
    assert query.filters == Filters(role=Choice(("user",)), after="7d")


@pytest.mark.parametrize(
    "text", ['tag:""', "tag: x", "-in:tools", 'in:"all of it"', "role:admin", "before:each", "-since:ever"]
)
def test_a_field_without_a_usable_value_is_text(text: str) -> None:
    query = parse(text, is_time=lambda value: value not in ("each", "ever"))
    assert not query.filters
    assert query.root is not None


def test_words_are_what_is_looked_for_and_terms_are_all() -> None:
    query = parse('a -b "c d" (a OR -(x -y))')
    assert query.words == (A, phrase("c d"), Term("y"))
    assert query.terms == (A, B, phrase("c d"), Term("x"), Term("y"))


@pytest.mark.parametrize(
    ("text", "is_empty"), [("", True), ("()", True), ("a", False), ("-a", False), ("role:user", False)]
)
def test_only_a_query_without_words_and_filters_is_empty(text: str, is_empty: bool) -> None:
    assert parse(text).is_empty is is_empty


def test_ten_thousand_words_are_cut_and_counted() -> None:
    query = parse(" ".join(f"w{number}" for number in range(10_000)) + " w0 role:user")
    assert len(query.words) == MAX_TERMS
    assert query.dropped == 10_000 - MAX_TERMS
    assert query.filters.role.any_of == ("user",)


@pytest.mark.parametrize("opening", ["(", "-(", "(a OR ", "(a ", "-(b OR a -("])
@pytest.mark.parametrize("closing", ["", ")"])
def test_nesting_without_end_stays_shallow(opening: str, closing: str) -> None:
    query = parse(opening * 5_000 + "x" + closing * 5_000 + " y")
    assert {Term("x"), Term("y")} <= set(query.terms)
    assert depth(query.root) <= 3 * (MAX_DEPTH + 1)


SYNTAX = st.lists(
    st.sampled_from(
        [
            "(",
            ")",
            "-",
            '"',
            "“",
            "*",
            " ",
            " OR ",
            " AND ",
            ":",
            "agent:",
            "in:",
            "before:",
            "a",
            "修",
            "\ud800",
            "\0",
        ]
    )
    | st.text(max_size=5)
).map("".join)


@given(SYNTAX)
@example("agent:" + '"' * 99)
def test_any_text_parses_to_something_sqlite_can_bind(text: str) -> None:
    query = parse(text)
    with sqlite3.connect(":memory:") as database:
        for value in (query.text, *(term.text for term in query.terms), query.filters.before):
            assert database.execute("SELECT ?", (value,)).fetchone() == (value,)
    database.close()
    assert parse(query.text) == query


@pytest.mark.parametrize(
    "field", ["model:", "in:", "in:foo", "Role:admin", "before:each", "in:30d", 'agent:""']
)
def test_a_field_without_a_value_that_makes_sense_is_a_word_and_named(field: str) -> None:
    query = parse(f"a {field}", lambda text: text == "30d", lambda text: False)
    assert query == Query(f"a {field}", And((A, Term(field))), misread=(field,))


@pytest.mark.parametrize("field", ["in:talk", "in:march", "-role:admin"])
def test_what_is_excluded_by_a_field_that_cannot_is_named_so(field: str) -> None:
    text = field.removeprefix("-")
    query = parse(f"a -{text}", is_period=lambda text: True)
    assert query == Query(f"a -{text}", And((A, Not(Term(text)))), misread=(f"-{text}",))


@pytest.mark.parametrize(
    ("text", "within"),
    [("in:march a", "march"), ('in:"last week" a', "last week"), ("in:last week a", "last week")],
)
def test_in_takes_a_time_that_lasts(text: str, within: str) -> None:
    periods = {"march", "last week"}
    assert parse(text, is_period=periods.__contains__) == Query(text, A, Filters(within=within))
