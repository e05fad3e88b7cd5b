"""A sentence that asks is told from keywords, and the time it names is read."""

from __future__ import annotations

from datetime import date

import pytest

from sessiondb.query import Period, is_question, parse, period_of

TODAY = date(2026, 3, 15)  # a Sunday


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Where do we keep the tests?", True),
        ("where do we keep the tests", True),
        ("In what area does he work", True),
        ("did we ever fix the parser", True),
        ("agent:codex why did it fail", True),
        ("the tests, where are they？", True),
        ("记忆断裂是什么？", True),
        ("in the atlas project, how do i run it", True),
        ("couldnt get it to start", True),
        ("atlas project run it", False),
        ("where clause sqlite", False),
        ("how deploy works", False),
        ("to do list", False),
        ("the parser fails", False),
        ("why?", False),
        ("is null", False),
        ('what did "disk full" mean?', False),
        ("what did we deploy -web", False),
        ("what is depl* ?", False),
        ("what was it OR who was it?", False),
        ("agent:codex ?", False),
        ("", False),
    ],
)
def test_a_question_is_told_from_keywords(text: str, asks: bool) -> None:
    assert is_question(parse(text)) is asks


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("on 3 July 2025", "2025-07-03", "2025-07-03"),
        ("July 3rd, 2025", "2025-07-03", "2025-07-03"),
        ("the 3rd of July 2025", "2025-07-03", "2025-07-03"),
        ("since July 2025", "2025-07-01", "2025-07-31"),
        ("in Dec. 2024", "2024-12-01", "2024-12-31"),
        ("at 2025-02", "2025-02-01", "2025-02-28"),
        ("at 2025-02-07", "2025-02-07", "2025-02-07"),
        ("in late 2024", "2024-01-01", "2024-12-31"),
        ("31 February 2024", "2024-02-01", "2024-02-29"),
        ("what did we do today", "2026-03-15", "2026-03-15"),
        ("Yesterday's bug", "2026-03-14", "2026-03-14"),
        ("last night", "2026-03-14", "2026-03-14"),
        ("this week", "2026-03-09", "2026-03-15"),
        ("last week", "2026-03-02", "2026-03-08"),
        ("this month", "2026-03-01", "2026-03-31"),
        ("last month", "2026-02-01", "2026-02-28"),
        ("last year", "2025-01-01", "2025-12-31"),
        ("3 days ago", "2026-03-12", "2026-03-12"),
        ("two weeks ago", "2026-02-26", "2026-03-04"),
        ("a couple of weeks ago", "2026-02-26", "2026-03-04"),
        ("in the last two months", "2026-01-14", "2026-03-15"),
        ("in summer 2024", "2024-06-01", "2024-08-31"),
        ("last summer", "2025-06-01", "2025-08-31"),
        ("this winter", "2025-12-01", "2026-02-28"),
    ],
)
def test_a_time_is_read(text: str, first: str, last: str) -> None:
    assert period_of(text, TODAY) == Period(date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    ("text", "days", "other_days"),
    [
        ("in May", ["2023-05-01", "2026-05-31"], ["2023-04-30"]),
        ("on 29 February", ["2023-02-28", "2024-02-28"], ["2024-01-31"]),
        ("in the fall", ["2023-09-01", "2026-11-30"], ["2023-08-31"]),
        ("in December", ["2023-12-31"], ["2023-11-30", "2024-03-01"]),
    ],
)
def test_without_a_year_any_year_will_do(text: str, days: list[str], other_days: list[str]) -> None:
    period = period_of(text, TODAY)
    assert period is not None
    assert [period.closeness(date.fromisoformat(day)) for day in days] == [1.0] * len(days)
    assert [period.closeness(date.fromisoformat(day)) for day in other_days] == [0.0] * len(other_days)


@pytest.mark.parametrize(
    ("day", "closeness"),
    [("2023-12-24", 0.0), ("2023-12-25", 1.0), ("2023-12-26", 0.5), ("2024-01-04", 0.5), ("2024-01-05", 0.0)],
)
def test_soon_after_is_half_as_close(day: str, closeness: float) -> None:
    for text in ("on 25 December", "on 25 December 2023"):
        period = period_of(text, TODAY)
        assert period is not None
        assert period.closeness(date.fromisoformat(day)) == closeness


@pytest.mark.parametrize(
    "text", ["you may leave", "march on", "error 2013", "this may break", "20 questions", "the last one", ""]
)
def test_words_that_are_no_time_are_none(text: str) -> None:
    assert period_of(text, TODAY) is None
