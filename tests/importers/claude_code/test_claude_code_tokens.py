"""What Claude Code's transcripts come to in tokens: each response once, in whichever files and order it stands."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.ingest.run import Ingest

MAIN = "6f0f2c1e-8f0b-4e52-9c8b-0b7a3e1f5d11"
FORK = "0c4b9a52-6d1e-4a7f-8f43-52f0d9a1b7e6"
AGENT = f"{MAIN}/subagents/agent-a7c41e90"
SIDE: dict[str, Any] = {"isSidechain": True, "agentId": "a7c41e90"}

Line = dict[str, Any]
Total = tuple[int, int, int, int]
SUMS = "SELECT sum(input), sum(output), sum(cache_write), sum(cache_read) FROM token_counts"


def uuid(number: int) -> str:
    return f"b7e0a3d4-11c2-4c55-9d0e-{number:012}"


def line(number: int, kind: str, message: dict[str, Any], **more: Any) -> Line:
    stamp = f"2026-04-02T08:{number // 60:02}:{number % 60:02}.000Z"
    about = {"type": kind, "uuid": uuid(number), "sessionId": MAIN, "timestamp": stamp, "isSidechain": False}
    return {**about, "message": {"role": kind, **message}, **more}


def asked(number: int, **more: Any) -> Line:
    return line(number, "user", {"content": f"Bed {number}?"}, **more)


def said(number: int, output: int, *, id: str | None = "", request: str | None = "", **more: Any) -> Line:
    """Return an answer of 10 input, 100 written and 1000 read tokens. Its ids go by its number, None for none."""
    usage = {"input_tokens": 10, "cache_creation_input_tokens": 100, "cache_read_input_tokens": 1000}
    usage |= {"output_tokens": output, **more.pop("usage", {})}
    message = {"model": "claude-haiku-4-5", "content": [{"type": "text", "text": "Dry."}], "usage": usage}
    if id is not None:
        message["id"] = id or f"msg_01MossFernLichen{number:06}"
    if request is not None:
        more["requestId"] = request or f"req_{number:06}"
    return line(number, "assistant", message, **more)


def copied(lines: list[Line], **more: Any) -> list[Line]:
    return [{**made, **more} for made in lines]


def replayed(lines: list[Line]) -> list[Line]:
    """Return lines as a side question has them: those of its parent under request ids of its own."""
    return [{**made, **SIDE, **({"requestId": "req_btw"} if "requestId" in made else {})} for made in lines]


def warmed(lines: list[Line]) -> list[Line]:
    """Return lines whose answers say that more was read from the cache and less written to it."""
    more = {"cache_creation_input_tokens": 1, "cache_read_input_tokens": 1099}
    return [
        {**made, "message": {**made["message"], "usage": {**made["message"]["usage"], **more}}}
        if made["type"] == "assistant"
        else made
        for made in lines
    ]


def without(lines: list[Line], key: str) -> list[Line]:
    return [{name: value for name, value in made.items() if name != key} for made in lines]


TALK = [asked(1), said(2, 3), said(2, 40, uuid=uuid(3)), asked(4), said(5, 50)]
OWN = [asked(20, sessionId=FORK), said(21, 7, sessionId=FORK)]
SUMMARY = line(19, "user", {"content": "What was said."}, sessionId=FORK, isCompactSummary=True)
ASIDE = [asked(30, **SIDE), said(31, 9, **SIDE)]
NAMELESS = [asked(1), said(2, 3, id=None, request=None), said(3, 40, id=None, request=None)]

Files = dict[str, list[Line]]
TWO_FILES: dict[str, tuple[Files, Total]] = {
    "a copy in another folder": ({MAIN: TALK, f"old/{MAIN}": TALK}, (20, 90, 200, 2000)),
    "a copy under another session id": (
        {MAIN: TALK, FORK: copied(TALK, sessionId=FORK)},
        (20, 90, 200, 2000),
    ),
    "a fork": ({MAIN: TALK, FORK: copied(TALK, sessionId=FORK) + OWN}, (30, 97, 300, 3000)),
    "a fork that begins with a line of its own": (
        {MAIN: TALK, FORK: [SUMMARY, *copied(TALK[3:], sessionId=FORK), *OWN]},
        (30, 97, 300, 3000),
    ),
    "a fork whose lines have new ids": (
        {MAIN: TALK, FORK: [{**made, "uuid": made["uuid"][:-3] + "900"} for made in TALK] + OWN},
        (30, 97, 300, 3000),
    ),
    "a fork without request ids": (
        {MAIN: without(TALK, "requestId"), FORK: without(copied(TALK, sessionId=FORK) + OWN, "requestId")},
        (30, 97, 300, 3000),
    ),
    "a fork without message ids": (
        {MAIN: NAMELESS, FORK: copied(NAMELESS, sessionId=FORK) + OWN},
        (30, 50, 300, 3000),
    ),
    "a fork that heard the answer out": (
        {MAIN: TALK[:2], FORK: copied(TALK, sessionId=FORK) + OWN},
        (30, 97, 300, 3000),
    ),
    "a sub-agent": ({MAIN: TALK, AGENT: ASIDE}, (30, 99, 300, 3000)),
    "a side question under new request ids": (
        {MAIN: TALK, AGENT: replayed(TALK) + ASIDE},
        (30, 99, 300, 3000),
    ),
    "a side question that begins with a line of its own": (
        {MAIN: TALK, AGENT: [ASIDE[0], *replayed(TALK), ASIDE[1]]},
        (30, 99, 300, 3000),
    ),
    "ids that a gateway gives out anew": (
        {
            MAIN: [said(1, 3, id="chat", request=None)],
            FORK: [said(2, 40, id="chat", request=None, sessionId=FORK)],
        },
        (20, 43, 200, 2000),
    ),
}


def write(folder: Path, files: Files) -> list[Path]:
    paths = []
    for name, lines in files.items():
        path = folder / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(made) + "\n" for made in lines))
        paths.append(path)
    return paths


def run(db: SessionDB, *paths: Path) -> None:
    assert not Ingest(db.connection).run(list(map(str, paths))).skipped


def total(db: SessionDB) -> Total:
    input, output, cache_write, cache_read = db.connection.row(SUMS) or ()
    return input, output, cache_write, cache_read


def at_once(db: SessionDB, paths: list[Path]) -> None:
    for age, path in enumerate(reversed(paths)):
        os.utime(path, (1_700_000_000 - age, 1_700_000_000 - age))
    run(db, *paths)


def one_by_one(db: SessionDB, paths: list[Path]) -> None:
    for path in paths:
        run(db, path)


def while_the_last_grows(db: SessionDB, paths: list[Path]) -> None:
    whole = paths[-1].read_bytes()
    paths[-1].write_bytes(b"".join(whole.splitlines(keepends=True)[:2]))
    run(db, *paths)
    paths[-1].write_bytes(whole)
    run(db, *paths)


@pytest.mark.parametrize("way", [at_once, one_by_one, while_the_last_grows])
@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(("files", "expected"), TWO_FILES.values(), ids=TWO_FILES)
def test_a_response_counts_once_in_whichever_files_it_stands(
    db: SessionDB,
    tmp_path: Path,
    files: Files,
    expected: Total,
    order: int,
    way: Callable[[SessionDB, list[Path]], None],
) -> None:
    way(db, write(tmp_path / "projects", files)[::order])
    assert total(db) == expected


@pytest.mark.parametrize("way", [at_once, one_by_one])
@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({MAIN: TALK, AGENT: warmed(replayed(TALK)) + ASIDE}, (30, 99, 300, 3000)),
        ({MAIN: TALK, FORK: warmed(copied(TALK, sessionId=FORK)) + OWN}, (30, 97, 300, 3000)),
    ],
    ids=["a side question", "a fork"],
)
def test_a_response_counts_as_the_original_has_it_though_copies_read_more_of_the_cache(
    db: SessionDB,
    tmp_path: Path,
    files: Files,
    expected: Total,
    order: int,
    way: Callable[[SessionDB, list[Path]], None],
) -> None:
    way(db, write(tmp_path / "projects", files)[::order])
    assert total(db) == expected


PROGRESS = {
    **{"type": "progress", "uuid": uuid(40), "sessionId": MAIN, "timestamp": "2026-04-02T08:01:00.000Z"},
    "data": {"type": "agent_progress", "message": said(31, 999, **SIDE)},
}
REPORT = {"status": "completed", "totalTokens": 999, "usage": {"input_tokens": 999, "output_tokens": 999}}
ONE_FILE: dict[str, tuple[list[Line], Total]] = {
    "another answer between its lines": (
        [said(1, 3), said(2, 4), said(1, 40, uuid=uuid(3))],
        (20, 44, 200, 2000),
    ),
    "the request id on its last line only": (
        [said(1, 3, request=None), said(1, 40, uuid=uuid(2))],
        (10, 40, 100, 1000),
    ),
    "the request id on one of its parts only": (
        [said(1, 3), said(2, 4), said(1, 40, uuid=uuid(3), request=None)],
        (20, 44, 200, 2000),
    ),
    "no message id": ([said(1, 3, id=None), said(2, 40, id=None)], (20, 43, 200, 2000)),
    "an empty message id": (
        [said(1, 3) | {"message": said(1, 3)["message"] | {"id": ""}}],
        (10, 3, 100, 1000),
    ),
    "neither ids nor uuid": (
        without([said(1, 3, id=None, request=None), said(2, 40, id=None, request=None)], "uuid"),
        (20, 43, 200, 2000),
    ),
    "a sidechain": ([*TALK, asked(30, isSidechain=True), said(31, 9, isSidechain=True)], (30, 99, 300, 3000)),
    "what a sub-agent reports meanwhile": ([*TALK, PROGRESS], (20, 90, 200, 2000)),
    "what a sub-agent came to": ([*TALK, asked(30, toolUseResult=REPORT)], (20, 90, 200, 2000)),
    "counts of what no model said": (
        [
            *TALK,
            said(6, 8, isApiErrorMessage=True),
            said(7, 8) | {"message": said(7, 8)["message"] | {"model": "<synthetic>"}},
        ],
        (20, 90, 200, 2000),
    ),
    "null for what is not there": (
        [said(1, 40, request=None, usage={"cache_read_input_tokens": None}) | {"requestId": None}],
        (10, 40, 100, 0),
    ),
    "no time": (without([said(1, 40)], "timestamp"), (10, 40, 100, 1000)),
    "a version that is no number": ([said(1, 40, version="dev")], (10, 40, 100, 1000)),
}


@pytest.mark.parametrize(("lines", "expected"), ONE_FILE.values(), ids=ONE_FILE)
def test_a_file_comes_to_what_its_responses_came_to(
    db: SessionDB, tmp_path: Path, lines: list[Line], expected: Total
) -> None:
    run(db, *write(tmp_path, {MAIN: lines}))
    assert tuple(count or 0 for count in total(db)) == expected


def parts(short: Any, long: Any) -> dict[str, Any]:
    return {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long}


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        ({"cache_creation_input_tokens": 34, "cache_creation": parts(30, 4)}, 34),
        ({"cache_creation_input_tokens": 0, "cache_creation": parts(30, 4)}, 34),
        ({"cache_creation_input_tokens": None, "cache_creation": parts(30, None)}, 30),
        ({"cache_creation_input_tokens": 0, "cache_creation": parts(0, 0)}, 0),
        ({"cache_creation_input_tokens": 34, "cache_creation": {}}, 34),
        ({"cache_creation_input_tokens": 34, "cache_creation": "x"}, 34),
        ({"cache_creation_input_tokens": 34}, 34),
        ({"cache_creation_input_tokens": None}, None),
    ],
)
def test_what_the_cache_took_is_its_sum_or_else_its_parts(
    db: SessionDB, tmp_path: Path, usage: dict[str, Any], counted: int | None
) -> None:
    run(db, *write(tmp_path, {MAIN: [said(1, 40, usage=usage)]}))
    assert total(db) == (10, 40, counted, 1000)


def call(kind: str, output: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, "input_tokens": 500, "cache_read_input_tokens": 60, "output_tokens": output, **more}


def test_calls_that_an_answers_sums_leave_out_count_beside_it(db: SessionDB, tmp_path: Path) -> None:
    calls = [
        call("compaction", 70),
        call("message", 15),
        call("advisor_message", 80, model="claude-opus-4-7"),
        call("message", 25),
        call("advisor_message", 90, model="claude-opus-4-7"),
    ]
    lines = [said(1, 3), said(1, 40, uuid=uuid(2), usage={"iterations": calls})]
    run(db, *write(tmp_path, {MAIN: lines, FORK: copied(lines, sessionId=FORK)}))
    found = db.connection.rows(
        "SELECT m.name, t.input, t.output, t.cache_read, t.message_id IS NOT NULL FROM token_counts AS t"
        " JOIN models AS m ON m.id = t.model_id ORDER BY t.output"
    )
    assert list(map(tuple, found)) == [
        ("claude-haiku-4-5", 10, 40, 1000, 1),
        ("claude-haiku-4-5", 500, 70, 60, 0),
        ("claude-opus-4-7", 500, 80, 60, 0),
        ("claude-opus-4-7", 500, 90, 60, 0),
    ]


@pytest.mark.parametrize("calls", [None, 3, {}, [], [3], [None], [{"type": "message"}], [{"type": 7}]])
def test_odd_lists_of_calls_leave_the_answer_as_it_is(db: SessionDB, tmp_path: Path, calls: Any) -> None:
    run(db, *write(tmp_path, {MAIN: [said(1, 40, usage={"iterations": calls})]}))
    assert total(db) == (10, 40, 100, 1000)
