"""Snippets are marked as the index sees the words."""

from __future__ import annotations

import time

from sessiondb.dao.search.filters import MESSAGES, TOOLS
from sessiondb.dao.search.marking import snippets


def test_snippets_mark_the_words_that_the_index_finds() -> None:
    texts = {1: ["an apple a day"], 2: ["résumés and cafés"], 3: ["nothing of it"]}
    found = snippets(MESSAGES, texts, '"apples" OR "resume"')
    assert found == {1: "an «apple» a day", 2: "«résumés» and cafés"}


def test_the_best_column_of_a_tool_call_is_shown() -> None:
    assert snippets(TOOLS, {1: ["ls", '{"path":"."}', "apple.txt"]}, '"apple"') == {1: "«apple».txt"}


def test_texts_as_long_as_an_excerpt_are_marked_in_no_time() -> None:
    start = time.perf_counter()
    snippets(MESSAGES, {key: ["lorem ipsum " * 166] for key in range(20)}, '"lorem" OR "ipsum"')
    assert time.perf_counter() - start < 1
