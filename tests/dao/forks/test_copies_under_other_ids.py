"""Copies of a session's lines whose ids are fresh, short, or a gateway's: still copies, in whatever order they come."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.ingest.run import Ingest
from tests.helpers.conversations import write
from tests.helpers.fork_logs import (
    Line,
    answered,
    asked,
    content,
    copied,
    id_of,
    lineage,
    said,
    same_in_any_order,
    talk,
    texts,
    transcript,
)

A, B, C = map(id_of, (3, 2, 1))


def renamed(lines: Sequence[Line], pattern: str) -> list[Line]:
    """Return lines whose answers have ids such as a gateway gives them; without request ids, as there are none."""
    found = []
    for line in lines:
        message = dict(line["message"])
        if "id" in message:
            message["id"] = pattern.format(int(message["id"][4:]))
        found.append({key: value for key, value in line.items() if key != "requestId"} | {"message": message})
    return found


def refreshed(lines: Sequence[Line]) -> list[Line]:
    """Return lines under fresh uuids, as some releases write those of a resumed session."""
    return [line | {"uuid": f"bbbbbbbb-0000-4000-8000-{number:012}"} for number, line in enumerate(lines)]


@pytest.mark.parametrize("pattern", ["msg_{}", "chatcmpl-{}", "gen-{}-abc", "msg_same", "{}"])
@pytest.mark.parametrize("swap", [False, True])
def test_a_fork_behind_a_gateway_holds_only_what_is_new(tmp_path: Path, pattern: str, swap: bool) -> None:
    """Fails where answers are known by ids that other sessions' answers may have too."""
    original, fork = (B, A) if swap else (A, B)
    first = renamed(talk(original, 2, 3, 4, 5), pattern)
    second = copied(first, fork) + renamed(talk(fork, 6, 7), pattern)

    found = same_in_any_order([transcript(tmp_path, log) for log in (first, second)], tmp_path)

    assert lineage(found) == {
        original: (None, None, "Say 2", 4),
        fork: (original, "fork", "Say 6", 2),
    }
    assert texts(found, fork) == [(1, "Say 6"), (2, "Text 7"), (3, None)]
    assert len(found["token_counts"]) == 3


def test_two_sessions_of_a_gateway_that_gives_every_answer_the_same_id_stay_two(tmp_path: Path) -> None:
    logs = [renamed(talk(A, 2, 3, 4, 5), "msg_1"), renamed(talk(B, 6, 9), "msg_1")]

    found = same_in_any_order([transcript(tmp_path, log) for log in logs], tmp_path)

    assert lineage(found) == {A: (None, None, "Say 2", 4), B: (None, None, "Say 6", 2)}
    assert len(found["token_counts"]) == 3


def test_a_resumed_copy_under_fresh_ids_holds_only_what_is_new(tmp_path: Path) -> None:
    first = talk(A, 2, 3, 4, 5, 14, 15)
    second = [*refreshed(copied(first, B)), *talk(B, 16, 17)]

    found = same_in_any_order([transcript(tmp_path, log) for log in (first, second)], tmp_path)

    assert lineage(found) == {A: (None, None, "Say 2", 6), B: (A, "fork", "Say 16", 2)}
    assert [row[1] for row in texts(found, A)] == [
        *("Say 2", "Text 3", None, "Say 4", "Text 5", None),
        *("<system-reminder>Mind it.</system-reminder>", "Say 14", "Text 15", None),
    ]


def test_a_copy_of_a_copy_under_fresh_ids_holds_only_what_is_new(tmp_path: Path) -> None:
    first = talk(A, 2, 3)
    second = [*refreshed(copied(first, B)), *talk(B, 4, 5)]
    third = copied(second, C) + talk(C, 6)

    found = same_in_any_order([transcript(tmp_path, log) for log in (first, second, third)], tmp_path)

    assert lineage(found) == {
        A: (None, None, "Say 2", 2),
        B: (A, "fork", "Say 4", 2),
        C: (B, "fork", "Say 6", 1),
    }


def test_the_same_words_at_another_time_are_no_copy(tmp_path: Path) -> None:
    first = [*talk(A, 2, 3), said(A, 4, "Go on")]
    second = [*copied(first[:3], B), said(B, 6, "Go on"), *talk(B, 9)]

    found = same_in_any_order([transcript(tmp_path, log) for log in (first, second)], tmp_path)

    assert lineage(found) == {A: (None, None, "Say 2", 3), B: (A, "fork", "Go on", 2)}


def test_lines_that_strayed_into_another_sessions_file_stand_in_their_own_in_order_of_time(
    tmp_path: Path,
) -> None:
    """Neither is the other's parent: a file of its own says that a session continues none."""
    strayed = [said(B, 6), said(B, 7)]
    first = write(tmp_path / "p" / f"{A}.jsonl", said(A, 2), *strayed, said(A, 8))
    second = write(tmp_path / "p" / f"{B}.jsonl", said(B, 4), said(B, 5), said(B, 10))

    found = same_in_any_order([first, second], tmp_path)

    assert lineage(found) == {A: (None, None, "Say 2", 2), B: (None, None, "Say 4", 5)}
    assert texts(found, B) == [(1, "Say 4"), (2, "Say 5"), (3, "Say 6"), (4, "Say 7"), (5, "Say 10")]


@pytest.mark.parametrize("strayed_first", [False, True])
def test_a_session_is_in_the_project_where_it_began_whichever_file_comes_first(
    tmp_path: Path, strayed_first: bool
) -> None:
    files = [
        write(tmp_path / "p" / f"{B}.jsonl", said(B, 4) | {"cwd": "/srv/loom"}),
        write(tmp_path / "p" / f"{A}.jsonl", said(A, 2), said(B, 6) | {"cwd": "/srv/kiln"}),
    ]
    with SessionDB(tmp_path / "x.db") as db:
        for file in reversed(files) if strayed_first else files:
            assert Ingest(db.connection).run([str(file)]).skipped == []
        assert db.sessions.get(B).project == "/srv/loom"


def printed(line: Line) -> Line:
    """Return a line as `claude -p --output-format stream-json` prints it."""
    kept = {key: line[key] for key in ("type", "message", "uuid")}
    return {**kept, "session_id": line["sessionId"], "parent_tool_use_id": None}


@pytest.mark.parametrize("printed_first", [False, True])
def test_what_the_program_printed_and_its_transcript_are_one_session(
    tmp_path: Path, printed_first: bool
) -> None:
    log = [said(A, 2), asked(A, 3), answered(A, 4, 3), said(A, 5), asked(A, 6)]
    init = {"type": "system", "subtype": "init", "session_id": A, "cwd": "/home/mira/quill", "tools": []}
    result = {
        "type": "result",
        "subtype": "success",
        "session_id": A,
        "result": "Text 5",
        "total_cost_usd": 0.1,
    }
    lines = [printed(line) for line in log if line["message"]["content"] not in ("Say 2", "Say 5")]
    files = [transcript(tmp_path, log), write(tmp_path / "logs" / "run.jsonl", init, *lines, result)]

    with SessionDB(tmp_path / "x.db") as db:
        for file in reversed(files) if printed_first else files:
            assert Ingest(db.connection).run([str(file)]).skipped == []
        found = content(db)

    assert lineage(found) == {A: (None, None, "Say 2", 4)}
    assert [text for _, text in texts(found, A)] == ["Say 2", "Text 3", None, "Say 5", "Text 6"]
    assert len(found["token_counts"]) == 2
