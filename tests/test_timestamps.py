from __future__ import annotations

import pickle
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessiondb import timestamps
from sessiondb.errors import InvalidInput
from sessiondb.timestamps import stored

UTC = timezone.utc
BERLIN = timestamps.zone("Europe/Berlin")
NOW = datetime(2026, 3, 4, 15, 30, tzinfo=UTC)  # a Wednesday, 16:30 in Berlin
STORED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
BARE = "a bare number has no unit, give 7d for seven days ago or 2026-03-01 for a day"
HINT = "give 30d, last week, 2026-03 or 2026-03-01 14:00"

# fmt: off
NO_TIMES: list[object] = [
    None, "", " ", "foo", "2026", "2026-03", "2026-02-29", "2026-13-01", "2026-03-01T24:00:00Z",
    "2026-03-01T9:15Z", "0000-01-01T00:00:00.000Z", "2026-02-30T09:15:23.123Z", "2026-03-01T09:60:23.123Z",
    "9999-12-31T23:00:00-05:00", "２０26-03-01T09:15:23.123Z", "2026-03-01T09:15:23+25:00", "1772356523",
    b"2026-03-01", True, False, [], {}, -1, -0.5, float("nan"), float("inf"), float("-inf"),
    253402300800000, 10**400, complex(1, 1), NOW,
]
UNREADABLE = [
    "", "foo", "-7d", "6M", "2026-02-30", "2026-13", "Feb 29", "9999-12-31", "5000y", "9" * 20 + "d",
    "5th", "march 10am", "on friday", "10:15 sat", "sun 2026", "fri march 2026", "last today", "last weekend",
    "2026-W54", "2026-W10-8", "this fortnight", "a ago", "last 3", "next week",
    "t", "a.m.", "on " + "9" * 40 + "h",
]
# fmt: on

texts = st.one_of(
    st.text(),
    st.from_regex(
        r"[0-9]{4}-[01][0-9]-[0-3][0-9]([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{0,9})?)?(Z|[+-]0[0-9]00)?)?"
    ),
    st.text(alphabet="0123456789-+:.TZ /dhmw apm,JanFebMarsunUTC", max_size=24),
)
instants = st.datetimes(
    min_value=datetime(1900, 1, 1), max_value=datetime(9998, 12, 31), timezones=st.sampled_from((UTC, BERLIN))
)


@pytest.fixture
def set_local_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    def use(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield use
    monkeypatch.undo()
    time.tzset()


def span(text: str, tz: str = "Europe/Berlin") -> tuple[str, str]:
    return timestamps.parse_range(text, now=NOW, tz=timestamps.zone(tz))


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(InvalidInput) as caught:
        call()
    return str(caught.value)


def test_now_lies_between_two_looks_at_the_clock() -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    stamp = stored.now()
    assert STORED.fullmatch(stamp)
    assert before <= timestamps.to_datetime(stamp) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("seconds", "stamp"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1772356523, "2026-03-01T09:15:23.000Z"),
        (1089705523.182, "2004-07-13T07:58:43.182Z"),  # times 1000 this is less than 1089705523182
        (1772356523.9999, "2026-03-01T09:15:23.999Z"),
        (253402300799.999, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_epoch_seconds_become_a_stored_timestamp(seconds: float, stamp: str) -> None:
    assert timestamps.from_epoch(seconds) == stamp


@pytest.mark.parametrize("seconds", [True, -0.001, float("nan"), float("inf"), 253402300800, 10**400])
def test_epoch_seconds_outside_the_calendar_are_refused(seconds: float) -> None:
    hint = "give seconds since 1970, up to the year 9999"
    assert refusal(lambda: timestamps.from_epoch(seconds)) == f"cannot store the time {seconds!r}: {hint}"


def test_datetimes_become_utc_text_cut_off_at_milliseconds() -> None:
    moment = datetime(2026, 3, 1, 10, 15, 23, 123999, tzinfo=BERLIN)
    assert timestamps.from_datetime(moment) == "2026-03-01T09:15:23.123Z"


def test_datetimes_that_have_no_utc_text_are_refused() -> None:
    assert refusal(lambda: timestamps.from_datetime(datetime(2026, 3, 1))) == (
        "cannot store the time 2026-03-01 00:00:00: it has no zone, give an aware datetime"
    )
    assert refusal(lambda: timestamps.from_datetime(datetime(1, 1, 1, tzinfo=BERLIN))).endswith(
        ": give one in the years 1 to 9999"
    )


@pytest.mark.parametrize(
    "text", ["", "2026-03-01", "2026-03-01T09:15:23Z", "2026-02-29T09:15:23.123Z", "2026-03-01T09:15:23.123+"]
)
def test_to_datetime_refuses_any_other_shape(text: str) -> None:
    hint = "give one like 2026-03-01T09:15:23.123Z"
    assert (
        refusal(lambda: timestamps.to_datetime(text)) == f"cannot read the stored timestamp {text!r}: {hint}"
    )


@given(instants)
def test_datetimes_survive_the_round_trip_to_the_millisecond(moment: datetime) -> None:
    kept = moment.astimezone(UTC)
    kept = kept.replace(microsecond=kept.microsecond // 1000 * 1000)
    assert timestamps.to_datetime(timestamps.from_datetime(moment)) == kept


@pytest.mark.parametrize(
    ("name", "offset"),
    [("UTC", 0), ("utc", 0), ("Z", 0), ("+02:00", 120), ("-0530", -330), ("+14", 840), ("Asia/Kolkata", 330)],
)
def test_zones_are_known_by_name_or_offset(name: str, offset: int) -> None:
    assert datetime(2026, 3, 1, tzinfo=timestamps.zone(name)).utcoffset() == timedelta(minutes=offset)


@pytest.mark.parametrize(
    "name", ["", "Mars", "Europe", "../etc/passwd", "/etc/passwd", "+25:00", "+02:60", "PST", "a\0b"]
)
def test_unknown_zones_are_refused(name: str) -> None:
    hint = "give a name such as Europe/Berlin, an offset such as +02:00, UTC or local"
    assert refusal(lambda: timestamps.zone(name)) == f"cannot read the time zone {name!r}: {hint}"


@pytest.mark.parametrize("name", [None, "local"])
def test_the_local_zone_follows_the_machine_through_its_history(
    name: str | None, set_local_zone: Callable[[str], None]
) -> None:
    local = pickle.loads(pickle.dumps(timestamps.zone(name)))  # as a process pool would send it
    set_local_zone("Europe/Moscow")
    assert timestamps.normalise("2012-07-01T12:00:00", local) == "2012-07-01T08:00:00.000Z"
    set_local_zone("Europe/Berlin")
    assert timestamps.normalise("2026-07-01T12:00:00", local) == "2026-07-01T10:00:00.000Z"
    for hour, fold, text in [(0, 0, "02:30 CEST"), (1, 1, "02:30 CET")]:
        shown = datetime(2026, 10, 25, hour, 30, tzinfo=UTC).astimezone(local)
        assert (shown.fold, shown.strftime("%H:%M %Z")) == (fold, text)
        assert shown.astimezone(UTC) == datetime(2026, 10, 25, hour, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "stamp"),
    [
        ("2026-03-01T09:15:23.123Z", "2026-03-01T09:15:23.123Z"),
        ("2026-12-31T23:59:59.999Z", "2026-12-31T23:59:59.999Z"),
        ("2024-02-29T09:15:23.123Z", "2024-02-29T09:15:23.123Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
        ("2026-03-01T09:15:23Z", "2026-03-01T09:15:23.000Z"),
        ("2026-03-01T09:15:23.1Z", "2026-03-01T09:15:23.100Z"),
        ("2026-03-01T09:15:23.123999999Z", "2026-03-01T09:15:23.123Z"),
        ("2026-03-01T09:15:23.9999+00:00", "2026-03-01T09:15:23.999Z"),
        ("2026-03-01 09:15:23.123456+0000", "2026-03-01T09:15:23.123Z"),
        ("2026-03-01T09:15:23.5+02:00", "2026-03-01T07:15:23.500Z"),
        ("2026-03-01t09:15:23,5z", "2026-03-01T09:15:23.500Z"),
        ("2026-03-01T09:15:23-05", "2026-03-01T14:15:23.000Z"),
        ("2026-03-01 09:15:23 +0530", "2026-03-01T03:45:23.000Z"),
        ("2026-03-01T09:15Z", "2026-03-01T09:15:00.000Z"),
        (" 2026-03-01T09:15:23Z\n", "2026-03-01T09:15:23.000Z"),
        ("2026-03-01T09:15:23.146865", "2026-03-01T08:15:23.146Z"),
        ("2026-03-01 09:15:23", "2026-03-01T08:15:23.000Z"),
        ("2026-03-01", "2026-02-28T23:00:00.000Z"),
        ("2026-03-29T01:59:59", "2026-03-29T00:59:59.000Z"),
        ("2026-03-29T02:30:00", "2026-03-29T01:30:00.000Z"),
        ("2026-03-29T03:00:00", "2026-03-29T01:00:00.000Z"),
        ("2026-10-25T02:30:00", "2026-10-25T00:30:00.000Z"),
        ("2026-10-25T03:00:00", "2026-10-25T02:00:00.000Z"),
        (1772356523, "2026-03-01T09:15:23.000Z"),
        (1772356523.123, "2026-03-01T09:15:23.123Z"),
        (1772356523123, "2026-03-01T09:15:23.123Z"),
        (1772356523123.9, "2026-03-01T09:15:23.123Z"),
        (0, "1970-01-01T00:00:00.000Z"),
        (100_000_000_000, "5138-11-16T09:46:40.000Z"),
        (100_000_000_001, "1973-03-03T09:46:40.001Z"),
    ],
)
def test_the_times_found_in_logs_are_normalised(
    value: object, stamp: str, set_local_zone: Callable[[str], None]
) -> None:
    assert timestamps.normalise(value, BERLIN) == stamp
    set_local_zone("Europe/Berlin")
    assert timestamps.normalise(value) == stamp


@pytest.mark.parametrize("value", NO_TIMES)
def test_what_is_no_time_is_none(value: object) -> None:
    assert timestamps.normalise(value, UTC) is None


def test_a_stored_timestamp_is_returned_as_it_is() -> None:
    stamp = "".join(["2026-03-01T", "09:15:23.123Z"])
    assert timestamps.normalise(stamp) is stamp


@given(
    st.one_of(texts, st.integers(), st.floats(), st.none(), st.binary(), st.datetimes().map(str)),
    st.sampled_from((None, BERLIN)),
)
def test_normalise_never_raises_and_gives_stored_timestamps_only(value: object, tz: timezone | None) -> None:
    stamp = timestamps.normalise(value, tz)
    if stamp is not None:
        assert STORED.fullmatch(stamp)
        assert timestamps.normalise(stamp) == stamp
        assert timestamps.from_datetime(timestamps.to_datetime(stamp)) == stamp


@given(
    st.lists(instants, min_size=2, max_size=4),
    st.sampled_from(("auto", "microseconds")),
    st.sampled_from("T "),
)
def test_normalised_times_sort_as_the_times_do(moments: list[datetime], digits: str, separator: str) -> None:
    moments.sort()
    stamps = [timestamps.normalise(moment.isoformat(separator, digits)) for moment in moments]
    assert None not in stamps
    assert stamps == sorted(map(str, stamps))


@given(st.lists(st.floats(0, 4e9), min_size=2, max_size=4))
def test_normalised_numbers_sort_as_the_numbers_do(numbers: list[float]) -> None:
    assert [timestamps.normalise(number) for number in sorted(numbers)] == sorted(
        map(timestamps.from_epoch, numbers)
    )


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("30d", timedelta(days=30)),
        ("12h", timedelta(hours=12)),
        ("90m", timedelta(minutes=90)),
        ("90 min", timedelta(minutes=90)),
        ("45s", timedelta(seconds=45)),
        ("2w", timedelta(weeks=2)),
        ("6mo", timedelta(days=180)),
        ("1y", timedelta(days=365)),
        ("1d12h", timedelta(days=1, hours=12)),
        (" 1 Day  12 hours ", timedelta(days=1, hours=12)),
        ("1.5h", timedelta(minutes=90)),
        ("0d", timedelta()),
    ],
)
def test_ages_are_read(text: str, age: timedelta) -> None:
    assert timestamps.parse_moment(text, now=NOW) == timestamps.from_datetime(NOW - age)
    assert timestamps.parse_moment(text.strip() + " ago", now=NOW) == timestamps.from_datetime(NOW - age)


@pytest.mark.parametrize("text", ["1d7", "1d 2 foo", "3 days ago or so"])
def test_what_begins_as_an_age_and_goes_on_otherwise_is_refused(text: str) -> None:
    message = refusal(lambda: timestamps.parse_moment(text))

    assert message.endswith(": give 30d, 12h, 90m, 2w, 6mo or 1d12h")


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("now", "2026-03-04T15:30:00.000Z", "2026-03-04T15:30:00.000Z"),
        ("3 days ago", "2026-03-01T15:30:00.000Z", "2026-03-01T15:30:00.000Z"),
        ("a week ago", "2026-02-25T15:30:00.000Z", "2026-02-25T15:30:00.000Z"),
        ("An hour ago", "2026-03-04T14:30:00.000Z", "2026-03-04T14:30:00.000Z"),
        ("one month ago", "2026-02-02T15:30:00.000Z", "2026-02-02T15:30:00.000Z"),
        ("last 3 days", "2026-03-01T15:30:00.000Z", "2026-03-04T15:30:00.000Z"),
        ("the past 2 weeks", "2026-02-18T15:30:00.000Z", "2026-03-04T15:30:00.000Z"),
        ("this week", "2026-03-01T23:00:00.000Z", "2026-03-08T23:00:00.000Z"),
        ("Last Week", "2026-02-22T23:00:00.000Z", "2026-03-01T23:00:00.000Z"),
        ("this month", "2026-02-28T23:00:00.000Z", "2026-03-31T22:00:00.000Z"),
        ("last month", "2026-01-31T23:00:00.000Z", "2026-02-28T23:00:00.000Z"),
        ("this year", "2025-12-31T23:00:00.000Z", "2026-12-31T23:00:00.000Z"),
        ("last year", "2024-12-31T23:00:00.000Z", "2025-12-31T23:00:00.000Z"),
        ("2026-W10", "2026-03-01T23:00:00.000Z", "2026-03-08T23:00:00.000Z"),
        ("2026w10", "2026-03-01T23:00:00.000Z", "2026-03-08T23:00:00.000Z"),
        ("2026-W10-3", "2026-03-03T23:00:00.000Z", "2026-03-04T23:00:00.000Z"),
        ("2020-W53", "2020-12-27T23:00:00.000Z", "2021-01-03T23:00:00.000Z"),
        ("monday", "2026-03-01T23:00:00.000Z", "2026-03-02T23:00:00.000Z"),
        ("Today", "2026-03-03T23:00:00.000Z", "2026-03-04T23:00:00.000Z"),
        ("yesterday", "2026-03-02T23:00:00.000Z", "2026-03-03T23:00:00.000Z"),
        ("tomorrow", "2026-03-04T23:00:00.000Z", "2026-03-05T23:00:00.000Z"),
        ("wednesday", "2026-03-03T23:00:00.000Z", "2026-03-04T23:00:00.000Z"),
        ("last wednesday", "2026-02-24T23:00:00.000Z", "2026-02-25T23:00:00.000Z"),
        ("last friday", "2026-02-26T23:00:00.000Z", "2026-02-27T23:00:00.000Z"),
        ("fri 3pm", "2026-02-27T14:00:00.000Z", "2026-02-27T15:00:00.000Z"),
        ("yesterday at 9:05", "2026-03-03T08:05:00.000Z", "2026-03-03T08:06:00.000Z"),
        ("2026", "2025-12-31T23:00:00.000Z", "2026-12-31T23:00:00.000Z"),
        ("2026-03", "2026-02-28T23:00:00.000Z", "2026-03-31T22:00:00.000Z"),
        ("2026-12", "2026-11-30T23:00:00.000Z", "2026-12-31T23:00:00.000Z"),
        ("2024-02-29", "2024-02-28T23:00:00.000Z", "2024-02-29T23:00:00.000Z"),
        ("2026-03-29", "2026-03-28T23:00:00.000Z", "2026-03-29T22:00:00.000Z"),
        ("2026-10-25", "2026-10-24T22:00:00.000Z", "2026-10-25T23:00:00.000Z"),
        ("2026-03-01 14", "2026-03-01T13:00:00.000Z", "2026-03-01T14:00:00.000Z"),
        ("2026-03-01 14:00", "2026-03-01T13:00:00.000Z", "2026-03-01T13:01:00.000Z"),
        ("2026-03-29 02:30", "2026-03-29T01:30:00.000Z", "2026-03-29T01:31:00.000Z"),
        ("2026-10-25 02:30", "2026-10-25T00:30:00.000Z", "2026-10-25T00:31:00.000Z"),
        ("2026-03-01T14:00:05-0500", "2026-03-01T19:00:05.000Z", "2026-03-01T19:00:06.000Z"),
        ("2026-03-01T14:00:05.1239Z", "2026-03-01T14:00:05.123Z", "2026-03-01T14:00:05.124Z"),
        ("March 2026", "2026-02-28T23:00:00.000Z", "2026-03-31T22:00:00.000Z"),
        ("1 March 2026, 3pm", "2026-03-01T14:00:00.000Z", "2026-03-01T15:00:00.000Z"),
        ("4 March", "2026-03-03T23:00:00.000Z", "2026-03-04T23:00:00.000Z"),
        ("5 March", "2025-03-04T23:00:00.000Z", "2025-03-05T23:00:00.000Z"),
        ("april", "2025-03-31T22:00:00.000Z", "2025-04-30T22:00:00.000Z"),
        ("2026/3/1", "2026-02-28T23:00:00.000Z", "2026-03-01T23:00:00.000Z"),
        ("13/02/2026", "2026-02-12T23:00:00.000Z", "2026-02-13T23:00:00.000Z"),
        ("20260301T1015", "2026-03-01T09:15:00.000Z", "2026-03-01T09:16:00.000Z"),
        ("10:15", "2026-03-04T09:15:00.000Z", "2026-03-04T09:16:00.000Z"),
        ("10:15:23.5", "2026-03-04T09:15:23.500Z", "2026-03-04T09:15:23.501Z"),
        ("Sun, 01 Mar 2026 10:15:00 +0200", "2026-03-01T08:15:00.000Z", "2026-03-01T08:15:01.000Z"),
        ("Sun Mar  1 10:15:00 UTC 2026", "2026-03-01T10:15:00.000Z", "2026-03-01T10:15:01.000Z"),
    ],
)
def test_typed_times_name_a_span(text: str, start: str, end: str) -> None:
    assert span(text) == (start, end)
    assert timestamps.parse_moment(text, now=NOW, tz=BERLIN) == start


@pytest.mark.parametrize(
    ("tz", "day", "start", "hours"),
    [
        ("America/New_York", "2026-03-08", "2026-03-08T05:00:00.000Z", 23),
        ("America/New_York", "2026-11-01", "2026-11-01T04:00:00.000Z", 25),
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00.000Z", 23),  # begins at 01:00
        ("America/Havana", "2026-11-01", "2026-11-01T04:00:00.000Z", 25),  # has its midnight twice
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00:00.000Z", 24.5),
        ("UTC", "2026-03-29", "2026-03-29T00:00:00.000Z", 24),
    ],
)
def test_a_local_day_is_as_long_as_its_clock_changes_make_it(
    tz: str, day: str, start: str, hours: float
) -> None:
    begin, end = span(day, tz)
    assert begin == start
    assert timestamps.to_datetime(end) - timestamps.to_datetime(begin) == timedelta(hours=hours)


def test_without_a_zone_days_are_the_machines(set_local_zone: Callable[[str], None]) -> None:
    set_local_zone("Pacific/Auckland")
    late = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)  # already the 5th there
    assert timestamps.parse_range("today", now=late) == (
        "2026-03-04T11:00:00.000Z",
        "2026-03-05T11:00:00.000Z",
    )


def test_last_month_in_january_is_december() -> None:
    early = datetime(2026, 1, 15, 12, tzinfo=UTC)
    assert timestamps.parse_range("last month", now=early, tz=UTC) == (
        "2025-12-01T00:00:00.000Z",
        "2026-01-01T00:00:00.000Z",
    )


def test_an_age_is_counted_by_the_clock_that_stamps_what_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "now", lambda: "2026-03-12T21:00:00.000Z")

    assert timestamps.parse_moment("0d") == "2026-03-12T21:00:00.000Z"
    assert timestamps.parse_moment("1h") == "2026-03-12T20:00:00.000Z"


def test_a_naive_now_is_refused() -> None:
    assert refusal(lambda: timestamps.parse_moment("1d", now=datetime(2026, 3, 4))) == (
        "cannot count from 2026-03-04 00:00:00: it has no zone, give an aware datetime"
    )


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_is_no_time_is_refused_with_examples(text: str) -> None:
    assert refusal(lambda: span(text)) == f"cannot read the time {text!r}: {HINT}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        *(
            (number, f"cannot read the time '{number}': {BARE}")
            for number in ("7", "-7", "1.5", "1430", "20260301", "1772356523")
        ),
        *(
            (day, f"cannot read the date '{day}': day, month and year are unclear, write it as 2026-03-01")
            for day in ("01/02/2026", "26/03/01", "1 mar 26")
        ),
        ("2026-03-01 10:00 PST", "cannot read the zone 'PST': give an offset such as +02:00"),
        ("10h30", "cannot read the age '10h30': give 30d, 12h, 90m, 2w, 6mo or 1d12h"),
        ("x" * 61, f"cannot read the time '{'x' * 60}...': {HINT}"),
    ],
)
def test_what_can_be_misread_is_refused_with_the_reason(text: str, message: str) -> None:
    assert refusal(lambda: span(text)) == message


@given(texts, st.sampled_from((None, BERLIN)))
def test_any_typed_text_is_a_span_or_refused_in_one_line(text: str, tz: timezone | None) -> None:
    refused = ""
    try:
        start, end = timestamps.parse_range(text, now=NOW, tz=tz)
    except InvalidInput as error:
        start, end, refused = timestamps.now(), timestamps.now(), str(error)
    assert len(refused.splitlines()) <= 1
    assert STORED.fullmatch(start)
    assert STORED.fullmatch(end)
    assert start <= end


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=-3600), "2026-03-04"),
        (timedelta(seconds=-59), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1m ago"),
        (timedelta(minutes=59, seconds=59), "59m ago"),
        (timedelta(hours=1), "1h ago"),
        (timedelta(hours=23, minutes=59), "23h ago"),
        (timedelta(days=1), "1d ago"),
        (timedelta(days=6, hours=23), "6d ago"),
        (timedelta(days=7), "1w ago"),
        (timedelta(days=27), "3w ago"),
        (timedelta(days=28), "2026-02-04"),
    ],
)
def test_relative_text_coarsens_with_distance(ago: timedelta, text: str) -> None:
    assert timestamps.relative_text(timestamps.from_datetime(NOW - ago), NOW, tz=BERLIN) == text


def test_local_text_is_in_the_local_zone(set_local_zone: Callable[[str], None]) -> None:
    set_local_zone("Europe/Berlin")
    assert timestamps.local_text("2026-03-01T09:15:23.123Z") == "2026-03-01 10:15"
    assert timestamps.local_text("2026-03-01T09:15:23.123Z", tz=UTC) == "2026-03-01 09:15"
    set_local_zone("America/New_York")
    assert timestamps.local_text("2026-03-01T09:15:23.123Z") == "2026-03-01 04:15"
    assert timestamps.local_text("0001-01-01T00:00:00.000Z") == "0001-01-01 00:00"


def test_only_the_standard_library_is_loaded_until_a_zone_or_free_text_is_read() -> None:
    script = """
import sys
before = set(sys.modules)
from sessiondb import timestamps
stamp = timestamps.normalise("2026-03-01 10:15:23")
timestamps.local_text(stamp), timestamps.relative_text(stamp), timestamps.zone(None)
timestamps.zone("+02:00"), timestamps.parse_range("30d")
timestamps.parse_range("last friday"), timestamps.parse_range("2026-03")
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""
    root = Path(timestamps.__file__).parents[1]
    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=root, check=True, capture_output=True, text=True
    ).stdout.split()
    assert "zoneinfo" not in loaded
    assert [name for name in loaded if name not in sys.stdlib_module_names] == ["sessiondb"]
