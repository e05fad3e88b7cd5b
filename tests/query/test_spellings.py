"""Other spellings of one name."""

from __future__ import annotations

import pytest

from sessiondb.query import spellings
from sessiondb.query.spellings import humps


def written(word: str) -> set[str]:
    return {other for other, _ in spellings.spellings(word)}


@pytest.mark.parametrize(
    ("word", "other"),
    [
        ("useTodos", "use Todos"),
        ("use_todos", "usetodos"),
        ("O'Brien", "OBrien"),
        ("straße", "strasse"),
        ("ёлка", "елка"),
        ("елка", "ёлка"),
        ("カタカナ", "ｶﾀｶﾅ"),
        ("ｶﾞｰﾄﾞ", "ガード"),
        ("ガード", "ｶﾞｰﾄﾞ"),
        ("ＡＢＣ", "ABC"),
        ("a1b2c3d4e5f6", "a1b2c3d"),
    ],
)
def test_a_name_is_known_in_another_spelling(word: str, other: str) -> None:
    assert other in written(word)


def test_the_parts_of_a_name_in_camel_case_are_its_words() -> None:
    assert humps("parseHTMLPage") == ["parse", "HTML", "Page"]


def test_a_page_of_chinese_costs_one_look_at_the_widths_of_kana(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0

    def half_width() -> dict[str, str]:
        nonlocal looked
        looked += 1
        return {}

    monkeypatch.setattr(spellings, "_half_width", half_width)
    spellings.spellings("昨" * 2_000)
    assert looked == 1
