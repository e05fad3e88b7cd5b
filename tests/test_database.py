"""What SessionDB hands on to its flows, as a program calls it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.errors import DatabaseBusy, InvalidInput, NotFound
from sessiondb.records import SessionFilter


@pytest.fixture
def logs(samples: Path) -> Path:
    return samples / "codex" / "sessions"


def test_a_dry_run_of_an_import_reports_it_and_lets_others_write(db: SessionDB, logs: Path) -> None:
    phases: list[str] = []

    def write(phase: str, done: int, total: int) -> None:
        phases.append(phase)
        with SessionDB(db.path, time_budget=0.1) as other:
            other.sessions.start("live")

    planned = db.import_logs(logs, tz="UTC", dry_run=True, progress=write)
    nothing = db.stats(agent="codex")
    done = db.import_logs(logs, tz="UTC")

    assert {"copy", "read"} <= set(phases)
    assert nothing.groups == []
    assert (planned.dry_run, done.dry_run) == (True, False)
    assert planned.sessions_added == done.sessions_added
    assert planned.messages_added == done.messages_added == 21


def test_an_export_into_a_stream_is_that_into_a_file(db: SessionDB, logs: Path, tmp_path: Path) -> None:
    db.import_logs(logs, tz="UTC")
    stream, file = io.BytesIO(), tmp_path / "some.jsonl"

    assert db.export(stream, model="gpt-5.3") == db.export(file, model="gpt-5.3")

    assert file.read_bytes() == stream.getvalue()
    types = [json.loads(line)["type"] for line in stream.getvalue().splitlines()]
    assert (types[:2], types.count("session")) == (["header", "session"], 1)


def test_times_of_a_filter_are_read_as_people_write_them(db: SessionDB) -> None:
    for day in ("01", "02", "03"):
        db.sessions.start("agent", id=day, started_at=f"2026-03-{day}T12:00:00Z")

    def found(**criteria: Any) -> list[str]:
        return sorted(session.id for session in db.sessions.page(SessionFilter(**criteria)))

    assert found(since="2026-03-02", until="2026-03-02") == ["02"]
    assert found(until="2026-03") == ["01", "02", "03"]
    # A stored timestamp is the end itself.
    assert found(until="2026-03-02T12:00:00.000Z") == ["01"]


def test_watching_raises_when_others_hold_the_database_unless_told_what_to_do(
    db: SessionDB, logs: Path
) -> None:
    told: list[DatabaseBusy] = []

    with SessionDB(db.path, time_budget=0.05) as watching, db.connection.transaction():
        with pytest.raises(DatabaseBusy):
            next(watching.watch_logs(logs))
        ends = iter((False, True))
        reports = watching.watch_logs(logs, interval=0, wait=lambda _: next(ends), on_busy=told.append)
        assert list(reports) == []

    assert told


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda db: db.import_logs(), InvalidInput, "there is nothing to import"),
        (lambda db: db.import_logs("x", agents=["codex"]), InvalidInput, "agents select among the places"),
        (lambda db: db.import_logs("auto", agents=["emacs"]), InvalidInput, "it is not known where 'emacs'"),
        (lambda db: db.log_places(["emacs"]), InvalidInput, "it is not known where 'emacs' keeps its logs"),
        (lambda db: db.import_logs("x", tz="Mars"), InvalidInput, "cannot read the time zone 'Mars'"),
        (lambda db: db.export("x", format="csv"), InvalidInput, "cannot export as 'csv'"),
        (lambda db: db.export("x", sessions=["a"], tag="b"), InvalidInput, "not both"),
        (lambda db: db.export("x", sessions=["a"]), NotFound, "there is no session a"),
        (lambda db: db.transcript("a"), NotFound, "there is no session a"),
        (lambda db: db.remove("a"), NotFound, "there is no session a"),
        (lambda db: db.prune("soon"), InvalidInput, "cannot read the time 'soon'"),
        (lambda db: db.stats("colour"), InvalidInput, "cannot group by 'colour'"),
        (lambda db: db.usage(since="soon"), InvalidInput, "cannot read the time 'soon'"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(
    db: SessionDB, call: Callable[[SessionDB], object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call(db)
