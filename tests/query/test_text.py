"""Tokens and segments agree with what SQLite itself makes of a text."""

from __future__ import annotations

import sqlite3
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessiondb.query.text import (
    SPACED_RANGES,
    STOP_WORDS,
    STRIPPED_RANGES,
    clean,
    needs_segments,
    pairs,
    segment,
    tokens,
)

# Characters that every SQLite and every Python know: those of Unicode 3.2.
OLD_CHARACTERS = [
    chr(point)
    for point in range(1, 0x30000)
    if unicodedata.ucd_3_2_0.category(chr(point)) not in ("Cn", "Cs", "Cc") or chr(point) in "\t\n\r\x7f"
]


def sqlite_tokens(texts: list[str]) -> list[list[str]]:
    """Return the terms of each text in order, folded, as unicode61 stores them."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE plain USING fts5(text, tokenize='unicode61 remove_diacritics 2')")
    database.execute("CREATE VIRTUAL TABLE terms USING fts5vocab(plain, instance)")
    database.executemany("INSERT INTO plain(rowid, text) VALUES (?, ?)", enumerate(texts))
    found: list[list[str]] = [[] for _ in texts]
    for doc, term in database.execute('SELECT doc, term FROM terms ORDER BY doc, "offset"'):
        found[doc].append(term)
    database.close()
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World!", ["Hello", "World"]),
        ("src/main.py", ["src", "main", "py"]),
        ("it's", ["it", "s"]),
        ("C++", ["C"]),
        ("foo.bar_baz", ["foo", "bar", "baz"]),
        ("50% of #123", ["50", "of", "123"]),
        ("e\u0301te\u0301", ["e\u0301te\u0301"]),
        ("\u0301e", ["e"]),
        ("修改youer服务端", ["修改youer服务端"]),
        ('++ "\'" — 🎉 🤖 \0', []),
        ("", []),
    ],
)
def test_tokens_are_runs_of_letters_and_digits(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


def test_every_old_character_is_a_token_exactly_where_sqlite_says_so() -> None:
    texts = [f"ab{character}cd {character}" for character in OLD_CHARACTERS]
    assert len(texts) > 90_000
    wrong = [
        f"U+{ord(character):04X}"
        for character, text, found in zip(OLD_CHARACTERS, texts, sqlite_tokens(texts), strict=True)
        if len(tokens(text)) != len(found)
    ]
    assert wrong == []


@given(st.text(st.sampled_from(OLD_CHARACTERS) | st.sampled_from("aZ9 .-_é\u0301İΣς"), max_size=40))
def test_tokens_agree_with_sqlite_on_random_text(text: str) -> None:
    mine, theirs = sqlite_tokens([" ".join(tokens(text)), text])
    assert mine == theirs
    assert len(tokens(text)) == len(theirs)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", False),
        ("plain ASCII", False),
        ("Größe, naïve, “quotes” — and … an arrow →", False),
        ("Привет, Καλημέρα, done 🎉🚀", False),
        ("محمد שלום", False),
        ("مُحَمَّد", True),
        ("محـمد", True),
        ("שָׁלוֹם", True),
        ("昨晚", True),
        ("glued修", True),
        ("カタカナ ひらがな", True),
        ("ﾊﾝｶｸ", True),
        ("한국어", True),
        ("ภาษาไทย", True),
        ("မြန်မာ", True),
        ("ខ្មែរ", True),
        ("رحمٰن", True),
        ("ქართული", False),
        ("𠀀", True),
        ("\ud800", False),
        ("\ud800昨", True),
    ],
)
def test_only_text_that_sqlite_cannot_split_needs_segments(text: str, expected: bool) -> None:
    assert needs_segments(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("修改youer服务端", "修 改 youer 服 务 端"),
        ("昨晚", "昨 晚"),
        ("昨晚 deploy 了", "昨 晚 deploy 了"),
        ("a修", "a 修"),
        ("，昨、晚。", "， 昨 、 晚 。"),
        ("مُحَمَّد محـمد", "محمد محمد"),
        ("שָׁלוֹם", "שלום"),
        ("naïve  text ", "naïve text"),
        ("한국어로 kube-설정", "한 국 어 로 kube- 설 정"),
        ("", ""),
    ],
)
def test_segment_sets_characters_apart_and_drops_marks(text: str, expected: str) -> None:
    assert segment(text) == expected


@given(st.text(max_size=40))
def test_segmented_text_needs_nothing_more(text: str) -> None:
    once = segment(text)
    assert tokens(segment(once)) == tokens(once)
    assert needs_segments(text) == any(
        first <= ord(character) <= last
        for character in text
        for first, last in SPACED_RANGES + STRIPPED_RANGES
    )


@pytest.mark.parametrize("ranges", [SPACED_RANGES, STRIPPED_RANGES])
def test_ranges_are_sorted_and_apart(ranges: tuple[tuple[int, int], ...]) -> None:
    points = [point for pair in ranges for point in pair]
    assert points == sorted(points)
    assert all(after > before + 1 for (_, before), (after, _) in pairwise(ranges))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("记忆断裂", ["记 忆", "忆 断", "断 裂"]),
        ("昨晚", ["昨 晚"]),
        ("人", ["人"]),
        ("修改youer服务端", ["修 改", "youer", "服 务", "务 端"]),
        ("人 and 天气", ["人", "and", "天 气"]),
        ("plain text", ["plain", "text"]),
        ("", []),
    ],
)
def test_pairs_overlap_within_a_run(text: str, expected: list[str]) -> None:
    assert pairs(text) == expected


def test_clean_text_can_be_bound() -> None:
    assert clean("a\0b \ud83d c\udfff") == "a b \ufffd c\ufffd"


def test_stop_words_are_single_tokens() -> None:
    assert [word for word in STOP_WORDS if tokens(word) != [word]] == []


def test_every_character_that_is_segmented_is_seen_by_its_first_byte() -> None:
    missed = [
        hex(number)
        for first, last in (*SPACED_RANGES, *STRIPPED_RANGES)
        for number in range(first, last + 1)
        if not needs_segments(f"word {chr(number)} word")
    ]
    assert missed == []
