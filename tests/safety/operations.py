"""The operations whose promises hold wherever they are stopped; `ended` runs one of them to its end.

Each works on FOLDER/sessions.db, made by its `prepare` beside whatever else it needs. It says on its standard
output, a line each, what it was told is done: that must be there afterwards, whatever happens next.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from sessiondb import SessionDB
from sessiondb.errors import SessionDBError
from tests.helpers.damaging import overwrite, pages_of
from tests.helpers.live_worker import write_turn
from tests.helpers.old_databases import make_oldest, unpack

LOGS = Path(__file__).parents[1] / "data" / "claude-code" / "projects"
OLD = "2026-01-05T08:00:{:02}Z"
SESSION = "live"


class Operation(NamedTuple):
    """What is stopped: how its folder is made, what it does there, and whether doing it again
    completes it, and whether it begins with a sound file."""

    prepare: Callable[[Path], None]
    run: Callable[[Path], None]
    can_be_repeated: bool = True
    begins_sound: bool = True


def say(what: object) -> None:
    """Acknowledge something, at once and without a buffer."""
    os.write(1, f"{what}\n".encode())


def database(folder: Path) -> Path:
    """Return the path of an operation's database."""
    return folder / "sessions.db"


def filled(folder: Path) -> SessionDB:
    """Make a database with something of everything, and open it."""
    from tests.helpers.stores import fill

    return SessionDB(fill(database(folder)))


def start_session(folder: Path) -> None:
    """Make a database with a session to write to."""
    with filled(folder) as db:
        db.sessions.start("agent", id=SESSION, key=SESSION)
        db.messages.append(SESSION, "user", "Are you there?")


def nothing(folder: Path) -> None:
    """Make no database: the operation does."""


def append(folder: Path) -> None:
    """Append messages, one by one."""
    with SessionDB(database(folder)) as db:
        db.sessions.get_or_start(SESSION, "agent", id=SESSION)
        for number in range(12):
            db.messages.append(SESSION, "user", f"acknowledged{number}")
            say(f"acknowledged{number}")


def write_turns(folder: Path) -> None:
    """Write turns: a question, an answer with two calls, their results, and tokens of each."""
    with SessionDB(database(folder)) as db:
        for number in range(5):
            write_turn(db, SESSION, f"turn{number}")
            say(f"turn{number}")


def copy_logs(folder: Path) -> None:
    """Copy the sample logs, without the last lines of each."""
    shutil.copytree(LOGS, folder / "logs")
    for log in (folder / "logs").rglob("*.jsonl"):
        lines = log.read_bytes().splitlines(keepends=True)
        log.write_bytes(b"".join(lines[: len(lines) // 2]))


def grow_logs(folder: Path) -> None:
    """Import the beginnings of the logs, then let them grow."""
    copy_logs(folder)
    import_logs(folder)
    shutil.copytree(LOGS, folder / "logs", dirs_exist_ok=True)


def long_logs(folder: Path) -> None:
    """Make logs that are large enough to be written past the index's triggers."""
    copy_logs(folder)
    (log,) = (folder / "logs").rglob("e47b0c93*.jsonl")
    line = log.read_text("utf-8").splitlines()[0]
    for number in range(20):
        long = line.replace('"uuid":"', f'"uuid":"{number}-').replace(
            '"content":"', '"content":"' + "long " * 8_000
        )
        log.write_text(f"{log.read_text('utf-8')}{long}\n", "utf-8")


def import_logs(folder: Path) -> None:
    """Import the folder's logs."""
    with SessionDB(database(folder)) as db:
        report = db.import_logs(folder / "logs")
    say(f"imported {report.messages_added} messages")


def import_first(folder: Path) -> None:
    """Import the folder's logs into a database that is not there yet."""
    report = SessionDB.import_into(database(folder), folder / "logs")
    say(f"imported {report.messages_added} messages")


def old_sessions(folder: Path) -> None:
    """Make a database of sessions to prune, beside others to keep."""
    with filled(folder) as db:
        for number in range(6):
            name = f"old{number}"
            db.sessions.start("agent", id=name, started_at=OLD.format(number), tags=["t"])
            for text in ("question", "answer"):
                db.messages.append(name, "user", f"{name} {text}", created_at=OLD.format(number))
            db.sessions.end(name, at=OLD.format(30))
        db.notes.add("decision", "Never again.", session_id="old3", created_at=OLD.format(20))


def prune(folder: Path) -> None:
    """Prune what is old, and give its space back."""
    with SessionDB(database(folder)) as db:
        removed = db.prune("2026-02-01")
        say(f"pruned {len(removed.sessions)}")
        db.vacuum()


def remove(folder: Path) -> None:
    """Remove two sessions by id."""
    with SessionDB(database(folder)) as db:
        wanted = [
            id for id in ("old1", "old3") if db.connection.row("SELECT 1 FROM sessions WHERE id = ?", (id,))
        ]
        db.remove(*wanted)
        say(f"removed {len(wanted)}")


def two_databases(folder: Path) -> None:
    """Make a database, and another to merge into it."""
    start_session(folder)
    (folder / "other").mkdir()
    old_sessions(folder / "other")


def merge(folder: Path) -> None:
    """Merge the other database into the first."""
    with SessionDB(database(folder)) as db:
        say(f"merged {len(db.merge(database(folder / 'other')).added)}")


def oldest_schema(folder: Path) -> None:
    """Make a database of the oldest schema."""
    make_oldest(database(folder))


def full_database(folder: Path) -> None:
    """Unpack a database that a released version wrote, with something of everything in it."""
    unpack("schema-0009-full", database(folder))


def migrate(folder: Path) -> None:
    """Open a database of an older schema for writing."""
    SessionDB(database(folder)).close()
    say("migrated")


def optimize(folder: Path) -> None:
    """Complete and merge the indexes."""
    with SessionDB(database(folder)) as db:
        db.optimize()
    say("optimized")


def back_up(folder: Path) -> None:
    """Back the database up."""
    target = folder / "backup.db"
    with SessionDB(database(folder), read_only=True) as db:
        if not target.exists():
            db.backup(target)
    say("backed up")


def changed_since_backup(folder: Path) -> None:
    """Make a database, its backup, and what was written since."""
    old_sessions(folder)
    with SessionDB(database(folder)) as db:
        db.backup(folder / "backup.db")
        db.remove("old1", "old2")


def restore(folder: Path) -> None:
    """Put the backup in the place of the database."""
    say(f"restored {SessionDB.restore_backup(folder / 'backup.db', database(folder)).sessions}")


def damaged_file(folder: Path) -> None:
    """Make a file of which a page is lost."""
    old_sessions(folder)
    damaged = database(folder).rename(folder / "torn.db")
    overwrite(damaged, pages_of(damaged, "notes")[0])


def recover(folder: Path) -> None:
    """Read the damaged file into a new one."""
    if not database(folder).exists():
        SessionDB.recover(folder / "torn.db", database(folder))
    say("recovered")


def damaged_index(folder: Path) -> None:
    """Make a database whose search index lost a segment, whose counters are wrong, and that lacks a trigger."""
    old_sessions(folder)
    with sqlite3.connect(database(folder)) as damaged:
        damaged.execute("UPDATE sessions SET message_count = 77 WHERE id = 'old2'")
        damaged.execute("DELETE FROM messages_fts_data WHERE id > 10")
        damaged.execute("DROP TRIGGER messages_count_ai")
    damaged.close()


def repair(folder: Path) -> None:
    """Repair the database."""
    with SessionDB(database(folder)) as db:
        left = db.repair()
    say(f"{len(left)} left")


OPERATIONS = {
    "append": Operation(start_session, append, can_be_repeated=False),
    "first append": Operation(nothing, append, can_be_repeated=False),
    "turns": Operation(start_session, write_turns, can_be_repeated=False),
    "import": Operation(copy_logs, import_logs),
    "first import": Operation(long_logs, import_first),
    "import of grown logs": Operation(grow_logs, import_logs),
    "import of long logs": Operation(long_logs, import_logs),
    "prune": Operation(old_sessions, prune),
    "rm": Operation(old_sessions, remove),
    "merge": Operation(two_databases, merge),
    "migration": Operation(oldest_schema, migrate),
    "upgrade": Operation(full_database, migrate),
    "optimize": Operation(old_sessions, optimize),
    "backup": Operation(old_sessions, back_up),
    "restore": Operation(changed_since_backup, restore),
    "recover": Operation(damaged_file, recover),
    "doctor --fix": Operation(damaged_index, repair, begins_sound=False),
}


def ended(name: str, folder: str) -> int:
    """Run an operation, and return the status to end with: 3 after an error of ours, 1 after any other."""
    try:
        OPERATIONS[name].run(Path(folder))
    except SessionDBError as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
        return 3
    except Exception:
        os.write(2, traceback.format_exc().encode())
        return 1
    return 0
