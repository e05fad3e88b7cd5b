"""Forks of Claude Code's sessions come to the same in whatever order their files are read."""

from __future__ import annotations

import random
from datetime import timezone
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.ingest import run as ingest
from sessiondb.ingest.run import Ingest
from tests.helpers.fork_logs import (
    answered,
    asked,
    content,
    copied,
    id_of,
    lineage,
    random_forks,
    said,
    same_in_any_order,
    talk,
    texts,
    transcript,
)

A, B, C = map(id_of, (3, 2, 1))


@pytest.mark.once
@pytest.mark.parametrize("marked", [False, True])
@pytest.mark.parametrize("bulk_bytes", [1, ingest.BULK_BYTES])
def test_a_session_its_fork_and_the_forks_fork(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, marked: bool, bulk_bytes: int
) -> None:
    monkeypatch.setattr(ingest, "BULK_BYTES", bulk_bytes)
    first = talk(A, 2, 3)
    second = copied(first, B, marked=marked) + talk(B, 4, 5)
    third = copied(second, C, marked=marked) + talk(C, 6)

    found = same_in_any_order([transcript(tmp_path, log) for log in (first, second, third)], tmp_path)

    assert lineage(found) == {
        A: (None, None, "Say 2", 2),
        B: (A, "fork", "Say 4", 2),
        C: (B, "fork", "Say 6", 1),
    }
    assert [texts(found, session) for session in (A, B, C)] == [
        [(1, "Say 2"), (2, "Text 3"), (3, None)],
        [(1, "Say 4"), (2, "Text 5"), (3, None)],
        [(1, "Say 6")],
    ]
    assert [(row[0], row[1], row[6]) for row in found["token_counts"]] == [(B, 2, 5), (A, 2, 3)]


def test_a_fork_of_what_was_said_before_others_went_on(tmp_path: Path) -> None:
    first = talk(A, 2, 3, 4, 5)
    second = copied(first[:3], B) + talk(B, 6)

    found = same_in_any_order([transcript(tmp_path, log) for log in (first, second)], tmp_path)

    assert lineage(found) == {A: (None, None, "Say 2", 4), B: (A, "fork", "Say 6", 1)}


def test_marks_tell_the_original_that_went_on_later(tmp_path: Path) -> None:
    first = talk(A, 2, 3)
    second = copied(first, B, marked=True) + talk(B, 4)

    found = same_in_any_order(
        [transcript(tmp_path, log) for log in ([*first, *talk(A, 8)], second)], tmp_path
    )

    assert lineage(found) == {A: (None, None, "Say 2", 3), B: (A, "fork", "Say 4", 1)}


def test_lines_that_a_fork_did_not_copy_tell_the_original(tmp_path: Path) -> None:
    """What was said before a compaction, or taken back, stays with the original alone."""
    first = talk(A, 2, 4, 5, 6)
    second = copied([first[1], *first[2:4]], B) + talk(B, 8)
    later = [*first, *talk(A, 20)]

    found = same_in_any_order([transcript(tmp_path, log) for log in (later, second)], tmp_path)

    assert lineage(found) == {A: (None, None, "Say 2", 5), B: (A, "fork", "Say 8", 1)}


def test_two_forks_of_one_session_where_that_is_not_there(tmp_path: Path) -> None:
    first = talk(A, 2, 3)
    forks = [copied(first, session) + talk(session, minute) for session, minute in ((B, 4), (C, 6))]

    found = same_in_any_order([transcript(tmp_path, log) for log in forks], tmp_path)

    assert lineage(found) == {B: (None, None, "Say 2", 3), C: (B, "fork", "Say 6", 1)}


def test_a_fork_follows_its_beginning_to_the_original(tmp_path: Path) -> None:
    first = talk(A, 2, 3)
    forks = [copied(first, session) + talk(session, minute) for session, minute in ((B, 4), (C, 6))]

    found = same_in_any_order([transcript(tmp_path, log) for log in (first, *forks)], tmp_path)

    assert lineage(found) == {
        A: (None, None, "Say 2", 2),
        B: (A, "fork", "Say 4", 1),
        C: (A, "fork", "Say 6", 1),
    }


def test_a_session_of_nothing_but_copies_is_empty(tmp_path: Path) -> None:
    first = talk(B, 2, 3)

    found = same_in_any_order([transcript(tmp_path, log) for log in (first, copied(first, C))], tmp_path)

    assert lineage(found) == {B: (C, "fork", None, 0), C: (None, None, "Say 2", 2)}


def test_an_answer_that_only_the_fork_has_stays_there(tmp_path: Path) -> None:
    first = [said(A, 2), asked(A, 3)]
    second = [*copied(first, B), answered(B, 4, 3), said(B, 6)]

    found = same_in_any_order([transcript(tmp_path, log) for log in (first, second)], tmp_path)

    assert texts(found, B) == [(1, None), (2, "Say 6")]
    assert [(row[:3], row[4:6], row[7]) for row in found["tool_calls"]] == [
        ((B, None, 1), ("toolu_00000000000000000003", None), "Result 3"),
        ((A, 2, None), ("toolu_00000000000000000003", "ls"), None),
    ]


def test_copies_that_another_request_is_named_for_are_counted_once(tmp_path: Path) -> None:
    first = talk(A, 2, 3)
    copies = [line | {"requestId": "req_x"} if "requestId" in line else line for line in copied(first, B)]

    found = same_in_any_order([transcript(tmp_path, log) for log in (first, [*copies, said(B, 4)])], tmp_path)

    assert [(row[0], row[6]) for row in found["token_counts"]] == [(A, 3)]


@pytest.mark.parametrize("order", [1, -1])
def test_what_only_a_copy_says_for_the_bill_is_kept(tmp_path: Path, order: int) -> None:
    first = talk(A, 2, 3)
    copies = copied(first, B)
    message = copies[1]["message"]
    copies[1]["message"] = message | {"usage": message["usage"] | {"service_tier": "priority"}}
    files = [transcript(tmp_path, log) for log in (first, [*copies, said(B, 4)])]

    with SessionDB(tmp_path / "sessions.db") as db:
        for file in files[::order]:
            db.import_logs(file)
        assert db.connection.rows("SELECT session_id, service_tier FROM token_counts") == [(A, "priority")]


@pytest.mark.parametrize("named", [{}, {"agentId": "a7c41e90"}])
def test_sub_agents_that_a_fork_has_copied_are_the_originals(tmp_path: Path, named: dict[str, str]) -> None:
    inside = {"isSidechain": True, **named}
    first = [
        *talk(A, 2),
        said(A, 3, "Look.", parentUuid=None, **inside),
        asked(A, 5, parentUuid="aaaaaaaa-0000-4000-8000-000000000003", **inside),
        *talk(A, 6),
    ]
    second = copied(first, B) + talk(B, 8)

    found = same_in_any_order([transcript(tmp_path, log) for log in (first, second)], tmp_path)

    children = {id: row for id, row in lineage(found).items() if row[1] == "subagent" and row[3]}
    assert [row[0] for row in children.values()] == [A]
    assert lineage(found)[B][:2] == (A, "fork")


def test_what_a_fork_brought_goes_to_the_original_that_grows(tmp_path: Path) -> None:
    """The original was read up to a line; then it went on and was forked, and the fork is read first."""
    first = talk(A, 2, 3, 4, 5)
    fork = transcript(tmp_path, copied(first, B) + talk(B, 6))
    whole = same_in_any_order([transcript(tmp_path, first), fork], tmp_path)
    growing = transcript(tmp_path, first[:3])

    with SessionDB(tmp_path / "grown.db") as db:
        for files in ([growing], [fork], [transcript(tmp_path, first)]):
            Ingest(db.connection, tz=timezone.utc).run(list(map(str, files)))
        assert content(db) == whole


@pytest.mark.once
@pytest.mark.parametrize("marked", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_any_forks_in_any_order(tmp_path: Path, marked: bool, seed: int) -> None:
    logs = random_forks(random.Random(seed), 3, marked=marked)

    same_in_any_order([transcript(tmp_path, log) for log in logs], tmp_path)
