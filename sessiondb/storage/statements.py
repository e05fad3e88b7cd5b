"""How a statement goes to SQLite: with clean values, tried again where others are in the way, its errors in words.

Text is cleaned, and what cannot be stored is refused. What SQLite's errors mean is told by their codes, never by words
in their texts; the codes are those of sqlite.org/rescode.html. Python gives them from 3.11 on; before that the text
that SQLite has for a code must begin the message.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isnan
from pathlib import Path
from typing import Any

from sessiondb.chat.text import clean_text
from sessiondb.errors import (
    Conflict,
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseError,
    DatabaseForeign,
    DatabaseNewer,
    InvalidInput,
)

Parameters = Sequence[Any] | dict[str, Any]

_GREATEST = 2**63 - 1
_TYPES = (str, int, float, type(None))

FIRST_PAUSE, MAX_PAUSE = 0.0005, 0.005
"""Seconds after which a writer looks again whether it is its turn: at first, and at most.

Where eight processes write at once, nobody writes for a sixth of the time with pauses of up to 20 ms.
"""

ERROR, BUSY, LOCKED, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, CONSTRAINT, MISMATCH, NOTADB = (
    1, 5, 6, 8, 10, 11, 13, 14, 19, 20, 26,
)  # fmt: skip

_BEGINNINGS = {
    "database is locked": BUSY,
    "database table is locked": LOCKED,
    "database schema is locked": LOCKED,
    "attempt to write a readonly database": READONLY,
    "disk I/O error": IOERR,
    "database disk image is malformed": CORRUPT,
    "malformed database schema": CORRUPT,
    "database or disk is full": FULL,
    "unable to open database file": CANTOPEN,
    "file is not a database": NOTADB,
}

_UNDECODABLE = "Could not decode to UTF-8"


def attempt(
    sqlite: sqlite3.Connection, sql: str, parameters: Parameters, time_budget: float
) -> sqlite3.Cursor:
    """Run a statement; where others are in the way, again until the time budget is used up.

    Raises InvalidInput for values that cannot be stored.
    """
    parameters = bindable(parameters)
    try:
        return sqlite.execute(sql, parameters)
    # Half a surrogate pair, as cut-off JSON escapes leave it. Rare, so all is tried as it is first.
    except UnicodeEncodeError:
        parameters = cleaned(parameters)
        return sqlite.execute(sql, parameters)
    except sqlite3.OperationalError as error:
        if not is_busy(error):
            raise
    except OverflowError as error:
        raise too_large() from error
    except sqlite3.Error as error:
        if refused := refusal(parameters):
            raise refused from error
        raise
    deadline = time.monotonic() + time_budget
    for pause in pauses():
        time.sleep(pause)
        try:
            return sqlite.execute(sql, parameters)
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > deadline:
                raise
    raise AssertionError("pauses() never ends")


def pauses() -> Iterator[float]:
    """Yield how many seconds to wait before each new try: growing, with jitter, so that waiting writers
    spread out.
    """
    pause = waited = FIRST_PAUSE
    yield waited
    # Most never wait even once, and a command should start at once.
    import random

    from sessiondb.storage import debug

    is_told = debug.is_on("lock")
    for tries in itertools.count(2):
        if is_told:
            debug.write("lock", f"waited {waited * 1000:.1f} ms for another writer, try {tries}")
        waited = pause * random.uniform(0.5, 1.5)
        yield waited
        pause = min(pause * 1.5, MAX_PAUSE)


# Values


def bindable(parameters: Parameters) -> Parameters:
    """Return the parameters of a statement with U+FFFD for each NUL, at which many tools end a text."""
    values: Iterable[Any] = parameters.values() if isinstance(parameters, dict) else parameters
    for value in values:
        if type(value) is str and "\0" in value:
            return cleaned(parameters)
    return parameters


def cleaned(parameters: Parameters) -> Parameters:
    """Return the parameters with clean text throughout: lone surrogates cannot be stored either."""
    if isinstance(parameters, Mapping):
        return dict(zip(parameters, as_stored(parameters.values()), strict=True))
    return as_stored(parameters)


def as_stored(values: Iterable[Any]) -> list[Any]:
    """Return the values of a row as they come back from the database."""
    return [
        value if not isinstance(value, str) or (value.isascii() and "\0" not in value) else clean_text(value)
        for value in values
    ]


def too_large() -> InvalidInput:
    """Return the error for a number that SQLite cannot take."""
    return InvalidInput(f"a number is too large to be stored: the greatest is {_GREATEST:,}")


def refusal(parameters: Any) -> InvalidInput | None:
    """Return the error for the value that a statement failed of; None where none is of a wrong type."""
    if not isinstance(parameters, list | tuple | dict):
        return None
    for value in parameters.values() if isinstance(parameters, dict) else parameters:
        # SQLite stores NaN as NULL, without a word where that may be.
        if not isinstance(value, _TYPES) or (isinstance(value, float) and isnan(value)):
            return InvalidInput(f"cannot store {type(value).__name__} {value!r:.60}: give text or a number")
    return None


# Errors


def code_of(error: BaseException | None) -> int:
    """Return the primary result code of an error of sqlite3's; ERROR where there is no more to tell."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF
    if isinstance(error, sqlite3.IntegrityError):
        return CONSTRAINT
    text = str(error)
    return next((code for words, code in _BEGINNINGS.items() if text.startswith(words)), ERROR)


def is_busy(error: BaseException | None) -> bool:
    """Say whether another connection holds what the statement needs."""
    return code_of(error) in (BUSY, LOCKED)


def is_undecodable(error: BaseException) -> bool:
    """Say whether a text in the file is no UTF-8; Python says this, SQLite does not care."""
    return str(error).startswith(_UNDECODABLE)


def failure(path: Path, error: sqlite3.Error, waited: float) -> Exception:
    """Return the error of ours for one of sqlite3's; `waited` is for how many seconds it was tried."""
    code = code_of(error)
    if isinstance(error, sqlite3.IntegrityError):
        return Conflict(f"{path}: {error}")
    if code in (BUSY, LOCKED):
        return busy(path, waited)
    if code == NOTADB:
        return DatabaseForeign(f"{path} is not a SQLite database: give another path")
    if code == CORRUPT or str(error) == "unsupported file format":
        return DatabaseDamaged(f"{path} is damaged ({error}): run `sessiondb doctor`")
    # SQLite opens a folder for reading, and calls it a failing disk when it reads.
    if code in (CANTOPEN, IOERR) and os.path.isdir(path):
        return DatabaseForeign(f"{path} is a folder: give the path of the database file")
    if code in (CANTOPEN, IOERR) and os.path.exists(path) and not os.path.isfile(path):
        return DatabaseForeign(f"{path} is no file: give another path")
    return DatabaseError(f"{path}{_CAUSES.get(code, ': {error}').format(error=error)}")


def busy(path: Path, waited: float) -> DatabaseBusy:
    """Return the error for a file that others hold."""
    if not waited:
        return DatabaseBusy(f"{path} is in use by another connection: try again when it is done")
    return DatabaseBusy(
        f"{path} is being written by another process for more than {waited:g} s: try again when it is done"
    )


def newer(path: Path, version: int, known: int, error: sqlite3.Error | None = None) -> DatabaseNewer:
    """Return the error for a write to a file with a newer schema, or for a read that such a schema let fail."""
    versions = f"{path} has schema {version}, and this sessiondb knows up to {known}"
    if error is None:
        return DatabaseNewer(
            f"{versions}: it can be listed, searched, shown and exported; upgrade sessiondb for all else"
        )
    return DatabaseNewer(f"{versions}: what was asked for is not in it any more ({error}); upgrade sessiondb")


_CAUSES = {
    CANTOPEN: " cannot be opened: you may not read it, or not write beside it",
    READONLY: " cannot be written: you may not write the file or its folder",
    FULL: " cannot be written, for the disk is full: nothing of this write was kept;"
    " give it some space and try again",
    IOERR: " could not be read or written ({error}): the disk or its quota failed, not the database;"
    " nothing of this write was kept",
}
