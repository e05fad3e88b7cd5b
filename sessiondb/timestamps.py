"""Turn times into the stored text and back, and read the times that people type.

A stored timestamp is UTC ISO 8601 text of fixed width, `2026-03-01T09:15:23.123Z`, so it sorts by time. Finer
fractions are cut off, never rounded up. A local time that a clock change repeats means its first occurrence;
one that a clock change skips is read with the offset from before the change.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone, tzinfo
from functools import cache

from sessiondb.errors import InvalidInput

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LAST_MS = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z
_MS_FROM = 1e11  # epoch numbers above this are milliseconds: as seconds they lie past the year 5138

# Every valid date but 29 February, which needs the calendar and takes the slow way.
_DATE = (
    r"(?!0000)[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    r"|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_STORED = re.compile(rf"{_DATE}T{_CLOCK}\.[0-9]{{3}}Z")
# Compiled when first used: most commands read stored times only, and all of them start.
_UTC = rf"({_DATE})[T ]({_CLOCK})(?:\.([0-9]+))?(?:Z|\+00:?00)"
_ISO = (
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})(?:[Tt ]([0-9]{2})(?::([0-9]{2})(?::([0-9]{2})"
    r"(?:[.,]([0-9]+))?)?)? ?([Zz]|[+-][0-9]{2}(?::?[0-5][0-9])?)?)?)?)?"
)
_OFFSET = r"([+-])([0-9]{2})(?::?([0-5][0-9]))?"
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
_FLOOR = (1, 1, 1, 0, 0, 0, 0)
_STEPS_MS = (3_600_000, 60_000, 1000, 1)  # how long an hour, a minute, a second and a fraction last


class _LocalZone(tzinfo):
    """Follow the machine's own zone, its `TZ` variable and its whole history of offsets."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        if moment is None:
            return None
        # Not astimezone(): in the hour that a clock change skips it takes the later offset.
        wall = moment.replace(tzinfo=None, microsecond=0)
        try:
            return wall - datetime(1970, 1, 1) - timedelta(seconds=wall.timestamp())
        except (ValueError, OverflowError, OSError):
            return timedelta(0)  # the first day of the year 1, which no zone of a machine reaches

    def dst(self, moment: datetime | None) -> timedelta | None:
        return None

    def tzname(self, moment: datetime | None) -> str | None:
        return None if moment is None else moment.replace(tzinfo=None).astimezone().tzname()

    def fromutc(self, moment: datetime) -> datetime:
        local = moment.replace(tzinfo=timezone.utc).astimezone()
        wall = local.replace(tzinfo=None)
        return wall.replace(tzinfo=self, fold=int(self.utcoffset(wall) != local.utcoffset()))


_LOCAL = _LocalZone()


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def now() -> str:
    """Give the present moment as a stored timestamp."""
    return from_datetime(datetime.now(timezone.utc))


def from_epoch(seconds: float) -> str:
    """Give the stored timestamp of `seconds` since 1970 in UTC; raise InvalidInput outside 1970 to 9999."""
    if isinstance(seconds, bool) or not 0 <= seconds * 1000 <= _LAST_MS:
        raise InvalidInput(f"cannot store the time {seconds!r}: give seconds since 1970, up to the year 9999")
    return _from_milliseconds(_whole_milliseconds(seconds))


def to_datetime(text: str) -> datetime:
    """Give the aware UTC datetime of a stored timestamp; raise InvalidInput for text of any other shape."""
    if normalise(text) != text:
        raise _unreadable("stored timestamp", text, "give one like 2026-03-01T09:15:23.123Z")
    return datetime.fromisoformat(text[:-1]).replace(tzinfo=timezone.utc)


def readable(text: str) -> datetime | None:
    """Give the aware UTC datetime of a stored timestamp, None for text of any other shape."""
    try:
        return to_datetime(text)
    except InvalidInput:
        return None


def day_of(text: str) -> date:
    """Give the UTC day of a stored timestamp; the first of all days for text of any other shape."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return date.min


def from_datetime(moment: datetime) -> str:
    """Give the stored timestamp of an aware datetime; raise InvalidInput for a naive one."""
    if moment.utcoffset() is None:
        raise InvalidInput(f"cannot store the time {moment}: it has no zone, give an aware datetime")
    try:
        return _text(moment.astimezone(timezone.utc))
    except OverflowError as error:
        raise InvalidInput(f"cannot store the time {moment}: give one in the years 1 to 9999") from error


def aware(moment: datetime | None = None) -> datetime:
    """Give an aware datetime: a naive one is local time, as `datetime.now()` is; None is now.

    Raises InvalidInput for what is no datetime.
    """
    if moment is None:
        return datetime.now(timezone.utc)
    if not isinstance(moment, datetime):
        raise _unreadable("time", repr(moment), "give a datetime")
    return moment.replace(tzinfo=_LOCAL) if moment.utcoffset() is None else moment


def zone(name: str | None) -> tzinfo:
    """Give the zone of a name: IANA, `UTC`, an offset (`+02:00`, `-0530`), `local` or None for the machine's.

    Raises InvalidInput for any other name.
    """
    if name is None or name.lower() == "local":
        return _LOCAL
    if name.lower() in ("utc", "z"):
        return timezone.utc
    try:
        if re.fullmatch(_OFFSET, name):
            return _offset(name)
        from zoneinfo import ZoneInfo

        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        hint = "give a name such as Europe/Berlin, an offset such as +02:00, UTC or local"
        raise _unreadable("time zone", name, hint) from error


def normalise(value: object, tz: tzinfo | None = None) -> str | None:
    """Give the stored timestamp of a time found in a log, None for anything that is none; never raise.

    Reads ISO 8601 text (a date, or date and time with `T` or a space, any fraction, `Z`, an offset or no
    zone), and numbers from 1970 on: epoch seconds, above 1e11 milliseconds. Text without a zone is in `tz`,
    None = the local zone.
    """
    if isinstance(value, str):
        if _STORED.fullmatch(value):
            return value
        match = _compiled(_UTC).fullmatch(value)
        if match:
            day, clock, fraction = match.groups("")
            return f"{day}T{clock}.{fraction[:3]:0<3}Z"
        return _normalise_slowly(value.strip(), tz)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= _LAST_MS:
        return _from_milliseconds(int(value) if value > _MS_FROM else _whole_milliseconds(value))
    return None


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
        raise _unreadable("time", repr(text), "give 30d, 2026-03 or any date as text, a datetime or a date")
    moment = datetime.now(timezone.utc) if now is None else now
    if moment.utcoffset() is None:
        raise InvalidInput(f"cannot reckon from {moment}: it has no zone, give an aware datetime")
    try:
        start, end = _span(" ".join(text.split()), moment, tz)
        return from_datetime(start), from_datetime(end)
    except InvalidInput:
        raise
    except (ValueError, ArithmeticError, OSError) as error:  # dateutil lets decimal's errors through
        raise _unreadable("time", text, "give 30d, last week, 2026-03 or 2026-03-01 14:00") from error


def local_text(stamp: str, *, tz: tzinfo | None = None) -> str:
    """Give a stored timestamp as tables show it, `2026-03-01 10:15` in `tz` (None = the local zone).

    What is none, because another program wrote it, is given as it is: it must not hide the row that it stands in.
    """
    moment = readable(stamp)
    if moment is None:
        return stamp
    try:
        local = moment.astimezone(tz)
    except (ValueError, OverflowError, OSError):
        local = moment  # the zero time of some logs, year 1, has no local form west of Greenwich
    return local.replace(tzinfo=None).isoformat(sep=" ", timespec="minutes")


def relative_text(stamp: str, now: datetime | None = None, *, tz: tzinfo | None = None) -> str:
    """Give a stored timestamp's distance from `now`: `just now`, `5m ago`, `3h ago`, `2d ago`, `3w ago`.

    From four weeks on, and for a time over a minute ahead, give the date in `tz` (None = the local zone).
    """
    moment = readable(stamp)
    if moment is None:
        return stamp
    seconds = ((now or datetime.now(timezone.utc)) - moment).total_seconds()
    if abs(seconds) < 60:
        return "just now"
    for unit, size, limit in (("m", 60, 60), ("h", 3600, 24), ("d", 86_400, 7), ("w", 604_800, 4)):
        if 0 < seconds < size * limit:
            return f"{int(seconds // size)}{unit} ago"
    return local_text(stamp, tz=tz)[:10]


def _unreadable(kind: str, text: str, hint: str) -> InvalidInput:
    shown = text if len(text) <= 60 else text[:60] + "..."
    return InvalidInput(f"cannot read the {kind} {shown!r}: {hint}")


def _text(utc: datetime) -> str:
    return utc.isoformat("T", "milliseconds")[:23] + "Z"


def _whole_milliseconds(seconds: float) -> int:
    # By way of microseconds: cut off directly, the float nearest to .123 would often become .122.
    return round(seconds * 1_000_000) // 1000


def _from_milliseconds(count: int) -> str:
    return _text(_EPOCH + timedelta(milliseconds=count))


def _offset(text: str) -> tzinfo:
    match = re.fullmatch(_OFFSET, text)
    if match is None:
        return timezone.utc
    size = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
    return timezone(-size if match[1] == "-" else size)


def _utc(fields: list[int], tz: tzinfo | None) -> datetime:
    year, month, day, hour, minute, second, micro = (*fields, *_FLOOR[len(fields) :])
    return datetime(year, month, day, hour, minute, second, micro, tz or _LOCAL).astimezone(timezone.utc)


def _iso_fields(match: re.Match[str], tz: tzinfo | None) -> tuple[list[int], tzinfo | None]:
    fields = [int(group) for group in match.groups()[:6] if group is not None]
    if match[7]:
        fields.append(int(f"{match[7][:6]:0<6}"))
    return fields, _offset(match[8]) if match[8] else tz


def _normalise_slowly(text: str, tz: tzinfo | None) -> str | None:
    match = _compiled(_ISO).fullmatch(text)
    if match is None or match[3] is None:
        return None
    try:
        return _text(_utc(*_iso_fields(match, tz)))
    except (ValueError, OverflowError, OSError):
        return None


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
                raise _unreadable("age", words, _AGE_HINT)
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
    iso = _compiled(_ISO).fullmatch(words)
    if iso and (iso[2] or words.startswith(("19", "20"))):
        return _period(*_iso_fields(iso, tz))
    if re.fullmatch(_NUMBER, words):
        hint = "a bare number has no unit, give 7d for seven days ago or 2026-03-01 for a day"
        raise _unreadable("time", words, hint)
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
    return _utc([day.year, day.month, day.day], tz)


def _period(fields: list[int], tz: tzinfo | None) -> tuple[datetime, datetime]:
    start = _utc(fields, tz)
    if len(fields) > 3:
        return start, start + timedelta(milliseconds=_STEPS_MS[len(fields) - 4])
    if len(fields) == 3:
        return start, _midnight(date(*fields) + timedelta(days=1), tz)
    year, month = (*fields, 12)[:2]
    return start, _utc([year + month // 12, month % 12 + 1], tz)


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
                raise _unreadable("date", words, "day, month and year are unclear, write it as 2026-03-01")
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
            raise _unreadable("zone", name, "give an offset such as +02:00")
        return None if offset is None else timezone(timedelta(seconds=offset))

    day, year = order == "dayfirst", order == "yearfirst"
    return parser.parse(words, default=default, tzinfos=zone_named, dayfirst=day, yearfirst=year)
