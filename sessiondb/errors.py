"""Every error that sessiondb raises.

    SessionDBError
    ├── InvalidInput (ValueError)      what was given makes no sense: a time, a role, a name
    ├── NotFound (LookupError)         no such session, message or note
    │   └── Ambiguous                  the name fits several of them
    ├── Conflict                       the rules of the data forbid it: a second open session for a key
    ├── ImportFailed                   a source cannot be read, or is of no known format
    ├── ServiceFailed                  the system did not start or stop a service
    └── DatabaseError                  the database itself
        ├── DatabaseMissing            there is no file yet
        ├── DatabaseForeign            the file is not ours
        │   └── DatabaseNewer          a later sessiondb has changed its schema: it can only be read
        ├── DatabaseBusy               another writer held it for longer than the time budget
        └── DatabaseDamaged            SQLite says the file is malformed

Each message says what failed, on what, and what to do.
"""

from __future__ import annotations


class SessionDBError(Exception):
    """The base of all errors raised on purpose."""


class InvalidInput(SessionDBError, ValueError):
    """An argument that makes no sense."""


class NotFound(SessionDBError, LookupError):
    """A session, message, or note that does not exist."""


class Ambiguous(NotFound):
    """A name that fits more than one thing."""


class Conflict(SessionDBError):
    """A write that the rules of the data forbid."""


class ImportFailed(SessionDBError):
    """A source that cannot be read or recognized."""


class ServiceFailed(SessionDBError):
    """A service that the system did not start or stop as it was asked to."""


class DatabaseError(SessionDBError):
    """A failure of the database file."""


class DatabaseMissing(DatabaseError):
    """There is no database file yet."""


class DatabaseForeign(DatabaseError):
    """A file that is not a sessiondb database of a known version."""


class DatabaseNewer(DatabaseForeign):
    """A write to a file with the schema of a later sessiondb, or a read of what is not in it any more."""


class DatabaseBusy(DatabaseError):
    """A write that waited longer than its time budget."""


class DatabaseDamaged(DatabaseError):
    """A file that SQLite calls malformed."""
