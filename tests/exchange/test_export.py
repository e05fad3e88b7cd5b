"""Exports: nothing is lost, the same content gives the same bytes, and a broken line spoils no other."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.dao.maintenance import Maintenance
from sessiondb.dao.removal import Removals
from sessiondb.errors import InvalidInput
from sessiondb.exchange.export import export
from sessiondb.exchange.output import write
from sessiondb.ingest.run import Ingest
from sessiondb.records import ImportReport
from tests.helpers.stores import AT, contents, exported, fill


@pytest.fixture
def full(tmp_path: Path) -> Path:
    return fill(tmp_path / "full.db")


def exported_of(path: Path, session_ids: list[str]) -> bytes:
    with SessionDB(path, read_only=True) as db:
        return b"".join(export(db, session_ids))


def imported(path: Path, *sources: Path, restore: bool = False) -> ImportReport:
    with SessionDB(path) as db:
        return Ingest(db.connection, restore=restore).run([str(source) for source in sources])


def saved(tmp_path: Path, data: bytes, name: str = "sessions.jsonl") -> Path:
    file = tmp_path / name
    file.write_bytes(data)
    return file


def test_import_of_an_export_gives_an_equal_database(tmp_path: Path, full: Path) -> None:
    copy = tmp_path / "copy.db"

    report = imported(copy, saved(tmp_path, exported(full)))

    with SessionDB(full) as ours, SessionDB(copy) as theirs:
        assert contents(theirs) == contents(ours) | {"messages": _on_one_line(ours)}
        # Gaps in the order are as other tools left them.
        assert {finding.check for finding in Maintenance(theirs.connection).check()} == {"order"}
        assert sorted(report.sessions_added) == ["before", "chat", "strange", "tools"]
        assert report.messages_added == theirs.connection.value("SELECT count(*) FROM messages")
        assert [
            hit.session_id for hit in theirs.search("amounts fractions", scope="notes", flat=True).hits
        ] == ["tools", "tools"]
        assert [hit.session_id for hit in theirs.search("渡船 OR 船").hits] == ["chat"]


def _on_one_line(db: SessionDB) -> list[object]:
    """Return the messages with their JSON on one line, as an export writes it."""
    rows = [
        tuple(
            value.replace("\n", " ") if index in (5, 10) and value else value
            for index, value in enumerate(row)
        )
        for row in contents(db)["messages"]
    ]
    return sorted(rows, key=repr)


def test_a_second_export_is_equal_byte_for_byte(tmp_path: Path, full: Path) -> None:
    data = exported(full)
    copy = tmp_path / "copy.db"

    imported(copy, saved(tmp_path, data))

    assert exported(copy) == data
    assert exported(full) == data


def test_importing_an_export_twice_adds_nothing(tmp_path: Path, full: Path) -> None:
    data = exported(full)

    again = imported(full, saved(tmp_path, data))

    assert (again.sessions_added, again.sessions_updated, again.messages_added) == (set(), set(), 0)
    assert again.sessions_unchanged == 4
    assert exported(full) == data


def test_a_large_export_goes_past_the_triggers_and_is_the_same(
    tmp_path: Path, full: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy.db"
    data = exported(full)
    monkeypatch.setattr("sessiondb.ingest.run.BULK_BYTES", 0)

    imported(copy, saved(tmp_path, data))

    assert exported(copy) == data
    with SessionDB(copy) as db:
        assert {finding.check for finding in Maintenance(db.connection).check()} == {"order"}


def test_the_first_line_names_the_format_and_lines_are_objects(full: Path) -> None:
    lines = exported(full).split(b"\n")

    assert lines[0] == b'{"type":"header","format":"sessiondb-export","version":3}'
    assert lines[-1] == b""
    kinds = [json.loads(line)["type"] for line in lines[:-1]]
    assert kinds[:3] == ["header", "deletion", "session"]
    assert kinds.count("session") == 4


def test_sessions_come_by_their_start_then_their_id(full: Path) -> None:
    rows = [json.loads(line) for line in exported(full).splitlines()]

    assert [row["id"] for row in rows if row["type"] == "session"] == ["before", "strange", "chat", "tools"]


def test_some_sessions_come_alone_with_their_own_notes(tmp_path: Path, full: Path) -> None:
    data = exported_of(full, ["chat"])
    copy = tmp_path / "copy.db"

    imported(copy, saved(tmp_path, data))

    assert {json.loads(line)["type"] for line in data.splitlines()} == {
        "header",
        "session",
        "message",
        "note",
    }
    with SessionDB(copy) as db:
        assert db.sessions.get("chat").is_open
    assert exported(copy) == data


def test_a_session_whose_parent_is_left_out_finds_it_later(tmp_path: Path, full: Path) -> None:
    copy = tmp_path / "copy.db"
    child = exported_of(full, ["before"])

    imported(copy, saved(tmp_path, child, "child.jsonl"))
    assert exported(copy) == child
    imported(copy, saved(tmp_path, exported_of(full, ["chat"]), "parent.jsonl"))

    with SessionDB(copy) as db:
        assert db.sessions.get("before").parent_id == "chat"
        assert db.sessions.get("before").metadata == {}


def test_an_import_of_an_export_respects_tombstones_until_told_otherwise(tmp_path: Path, full: Path) -> None:
    file = saved(tmp_path, exported(full))
    with SessionDB(full) as db:
        Removals(db.connection).remove(["tools"])

    imported(full, file)
    with SessionDB(full) as db:
        assert not db.connection.row("SELECT 1 FROM sessions WHERE id = 'tools'")
    file.write_bytes(file.read_bytes())
    imported(full, file, restore=True)
    with SessionDB(full) as db:
        assert db.sessions.get("tools").message_count == 3


@pytest.mark.parametrize(
    ("line", "replacement", "reason"),
    [
        (
            b'"role":"assistant","content":"In',
            b'"role":"oracle","content":"In',
            "Invalid enum value 'oracle' - at `$.role`",
        ),
        (b'"seq":5', b'"seq":2', "message 2 comes after message 4"),
        (b'"seq":5', b'"seq":"five"', "Expected `int`, got `str` - at `$.seq`"),
    ],
)
def test_a_line_that_makes_no_sense_is_reported_and_the_rest_imported(
    tmp_path: Path, full: Path, line: bytes, replacement: bytes, reason: str
) -> None:
    data = exported_of(full, ["tools"])
    assert line in data
    copy = tmp_path / "copy.db"

    report = imported(copy, saved(tmp_path, data.replace(line, replacement)))

    assert [(skipped.line, reason in skipped.reason) for skipped in report.skipped] == [(7, True)]
    assert report.messages_added == 4


def test_messages_of_a_session_that_cannot_be_read_go_to_no_other(tmp_path: Path, full: Path) -> None:
    data = exported_of(full, ["chat", "tools"]).replace(b'"agent":"codex"', b'"agent":7')
    copy = tmp_path / "copy.db"

    report = imported(copy, saved(tmp_path, data))

    assert (report.sessions_added, report.messages_added) == ({"chat"}, 2)
    assert {skipped.reason for skipped in report.skipped if "own line is missing" in skipped.reason} == {
        "belongs to no session: its session's own line is missing"
    }


def test_a_torn_export_is_completed_by_the_whole_one(tmp_path: Path, full: Path) -> None:
    data = exported(full)
    copy = tmp_path / "copy.db"
    file = saved(tmp_path, data[: len(data) * 2 // 3])
    imported(copy, file)

    file.write_bytes(data)
    imported(copy, file)

    assert exported(copy) == data


def test_an_export_of_a_later_version_is_refused(tmp_path: Path, full: Path) -> None:
    file = saved(tmp_path, exported(full).replace(b'"version":3', b'"version":4'))
    copy = tmp_path / "copy.db"

    report = imported(copy, file)

    assert [skipped.reason for skipped in report.skipped] == [
        "is an export of version 4, and this sessiondb reads up to 3: upgrade sessiondb"
    ]
    assert report.refused == [str(file)]


def test_writers_go_on_and_the_export_is_of_one_moment(full: Path) -> None:
    before = exported(full)
    with SessionDB(full, read_only=True) as reader, SessionDB(full) as writer:
        lines = export(reader)
        first = next(lines) + next(lines)
        thread = threading.Thread(
            target=lambda: writer.messages.append("chat", "user", "New", created_at=AT.format(59))
        )
        thread.start()
        thread.join()

        assert first + b"".join(lines) == before
    assert exported(full) != before


def test_an_abandoned_export_leaves_the_database_usable(full: Path) -> None:
    with SessionDB(full) as db:
        lines = export(db)
        next(lines)
        next(lines)
        del lines

        db.messages.append("chat", "user", "Go on")


def test_files_are_private_and_packed_by_their_name(tmp_path: Path, full: Path) -> None:
    data = exported(full)

    plain, packed = tmp_path / "a.jsonl", tmp_path / "deep" / "a.jsonl.gz"
    assert write([data], plain) == len(data)
    write([data], packed)

    assert (plain.read_bytes(), gzip.decompress(packed.read_bytes())) == (data, data)
    assert [file.stat().st_mode & 0o777 for file in (plain, packed)] == [0o600, 0o600]
    once = packed.read_bytes()
    write([data], packed)
    assert packed.read_bytes() == once


def test_a_file_stays_as_it_was_where_writing_stops(tmp_path: Path) -> None:
    file = saved(tmp_path, b"old")

    def lines() -> Iterator[bytes]:
        yield b"new"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(lines(), file)

    assert (file.read_bytes(), list(tmp_path.iterdir())) == (b"old", [file])


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()

    with pytest.raises(InvalidInput, match=f"cannot write {folder}: Is a directory"):
        write([b"x"], folder)
