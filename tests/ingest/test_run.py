"""An import run: only what is new is read, nothing comes twice, one bad file stops nothing, a cut run is completed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.dao.ledger import Ledger
from sessiondb.dao.removal import Removals
from sessiondb.dao.search.repair import IndexRepair
from sessiondb.importers.base import Record
from sessiondb.importers.files.source import Source
from sessiondb.ingest.run import Ingest

SESSION = "5e1f0000-0000-4000-8000-000000000001"
KILLS = int(os.environ.get("SESSIONDB_STRESS", "5"))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "logs" / f"{SESSION}.jsonl"
    path.parent.mkdir()
    path.write_bytes(b"".join(map(line, range(6))))
    return path


def line(number: int, session: str = SESSION) -> bytes:
    role = "assistant" if number % 2 else "user"
    message: dict[str, Any] = {"role": role, "content": f"words number{number}"}
    if role == "assistant":
        usage = {"input_tokens": 1, "output_tokens": number}
        content = [{"type": "text", "text": f"words number{number}"}]
        message |= {"id": f"msg_{number:020}", "content": content, "model": "m", "usage": usage}
    about = {"type": role, "uuid": f"00000000-0000-4000-8000-{number:012}", "sessionId": session}
    return (
        json.dumps({**about, "timestamp": f"2026-03-01T09:{number:02}:00.000Z", "message": message}).encode()
        + b"\n"
    )


def run(db: SessionDB, path: Path, **options: Any) -> tuple[int, int, int]:
    report = Ingest(db.connection, **options).run([str(path)])
    return len(report.sessions_added), len(report.sessions_updated), report.messages_added


def said(db: SessionDB) -> list[str]:
    return [row[0] for row in db.connection.rows("SELECT content FROM messages ORDER BY session_id, seq")]


def assert_sound(db: SessionDB) -> None:
    counted = "SELECT count(*) FROM sessions AS s WHERE message_count <>"
    counted += " (SELECT count(*) FROM messages WHERE session_id = s.id AND role IN ('user', 'assistant'))"
    assert db.connection.value(counted) == 0
    assert db.connection.rows("PRAGMA integrity_check") == [("ok",)]
    assert db.connection.rows("PRAGMA foreign_key_check") == []
    assert IndexRepair(db.connection).damaged() == []


def test_an_unchanged_file_is_passed_over(db: SessionDB, log: Path) -> None:
    assert run(db, log) == (1, 0, 6)
    assert run(db, log) == (0, 0, 0)
    assert_sound(db)


def test_a_second_run_reads_the_whole_ledger_once(
    db: SessionDB, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(db, log)
    read: list[Ledger] = []
    stats = Ledger.stats

    def counted(ledger: Ledger) -> dict[str, tuple[tuple[int, ...], str | None, int]]:
        read.append(ledger)
        return stats(ledger)

    monkeypatch.setattr(Ledger, "stats", counted)
    Ingest(db.connection, read_ahead=True).run([str(log)])
    assert len(read) == 1


def test_an_appended_file_is_read_from_where_the_last_run_ended(
    db: SessionDB, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sessiondb.importers import claude_code

    run(db, log)
    end = log.stat().st_size
    with log.open("ab") as file:
        file.write(line(6) + line(7))
    starts: list[int] = []
    read = claude_code.read

    def remember(source: Source) -> Iterator[Record]:
        starts.append(source.start)
        return read(source)

    monkeypatch.setattr(claude_code, "read", remember)
    assert run(db, log) == (0, 1, 2)
    assert starts == [end]
    assert said(db) == [f"words number{number}" for number in range(8)]
    assert db.sessions.get(SESSION).ended_at == "2026-03-01T09:07:00.000Z"
    assert_sound(db)


@pytest.mark.parametrize("beginning", [b'{"type":"summary","summary":"Other","leafUuid":"x"}\n', b"\n"])
def test_a_rewritten_file_is_read_as_a_whole_and_only_adds(
    db: SessionDB, log: Path, beginning: bytes
) -> None:
    run(db, log)
    log.write_bytes(beginning + b"".join(map(line, (0, 1, 4, 5, 6))))
    assert run(db, log) == (0, 1, 1)
    assert sorted(said(db)) == [f"words number{number}" for number in range(7)]


def test_a_file_rewritten_at_the_same_size_is_seen(db: SessionDB, log: Path) -> None:
    run(db, log)
    log.write_bytes(b"".join(map(line, (0, 1, 2, 3, 4, 9))))
    assert run(db, log) == (0, 1, 1)


def test_a_torn_last_line_waits_until_it_is_whole(db: SessionDB, log: Path) -> None:
    whole = log.read_bytes()
    log.write_bytes(whole + line(6)[:40])
    assert run(db, log) == (1, 0, 6)
    assert db.connection.rows("SELECT * FROM import_errors") == []
    log.write_bytes(whole + line(6))
    assert run(db, log) == (0, 1, 1)
    assert said(db)[-1] == "words number6"


def test_a_bad_line_is_noted_with_its_number_and_the_rest_is_there(db: SessionDB, log: Path) -> None:
    log.write_bytes(line(0) + b"{broken\n" + line(1))
    assert run(db, log) == (1, 0, 2)
    ((number, offset, reason),) = db.connection.rows("SELECT line, byte_offset, reason FROM import_errors")
    assert (number, offset) == (2, len(line(0)))
    assert reason.startswith("not valid JSON")


def test_one_bad_file_never_stops_the_run(db: SessionDB, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sessiondb.importers import nanobot

    def broken(source: object) -> Iterator[Any]:
        raise KeyError("a bug of the importer")
        yield

    bad = log.with_name("cli_direct.jsonl")
    bad.write_text(
        '{"_type": "metadata", "key": "cli:direct", "metadata": {}}\n{"role": "user", "content": "hi"}\n'
    )
    monkeypatch.setattr(nanobot, "read", broken)
    report = Ingest(db.connection).run([str(log.parent)])
    assert report.sessions_added == {SESSION}
    (skipped,) = report.skipped
    assert (skipped.path, skipped.line) == (str(bad), None)
    assert "a bug of the importer" in skipped.reason
    assert_sound(db)


def test_a_copied_file_adds_nothing(db: SessionDB, log: Path) -> None:
    run(db, log)
    log.with_name("copy.jsonl").write_bytes(log.read_bytes())
    assert run(db, log.parent) == (0, 0, 0)


def test_a_fork_holds_what_is_new_and_counts_no_token_twice(db: SessionDB, log: Path) -> None:
    fork = SESSION[:-1] + "2"
    path = log.with_name(f"{fork}.jsonl")
    path.write_bytes(b"".join(line(number, fork) for number in (0, 1, 2, 3, 20, 21)))
    os.utime(path, (time.time() + 60, time.time() + 60))
    assert run(db, log.parent) == (2, 0, 8)
    session = db.sessions.get(fork)
    assert (session.parent_id, session.relation) == (SESSION, "fork")
    assert [message.content for message in db.messages.transcript(fork)] == [
        "words number20",
        "words number21",
    ]
    assert db.connection.value("SELECT sum(output) FROM token_counts") == 1 + 3 + 5 + 21


def test_a_removed_session_stays_away_until_it_is_restored(db: SessionDB, log: Path) -> None:
    run(db, log)
    Removals(db.connection).remove([SESSION])
    with log.open("ab") as file:
        file.write(line(6))
    assert run(db, log) == (0, 0, 0)
    assert run(db, log, restore=True) == (1, 0, 7)
    assert_sound(db)


def test_pipes_loops_and_missing_files_are_reported(db: SessionDB, log: Path) -> None:
    os.mkfifo(log.with_name("pipe"))
    (log.parent / "loop").symlink_to(log.parent, target_is_directory=True)
    missing = log.with_name("missing.jsonl")
    report = Ingest(db.connection).run([str(log.parent), str(log.with_name("pipe")), str(missing)])
    assert report.sessions_added == {SESSION}
    assert [(Path(skipped.path).name, skipped.reason) for skipped in report.skipped] == [
        ("pipe", "is no regular file: a pipe, socket or device is not read"),
        ("missing.jsonl", "cannot be read: No such file or directory"),
    ]


def test_what_the_system_tells_of_itself_is_no_place_of_logs(
    db: SessionDB, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = log.parent / "proc"
    system.mkdir()
    (system / "status.jsonl").write_bytes(line(0))
    monkeypatch.setattr("sessiondb.ingest.discovery._NO_DISKS", (str(system),))

    report = Ingest(db.connection).run([str(log.parent)])
    assert (report.files, report.skipped) == (1, [])
    (refused,) = Ingest(db.connection).run([str(system)]).skipped
    assert refused.reason == "holds no files: what the system tells of itself is not read"


def test_an_import_of_many_files_says_how_many_it_has_found(db: SessionDB, tmp_path: Path) -> None:
    for number in range(250):
        (tmp_path / f"{number}.json").write_text("{}")
    told: list[tuple[str, int, int]] = []
    Ingest(db.connection, progress=lambda *how_far: told.append(how_far)).run([str(tmp_path)])
    assert [one for one in told if one[0] == "find"] == [("find", 100, 100), ("find", 200, 200)]


@pytest.mark.once
def test_a_killed_import_is_completed_by_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    for number in range(300):
        session = f"5e1f0000-0000-4000-8000-{number:012}"
        lines = (line(1000 * number + offset, session).replace(b":1000", b":10") for offset in range(20))
        text = b"".join(lines).replace(b'"2026-03-01T09:', b'"2026-03-01T09:00:00.000Z","at":"')
        (folder / f"{session}.jsonl").write_bytes(text)
    whole = tmp_path / "whole.db"
    with SessionDB(whole) as db:
        begun = time.monotonic()
        Ingest(db.connection).run([str(folder)])
        needed = time.monotonic() - begun
        expected = db.connection.rows(
            "SELECT session_id, seq, role, content, external_id FROM messages ORDER BY 1, 2"
        )
    chance = random.Random(7)
    cut = tmp_path / "cut.db"
    code = "import sys; from sessiondb import SessionDB; from sessiondb.ingest.run import Ingest\n"
    code += "db = SessionDB(sys.argv[1]); print('open', flush=True); Ingest(db.connection).run([sys.argv[2]])"
    for _ in range(KILLS):
        child = subprocess.Popen([sys.executable, "-c", code, str(cut), str(folder)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(chance.uniform(0, needed))
        child.send_signal(signal.SIGKILL)
        child.communicate()
    with SessionDB(cut) as db:
        Ingest(db.connection).run([str(folder)])
        found = db.connection.rows(
            "SELECT session_id, seq, role, content, external_id FROM messages ORDER BY 1, 2"
        )
        assert found == expected
        assert_sound(db)
