"""Times as programs give them, and JSON that loses nothing."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessiondb import SessionDB
from sessiondb.errors import InvalidInput
from sessiondb.records import SessionFilter
from sessiondb.storage.values import due, json_value, moment

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


LIMITED: dict[str, Callable[[SessionDB, Any], Any]] = {
    "search": lambda db, wrong: db.search("x", limit=wrong),
    "search from": lambda db, wrong: db.search("x", offset=wrong),
    "sessions": lambda db, wrong: db.sessions.page(SessionFilter(), limit=wrong),
    "sessions from": lambda db, wrong: db.sessions.page(SessionFilter(), offset=wrong),
    "ids": lambda db, wrong: db.sessions.prefixes("s", wrong),
    "messages": lambda db, wrong: list(db.messages.newest_first("s", batch=wrong)),
    "history": lambda db, wrong: db.history("s", limit=wrong),
    "history in tokens": lambda db, wrong: db.history("s", max_tokens=wrong),
    "brief": lambda db, wrong: db.continuity.brief("s", decisions=wrong),
    "notes": lambda db, wrong: db.continuity.sessions(limit=wrong),
    "chats": lambda db, wrong: db.gateway("me").sessions(limit=wrong),
    "chats of the last minutes": lambda db, wrong: db.gateway("me").sessions(active_minutes=wrong),
    "stats": lambda db, wrong: db.stats(limit=wrong),
    "stats from": lambda db, wrong: db.stats(offset=wrong),
    "usage": lambda db, wrong: db.usage(limit=wrong),
    "usage from": lambda db, wrong: db.usage(offset=wrong),
    "last days of usage": lambda db, wrong: db.usage(last=wrong),
    "sessions to keep": lambda db, wrong: db.prune("1d", keep=wrong),
    "time to wait": lambda db, wrong: SessionDB(db.path, time_budget=wrong).close(),
    "pause of a watch": lambda db, wrong: next(db.watch_logs(str(db.path.parent), interval=wrong)),
}


@pytest.mark.parametrize("wrong", [-1, -(2**80), math.nan, "3"], ids=["below 0", "far below", "nan", "text"])
@pytest.mark.parametrize("name", LIMITED)
def test_a_limit_that_makes_no_sense_is_refused_in_words(db: SessionDB, name: str, wrong: Any) -> None:
    db.sessions.start("me", id="s")
    with pytest.raises(InvalidInput, match=re.escape(repr(wrong))):
        LIMITED[name](db, wrong)


@pytest.mark.parametrize("name", sorted(set(LIMITED) - {"pause of a watch"}))
def test_a_limit_beyond_all_measure_is_as_good_as_none(db: SessionDB, name: str) -> None:
    db.sessions.start("me", id="s")
    LIMITED[name](db, 2**80)


def test_a_writer_may_wait_for_ever(tmp_path: Path) -> None:
    with SessionDB(tmp_path / "s.db", time_budget=math.inf) as db:
        assert db.sessions.start("me").agent == "me"
