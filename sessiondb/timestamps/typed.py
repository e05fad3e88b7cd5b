"""Read the times that people type: ages, days, weeks, ISO 8601, and what dateutil reads in one way only."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone, tzinfo

from sessiondb.errors import InvalidInput
from sessiondb.timestamps import stored
from sessiondb.timestamps.stored import (
    ISO,
    aware,
    compiled,
    from_datetime,
    iso_fields,
    to_datetime,
    unreadable,
    utc,
)

_NUMBER = r"[+-]?[0-9]+(?:\.[0-9]*)?"
_AGE_PART = r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]+) ?"
_DAY_WORD = r"(?i:(last )?([a-z]{3,9})(?: (?:at )?([0-9]{1,2}(?::.*| ?[ap]m)))?)"
_WEEK = r"([0-9]{4})-?[Ww]([0-9]{2})(?:-?([1-7]))?"
_CALENDAR_PERIOD = r"(?i:(this|last) (week|month|year))"
_LAST_AGE = r"(?i:(?:the )?(?:last|past) (?=[0-9]))"
_YEAR_FIRST = r"(?:^| )[0-9]{4}[-/.]?[0-9]"

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAYS_FROM_TODAY = {"today": 0, "yesterday": -1, "tomorrow": 1}
_UNITS = {
    name: seconds
    for seconds, names in (
        (1, "s sec secs second seconds"),
        (60, "m min mins minute minutes"),
        (3600, "h hr hrs hour hours"),
        (86_400, "d day days"),
        (7 * 86_400, "w wk wks week weeks"),
        (30 * 86_400, "mo month months"),
        (365 * 86_400, "y yr yrs year years"),
    )
    for name in names.split()
}
_AGE_HINT = "give 30d, 12h, 90m, 2w, 6mo or 1d12h"
_STEPS_MS = (3_600_000, 60_000, 1000, 1)  # how long an hour, a minute, a second and a fraction last


def parse_moment(text: str | date, *, now: datetime | None = None, tz: tzinfo | None = None) -> str:
    """Give the stored timestamp at which the time a person typed begins; see parse_range."""
    return parse_range(text, now=now, tz=tz)[0]


def parse_end(text: str | date, *, now: datetime | None = None, tz: tzinfo | None = None) -> str:
    """Return the stored timestamp at which the time a person typed ends; a stored one is that end itself."""
    start, end = parse_range(text, now=now, tz=tz)
    return start if start == text else end


def parse_range(
    text: str | date, *, now: datetime | None = None, tz: tzinfo | None = None
) -> tuple[str, str]:
    """Give start and exclusive end of the span a person typed, as stored timestamps.

    A datetime is an instant, a naive one local time; a date is a day.

    Reads ages (`30d`, `3 days ago`, `a week ago`; an instant, as is `now`), `last 3 days` (up to now), `this` or
    `last` `week`, `month` or `year` (a week begins on Monday), `today`, `yesterday`, `tomorrow`, weekdays (the
    latest such day; with `last` before today), these days with a clock time, ISO 8601 from a year down to a
    fraction, its weeks (`2026-W10`), and what dateutil reads in one way only (`1 March 2026 3pm`; without a
    year the latest one). The span is as long as the finest unit named. Days are those of `tz`, None = the local
    zone; `now` must be aware. Raises InvalidInput.
    """
    if isinstance(text, datetime):
        instant = from_datetime(aware(text))
        return instant, instant
    if isinstance(text, date):
        text = text.isoformat()
    if not isinstance(text, str):
        raise unreadable("time", repr(text), "give 30d, 2026-03 or any date as text, a datetime or a date")
    # By the clock that stamps what is stored: of what has just been written none is newer than now.
    moment = to_datetime(stored.now()) if now is None else now
    if moment.utcoffset() is None:
        raise InvalidInput(f"cannot count from {moment}: it has no zone, give an aware datetime")
    try:
        start, end = _span(" ".join(text.split()), moment, tz)
        return from_datetime(start), from_datetime(end)
    except InvalidInput:
        raise
    except (ValueError, ArithmeticError, OSError) as error:  # dateutil lets decimal's errors through
        raise unreadable("time", text, "give 30d, last week, 2026-03 or 2026-03-01 14:00") from error


def _age(words: str) -> timedelta | None:
    """Add up an age; None when `words` do not begin like one, InvalidInput when they then do not go on so."""
    seconds, position = 0.0, 0
    while position < len(words):
        part = re.match(_AGE_PART, words[position:])
        unit = part[2] if part else ""
        # "6M" is as likely meant as months as minutes, and a prune must not guess.
        size = None if unit == "M" else _UNITS.get(unit.lower())
        if part is None or size is None:
            if position:
                raise unreadable("age", words, _AGE_HINT)
            return None
        seconds += float(part[1]) * size
        position += part.end()
    return timedelta(seconds=seconds) if position else None


def _span(words: str, moment: datetime, tz: tzinfo | None) -> tuple[datetime, datetime]:
    if words.lower() == "now":
        return moment, moment
    today = moment.astimezone(tz).date()
    days = _named_days(words, today)
    if days is not None:
        return _midnight(days[0], tz), _midnight(days[1], tz)
    since = re.match(_LAST_AGE, words)
    age = _age(words[since.end() :]) if since else _age(_without_ago(words))
    if age is not None:
        return moment - age, moment if since else moment - age
    words = _with_day_word_read(words, today)
    iso = compiled(ISO).fullmatch(words)
    if iso and (iso[2] or words.startswith(("19", "20"))):
        return _period(*iso_fields(iso, tz))
    if re.fullmatch(_NUMBER, words):
        hint = "a bare number has no unit, give 7d for seven days ago or 2026-03-01 for a day"
        raise unreadable("time", words, hint)
    return _period(*_read_freely(words, today, tz))


def _without_ago(words: str) -> str:
    """Return an age without its `ago`, and that of `a week ago` with its number."""
    if not words.lower().endswith(" ago"):
        return words
    return re.sub(r"(?i)^(?:an?|one) ", "1 ", words[:-4])


def _named_days(words: str, today: date) -> tuple[date, date] | None:
    """Return the first day of a calendar week, month or year and the first one after it, None for other words."""
    match = re.fullmatch(_WEEK, words)
    if match:
        first = date.fromisocalendar(int(match[1]), int(match[2]), int(match[3] or 1))
        return first, first + timedelta(days=1 if match[3] else 7)
    match = re.fullmatch(_CALENDAR_PERIOD, words)
    if match is None:
        return None
    back, unit = int(match[1].lower() == "last"), match[2].lower()
    if unit == "week":
        first = today - timedelta(days=today.weekday() + 7 * back)
        return first, first + timedelta(days=7)
    if unit == "year":
        return date(today.year - back, 1, 1), date(today.year - back + 1, 1, 1)
    months = today.year * 12 + today.month - 1 - back
    return _month(months), _month(months + 1)


def _month(count: int) -> date:
    """Return the first day of a month, counted from the year 0 on."""
    return date(count // 12, count % 12 + 1, 1)


def _midnight(day: date, tz: tzinfo | None) -> datetime:
    return utc([day.year, day.month, day.day], tz)


def _period(fields: list[int], tz: tzinfo | None) -> tuple[datetime, datetime]:
    start = utc(fields, tz)
    if len(fields) > 3:
        return start, start + timedelta(milliseconds=_STEPS_MS[len(fields) - 4])
    if len(fields) == 3:
        return start, _midnight(date(*fields) + timedelta(days=1), tz)
    year, month = (*fields, 12)[:2]
    return start, utc([year + month // 12, month % 12 + 1], tz)


def _with_day_word_read(words: str, today: date) -> str:
    """Replace a day's name that stands alone or before a clock time by its date."""
    match = re.fullmatch(_DAY_WORD, words)
    if match is None:
        return words
    name = match[2].lower()
    weekday = next((index for index, full in enumerate(_WEEKDAYS) if full.startswith(name)), None)
    if weekday is not None:
        ago = (today.weekday() - weekday) % 7 or (7 if match[1] else 0)
        day = today - timedelta(days=ago)
    elif name in _DAYS_FROM_TODAY and not match[1]:
        day = today + timedelta(days=_DAYS_FROM_TODAY[name])
    else:
        return words
    return f"{day} {match[3]}" if match[3] else str(day)


def _read_freely(words: str, today: date, tz: tzinfo | None) -> tuple[list[int], tzinfo | None]:
    """Give the fields, year first, that dateutil finds in `words`, and the zone they are in.

    dateutil takes what a text leaves out from a default: what two reads with unlike defaults agree on was
    named. The defaults also differ in weekday, so that a lone weekday moves at least one of them.
    """
    early, late = datetime(2000, 1, 1), datetime(2004, 2, 27, 1, 1, 1)
    first = _dateutil_read(words, early)
    values, twins = list(first.timetuple()[:6]), _dateutil_read(words, late).timetuple()[:6]
    if not re.search(_YEAR_FIRST, words):
        for order in ("dayfirst", "yearfirst"):
            if _dateutil_read(words, early, order) != first:
                raise unreadable("date", words, "day, month and year are unclear, write it as 2026-03-01")
    given = [value == twin for value, twin in zip(values, twins, strict=True)]
    defaults = list(zip(early.timetuple()[:6], late.timetuple()[:6], strict=True))
    unnamed = [field for field, named in enumerate(given) if not named]
    if any((values[field], twins[field]) != defaults[field] for field in unnamed):
        raise ValueError("a weekday without its date")
    if not any(given[:3]):
        values[:3], given[:3] = (today.year, today.month, today.day), [True] * 3
    elif not given[0]:
        later = (values[1], values[2]) > (today.month, today.day)
        values[0], given[0] = today.year - later, True
    if given != sorted(given, reverse=True):
        raise ValueError("a gap, such as a day without a month")
    fraction = [first.microsecond] if first.microsecond else []
    return values[: sum(given)] + fraction, first.tzinfo or tz


def _dateutil_read(words: str, default: datetime, order: str = "") -> datetime:
    from dateutil import parser

    def zone_named(name: str | None, offset: int | None) -> tzinfo | None:
        if name is not None and offset is None:
            raise unreadable("zone", name, "give an offset such as +02:00")
        return None if offset is None else timezone(timedelta(seconds=offset))

    day, year = order == "dayfirst", order == "yearfirst"
    return parser.parse(words, default=default, tzinfos=zone_named, dayfirst=day, yearfirst=year)
