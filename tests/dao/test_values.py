"""Times as programs give them, and JSON that loses nothing."""

from __future__ import annotations

import json
from datetime import date, datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessiondb.dao.values import due, json_value, moment
from sessiondb.errors import InvalidInput

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(codec=None, exclude_categories=()))
JSON = st.recursive(SCALARS | TEXT, lambda children: st.lists(children) | st.dictionaries(TEXT, children))


@given(JSON)
def test_json_comes_back_as_it_was_in_text_that_sqlite_takes(value: Any) -> None:
    text = json_value(value)
    if value is None:
        assert text is None
    else:
        assert text is not None
        assert json.dumps(json.loads(text)) == json.dumps(value)
        text.encode("utf-8")
        assert "\0" not in text


def test_json_keeps_characters_as_themselves() -> None:
    assert json_value({"a": "测试 الاختبارات"}) == '{"a":"测试 الاختبارات"}'


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": object()}, {("a", "b"): 1}, {1, 2}])
def test_json_refuses_what_it_cannot_say(value: Any) -> None:
    with pytest.raises(InvalidInput, match="cannot store a"):
        json_value(value)


@pytest.mark.parametrize(
    ("given_due", "stored"),
    [
        (None, None),
        ("2026-03-01", "2026-03-01"),
        (date(2026, 3, 1), "2026-03-01"),
        ("2026-03-01T10:00:00+02:00", "2026-03-01T08:00:00.000Z"),
        (datetime(2026, 3, 1, 8, tzinfo=timezone.utc), "2026-03-01T08:00:00.000Z"),
    ],
)
def test_a_due_date_is_a_day_or_a_time(given_due: Any, stored: str | None) -> None:
    assert due(given_due) == stored


def test_a_time_without_a_zone_is_local() -> None:
    given_time = datetime(2026, 3, 1, 8)
    assert moment(given_time) == moment("2026-03-01T08:00:00") == moment(given_time.astimezone())


@pytest.mark.parametrize("wrong", ["2026-02-30", "next week", "", 5])
def test_what_is_no_time_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidInput, match="cannot read the time"):
        moment(wrong)
    with pytest.raises(InvalidInput, match="cannot read the time"):
        due(wrong)
