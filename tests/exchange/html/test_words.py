"""The words of an index: what does not fit into memory comes out as if it had."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessiondb.exchange.html.words import Words

WORDS = st.lists(
    st.frozensets(st.sampled_from(["a1", "beds", "garden", "kerb", "łąka", "花", "\U00020000", "_x"]))
)


def said(sessions: list[frozenset[str]], folder: Path, max_bytes: int) -> str:
    with closing(Words(folder, max_bytes)) as words:
        for number, some in enumerate(sessions):
            words.add(number, some)
        return "".join(words.json())


@given(sessions=WORDS, max_bytes=st.sampled_from([0, 300, 1000]))
def test_words_from_files_are_those_from_memory(
    tmp_path_factory: pytest.TempPathFactory, sessions: list[frozenset[str]], max_bytes: int
) -> None:
    folder = tmp_path_factory.mktemp("words")
    written = said(sessions, folder, max_bytes)

    assert written == said(sessions, folder, 1 << 20)
    steps = json.loads(written)
    assert list(steps) == sorted(frozenset().union(*sessions))
    found = {word: [sum(some[: end + 1]) for end in range(len(some))] for word, some in steps.items()}
    assert found == {word: [n for n, some in enumerate(sessions) if word in some] for word in steps}


def test_nothing_is_left_of_the_files(tmp_path: Path) -> None:
    with closing(Words(tmp_path, 0)) as words:
        words.add(0, ["garden"])
        words.add(1, ["garden"])

    assert list(tmp_path.iterdir()) == []


@pytest.mark.once
def test_memory_does_not_follow_the_number_of_sessions(tmp_path: Path) -> None:
    def other_words(number: int) -> Iterator[str]:
        return (f"word{number}of{each}" for each in range(1000))

    tracemalloc.start()
    try:
        with closing(Words(tmp_path, 1_000_000)) as words:
            for number in range(100):
                words.add(number, other_words(number))
            written = sum(map(len, words.json()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert written > 1_500_000
    assert peak < 1_500_000
