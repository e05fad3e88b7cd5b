"""A file is written in pieces: whatever their size, the database is the same, and live appends get their turn."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB, timestamps
from sessiondb.exchange.export import export
from sessiondb.ingest.pieces import ImportFile, Portion, cut
from sessiondb.ingest.run import Ingest
from sessiondb.records import ImportReport, SessionFilter
from sessiondb.storage import turns as module
from sessiondb.storage.turns import Pace


def run(db: SessionDB, *sources: Path) -> ImportReport:
    return Ingest(db.connection, tz=timestamps.zone("UTC")).run([str(source) for source in sources])


def counts(report: ImportReport) -> tuple[Any, ...]:
    added, updated = report.sessions_added, report.sessions_updated
    return added, updated, report.sessions_unchanged, report.messages_added, report.skipped


def state(db: SessionDB) -> list[Any]:
    """Return all that a database holds, but for its own id and the times of imports."""
    lines = [json.loads(line) for line in export(db)]
    for line in lines:
        line.pop("origin", None)
    claims = db.connection.rows(
        "SELECT i.path, i.format, i.parser_version, i.byte_offset, i.state, s.session_id, s.authority, s.is_owner"
        " FROM imports AS i LEFT JOIN import_sessions AS s ON s.import_id = i.id ORDER BY 1, 6"
    )
    return [
        lines,
        claims,
        db.connection.rows("SELECT path, line, reason FROM import_errors ORDER BY 1, 2, 3"),
    ]


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function that makes each record a piece of its own."""

    def set_up() -> None:
        monkeypatch.setattr(Pace.__init__, "__defaults__", (1, 1, 1))
        monkeypatch.setattr(module, "_GAP", 0)

    return set_up


def sources(samples: Path) -> list[Path]:
    return sorted(folder for folder in samples.iterdir() if folder.is_dir())


@pytest.mark.parametrize("agent", ["claude-code", "codex", "hermes", "nanobot", "agentloop", "dealix"])
def test_a_log_in_pieces_is_the_log(
    tmp_path: Path, samples: Path, tiny: Callable[[], None], agent: str
) -> None:
    with SessionDB(tmp_path / "whole.db") as whole, SessionDB(tmp_path / "pieces.db") as in_pieces:
        expected = counts(run(whole, samples / agent))
        tiny()

        found = counts(run(in_pieces, samples / agent))

        assert found == expected
        assert state(in_pieces) == state(whole)
        assert in_pieces.check() == []
        assert counts(run(in_pieces, samples / agent))[3] == 0


def test_an_export_in_pieces_is_the_export(tmp_path: Path, samples: Path, tiny: Callable[[], None]) -> None:
    with SessionDB(tmp_path / "whole.db") as whole, SessionDB(tmp_path / "pieces.db") as in_pieces:
        run(whole, *sources(samples))
        whole.notes.add("decision", "Tests live in tests/", project="/home/mira")
        exported = tmp_path / "all.jsonl"
        exported.write_bytes(b"".join(export(whole)))
        tiny()

        run(in_pieces, exported)

        assert list(export(in_pieces)) == list(export(whole))


@pytest.mark.once
def test_an_import_killed_between_two_pieces_is_completed_by_the_next(
    tmp_path: Path, samples: Path, tiny: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    with SessionDB(tmp_path / "whole.db") as whole:
        run(whole, samples / "codex")
        expected = state(whole)
    tiny()
    note = Pace.note
    for stop in range(1, 12):
        written = 0

        def kill(pace: Pace, size: int) -> None:
            nonlocal written
            written += 1
            if written == stop:  # noqa: B023
                raise Killed
            note(pace, size)

        path = tmp_path / f"{stop}.db"
        with SessionDB(path) as db:
            with monkeypatch.context() as patch, pytest.raises(Killed):
                patch.setattr(Pace, "note", kill)
                run(db, samples / "codex")
            run(db, samples / "codex")
            assert state(db) == expected


def test_a_session_removed_between_two_pieces_stays_removed(
    tmp_path: Path, samples: Path, tiny: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny()
    log = next((samples / "codex").rglob("*019ce14a*.jsonl"))
    note = Pace.note
    with SessionDB(tmp_path / "x.db") as db:

        def remove(pace: Pace, size: int) -> None:
            note(pace, size)
            found = db.sessions.page(SessionFilter())
            if found and db.messages.transcript(found[0].id):
                db.remove(found[0].id)

        monkeypatch.setattr(Pace, "note", remove)
        run(db, log)

        assert db.sessions.page(SessionFilter()) == []


def test_a_transaction_takes_no_more_small_files_than_memory_bears() -> None:
    # A file whose records take next to nothing still has its reading, its place in the ledger and its sessions.
    pieces = (piece for _ in range(100) for piece in cut(ImportFile(Any, None, []), Pace()))  # type: ignore[arg-type]
    portion = Portion(pieces, max_bytes=64 * 1024)

    assert len(list(portion)) == 8


def test_an_append_gets_its_turn_between_any_two_pieces(
    tmp_path: Path, samples: Path, tiny: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny()
    log = next((samples / "codex").rglob("*019ce14a*.jsonl"))
    wait = Pace.wait
    imported: list[int] = []
    with SessionDB(tmp_path / "x.db") as db, SessionDB(tmp_path / "x.db", time_budget=0) as live:
        chat = live.sessions.start("me").id

        def append(pace: Pace) -> None:
            # Whoever writes while the lock is taken is refused at once.
            live.messages.append(chat, "user", "hello")
            imported.append(
                live.connection.value("SELECT count(*) FROM messages WHERE session_id <> ?", (chat,))
            )
            wait(pace)

        monkeypatch.setattr(Pace, "wait", append)
        run(db, log)

        # The log has twelve messages. In one transaction, none would be there at the only turn.
        assert imported == sorted(imported)
        assert set(imported) == set(range(12))
