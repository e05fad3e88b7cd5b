"""Charts of characters."""

from __future__ import annotations

import pytest

from sessiondb.cli.charts import bar, calendar, sparkline


@pytest.mark.parametrize(
    ("value", "greatest", "expected"),
    [(0, 10, ""), (10, 10, "█" * 10), (5, 10, "█" * 5), (1, 80, "▏"), (3, 0, "")],
)
def test_a_bar_is_as_long_as_its_value(value: float, greatest: float, expected: str) -> None:
    assert bar(value, greatest) == expected


@pytest.mark.parametrize(
    ("values", "expected"), [([], ""), ([0, 0], "  "), ([1, 8, 0, 4], "▂█ ▅"), ([10**12, 1], "█▁")]
)
def test_a_sparkline_is_as_high_as_its_values(values: list[float], expected: str) -> None:
    assert sparkline(values) == expected


def test_a_calendar_has_a_row_for_each_weekday_and_ends_with_the_last_day() -> None:
    counts = {"2026-03-04": 1, "2026-03-02": 10, "2026-03-15": 3, "2026-04-01": 30}
    assert list(calendar(counts, 80)) == [
        "     Mar",
        "Mon  ▓····",
        "     ·····",
        "Wed  ░···█",
        "     ····",
        "Fri  ····",
        "     ····",
        "Sun  ·▒··",
        "     less ·░▒▓█ more",
    ]


def test_a_calendar_shows_as_many_weeks_as_fit() -> None:
    lines = list(calendar({"2020-01-01": 5, "2026-03-15": 3}, 50))
    assert [len(line) for line in lines[1:8]] == [50] * 7
    assert len(list(calendar({"2020-01-01": 5, "2026-03-15": 3}, 400))[1]) == 5 + 53


def test_a_calendar_of_nothing_is_nothing() -> None:
    assert list(calendar({}, 80)) == []


def test_a_clock_that_says_any_year_is_no_error() -> None:
    odd = {"": 1, "0000-01-01": 1, "0001-01-01": 1, "9999-12-31": 1, "2026-03-02": 1}
    assert list(calendar(odd, 80))[1] == "Mon  █"
