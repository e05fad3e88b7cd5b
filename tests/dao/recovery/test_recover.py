"""What is read of a damaged file into a new one."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import shutil
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.errors import DatabaseError, DatabaseForeign, DatabaseMissing, InvalidInput
from sessiondb.storage.migrations import SCHEMA_VERSION
from tests.helpers.damaging import PAGE, overwrite, pages_of
from tests.helpers.old_databases import make_oldest
from tests.helpers.stores import contents, fill

SESSIONS, MESSAGES = 30, 30


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a database whose messages take more than a few pages."""
    path = tmp_path_factory.mktemp("large") / "original.db"
    with SessionDB(path) as db, db.connection.transaction():
        for session in range(SESSIONS):
            id = f"session-{session:02}"
            db.sessions.start("codex", id=id, title=f"Number {session}", project=f"/home/mira/{session % 7}")
            for number in range(MESSAGES):
                db.messages.append(id, "user", f"{session}.{number} " + "where is the ferry? " * 20)
        db.remove("session-07")
    return path


@pytest.fixture
def large(original: Path, tmp_path: Path) -> Path:
    """Return a copy of that database, to be damaged."""
    return Path(shutil.copy(original, tmp_path / "damaged.db"))


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """Return where the new file is to be."""
    return tmp_path / "new.db"


def held(path: Path) -> dict[str, list[Any]]:
    """Return all that a database holds, and make sure that it is sound."""
    with SessionDB(path) as db:
        assert db.check() == []
        return contents(db)


def test_a_sound_file_is_recovered_as_it_is(tmp_path: Path, new: Path) -> None:
    path = fill(tmp_path / "sound.db")
    with SessionDB(path) as db:
        before = contents(db)

    found = SessionDB.recover(path, new)

    with SessionDB(new) as db:
        after = contents(db)
    for table in ("sessions", "token_counts", "notes", "tags", "deletions"):
        assert after[table] == before[table]
    # Gaps between messages, as another program left them, are closed.
    assert [row[:1] + row[2:] for row in after["messages"]] == [
        row[:1] + row[2:] for row in before["messages"]
    ]
    assert len(after["tool_calls"]) == len(before["tool_calls"])
    assert (found.damage, found.refused, found.made, found.missing, found.dropped, found.left) == (
        [],
        [],
        [],
        {},
        {},
        [],
    )
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert sorted(path.parent.glob(".*")) == []


def test_what_stood_on_one_page_is_all_that_is_lost(large: Path, new: Path) -> None:
    before = held(large)
    lost = pages_of(large, "messages")[20]
    overwrite(large, lost)

    found = SessionDB.recover(large, new)

    after = held(new)
    assert found.damage == [f"messages: page {lost} is no page of a table"]
    assert 0 < len(before["messages"]) - len(after["messages"]) < 12
    assert sum(found.missing.values()) == len(before["messages"]) - len(after["messages"])
    assert {row[3] for row in after["messages"]} < {row[3] for row in before["messages"]}
    assert after["deletions"] == before["deletions"]


def test_pages_that_no_page_leads_to_any_more_are_found(large: Path, new: Path) -> None:
    before = held(large)
    interior = pages_of(large, "messages", "interior")
    assert interior
    overwrite(large, *interior, with_bytes=b"\xff")

    found = SessionDB.recover(large, new)

    assert held(new)["messages"] == before["messages"]
    assert found.found_astray == {"messages": len(before["messages"])}


@pytest.mark.parametrize("garbage", [b"\0", b"\xff", b"SQL"])
def test_a_file_without_its_first_page_is_read_by_what_is_left(
    large: Path, new: Path, garbage: bytes
) -> None:
    before = held(large)
    overwrite(large, 1, with_bytes=garbage)

    SessionDB.recover(large, new)

    assert held(new) == before


def test_a_file_that_is_cut_off_is_read_to_its_end(large: Path, new: Path) -> None:
    before = held(large)
    with large.open("r+b") as file:
        file.truncate(large.stat().st_size * 2 // 3 + 100)

    found = SessionDB.recover(large, new)

    after = held(new)
    assert found.damage
    assert 0 < len(after["messages"]) < len(before["messages"])
    assert set(map(repr, after["messages"])) < set(map(repr, before["messages"])) or found.missing


def test_messages_whose_session_is_lost_get_one(large: Path, new: Path) -> None:
    before = held(large)
    overwrite(large, *pages_of(large, "sessions"))

    found = SessionDB.recover(large, new)

    after = held(new)
    assert [row[3] for row in after["messages"]] == [row[3] for row in before["messages"]]
    assert found.made == sorted({row[0] for row in before["messages"]})
    # What was removed does not come back by it.
    assert "session-07" not in found.made


def test_what_is_only_in_the_log_is_read(large: Path, new: Path, tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(large)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM messages").fetchone()
        with SessionDB(large) as db:
            db.messages.append("session-01", "user", "the last word")
            before = contents(db)
        copy = tmp_path / "copy.db"
        for suffix in ("", "-wal"):
            Path(f"{copy}{suffix}").write_bytes(Path(f"{large}{suffix}").read_bytes())
    assert Path(f"{copy}-wal").stat().st_size

    SessionDB.recover(copy, new)

    assert held(new) == before


def test_the_damaged_file_and_what_lies_beside_it_stay_as_they_are(large: Path, new: Path) -> None:
    overwrite(large, *pages_of(large, "messages")[:3])
    before = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in large.parent.iterdir()}

    SessionDB.recover(large, new)

    after = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in large.parent.iterdir()}
    assert {name: digest for name, digest in after.items() if not name.startswith("new.db")} == before


def test_an_older_schema_is_brought_up_to_date(tmp_path: Path, new: Path) -> None:
    path = tmp_path / "old.db"
    make_oldest(path)

    found = SessionDB.recover(path, new)

    assert (found.rows["sessions"], found.rows["messages"], found.left) == (6, 6, [])
    assert held(new)["messages"][0][3] == "long ago"


def test_the_next_import_brings_back_what_is_lost(tmp_path: Path, new: Path) -> None:
    log = tmp_path / "rollout-2026-03-01T09-00-00-0b1c2d3e-0000-4000-8000-000000000001.jsonl"
    meta = {"id": "0b1c2d3e-0000-4000-8000-000000000001", "timestamp": "2026-03-01T09:00:00Z", "cwd": "/x"}
    lines = [{"timestamp": "2026-03-01T09:00:00Z", "type": "session_meta", "payload": meta}]
    for number in range(200):
        said = [{"type": "input_text", "text": f"{number} " + "long " * 200}]
        payload = {"type": "message", "role": "user", "content": said}
        stamp = f"2026-03-01T09:{number // 60:02}:{number % 60:02}Z"
        lines.append({"timestamp": stamp, "type": "response_item", "payload": payload})
    log.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    path = tmp_path / "damaged.db"
    with SessionDB(path) as db:
        db.import_logs(log)
    before = held(path)
    assert len(before["messages"]) == 200
    overwrite(path, *pages_of(path, "messages")[5:9])

    SessionDB.recover(path, new)

    assert len(held(new)["messages"]) < 200
    with SessionDB(new) as db:
        db.import_logs(log)
    assert held(new) == before


def test_nothing_is_overwritten(large: Path, new: Path) -> None:
    new.write_text("precious")

    with pytest.raises(InvalidInput, match="exists already"):
        SessionDB.recover(large, new)

    assert new.read_text() == "precious"


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (None, DatabaseMissing),
        (b"", DatabaseForeign),
        (b"no database at all\n" * 1000, DatabaseForeign),
        (bytes(range(256)) * 1000, DatabaseForeign),
    ],
)
def test_a_file_that_holds_nothing_of_ours_is_refused(
    tmp_path: Path, new: Path, content: bytes | None, error: type[DatabaseError]
) -> None:
    path = tmp_path / "other.db"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(error):
        SessionDB.recover(path, new)

    assert not new.exists()
    assert sorted(tmp_path.glob(".*")) == []


def test_a_database_of_another_program_or_a_newer_version_is_refused(tmp_path: Path, new: Path) -> None:
    path = fill(tmp_path / "newer.db")
    with contextlib.closing(sqlite3.connect(path)) as plain:
        plain.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(DatabaseForeign, match="upgrade sessiondb"):
        SessionDB.recover(path, new)
    with contextlib.closing(sqlite3.connect(path)) as plain:
        plain.execute("PRAGMA application_id = 7")
    with pytest.raises(DatabaseForeign, match="another program"):
        SessionDB.recover(path, new)


def test_a_file_that_this_process_has_open_is_refused(large: Path, new: Path) -> None:
    with SessionDB(large), pytest.raises(InvalidInput, match="close it first"):
        SessionDB.recover(large, new)


@pytest.mark.once
def test_any_byte_may_be_wrong(large: Path, tmp_path: Path) -> None:
    chance = random.Random(20260301)
    sound = large.read_bytes()
    for number in range(6):
        data = bytearray(sound)
        for _ in range(chance.choice([1, 20, 400])):
            data[chance.randrange(len(data))] = chance.randrange(256)
        for _ in range(chance.choice([0, 1, 5])):
            at = chance.randrange(len(data) // PAGE) * PAGE
            data[at : at + PAGE] = chance.randbytes(PAGE)
        path = tmp_path / f"{number}.db"
        path.write_bytes(data)
        # The page that tells another program's file from ours may say anything.
        with contextlib.suppress(DatabaseForeign):
            found = SessionDB.recover(path, tmp_path / f"{number}.new.db")
            # A byte of a time may be wrong, too: it is kept, and named.
            assert {finding.check for finding in found.left} <= {"values"}
            with SessionDB(tmp_path / f"{number}.new.db") as db:
                assert db.check() == found.left
                assert contents(db)["messages"]
