"""sessiondb title."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]


@pytest.mark.parametrize(
    ("words", "title", "said"),
    [
        (["A", "new  title"], "A new title", "33334444-fig: A new title\n"),
        ([""], None, "33334444-fig: (no title)\n"),
    ],
)
def test_title_is_set_from_all_words(
    filled: Path, run: Run, words: list[str], title: str | None, said: str
) -> None:
    result = run("title", "3333", *words)

    assert (result.stdout, result.exit_code) == (said, 0)
    assert json.loads(run("show", "3333", "--json").stdout)["session"]["title"] == title
