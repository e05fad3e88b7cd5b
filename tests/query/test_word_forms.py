"""Words that no stemmer brings together are brought together."""

from __future__ import annotations

import pytest

from sessiondb.query import form_expressions
from sessiondb.query.text import STOP_WORDS
from sessiondb.query.word_forms import _groups, other_forms


@pytest.mark.parametrize(
    ("word", "forms"),
    [
        ("sell", ("sold",)),
        ("selling", ("sold",)),
        ("sells", ("sold",)),
        ("Sold", ("sell",)),
        ("losing", ("lost",)),
        ("running", ("ran",)),
        ("written", ("write", "wrote")),
        ("children", ("child",)),
        ("bought", ("buy",)),
        ("kneeled", ("knelt",)),
        ("went", ()),
        ("deploy", ()),
        ("ing", ()),
        ("s", ()),
        ("", ()),
    ],
)
def test_other_forms_are_those_a_stemmer_misses(word: str, forms: tuple[str, ...]) -> None:
    assert other_forms(word) == forms


def test_no_word_is_listed_that_relaxing_leaves_out() -> None:
    assert not STOP_WORDS & _groups().keys()


@pytest.mark.parametrize(
    ("string", "forms"), [('"sold"', ('"sell"',)), ('"sold out"', ()), ('"sol"*', ()), ('"昨晚"', ())]
)
def test_forms_are_quoted_strings_of_single_words(string: str, forms: tuple[str, ...]) -> None:
    assert form_expressions(string) == forms
