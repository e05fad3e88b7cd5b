"""Snippets are marked as the index sees the words."""

from __future__ import annotations

import time

from sessiondb.dao.search.filters import MESSAGES, TOOLS
from sessiondb.dao.search.marking import Marker


def test_snippets_mark_the_words_that_the_index_finds() -> None:
    texts = {1: ["an apple a day"], 2: ["résumés and cafés"], 3: ["nothing of it"]}
    found = Marker().snippets(MESSAGES, texts, '"apples" OR "resume"')
    assert found == {1: "an «apple» a day", 2: "«résumés» and cafés"}


def test_the_best_column_of_a_tool_call_is_shown() -> None:
    assert Marker().snippets(TOOLS, {1: ["ls", '{"path":"."}', "apple.txt"]}, '"apple"') == {1: "«apple».txt"}


def test_texts_as_long_as_an_excerpt_are_marked_in_no_time() -> None:
    start = time.perf_counter()
    Marker().snippets(MESSAGES, {key: ["lorem ipsum " * 166] for key in range(20)}, '"lorem" OR "ipsum"')
    assert time.perf_counter() - start < 1


def test_a_marker_forgets_what_it_has_marked() -> None:
    marker = Marker()
    assert marker.snippets(MESSAGES, {1: ["an apple"], 2: ["a pear"]}, '"apple"') == {1: "an «apple»"}
    assert marker.snippets(MESSAGES, {2: ["an apple"]}, '"apple"') == {2: "an «apple»"}
