"""Values on their way into the database: times as programs give them, and JSON that loses nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, TypeVar, cast

from sessiondb import timestamps
from sessiondb.errors import InvalidInput

T = TypeVar("T")

_GREATEST = 2**63 - 1
_DAY = r"\d{4}-\d{2}-\d{2}"


def moment(value: str | datetime | None) -> str:
    """Return the stored form of a time: a datetime, or ISO 8601 text; None is now.

    What names no zone is local time. Raises InvalidInput for anything else.
    """
    if value is None:
        return timestamps.now()
    if isinstance(value, datetime):
        return timestamps.from_datetime(timestamps.aware(value))
    found = timestamps.normalise(value) if isinstance(value, str) else None
    if found is None:
        raise InvalidInput(
            f"cannot read the time {value!r}: give a datetime, or text like 2026-03-01T09:15:23Z"
        )
    return found


def said_at(created_at: Any, timestamp: Any) -> str:
    """Return the stored form of a message's time: `created_at`, else the time that its store gave it, or now.

    Raises InvalidInput for a `created_at` that cannot be read.
    """
    if created_at is None:
        return timestamps.normalise(timestamp) or timestamps.now()
    is_number = isinstance(created_at, int | float)
    return (timestamps.normalise(created_at) if is_number else None) or moment(created_at)


def row_limit(limit: int | None, name: str = "limit") -> int:
    """Return how many rows may come, -1 for all, as SQL has it, where it is None.

    Raises InvalidInput below 0, and for what is no whole number.
    """
    if limit is None:
        return -1
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
        raise InvalidInput(f"{name} must be 0 or more, or None for no limit, not {limit!r}")
    return min(limit, _GREATEST)


def row_offset(offset: int) -> int:
    """Return how many rows are passed over. Raises InvalidInput below 0, and for what is no whole number."""
    if isinstance(offset, bool) or not isinstance(offset, int) or offset < 0:
        raise InvalidInput(f"offset must be 0 or more, not {offset!r}")
    return min(offset, _GREATEST)


def page_of(limit: int | None, offset: int) -> slice:
    """Return the part of a list that a page is; None is no limit. Raises InvalidInput as those above do."""
    first, count = row_offset(offset), row_limit(limit)
    return slice(first, None if count < 0 else first + count)


def page_size(size: int, name: str) -> int:
    """Return how many are read at a time. Raises InvalidInput below 1, and for what is no whole number."""
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise InvalidInput(f"{name} must be 1 or more, not {size!r}")
    return min(size, _GREATEST)


def span_of_time(amount: float, what: str) -> float:
    """Return an amount of time in whatever unit. Raises InvalidInput below 0, and for what is no number."""
    if isinstance(amount, bool) or not isinstance(amount, int | float) or not amount >= 0:
        raise InvalidInput(f"{what} must be 0 or more, not {amount!r}")
    return amount


def whole_number(value: Any, what: str) -> int:
    """Return a whole number as it is. Raises InvalidInput for anything else: text, a float, a bool."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInput(f"{what} must be a whole number, not {value!r}")
    return value


def due(value: str | date | None) -> str | None:
    """Return the stored form of a due date: a day as `2026-03-01`, a time of day as a timestamp.

    Raises InvalidInput.
    """
    if value is None or (
        isinstance(value, str) and re.fullmatch(_DAY, value) and timestamps.normalise(value)
    ):
        return value
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    return moment(value)


def stored_json(text: str | None, otherwise: T, what: str, kind: type | None = None) -> T:
    """Return what JSON in the database says; `otherwise` where there is none, or none that can be read, or
    that is not of the kind: that of `otherwise`, unless another is given.

    Other programs write into the file too: what one of them broke must not hide the rest of the row. A warning
    is logged that names `what` it is.
    """
    if text is None:
        return otherwise
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        warn_of_damage(what)
        return otherwise
    if not isinstance(found, kind or (object if otherwise is None else type(otherwise))):
        warn_of_damage(what)
        return otherwise
    return cast("T", found)


def sound_json(text: str | None, what: str) -> str | None:
    """Return JSON text of the database as it is, None where it is none: a warning is logged that names it."""
    if text is not None:
        import msgspec

        try:
            msgspec.json.decode(text, type=msgspec.Raw)
        except (msgspec.DecodeError, RecursionError):
            warn_of_damage(what)
            return None
    return text


def warn_of_damage(what: str) -> None:
    """Log a warning of JSON that another program has written wrong."""
    import logging

    logging.getLogger("sessiondb").warning(
        "%s cannot be read and counts as empty: it is no JSON of ours; `sessiondb doctor` tells of all such",
        what,
    )


def sound(column: str) -> str:
    """Return SQL for a column of JSON, NULL where that is damaged: SQLite's functions fail of such a row."""
    return f"iif(json_valid({column}), {column}, NULL)"


def json_value(value: Any) -> str | None:
    """Return JSON text that gives the same value back, characters as themselves; None stays None.

    Raises InvalidInput for what JSON cannot say: NaN, infinities, objects that are no dict, list, text,
    number or bool.
    """
    if value is None:
        return None
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"cannot store a {type(value).__name__} as JSON: {error}") from error
    # SQLite takes no lone surrogate; as an escape it is plain ASCII.
    return (
        text if text.isascii() else re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text)
    )


def json_object(value: Mapping[str, Any] | None, what: str) -> str | None:
    """Return a dict as JSON text, None for an empty one; raise InvalidInput for what is no dict."""
    return json_value(dict(mapping(value, what)) or None) if value is not None else None


def mapping(value: Mapping[str, T], what: str) -> Mapping[str, T]:
    """Return a dict as it is. Raises InvalidInput for anything else, which could not be read back as one."""
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{what} must be a dict, not {type(value).__name__}")
    return value


def texts(value: str | Iterable[str], what: str) -> list[str]:
    """Return several texts as a list: one text is one of them, not its letters. Raises InvalidInput."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, Iterable) or isinstance(value, bytes | bytearray | Mapping):
        raise InvalidInput(f"{what} must be a list of texts, not {type(value).__name__}")
    return [one_text(each, f"each of {what}") for each in value]


def named(value: Any, what: str) -> Any:
    """Return a name as it is: a text, or a number in place of one. Raises InvalidInput for a blank text, and others."""
    is_name = bool(value.strip()) if isinstance(value, str) else isinstance(value, int)
    if not is_name or isinstance(value, bool):
        raise InvalidInput(f"{what} must be a text that is not empty, not {value!r}")
    return value


def one_text(value: Any, what: str) -> str:
    """Return a text as it is. Raises InvalidInput for anything else."""
    if not isinstance(value, str):
        raise InvalidInput(f"{what} must be a text, not {value!r}")
    return value
