"""Sessions of which only a history of prompts is left: a log takes their place, whichever comes first."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from tests.helpers.claude_logs import PROJECT, SESSIONS, answer, at, prompt, transcript, write
from tests.helpers.codex_logs import whole_session

ONE, TWO = SESSIONS[1:3]
MILLISECONDS = 1_772_355_600_000
"""1 March 2026, 9 o'clock."""

BEGUN = 1_773_304_860
"""When Codex began its session, in seconds."""


def typed(session: str, text: str, minute: int, **more: Any) -> dict[str, Any]:
    return {
        "display": text, "pastedContents": {}, "timestamp": MILLISECONDS + 60_000 * minute - 40, "project": PROJECT,
        "sessionId": session, **more,
    }  # fmt: skip


def dump(db: SessionDB) -> dict[str, Any]:
    """Return what is known of all sessions, but for the numbers of rows and when files were read."""
    rows = db.connection.rows
    columns = (
        "id, agent, native_id, project_id, parent_id, title, title_source, model_id, started_at, last_active_at,"
        " ended_at, end_reason, pinned, coalesce(metadata, ''), message_count, tool_call_count"
    )
    return {
        "sessions": rows(f"SELECT {columns} FROM sessions ORDER BY id"),
        "messages": rows(
            "SELECT session_id, seq, role, content, external_id, created_at FROM messages ORDER BY 1, 2"
        ),
        "tokens": rows("SELECT session_id, request_key, output FROM token_counts ORDER BY 1, 2"),
        "notes": rows("SELECT session_id, body FROM notes ORDER BY 1, 2"),
        "tags": rows("SELECT session_id FROM session_tags ORDER BY 1"),
        "claims": rows(
            "SELECT i.path, s.session_id FROM import_sessions AS s JOIN imports AS i ON i.id = s.import_id"
            " ORDER BY 1, 2"
        ),
        "problems": [finding.problem for finding in db.check()],
    }


def texts(db: SessionDB, session: str = ONE) -> list[tuple[str, str | None]]:
    return [(message.role, message.content) for message in db.messages.transcript(session)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / ".claude"


@pytest.fixture
def history(home: Path) -> Path:
    """Write the history of two sessions, whose prompts take turns."""
    lines = [
        typed(ONE, "Where are the tests?", 0),
        typed(TWO, "What is a quill?", 1),
        typed(ONE, "And the docs?", 2),
        typed(TWO, "/clear", 3),
    ]
    return write(home / "history.jsonl", lines)


def test_prompts_are_a_session_under_its_own_id(db: SessionDB, history: Path) -> None:
    db.import_logs(history)

    session = db.sessions.get(ONE)
    assert texts(db) == [("user", "Where are the tests?"), ("user", "And the docs?")]
    assert (session.agent, session.native_id, session.project) == ("claude-code", ONE, PROJECT)
    assert (session.title, session.metadata) == ("Where are the tests?", {"prompts_only": True})
    assert (session.message_count, session.tokens.total) == (2, None)
    assert [hit.session_id for hit in db.search("tests").hits] == [ONE]
    assert db.usage().rows == []


def test_a_command_is_nothing_that_was_said(db: SessionDB, history: Path) -> None:
    db.import_logs(history)

    assert texts(db, TWO) == [("user", "What is a quill?"), ("system", "/clear")]


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_order_of_files_makes_no_difference(
    db: SessionDB, tmp_path: Path, home: Path, history: Path, order: Sequence[int], together: bool
) -> None:
    files = [
        history,
        transcript(home, ONE, "Where are the tests?", "And the docs?"),
        transcript(home, TWO, "What?"),
    ]
    with SessionDB(tmp_path / "plain.db") as plain:
        plain.import_logs(*files[1:])
        plain.import_logs(history)
        expected = dump(plain)

    chosen = [files[number] for number in order]
    for age, file in enumerate(chosen):
        os.utime(file, ns=(age * 10**9, age * 10**9))
    for step in [chosen] if together else [[file] for file in chosen]:
        db.import_logs(*step)

    assert dump(db) == expected
    assert [role for role, _ in texts(db)] == ["user", "assistant"] * 2
    assert not db.connection.rows("SELECT 1 FROM messages WHERE external_id GLOB 'prompt:*'")
    assert [hit.session_id for hit in db.search("quill").hits] == []


def test_what_people_put_on_a_session_stays_when_its_log_comes(
    db: SessionDB, home: Path, history: Path
) -> None:
    db.import_logs(history)
    db.sessions.add_tags(ONE, ["kitchen"])
    db.notes.add("decision", "Tests live in tests/", session_id=ONE)
    db.sessions.set_title(ONE, "Mine")
    db.sessions.set_pinned(ONE)

    db.import_logs(transcript(home, ONE))

    session = db.sessions.get(ONE)
    assert (session.title, session.pinned, session.metadata) == ("Mine", True, {})
    assert [note.body for note in db.notes.of_session(ONE)] == ["Tests live in tests/"]
    assert len(texts(db)) == 2


def test_times_outside_of_the_prompts_stay_when_its_log_comes(
    db: SessionDB, home: Path, history: Path
) -> None:
    early, late = "2020-01-01T00:00:00.000Z", "2040-01-01T00:00:00.000Z"
    db.import_logs(history)
    db.connection.execute(
        "UPDATE sessions SET started_at = ?, last_active_at = ? WHERE id = ?", (early, late, ONE)
    )

    transcript(home, ONE, "Where do the figs grow?")
    db.import_logs(home / "projects")

    session = db.sessions.get(ONE)
    assert (session.started_at, session.last_active_at) == (early, late)


def test_a_history_that_grows_adds_to_its_sessions_and_not_to_those_with_a_log(
    db: SessionDB, home: Path, history: Path
) -> None:
    transcript(home, ONE)
    db.import_logs(home)
    with history.open("a") as file:
        file.write(json.dumps(typed(ONE, "More?", 5)) + "\n" + json.dumps(typed(TWO, "More?", 6)) + "\n")

    report = db.import_logs(home)

    assert (report.messages_added, [role for role, _ in texts(db)]) == (1, ["user", "assistant"])
    assert texts(db, TWO)[-1] == ("user", "More?")
    assert db.import_logs(home).messages_added == 0


def test_a_log_that_grows_takes_the_place_when_the_first_word_comes(
    db: SessionDB, home: Path, history: Path, tmp_path: Path
) -> None:
    context = prompt(ONE, "<local-command-stdout>ok</local-command-stdout>", 1)
    log = write(home / "projects" / "-p" / f"{ONE}.jsonl", [context])
    for path in (history, log):
        db.import_logs(path)
    assert [role for role, _ in texts(db)] == ["user", "system", "user"]
    assert db.sessions.get(ONE).metadata == {"prompts_only": True}

    with log.open("a") as file:
        file.write(json.dumps(prompt(ONE, "Hello", 4)) + "\n" + json.dumps(answer(ONE, "Yes", 5)) + "\n")
    db.import_logs(log)

    assert texts(db) == [
        ("system", "<local-command-stdout>ok</local-command-stdout>"), ("user", "Hello"), ("assistant", "Yes"),
    ]  # fmt: skip
    assert [message.seq for message in db.messages.transcript(ONE)] == [1, 2, 3]
    with SessionDB(tmp_path / "plain.db") as plain:
        plain.import_logs(log)
        plain.import_logs(history)
        assert dump(plain) == dump(db)


def test_a_log_without_a_word_takes_nothing_away_in_either_order(
    db: SessionDB, home: Path, history: Path, tmp_path: Path
) -> None:
    context = prompt(ONE, "<local-command-stdout>ok</local-command-stdout>", 1)
    log = write(home / "projects" / "-p" / f"{ONE}.jsonl", [context])
    db.import_logs(history)
    db.import_logs(log)

    with SessionDB(tmp_path / "other.db") as other:
        other.import_logs(log)
        other.import_logs(history)
        assert dump(other)["messages"] == dump(db)["messages"]
    assert len(texts(db)) == 3


def test_a_removed_session_does_not_come_back_from_a_history(
    db: SessionDB, home: Path, history: Path
) -> None:
    db.import_logs(transcript(home, ONE))
    db.remove(ONE)

    db.import_logs(history)

    assert db.connection.rows("SELECT id FROM sessions") == [(TWO,)]


def test_sessions_written_by_an_agent_take_no_prompts(db: SessionDB, history: Path) -> None:
    db.sessions.start("claude-code", id=ONE)
    db.messages.append(ONE, "user", "Where are the tests?")

    db.import_logs(history)

    assert texts(db) == [("user", "Where are the tests?")]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_codex_and_its_index_come_in_any_order_too(
    db: SessionDB, tmp_path: Path, order: Sequence[int]
) -> None:
    home = tmp_path / ".codex"
    lines = whole_session()
    id = lines[0]["payload"]["id"]
    rollout = write(
        home / "sessions" / "2026" / "03" / "01" / f"rollout-2026-03-01T10-00-00-{id}.jsonl", lines
    )
    history = write(home / "history.jsonl", [{"session_id": id, "ts": BEGUN + 2, "text": "Fix it"}])
    state = home / "state_5.sqlite"
    with sqlite3.connect(state) as connection:
        connection.execute("CREATE TABLE threads (id, rollout_path, title, name, created_at_ms)")
        connection.execute(
            "INSERT INTO threads VALUES (?, ?, 'x', 'Named', ?)", (id, str(rollout), 1000 * BEGUN)
        )
    connection.close()
    with SessionDB(tmp_path / "plain.db") as plain:
        # Of the rollout and its index the later one names the session.
        for number in sorted(order, key=lambda number: number == 2):
            plain.import_logs((rollout, state, history)[number])
        expected = dump(plain)

    for number in order:
        db.import_logs((rollout, state, history)[number])

    assert dump(db) == expected
    assert "prompts_only" not in db.sessions.get(id).metadata


@pytest.mark.parametrize("has_log", [(True, False), (False, True), (False, False), (True, True)])
def test_databases_merge_a_log_over_prompts(
    tmp_path: Path, home: Path, history: Path, has_log: tuple[bool, bool]
) -> None:
    log = transcript(home, ONE)
    paths = [tmp_path / "a.db", tmp_path / "b.db"]
    for path, with_log in zip(paths, has_log, strict=True):
        with SessionDB(path) as db:
            db.import_logs(history)
            db.notes.add("decision", f"Noted in {path.name}", session_id=ONE)
            if with_log:
                db.import_logs(log)

    with SessionDB(paths[0]) as db:
        db.merge(paths[1])
        merged = dump(db)
        db.merge(paths[1])

        assert dump(db) == merged
        assert merged["problems"] == []
        session = db.sessions.get(ONE)
        notes = sorted(note.body for note in db.notes.of_session(ONE))
        assert notes == ["Noted in a.db", "Noted in b.db"]
        if any(has_log):
            assert texts(db) == [
                ("user", "Where are the tests?"),
                ("assistant", "About: Where are the tests?"),
            ]
            assert (session.started_at, session.metadata) == (at(0), {})
        else:
            assert [content for _, content in texts(db)] == ["Where are the tests?", "And the docs?"]
            assert session.metadata == {"prompts_only": True}


@pytest.mark.parametrize("is_log_first", [True, False])
def test_an_export_of_prompts_and_a_log_are_one_session(
    tmp_path: Path, home: Path, history: Path, is_log_first: bool
) -> None:
    export = tmp_path / "prompts.jsonl"
    with SessionDB(tmp_path / "a.db") as db:
        db.import_logs(history)
        db.export(export)
    log = transcript(home, ONE)

    with SessionDB(tmp_path / "b.db") as db:
        for path in (log, export) if is_log_first else (export, log):
            db.import_logs(path)

        assert [role for role, _ in texts(db)] == ["user", "assistant"]
        assert db.sessions.get(ONE).metadata == {}


IMPORT = """
import sys
from sessiondb import SessionDB
with SessionDB(sys.argv[1]) as db:
    print("ready", flush=True)
    for file in sys.argv[2:]:
        db.import_logs(file)
"""


@pytest.mark.once
@pytest.mark.parametrize("moment", [0.01, 0.04, 0.08])
def test_an_import_that_is_killed_is_completed_by_the_next(tmp_path: Path, home: Path, moment: float) -> None:
    sessions = [f"5e1f0000-0000-4000-8000-0000000001{number:02}" for number in range(40)]
    lines = [typed(id, f"Prompt {turn} of {id}", turn) for turn in range(5) for id in sessions]
    history = write(home / "history.jsonl", lines)
    for id in sessions[::2]:
        transcript(home, id, *(f"Prompt {turn} of {id}" for turn in range(5)))
    projects = home / "projects"
    path = tmp_path / "killed.db"
    with SessionDB(tmp_path / "plain.db") as plain:
        plain.import_logs(projects)
        plain.import_logs(history)
        expected = dump(plain)

    with SessionDB(path):
        pass
    arguments = [sys.executable, "-c", IMPORT, str(path), str(history), str(projects)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)

    with SessionDB(path) as db:
        db.import_logs(projects, history)
        assert dump(db) == expected
