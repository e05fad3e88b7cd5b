"""A snippet is one short line with the words marked."""

from __future__ import annotations

import pytest

from sessiondb.query import parse
from sessiondb.query.snippets import EXCERPT, MAX_LENGTH, excerpt, marked, one_line
from tests.helpers.work import calls


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


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("the disk is full", ["disk", "full"]),
        ("Résumés, AT LAST", ["resume"]),
        ("she was hoping", ["hope", "nowhere"]),
        ("昨晚的部署", ["昨晚"]),
    ],
)
def test_an_excerpt_is_where_most_words_stand_together(place: str, words: list[str]) -> None:
    far = "disk is nothing. last or later. " * 250
    found = excerpt(f"{far}{place}{far}", words)
    assert place in found
    assert len(found) == EXCERPT + 2
    assert found[0] == found[-1] == "…"


def test_a_text_without_the_words_is_excerpted_from_its_beginning() -> None:
    assert excerpt("a b " * 1000, ["nowhere"]) == "a b " * (EXCERPT // 4) + "…"
    assert excerpt("short", ["nowhere"]) == "short"


@pytest.mark.parametrize("text", ["lorem ipsum ", "тест ёлка ", "部署 昨晚 ", "aaaa"])
def test_the_work_of_an_excerpt_grows_no_faster_than_the_text(text: str) -> None:
    def work(size: int) -> int:
        long = text * (size // len(text))
        return calls(
            lambda: (
                excerpt(long, ["lorem", "ipsum", "ёлка", "昨晚", "a", "nowhere"]),
                marked(long, parse("lorem ipsum ёлка 昨晚 a nowhere")),
            )
        )

    work(1000)
    assert work(2_000_000) < 2.2 * work(1_000_000)
