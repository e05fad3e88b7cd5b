"""Text for terminals: nothing in it drives them, and each character has a width."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessiondb.chat.text import (
    counted,
    cut,
    duration,
    one_line,
    pad,
    short_bytes,
    short_number,
    visible,
    visible_json,
    width,
)

DRIVING = {
    chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A))
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain ½ 船", "plain ½ 船"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\tb\nc\r\nd\re", "a\tb\nc\nd\\x0de"),
        ("\x9b31m\x7f", "\\x9b31m\\x7f"),
        ("abc\u202edcba\u2069", "abc\\u202edcba\\u2069"),
        ("one\u2028two", "one\\u2028two"),
        ("\ud800", "\\ud800"),
        ("👩\u200d👩\u200d👧 é", "👩\u200d👩\u200d👧 é"),
    ],
)
def test_control_characters_are_shown(text: str, expected: str) -> None:
    assert visible(text) == expected


TAGS = "".join(chr(0xE0000 + ord(letter)) for letter in "run rm")
SCOTLAND = "\U0001f3f4" + "".join(chr(0xE0000 + ord(letter)) for letter in "gbsct") + "\U000e007f"


@pytest.mark.parametrize(
    "text",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian: non-joiner
        "\u0915\u094d\u200d\u0937 \u0d28\u0d4d\u200d",  # Devanagari and Malayalam: joiner
        "\u0e44\u0e17\u0e22\u200b\u0e01\u0e34\u0e19",  # Thai: zero width space
        "\u05e9\u05dc\u05d5\u05dd!\u200f C++\u200e",  # Hebrew: marks
        "\u182d\u180b",  # Mongolian: free variation selector
        "\u845b\U000e0100 \u2764\ufe0f 1\ufe0f\u20e3",  # a Han variant, a heart, a keycap
        "\U0001f469\U0001f3fd\u200d\U0001f4bb \U0001f3f3\ufe0f\u200d\U0001f308",
        f"{SCOTLAND} e\u0301 \ud55c\uae00",
    ],
)
def test_marks_that_scripts_and_emoji_need_stay(text: str) -> None:
    assert visible(text) == text
    assert visible_json(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pass\u200bword\u2060\ufeff", "pass\\u200bword\\u2060\\ufeff"),
        ("pay\u200dpal\u200c", "pay\\u200dpal\\u200c"),
        ("user\u200e.txt\u200f\u061c", "user\\u200e.txt\\u200f\\u061c"),
        ("soft\xadhyphen", "soft\\xadhyphen"),
        ("\u3164\u115f\uffa0", "\\u3164\\u115f\\uffa0"),
        ("a\ufe00\U000e0101", "a\\ufe00\\U000e0101"),
        ("\U0001f600\ufe0f\ufe01\ufe02", "\U0001f600\ufe0f\\ufe01\\ufe02"),
        ("\u2062\u2063\ufff9\U0001d173", "\\u2062\\u2063\\ufff9\\U0001d173"),
        (f"hi{TAGS[0]}", "hi\\U000e0072"),
        (f"\U0001f3f4{TAGS[0]}\U000e007f", "\U0001f3f4\\U000e0072\\U000e007f"),
    ],
)
def test_what_hides_text_is_shown(text: str, expected: str) -> None:
    assert visible(text) == expected
    written = json.dumps(text, ensure_ascii=False)
    assert visible_json(written) != written
    assert json.loads(visible_json(written)) == text


@given(st.text())
def test_nothing_that_drives_a_terminal_is_left(text: str) -> None:
    assert set(visible(text)) & DRIVING <= {"\t", "\n"}
    assert set(one_line(text)) & DRIVING == set()


@given(st.recursive(st.text(), lambda values: st.lists(values) | st.dictionaries(st.text(), values)))
def test_json_is_the_same_data_without_what_drives_a_terminal(value: object) -> None:
    text = visible_json(json.dumps(value, ensure_ascii=False))

    assert json.loads(text) == value
    assert set(text) & DRIVING == set()


@pytest.mark.parametrize(
    ("text", "columns"),
    [("", 0), ("abc", 3), ("船", 2), ("½", 1), ("e\u0301", 1), ("ＡＢ", 4), ("夜市 a", 6), ("\u200d", 0)],
)
def test_width_counts_columns(text: str, columns: int) -> None:
    assert width(text) == columns


@pytest.mark.parametrize(
    ("text", "columns", "expected"),
    [
        ("short", 5, "short"),
        ("longer", 5, "long…"),
        ("夜市的摊位表", 6, "夜市…"),
        ("夜市的摊位表", 7, "夜市的…"),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301…"),
    ],
)
def test_cut_keeps_to_the_width(text: str, columns: int, expected: str) -> None:
    assert cut(text, columns) == expected


@given(st.text(), st.integers(1, 30))
def test_cut_and_padded_text_is_exactly_as_wide(text: str, columns: int) -> None:
    line = unicodedata.normalize("NFC", one_line(text))

    assert width(pad(cut(line, columns), columns)) == columns


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.0k"),
        (31_500, "31.5k"),
        (99_949, "99.9k"),
        (99_960, "100k"),
        (999_499, "999k"),
        (999_500, "1.0M"),
        (4_200_000, "4.2M"),
        (3_000_000_000, "3.0G"),
        (7_000_000_000_000, "7000G"),
    ],
)
def test_numbers_are_short(number: int, expected: str) -> None:
    assert short_number(number) == expected


@pytest.mark.parametrize(
    ("count", "expected"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2_000_000_000, "2.0 GB")]
)
def test_sizes_have_units(count: int, expected: str) -> None:
    assert short_bytes(count) == expected


@pytest.mark.parametrize(
    ("number", "expected"), [(0, "0 entries"), (1, "1 entry"), (2, "2 entries"), (12_345, "12,345 entries")]
)
def test_nouns_agree_with_their_number(number: int, expected: str) -> None:
    assert counted(number, "entry", "entries") == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0.0 s"),
        (0.0026, "3 ms"),
        (0.0996, "0.1 s"),
        (9.94, "9.9 s"),
        (40, "40 s"),
        (150, "2 min"),
        (9000, "2.5 h"),
    ],
)
def test_durations_say_milliseconds_where_seconds_would_say_nothing(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected
