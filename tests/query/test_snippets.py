"""A snippet is one short line with the words marked."""

from __future__ import annotations

import pytest

from sessiondb.query import parse
from sessiondb.query.snippets import MAX_LENGTH, marked, one_line


@pytest.mark.parametrize(
    ("snippet", "line"),
    [
        ("", ""),
        ("a «b» c", "a «b» c"),
        ("a\n\n  «b»\tc ", "a «b» c"),
        ("x" * 500, "x" * MAX_LENGTH + "…"),
        ("x" * 500 + " «b» " + "y" * 500, "…" + "x" * 69 + " «b» " + "y" * (MAX_LENGTH - 74) + "…"),
        ("«" + "b" * 500 + "»", "«" + "b" * (MAX_LENGTH - 1) + "»…"),
        ("x" * 500 + " «b»", "…" + "x" * (MAX_LENGTH - 4) + " «b»"),
    ],
    ids=range(7),
)
def test_a_long_snippet_is_cut_about_its_first_mark(snippet: str, line: str) -> None:
    assert one_line(snippet) == line


@pytest.mark.parametrize(
    ("text", "query", "line"),
    [
        ("昨晚的部署", "昨晚", "«昨晚»的部署"),
        ("昨天晚上的部署", "昨晚 部署", "昨天晚上的«部署»"),
        ("修改了youer的服务端", "修改youer服务端", "«修改»了«youer»的«服务端»"),
        ("قَالَ مُحَمَّدٌ نَعَمْ", "محمد", "قَالَ «مُحَمَّدٌ» نَعَمْ"),
        ("nothing of\nit", "昨晚", "nothing of it"),
        ("The tests of it", "the tests", "The «tests» of it"),
        ("a " * 200 + "昨晚", "昨晚", "…" + "a " * 35 + "«昨晚»"),
        ("昨晚" + "a" * 300, "昨晚", "«昨晚»" + "a" * (MAX_LENGTH - 2) + "…"),
        ("b" * 300, "", "b" * MAX_LENGTH + "…"),
        ("a + b", "+", "a «+» b"),
    ],
)
def test_the_words_of_a_text_are_marked(text: str, query: str, line: str) -> None:
    assert marked(text, parse(query)) == line
