"""When a conversation starts anew: over midnight, over a change of clocks, and when a clock is set."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import pytest

from sessiondb import timestamps
from sessiondb.errors import InvalidInput
from sessiondb.live.reset_policy import NEVER, ResetPolicy, ResetRules
from sessiondb.records import Channel

BERLIN = ZoneInfo("Europe/Berlin")
BEIRUT = ZoneInfo("Asia/Beirut")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("last", "now", "expected"),
    [
        ("2026-03-10 12:00", "2026-03-10 12:29", None),
        ("2026-03-10 12:00", "2026-03-10 12:30", "idle"),
        ("2026-03-10 12:00", "2026-03-20 12:00", "idle"),
        ("2026-03-10 23:50", "2026-03-11 00:19", None),
        ("2026-03-10 23:50", "2026-03-11 00:20", "idle"),
        ("2026-03-29 00:45", "2026-03-29 01:14", None),  # 1:45 to 3:14 by the clock on the wall: 29 minutes
        ("2026-03-29 00:45", "2026-03-29 01:15", "idle"),
        ("2026-03-10 12:00", "2026-03-10 11:00", None),  # the clock was set back
        ("2026-03-10 12:00", "2025-03-10 12:00", None),
    ],
)
def test_idle_is_time_that_has_passed(last: str, now: str, expected: str | None) -> None:
    assert ResetPolicy(idle_minutes=30).due(at(last), at(now), BERLIN) == expected


@pytest.mark.parametrize(
    ("hour", "last", "now", "expected"),
    [
        (4, "2026-01-10 02:59", "2026-01-10 02:59:59", None),  # 3:59 in Berlin
        (4, "2026-01-10 02:59", "2026-01-10 03:00", "daily"),
        (4, "2026-01-10 03:00", "2026-01-11 02:59", None),
        (4, "2026-01-10 03:00", "2026-01-11 03:00", "daily"),
        (4, "2026-01-10 12:00", "2026-01-10 23:30", None),  # over midnight in Berlin, before 4
        (4, "2026-01-01 12:00", "2026-01-10 03:30", "daily"),
        (0, "2026-01-10 22:59", "2026-01-10 23:00", "daily"),  # midnight in Berlin
        (0, "2026-01-10 23:00", "2026-01-11 22:59", None),
        # Clocks go from 2:00 to 3:00 on 29 March, at 1:00 UTC.
        (2, "2026-03-29 00:30", "2026-03-29 00:59", None),
        (2, "2026-03-29 00:30", "2026-03-29 01:00", "daily"),
        (2, "2026-03-29 01:00", "2026-03-29 23:59", None),
        (3, "2026-03-29 00:30", "2026-03-29 01:00", "daily"),
        (4, "2026-03-29 01:30", "2026-03-29 01:59", None),
        (4, "2026-03-29 01:30", "2026-03-29 02:00", "daily"),
        # Clocks go back from 3:00 to 2:00 on 25 October: 2:00 comes at 0:00 UTC and again at 1:00.
        (2, "2026-10-24 23:30", "2026-10-25 00:00", "daily"),
        (2, "2026-10-25 00:00", "2026-10-25 01:00", None),
        (2, "2026-10-25 00:30", "2026-10-25 01:30", None),
        (2, "2026-10-25 01:30", "2026-10-26 00:59", None),
        (2, "2026-10-25 01:30", "2026-10-26 01:00", "daily"),
        # The clock was set back over the hour, and is set right again: what was reset is not reset twice.
        (4, "2026-01-10 03:30", "2026-01-10 02:30", None),
        (4, "2026-01-10 03:30", "2026-01-10 04:00", None),
    ],
)
def test_daily_is_the_next_time_the_local_clock_strikes(
    hour: int, last: str, now: str, expected: str | None
) -> None:
    assert ResetPolicy(daily_at=hour).due(at(last), at(now), BERLIN) == expected


def test_an_hour_that_the_clocks_skip_at_midnight_is_due_at_the_change() -> None:
    # In Beirut 29 March begins at 1:00, at 22:00 UTC of the 28th.
    policy = ResetPolicy(daily_at=0)
    assert policy.due(at("2026-03-28 20:00"), at("2026-03-28 21:59"), BEIRUT) is None
    assert policy.due(at("2026-03-28 20:00"), at("2026-03-28 22:00"), BEIRUT) == "daily"


@pytest.mark.parametrize(
    ("last", "now", "expected"),
    [
        ("2026-01-10 02:50", "2026-01-10 03:10", "daily"),  # 4:00 came, and then the 30 minutes were over
        ("2026-01-10 02:50", "2026-01-10 05:00", "daily"),
        ("2026-01-10 02:00", "2026-01-10 05:00", "idle"),  # the other way round
        ("2026-01-10 12:00", "2026-01-10 12:10", None),
    ],
)
def test_of_two_rules_the_one_that_was_due_first_is_named(last: str, now: str, expected: str | None) -> None:
    assert ResetPolicy(idle_minutes=30, daily_at=4).due(at(last), at(now), BERLIN) == expected


def test_without_a_rule_nothing_is_ever_due() -> None:
    assert NEVER.due(at("2006-01-01 00:00"), at("2026-01-01 00:00"), BERLIN) is None


@pytest.fixture
def berlin_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this system cannot change its zone")
@pytest.mark.usefixtures("berlin_clock")
@pytest.mark.parametrize(
    ("last", "now", "expected"),
    [
        ("2026-03-29 00:30", "2026-03-29 00:59", None),
        ("2026-03-29 00:30", "2026-03-29 01:00", "daily"),
        ("2026-10-25 00:00", "2026-10-25 01:00", None),
        ("2026-10-25 01:30", "2026-10-26 01:00", "daily"),
    ],
)
def test_the_machines_own_zone_follows_the_change_of_clocks(
    last: str, now: str, expected: str | None
) -> None:
    assert ResetPolicy(daily_at=2).due(at(last), at(now), timestamps.zone(None)) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"idle_minutes": 0},
        {"idle_minutes": -5},
        {"idle_minutes": float("nan")},
        {"daily_at": 24},
        {"daily_at": -1},
    ],
)
def test_what_is_no_time_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInput):
        ResetPolicy(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("channel", "minutes"),
    [
        (Channel("telegram", "dm"), 10),
        (Channel("telegram", "group"), 10),  # the platform's goes first
        (Channel("discord", "group"), 20),
        (Channel("discord", "dm"), 30),
        (Channel("discord"), 30),
    ],
)
def test_each_platform_and_chat_type_may_have_its_own_policy(channel: Channel, minutes: float) -> None:
    rules = ResetRules(
        ResetPolicy(idle_minutes=30),
        platforms={"telegram": ResetPolicy(idle_minutes=10)},
        chat_types={"group": ResetPolicy(idle_minutes=20)},
    )
    assert rules.of(channel).idle_minutes == minutes
