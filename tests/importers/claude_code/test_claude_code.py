"""Claude Code's transcripts as a whole: which files they are, what they hold, and how they are read on."""

from __future__ import annotations

import json
import random
import sqlite3
from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sessiondb.importers import claude_code
from sessiondb.importers.base import MessageRecord, Record, SessionRecord, TokenRecord, ToolResult
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Problem, Source
from sessiondb.timestamps import normalise
from tests.helpers.records import read_all

SESSION = "6f0f2c1e-8f0b-4e52-9c8b-0b7a3e1f5d11"
PROMPT = {"type": "user", "uuid": "u1", "sessionId": SESSION, "message": {"content": "Water them."}}
USAGE = {"input_tokens": 4, "cache_creation_input_tokens": 30, "cache_read_input_tokens": 200}


def line(kind: str, uuid: str, second: int, **more: Any) -> dict[str, Any]:
    """Return a line with the envelope that all messages have."""
    envelope = {"parentUuid": None, "isSidechain": False, "cwd": "/home/ada/garden", "sessionId": SESSION}
    envelope |= {"version": "2.1.4", "gitBranch": "main", "type": kind, "uuid": uuid}
    return {**envelope, "timestamp": f"2026-04-02T08:00:{second:02}.000Z", **more}


def block(message_id: str, content: Any, output: int, **more: Any) -> dict[str, Any]:
    """Return the fields of one line of an answer."""
    message = {"id": message_id, "role": "assistant", "model": "claude-opus-4-6", "content": [content]}
    return {"message": {**message, "usage": {**USAGE, "output_tokens": output}, **more}, "requestId": "req_1"}


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def call(name: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": name, "name": "Read", "input": {"file_path": f"/beds/{name}"}}


def answer(name: str) -> dict[str, Any]:
    content = [{"type": "tool_result", "tool_use_id": name, "content": f"{name}: dry", "is_error": False}]
    return {"message": {"role": "user", "content": content}, "toolUseResult": {"content": f"{name}: dry"}}


# Two calls at once: their answers stand between the lines of the message that asks. Then a line is repeated.
LINES: list[dict[str, Any]] = [
    {"type": "summary", "summary": "The tulip plan", "leafUuid": "of-another-file"},
    {"type": "file-history-snapshot", "messageId": "u1", "snapshot": {}},
    line("user", "u1", 0, message={"role": "user", "content": "Which bed is dry?"}),
    line("assistant", "a1", 1, **block("m1", {"type": "thinking", "thinking": "Look.", "signature": "x"}, 3)),
    line("assistant", "a2", 2, **block("m1", text("I look at both."), 3)),
    line("assistant", "a3", 3, **block("m1", call("t1"), 40)),
    line("user", "r1", 4, **answer("t1")),
    line("assistant", "a4", 5, **block("m1", call("t2"), 90, stop_reason="tool_use")),
    line("user", "r2", 6, cwd="/home/ada/garden/beds", **answer("t2")),
    line("progress", "p1", 7, data={"type": "hook_progress"}),
    line("assistant", "a5", 8, **block("m2", text("Both are."), 4)),
    line("assistant", "a6", 8, **block("m2", text("Water them now?"), 12, stop_reason="end_turn")),
    line("assistant", "a4", 5, **block("m1", call("t2"), 90, stop_reason="tool_use")),
    {"type": "ai-title", "sessionId": SESSION, "aiTitle": "Dry beds"},
    line("user", "u2", 9, version="2.1.5", message={"role": "user", "content": "Water them."}),
    {"type": "summary", "summary": "Watering the beds", "leafUuid": "u2"},
]


def write(path: Path, lines: Iterable[Any]) -> Path:
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return path


records = partial(read_all, claude_code)


Known = dict[Any, dict[str, Any]]


def stored(found: Iterable[Record]) -> tuple[Known, Known, dict[str, TokenRecord]]:
    """Return sessions, rows and tokens as they stand once all records are in, by their keys and in order."""
    sessions: Known = {}
    rows: Known = {}
    tokens: dict[str, TokenRecord] = {}
    for record in found:
        if isinstance(record, SessionRecord):
            said = {name: value for name, value in record._asdict().items() if value is not None}
            sessions.setdefault(record.id, {}).update(said)
        elif isinstance(record, TokenRecord):
            before = tokens.get(record.request_key)
            if before is None or (record.output or 0) > (before.output or 0):
                tokens[record.request_key] = record
        elif isinstance(record, MessageRecord):
            assert record.session in sessions
            _add_message(rows, record)
        elif isinstance(record, ToolResult):
            rows.setdefault((record.session, "tool", record.call_id or record.external_id), record._asdict())
    return sessions, rows, tokens


def _add_message(rows: Known, record: MessageRecord) -> None:
    new = record._asdict()
    row = rows.setdefault((record.session, "message", record.external_id), new)
    if row is new:
        return
    calls = {made.call_id for made in row["tool_calls"]}
    row["tool_calls"] += tuple(made for made in record.tool_calls if made.call_id not in calls)
    if record.continues:
        for name in ("content", "reasoning"):
            row[name] = "\n\n".join(text for text in (row[name], new[name]) if text) or None
    elif record.content and record.content.startswith(row["content"] or ""):
        row["content"] = record.content
    row["finish_reason"] = record.finish_reason or row["finish_reason"]


@pytest.mark.parametrize(
    ("lines", "score"),
    [
        ([PROMPT], 2),
        ([{"type": "summary", "summary": "x", "leafUuid": "u"}], 2),
        ([{"type": "queue-operation", "operation": "enqueue", "sessionId": SESSION}], 2),
        ([{"sessionId": "s", "message": {"role": "assistant", "usage": {}}}], 2),
        ([{"note": 1}, PROMPT], 2),
        ([{"type": "user", "message": {"content": "hello"}}], 1),
        ([{"type": "user", "id": "1", "content": "hello"}], 0),
        ([{"display": "hello", "project": "/x", "sessionId": SESSION}], 0),
        ([{"role": "user", "content": "hello"}], 0),
        ([{"type": ["user"], "message": 3, "uuid": {}}], 0),
        ([], 0),
    ],
)
def test_the_format_is_told_by_types_and_ids(tmp_path: Path, lines: list[Any], score: int) -> None:
    sample = Sample(write(tmp_path / "log", lines))
    sample.lines_up_to(50)
    assert claude_code.sniff(sample) == score


def test_a_transcript_becomes_rows_in_order(tmp_path: Path) -> None:
    sessions, rows, tokens = stored(records(write(tmp_path / f"{SESSION}.jsonl", LINES)))
    assert sessions[SESSION] == {
        "id": SESSION,
        "agent": "claude-code",
        "native_id": SESSION,
        "project": "/home/ada/garden",
        "title": "Dry beds",
        "model": "claude-opus-4-6",
        "started_at": "2026-04-02T08:00:00.000Z",
        "last_active_at": "2026-04-02T08:00:09.000Z",
        "tags": (),
        "metadata": {
            "cwd": ["/home/ada/garden", "/home/ada/garden/beds"],
            "git_branch": ["main"],
            "version": ["2.1.4", "2.1.5"],
        },
    }
    told = [
        (key[2], row.get("role", "tool"), row.get("content", row.get("result")), row["created_at"][17:19])
        for key, row in rows.items()
    ]
    assert told == [
        ("u1", "user", "Which bed is dry?", "00"),
        ("m1", "assistant", "I look at both.", "01"),
        ("t1", "tool", "t1: dry", "04"),
        ("t2", "tool", "t2: dry", "06"),
        ("m2", "assistant", "Both are.\n\nWater them now?", "08"),
        ("u2", "user", "Water them.", "09"),
    ]
    asked = rows[SESSION, "message", "m1"]
    assert asked["reasoning"] == "Look."
    assert asked["finish_reason"] == "tool_use"
    assert [made.arguments for made in asked["tool_calls"]] == [
        '{"file_path": "/beds/t1"}',
        '{"file_path": "/beds/t2"}',
    ]
    counted = [(key, row.input, row.cache_read, row.cache_write, row.output) for key, row in tokens.items()]
    assert counted == [("m1:req_1", 4, 200, 30, 90), ("m2:req_1", 4, 200, 30, 12)]
    assert [row.message for row in tokens.values()] == ["m1", "m2"]


def test_a_message_is_one_record_even_where_answers_stand_between_its_lines(tmp_path: Path) -> None:
    found = records(write(tmp_path / f"{SESSION}.jsonl", LINES))
    names = [(type(record).__name__, getattr(record, "external_id", None)) for record in found]
    assert names == [
        ("SessionRecord", None),
        ("MessageRecord", "u1"),
        ("MessageRecord", "m1"),
        ("TokenRecord", None),
        ("ToolResult", "r1"),
        ("ToolResult", "r2"),
        ("MessageRecord", "m2"),
        ("TokenRecord", None),
        ("MessageRecord", "u2"),
        ("SessionRecord", None),
    ]


def read_in_two_parts(path: Path, whole: bytes, cut: int) -> list[Record]:
    path.write_bytes(whole[:cut])
    first = Source(path)
    found = list(claude_code.read(first))
    state = json.loads(json.dumps(first.state))
    path.write_bytes(whole)
    return found + list(claude_code.read(Source(path, start=first.end, line=first.line, state=state)))


def cuts(data: bytes) -> list[int]:
    return [at + 1 for at, byte in enumerate(data) if byte == 10]


def chain() -> list[dict[str, Any]]:
    """Return lines of two sidechains, one within the other's time, inside their parent's file."""

    def link(kind: str, uuid: str, above: str | None, second: int, **more: Any) -> dict[str, Any]:
        return {**line(kind, uuid, second, **more), "parentUuid": above, "isSidechain": True}

    return [
        LINES[2],
        link("user", "s1", None, 1, message={"role": "user", "content": "Count the snails."}),
        link("user", "z1", None, 2, message={"role": "user", "content": "Count the slugs."}),
        link("assistant", "s2", "s1", 3, **block("n1", call("t8"), 4)),
        link("assistant", "z2", "z1", 4, **block("n2", text("Two."), 5)),
        link("user", "s3", "s2", 5, **answer("t8")),
        link("progress", "s4", "s3", 6),
        link("assistant", "s5", "s4", 7, **block("n3", text("Nine."), 6)),
    ]


WITHOUT_IDS = [
    {key: value for key, value in made.items() if key not in ("uuid", "sessionId")}
    | {"message": {key: value for key, value in made["message"].items() if key != "id"}}
    for made in [*LINES[2:6], LINES[2], LINES[2]]
]


@pytest.mark.parametrize(
    "lines", [LINES, LINES + LINES, chain(), WITHOUT_IDS], ids=["one", "twice", "sidechains", "without ids"]
)
def test_a_file_read_in_two_parts_gives_what_it_gives_at_once(tmp_path: Path, lines: list[Any]) -> None:
    path = tmp_path / f"{SESSION}.jsonl"
    whole = write(path, lines).read_bytes()
    expected = stored(records(path))
    for cut in cuts(whole):
        assert stored(read_in_two_parts(path, whole, cut)) == expected, f"cut at byte {cut}"


def test_a_file_appended_to_itself_gives_what_it_gives_once(tmp_path: Path) -> None:
    once = records(write(tmp_path / f"{SESSION}.jsonl", LINES))
    assert records(write(tmp_path / f"{SESSION}.jsonl", LINES + LINES)) == once


def test_an_unchanged_file_gives_nothing_new(tmp_path: Path) -> None:
    path = write(tmp_path / f"{SESSION}.jsonl", LINES)
    source = Source(path)
    assert list(claude_code.read(source))
    assert not list(claude_code.read(Source(path, start=source.end, line=source.line, state=source.state)))


def test_a_torn_last_line_waits_and_a_bad_one_is_reported(tmp_path: Path) -> None:
    path = write(tmp_path / f"{SESSION}.jsonl", LINES[2:4])
    whole = path.read_bytes()
    path.write_bytes(b'{"type":"user"\n[7]\n' + whole + b'{"type":"assis')
    source = Source(path)
    found = list(claude_code.read(source))
    assert [record.role for record in found if isinstance(record, MessageRecord)] == ["user", "assistant"]
    assert [(problem.line, problem.byte_offset) for problem in source.problems] == [(1, 0), (2, 15)]
    assert source.problems[1] == Problem(2, 15, "not a JSON object")
    assert source.end == len(whole) + 19


def test_a_web_session_is_one_document(tmp_path: Path) -> None:
    loglines = [{key: value for key, value in made.items() if key != "uuid"} for made in LINES[2:6]]
    path = tmp_path / f"{SESSION}.json"
    path.write_text(json.dumps({"loglines": [*loglines, "stray"]}, indent=2))
    assert claude_code.sniff(Sample(path)) == 2
    source = Source(path, start=99, state={"main": "left over"})
    found = list(claude_code.read(source))
    assert [(row.role, row.content) for row in found if isinstance(row, MessageRecord)] == [
        ("user", "Which bed is dry?"),
        ("assistant", "I look at both."),
    ]
    assert source.end == path.stat().st_size
    assert [problem.reason for problem in source.problems] == ["not a JSON object"]


JUNK: tuple[Any, ...] = (
    None,
    True,
    7,
    -1,
    2**70,
    1.5,
    "",
    "x",
    "\ud83d",
    "a\0b",
    [],
    [None, 3, "x"],
    {},
    {"type": "text"},
)


def mutated(value: Any, chance: random.Random) -> Any:
    if chance.random() < 0.06:
        return chance.choice(JUNK)
    if isinstance(value, dict):
        return {key: mutated(item, chance) for key, item in value.items()}
    return [mutated(item, chance) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("seed", range(40))
def test_values_of_wrong_types_anywhere_never_raise(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    queued = {"type": "queued_command", "prompt": "And mulch.", "origin": {"kind": "human"}}
    more = [line("attachment", "q", 1, attachment=queued), line("system", "s", 2, content="Full", error={})]
    lines = [mutated(made, chance) for made in [*LINES, *chain(), *more] * 3]
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(made) + "\n" for made in lines))
    found = records(path)
    stored(found)
    with sqlite3.connect(":memory:") as connection:
        for record in found:
            values = [value for value in record if isinstance(value, str | int | float)]
            connection.execute(f"SELECT {', '.join('?' * len(values))}", values)
            json.dumps(record, ensure_ascii=False).encode()
            created_at = getattr(record, "created_at", None)
            assert created_at is None or created_at == normalise(created_at)
    connection.close()


@pytest.mark.parametrize("seed", range(20))
def test_damaged_bytes_never_raise(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    data = bytearray(write(tmp_path / "log.jsonl", LINES + chain()).read_bytes())
    for _ in range(60):
        data[chance.randrange(len(data))] = chance.choice(b'\0\n\xff\\"{}[],:u0')
    (tmp_path / "log.jsonl").write_bytes(data)
    stored(records(tmp_path / "log.jsonl"))


@pytest.mark.parametrize("kind", ["mystery", "tool_result", "tool_use"])
def test_deep_nesting_never_raises(tmp_path: Path, kind: str) -> None:
    lines = []
    # The last is too deep for the decoder of every version of Python.
    for depth in (*range(100, 1900, 7), 100_000):
        deep = "[" * depth + "]" * depth
        nested = f'{{"type": "{kind}", "tool_use_id": "t", "content": {deep}, "input": {deep}}}'
        envelope = json.dumps(line("user", str(depth), 0))[:-1]
        lines.append(f'{envelope}, "message": {{"content": [{nested}, {{"type": "text", "text": "x"}}]}}}}\n')
    path = tmp_path / "log.jsonl"
    path.write_text("".join(lines))
    source = Source(path)
    rows = [record for record in claude_code.read(source) if isinstance(record, MessageRecord)]
    assert rows
    assert source.problems
    assert len(rows) + len(source.problems) == len(lines)


FACTS = ("1af7fc5e", "5c0375b4", "fe5e1c67")


@pytest.mark.parametrize("session", FACTS)
def test_real_transcripts_hold_what_was_counted_in_them(corpus: Path, session: str) -> None:
    files: dict[str, dict[str, Any]] = json.loads((corpus / "EXPECTED.json").read_text())["files"]
    name, facts = next((name, facts) for name, facts in files.items() if Path(name).name.startswith(session))
    sessions, rows, tokens = stored(records(corpus / name))
    roles = Counter(row.get("role", "tool") for row in rows.values())
    totals = facts["tokens_dedup(last/max output per (message.id,requestId))"]
    assert {
        "assistant_messages_distinct_id": roles["assistant"],
        "prompts": roles["user"],
        "tool_use_blocks": sum(len(row.get("tool_calls", ())) for row in rows.values()),
        "tool_result_blocks": roles["tool"],
        "input_tokens": sum(row.input or 0 for row in tokens.values()),
        "output_tokens": sum(row.output or 0 for row in tokens.values()),
        "cache_creation_input_tokens": sum(row.cache_write or 0 for row in tokens.values()),
        "cache_read_input_tokens": sum(row.cache_read or 0 for row in tokens.values()),
        "first_timestamp": min(row["started_at"] for row in sessions.values()),
        "last_timestamp": max(row["last_active_at"] for row in sessions.values()),
    } == {
        "assistant_messages_distinct_id": facts["assistant_messages_distinct_id"],
        "prompts": facts["user_prompt_lines"] - facts["of_which_slash_command_markup"],
        "tool_use_blocks": facts["tool_use_blocks"],
        "tool_result_blocks": facts["tool_result_blocks"],
        **totals,
        "first_timestamp": facts["first_timestamp"],
        "last_timestamp": facts["last_timestamp"],
    }


def test_every_real_transcript_is_known_and_read_on_from_anywhere(corpus: Path, tmp_path: Path) -> None:
    files = sorted({*(corpus / "claude-code").rglob("*.jsonl"), *(corpus / "weird").rglob("claude_*.jsonl")})
    assert files
    for file in files:
        sample = Sample(file)
        sample.lines_up_to(50)
        assert claude_code.sniff(sample), file
        whole = file.read_bytes()
        if whole.startswith(b"\xff\xfe"):
            continue  # its bytes are not its lines
        path = tmp_path / file.name
        path.write_bytes(whole)
        expected = stored(records(path))
        places = cuts(whole)
        for cut in places[:: 1 + len(places) // 12]:
            assert stored(read_in_two_parts(path, whole, cut)) == expected, f"{file} cut at byte {cut}"


def test_mutilated_copies_give_what_the_original_gives(corpus: Path) -> None:
    original = next((corpus / "claude-code").rglob("1af7fc5e*.jsonl"))
    expected = stored(records(original))
    for name in ("appended_twice", "blank_lines", "nul_block", "two_objects_one_line", "utf16"):
        copy = corpus / "weird" / "mutated" / f"claude_{name}.jsonl"
        assert stored(records(copy)) == expected, name


def test_the_programs_own_bill_and_the_effort_are_kept_beside_the_counts(tmp_path: Path) -> None:
    bill = {
        "type": "cost-state",
        "sessionId": SESSION,
        "totalCostUSD": 0.25,
        "modelUsage": {"m": {"costUSD": 0.25}},
    }
    lines = [*LINES, line("assistant", "a7", 10, effort="high", **block("m3", text("Done."), 4)), bill]
    sessions, rows, _ = stored(records(write(tmp_path / f"{SESSION}.jsonl", lines)))
    metadata = sessions[SESSION]["metadata"]
    assert (metadata["effort"], metadata["cost"]) == (
        ["high"],
        {"usd": 0.25, "models": {"m": {"costUSD": 0.25}}},
    )
    assert [key[2] for key in rows][-1] == "m3"
