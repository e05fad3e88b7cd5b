"""Several processes at once, and processes that are killed. SESSIONDB_STRESS=200 makes more of both."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.storage.connection import Connection
from tests.helpers.live_worker import ANN, LAST_ACTIVE, POLICY
from tests.helpers.waiting import HANG

ROOT = Path(__file__).parents[1]
STRESS = int(os.environ.get("SESSIONDB_STRESS", "20"))
PROCESSES = 8


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


def start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.helpers.live_worker", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(workers: Iterable[subprocess.Popen[str]]) -> list[list[Any]]:
    """Wait for processes, and return what each printed."""
    said = []
    for worker in workers:
        output, errors = worker.communicate(timeout=HANG)
        assert (worker.returncode, errors) == (0, "")
        said.append([json.loads(line) for line in output.splitlines()])
    return said


def check(connection: Connection) -> None:
    """Check that numbers have no gaps, counters are true, and the search index agrees."""
    gaps = "SELECT session_id FROM messages GROUP BY 1 HAVING min(seq) <> 1 OR max(seq) <> count(*)"
    assert connection.rows(gaps) == []
    untrue = connection.rows(
        "SELECT id FROM sessions AS s WHERE tool_call_count <>"
        " (SELECT count(*) FROM tool_calls WHERE session_id = s.id) OR message_count <>"
        " (SELECT count(*) FROM messages WHERE session_id = s.id AND role IN ('user', 'assistant'))"
    )
    assert untrue == []
    assert connection.value("PRAGMA integrity_check") == "ok"
    assert connection.rows("PRAGMA foreign_key_check") == []
    for index in ("messages_fts", "tool_calls_fts"):
        with connection.transaction():
            connection.execute(f"INSERT INTO {index} ({index}, rank) VALUES ('integrity-check', 1)")


@pytest.mark.once
def test_processes_that_write_turns_at_once_lose_nothing(path: Path) -> None:
    turns = STRESS
    finish([start("turns", path, worker, turns) for worker in range(PROCESSES)])
    with SessionDB(path) as db:
        check(db.connection)
        counts = "SELECT (SELECT count(*) FROM {}), (SELECT count(DISTINCT {}) FROM {})"
        row = db.connection.row("SELECT count(*), sum(role = 'tool'), sum(role = 'user') FROM messages")
        assert row == (PROCESSES * turns * 4, PROCESSES * turns * 2, PROCESSES * turns)
        assert db.connection.row(counts.format("token_counts", "request_key", "token_counts")) == (
            row[0],
            row[0],
        )
        unanswered = "SELECT count(*), sum(result_message_id IS NULL) FROM tool_calls"
        assert db.connection.row(unanswered) == (PROCESSES * turns * 2, 0)
        # A turn's messages stand together, whoever else wrote to the session.
        torn = db.connection.rows(
            "SELECT u.seq FROM messages AS u JOIN messages AS a"
            " ON a.session_id = u.session_id AND a.seq = u.seq + 1 WHERE u.role = 'user'"
            " AND a.content NOT LIKE '%' || rtrim(substr(u.content, 10), '?') || ' in two files.'"
        )
        assert torn == []


@pytest.mark.once
def test_a_killed_writer_leaves_whole_turns_and_all_it_acknowledged(path: Path) -> None:
    with SessionDB(path) as db:
        session = db.sessions.start("worker").id
    acknowledged: list[dict[str, Any]] = []
    begin = 0
    chance = random.Random(1)
    for _ in range(STRESS):
        worker = start("until-killed", path, session, begin)
        assert worker.stdout is not None
        first = worker.stdout.readline()
        time.sleep(chance.uniform(0, 0.02))
        worker.kill()
        rest, errors = worker.communicate(timeout=HANG)
        assert errors == ""
        # A last line may be cut off with its process.
        acknowledged += [json.loads(line) for line in (first + rest).split("\n")[:-1]]
        with SessionDB(path) as db:
            last = db.messages.last_seq(session)
            assert last % 4 == 0, "half a turn"
            assert last >= acknowledged[-1]["last"]
            begin = last // 4
    assert len(acknowledged) >= STRESS, "too few were acknowledged to tell anything"
    with SessionDB(path) as db:
        check(db.connection)
        messages = {message.seq: message for message in db.messages.transcript(session)}
        for turn in acknowledged:
            assert messages[turn["last"]].text == f"def {turn['turn']}(): ..."
            assert messages[turn["last"] - 3].content == f"Where is {turn['turn']}?"
        assert db.connection.value("SELECT count(*) FROM token_counts") == len(messages)


@pytest.mark.once
def test_processes_that_ask_at_the_idle_deadline_get_one_new_session_and_one_notice(path: Path) -> None:
    with SessionDB(path) as db:
        first = db.gateway("bot", reset=POLICY).session(ANN, now=LAST_ACTIVE)
    begin = time.time() + 1
    answers = [answer for (answer,) in finish([start("ask", path, begin) for _ in range(PROCESSES)])]
    with SessionDB(path) as db:
        old, new = (db.sessions.get(id) for id in (first.id, answers[0]["session"]))
        assert db.connection.value("SELECT count(*) FROM sessions") == 2
    assert {answer["session"] for answer in answers} == {new.id}
    assert sorted(filter(None, (answer["notice"] for answer in answers))) == ["idle"]
    assert sum(answer["callbacks"] for answer in answers) == 1
    assert (old.end_reason, new.parent_id, new.is_open) == ("idle", old.id, True)


def test_processes_that_take_notes_at_once_do_not_overwrite_each_other(path: Path) -> None:
    with SessionDB(path) as db:
        session = db.sessions.start("worker").id
    finish([start("note", path, session, worker, 10) for worker in ("ann", "bob", "eve")])
    with SessionDB(path) as db:
        known = db.continuity.restore(session)
        assert sorted(note.body for note in known.decisions) == sorted(
            f"{worker}: {number}" for worker in ("ann", "bob", "eve") for number in range(10)
        )
        assert known.followups == []
