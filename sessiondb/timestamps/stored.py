"""Turn times into the stored text and back, read those of logs, and show them."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone, tzinfo
from functools import cache

from sessiondb.errors import InvalidInput

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LAST_MS = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z
MS_FROM = 1e11
"""Epoch numbers above this are milliseconds: as seconds they lie past the year 5138."""


# Every valid date but 29 February, which needs the calendar and takes the slow way.
_DATE = (
    r"(?!0000)[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    r"|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_STORED = re.compile(rf"{_DATE}T{_CLOCK}\.[0-9]{{3}}Z")
# Compiled when first used: most commands read stored times only, and all of them start.
_UTC = rf"({_DATE})[T ]({_CLOCK})(?:\.([0-9]+))?(?:Z|\+00:?00)"
ISO = (
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})(?:[Tt ]([0-9]{2})(?::([0-9]{2})(?::([0-9]{2})"
    r"(?:[.,]([0-9]+))?)?)? ?([Zz]|[+-][0-9]{2}(?::?[0-5][0-9])?)?)?)?)?"
)
_OFFSET = r"([+-])([0-9]{2})(?::?([0-5][0-9]))?"
_FLOOR = (1, 1, 1, 0, 0, 0, 0)


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
def compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern compiled, once in a process."""
    return re.compile(pattern)


def now() -> str:
    """Give the present moment as a stored timestamp."""
    return _text(datetime.now(timezone.utc))


def from_epoch(seconds: float) -> str:
    """Give the stored timestamp of `seconds` since 1970 in UTC; raise InvalidInput outside 1970 to 9999."""
    if isinstance(seconds, bool) or not 0 <= seconds * 1000 <= _LAST_MS:
        raise InvalidInput(f"cannot store the time {seconds!r}: give seconds since 1970, up to the year 9999")
    return _from_milliseconds(_whole_milliseconds(seconds))


def to_datetime(text: str) -> datetime:
    """Give the aware UTC datetime of a stored timestamp; raise InvalidInput for text of any other shape."""
    if normalise(text) != text:
        raise unreadable("stored timestamp", text, "give one like 2026-03-01T09:15:23.123Z")
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
        raise unreadable("time", repr(moment), "give a datetime")
    return moment.replace(tzinfo=_LOCAL) if moment.utcoffset() is None else moment


def zone(name: str | tzinfo | None) -> tzinfo:
    """Give the zone of a name: IANA, `UTC`, an offset (`+02:00`, `-0530`), `local` or None for the machine's.

    Raises InvalidInput for anything else, but a zone as it is.
    """
    if isinstance(name, tzinfo):
        return name
    if name is not None and not isinstance(name, str):
        raise InvalidInput(f"a time zone must be a name, an offset or a tzinfo, not {name!r}")
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
        raise unreadable("time zone", name, hint) from error


def normalise(value: object, tz: tzinfo | None = None) -> str | None:
    """Give the stored timestamp of a time found in a log, None for anything that is none; never raise.

    Reads ISO 8601 text (a date, or date and time with `T` or a space, any fraction, `Z`, an offset or no
    zone), and numbers from 1970 on: epoch seconds, above 1e11 milliseconds. Text without a zone is in `tz`,
    None = the local zone.
    """
    if isinstance(value, str):
        if _STORED.fullmatch(value):
            return value
        match = compiled(_UTC).fullmatch(value)
        if match:
            day, clock, fraction = match.groups("")
            return f"{day}T{clock}.{fraction[:3]:0<3}Z"
        return _normalise_slowly(value.strip(), tz)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= _LAST_MS:
        return _from_milliseconds(int(value) if value > MS_FROM else _whole_milliseconds(value))
    return None


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


def unreadable(kind: str, text: str, hint: str) -> InvalidInput:
    """Return the error for a text that is no `kind`, with a hint at what is."""
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


def utc(fields: list[int], tz: tzinfo | None) -> datetime:
    """Return in UTC the moment that fields name, from the year down to the microsecond, the first of those left out."""
    year, month, day, hour, minute, second, micro = (*fields, *_FLOOR[len(fields) :])
    return datetime(year, month, day, hour, minute, second, micro, tz or _LOCAL).astimezone(timezone.utc)


def iso_fields(match: re.Match[str], tz: tzinfo | None) -> tuple[list[int], tzinfo | None]:
    """Return the fields of a match of ISO, and the zone that it names, else `tz`."""
    fields = [int(group) for group in match.groups()[:6] if group is not None]
    if match[7]:
        fields.append(int(f"{match[7][:6]:0<6}"))
    return fields, _offset(match[8]) if match[8] else tz


def _normalise_slowly(text: str, tz: tzinfo | None) -> str | None:
    match = compiled(ISO).fullmatch(text)
    if match is None or match[3] is None:
        return None
    try:
        return _text(utc(*iso_fields(match, tz)))
    except (ValueError, OverflowError, OSError):
        return None
