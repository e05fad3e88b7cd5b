"""nanobot's session files, early and today's."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from sessiondb.importers import nanobot
from sessiondb.importers.base import (
    ChannelRecord,
    MessageRecord,
    Record,
    SessionRecord,
    ToolCallRecord,
    ToolResult,
)
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Problem, Source
from sessiondb.timestamps import normalise

METADATA: dict[str, Any] = {
    "_type": "metadata",
    "key": "telegram:123",
    "created_at": "2026-03-27T13:00:00.500000",
    "updated_at": "2026-03-27T14:00:00.500000",
    "metadata": {"title": "Corals", "session_handle": "mibola", "runtime_checkpoint": {"messages": []}},
    "last_consolidated": 2,
}
USER: dict[str, Any] = {"role": "user", "content": "Which corals?", "timestamp": "2026-03-27T13:07:31.510617"}
CALL: dict[str, Any] = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "ls", "arguments": "{}"}}],
    "reasoning_content": "Look first.",
    "timestamp": "2026-03-27T13:07:32.1",
}
ANSWER: dict[str, Any] = {
    "role": "tool",
    "content": "staghorn.md",
    "tool_call_id": "c1",
    "name": "ls",
    "timestamp": "2026-03-27T13:07:32.2",
}
REPLY: dict[str, Any] = {
    "role": "assistant",
    "content": "Staghorn.",
    "timestamp": "2026-03-27T13:07:33",
    "tools_used": None,
    "latency_ms": 12,
}
LINES = [METADATA, USER, CALL, ANSWER, REPLY]
Row = MessageRecord | ToolResult


def write(path: Path, *lines: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def read(path: Path, **options: Any) -> tuple[list[Record], list[Problem]]:
    source = Source(path, **{"tz": timezone.utc, **options})
    return list(nanobot.read(source)), source.problems


def session_of(records: list[Record]) -> SessionRecord:
    """Return what the session's records say in the end, the first of them being first."""
    assert isinstance(records[0], SessionRecord)
    session = records[0]
    for record in records:
        if isinstance(record, SessionRecord):
            known = {field: value for field, value in record._asdict().items() if value not in (None, ())}
            session = session._replace(**known)
    return session


def rows_of(records: list[Record]) -> list[Row]:
    return [record for record in records if isinstance(record, MessageRecord | ToolResult)]


def test_a_file_becomes_a_session_and_its_messages(tmp_path: Path) -> None:
    records, problems = read(write(tmp_path / "reef" / "sessions" / "telegram_123.jsonl", *LINES))
    session, rows = session_of(records), rows_of(records)
    assert problems == []
    assert session == SessionRecord(
        session.id,
        "nanobot",
        "telegram:123",
        key="telegram:123",
        project=str(tmp_path / "reef"),
        channel=ChannelRecord("telegram", chat_id="123"),
        title="Corals",
        started_at="2026-03-27T13:07:31.510Z",
        last_active_at="2026-03-27T13:07:33.000Z",
        consolidated=2,
        metadata={"session_handle": "mibola"},
    )
    assert len({row.external_id for row in rows}) == 4
    assert [row._replace(external_id=None) for row in rows] == [
        MessageRecord(session.id, "user", "Which corals?", created_at="2026-03-27T13:07:31.510Z"),
        MessageRecord(
            session.id,
            "assistant",
            created_at="2026-03-27T13:07:32.100Z",
            reasoning="Look first.",
            tool_calls=(ToolCallRecord("c1", "ls", "{}"),),
        ),
        ToolResult(session.id, "c1", "staghorn.md", created_at="2026-03-27T13:07:32.200Z", name="ls"),
        MessageRecord(
            session.id,
            "assistant",
            "Staghorn.",
            created_at="2026-03-27T13:07:33.000Z",
            metadata={"latency_ms": 12},
        ),
    ]


@pytest.mark.parametrize("place", [0, 2, 4])
def test_the_metadata_may_be_on_any_line(tmp_path: Path, place: int) -> None:
    usual = read(write(tmp_path / "a.jsonl", *LINES))
    lines = LINES[1:]
    lines.insert(place, METADATA)
    path = write(tmp_path / "a.jsonl", *lines)
    sample = Sample(path)
    sample.lines_up_to(1)
    assert nanobot.sniff(sample) == 2
    assert read(path) == usual


def test_the_last_metadata_line_wins(tmp_path: Path) -> None:
    older = {**METADATA, "metadata": {"title": "New chat"}, "last_consolidated": 0}
    records, _ = read(write(tmp_path / "a.jsonl", older, USER, REPLY, METADATA))
    assert (session_of(records).title, session_of(records).consolidated) == ("Corals", 2)


@pytest.mark.parametrize(
    ("file", "key", "channel"),
    [
        ("cli_direct.jsonl", "cli:direct", ChannelRecord("cli", chat_id="direct")),
        ("matrix_!a_b.jsonl", "matrix:!a_b", ChannelRecord("matrix", chat_id="!a_b")),
        ("heartbeat.jsonl", "heartbeat", None),
        ("dGVsZWdyYW06MQ.jsonl", "telegram:1", ChannelRecord("telegram", chat_id="1")),
        ("Y2xpOmRpcmVjdA.jsonl.gz", "cli:direct", ChannelRecord("cli", chat_id="direct")),
        ("dGVsZWdyYW06MR.jsonl", "dGVsZWdyYW06MR", None),
    ],
)
def test_the_file_names_the_key_where_the_metadata_does_not(
    tmp_path: Path, file: str, key: str, channel: ChannelRecord | None
) -> None:
    metadata = {name: value for name, value in METADATA.items() if name != "key"}
    session = session_of(read(write(tmp_path / file, metadata, USER))[0])
    assert (session.native_id, session.key, session.channel) == (key, key, channel)


def test_the_same_key_in_another_folder_is_another_session(tmp_path: Path) -> None:
    files = [write(tmp_path / folder / "sessions" / "a.jsonl", *LINES) for folder in ("ann", "bo")]
    ids = {session_of(read(file)[0]).id for file in files}
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("file", "marker", "project"),
    [
        ("reef/sessions/a.jsonl", None, "reef"),
        (".nanobot/sessions/a.jsonl", None, None),
        ("copies/a.jsonl", None, None),
        (".nanobot/sessions/0123456789abcdef0123456789abcdef/a.jsonl", "/home/ann/reef\n", "/home/ann/reef"),
        (".nanobot/sessions/0123456789abcdef0123456789abcdef/a.jsonl", "\n", None),
    ],
)
def test_the_project_is_the_workspace(
    tmp_path: Path, file: str, marker: str | None, project: str | None
) -> None:
    path = write(tmp_path / file, *LINES)
    if marker:
        (path.parent / ".workspace").write_text(marker)
    expected = str(tmp_path / project) if project and not marker else project
    assert session_of(read(path)[0]).project == expected


def test_what_is_private_to_the_provider_is_left_out(tmp_path: Path) -> None:
    state = {"_type": "provider_state", "role": "assistant", "state": {"secret": "x"}}
    assert read(write(tmp_path / "a.jsonl", METADATA, state, USER)) == read(
        write(tmp_path / "a.jsonl", METADATA, USER)
    )


@pytest.mark.parametrize("mark", [{"_hidden_history": True}, {"_automation_turn": {"kind": "cron"}}])
def test_hidden_turns_are_marked_and_keep_their_role(tmp_path: Path, mark: dict[str, Any]) -> None:
    (row,) = rows_of(read(write(tmp_path / "a.jsonl", METADATA, {**USER, **mark}))[0])
    assert isinstance(row, MessageRecord)
    assert (row.role, row.metadata) == ("user", {**mark, "kind": "hidden"})


@pytest.mark.parametrize(
    ("content", "context", "shown"),
    [
        ("Hi\n\n[now: noon]", {"version": 1, "suffix": "[now: noon]"}, "Hi"),
        ("[now: noon]", {"version": 1, "suffix": "[now: noon]"}, None),
        ("Hi [now: noon]", {"version": 1, "suffix": "[now: noon]"}, "Hi [now: noon]"),
        ("Hi", {"suffix": ""}, "Hi"),
        ([{"type": "text", "text": "Hi"}, {"type": "text", "text": "noon"}], {"blocks": ["?"]}, "Hi\n\nnoon"),
        (
            [{"type": "text", "text": "Hi"}, {"type": "text", "text": "noon"}],
            {"blocks": [{"type": "text", "text": "noon"}]},
            "Hi",
        ),
    ],
)
def test_context_appended_for_the_model_is_no_part_of_the_prompt(
    tmp_path: Path, content: Any, context: dict[str, Any], shown: str | None
) -> None:
    line = {"role": "user", "content": content, "_runtime_context": context}
    (row,) = rows_of(read(write(tmp_path / "a.jsonl", METADATA, line))[0])
    assert isinstance(row, MessageRecord)
    assert (row.content, row.metadata) == (shown, {"_runtime_context": context})


def test_commands_and_injected_events_keep_their_marks(tmp_path: Path) -> None:
    command = {"role": "user", "content": "/new", "_command": True}
    event = {"role": "assistant", "content": "Indexed.", "injected_event": "subagent_result"}
    rows = rows_of(read(write(tmp_path / "a.jsonl", METADATA, command, event))[0])
    assert [(row.role, row.content, row.metadata) for row in rows if isinstance(row, MessageRecord)] == [
        ("user", "/new", {"_command": True}),
        ("assistant", "Indexed.", {"injected_event": "subagent_result"}),
    ]


def test_times_are_local_to_the_zone_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", METADATA, USER)
    records, _ = read(path, tz=timezone(timedelta(hours=2)))
    assert session_of(records).started_at == "2026-03-27T11:07:31.510Z"
    assert [row.created_at for row in rows_of(records)] == ["2026-03-27T11:07:31.510Z"]


def test_a_session_without_messages_has_the_times_of_its_metadata(tmp_path: Path) -> None:
    session = session_of(read(write(tmp_path / "a.jsonl", METADATA))[0])
    assert (session.started_at, session.last_active_at) == (
        "2026-03-27T13:00:00.500Z",
        "2026-03-27T14:00:00.500Z",
    )


def test_a_rewritten_file_gives_the_same_ids(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    same = {**USER, "latency_ms": 7}
    before = rows_of(read(write(path, METADATA, USER, same, REPLY))[0])
    later = {**METADATA, "updated_at": "2026-03-28T09:00:00", "last_consolidated": 3}
    noted = {**USER, "_runtime_context": {"suffix": "[noon]"}, "content": "Which corals?\n\n[noon]"}
    after = rows_of(read(write(path, later, noted, same, {**REPLY, "latency_ms": 99}, CALL))[0])
    assert len({row.external_id for row in before}) == 3
    assert [row.external_id for row in after[:3]] == [row.external_id for row in before]
    dropped = rows_of(read(write(path, later, REPLY, CALL))[0])
    assert [row.external_id for row in dropped] == [row.external_id for row in after[2:]]


@pytest.mark.parametrize("lines", [LINES, [*LINES[1:], METADATA], [METADATA, USER, USER, USER, REPLY, USER]])
def test_a_file_read_in_two_parts_gives_the_same_rows(tmp_path: Path, lines: list[Any]) -> None:
    path = write(tmp_path / "telegram_123.jsonl", *lines)
    whole, _ = read(path)
    data = path.read_bytes()
    for cut in range(1, len(lines)):
        path.write_bytes(b"".join(data.splitlines(keepends=True)[:cut]))
        first = Source(path, tz=timezone.utc)
        records = list(nanobot.read(first))
        path.write_bytes(data)
        second = Source(path, tz=timezone.utc, start=first.end, line=first.line, state=first.state)
        records += nanobot.read(second)
        assert (rows_of(records), session_of(records)) == (rows_of(whole), session_of(whole))


@pytest.mark.parametrize("value", [999, 4, -1, 1.5, 2.0, "2", True, None, [2], {}])
def test_a_count_of_consolidated_messages_that_makes_no_sense_hides_nothing(
    tmp_path: Path, value: Any
) -> None:
    path = write(tmp_path / "a.jsonl", {**METADATA, "last_consolidated": value}, USER, USER, REPLY)
    assert session_of(read(path)[0]).consolidated == 0


def test_bad_lines_are_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    odd = ["{", "[1]", "7", '{"role": 3}', '{"a": 1}', '{"role": "user", "content": "a\\u0000b"}']
    path = write(tmp_path / "a.jsonl", METADATA, *odd, REPLY)
    with open(path, "a", encoding="utf-8") as handle:
        handle.write('{"role": "user", "cont')
    source = Source(path)
    rows = rows_of(list(nanobot.read(source)))
    contents = [row.content for row in rows if isinstance(row, MessageRecord)]
    assert contents == ["a\ufffdb", "Staghorn."]
    assert [(problem.line, problem.reason.split(":")[0]) for problem in source.problems] == [
        (2, "not valid JSON"),
        (3, "neither a message nor metadata"),
        (4, "neither a message nor metadata"),
        (5, "neither a message nor metadata"),
        (6, "neither a message nor metadata"),
    ]
    assert (source.complete, source.line) == (False, 8)


@pytest.mark.parametrize("depth", [100, 500, 700, 900, 100_000])
def test_no_line_is_nested_too_deeply_for_the_others(tmp_path: Path, depth: int) -> None:
    deep = '{"role": "user", "content": ' + "[" * depth + "]" * depth + "}"
    records, problems = read(write(tmp_path / "a.jsonl", METADATA, deep, REPLY))
    rows = rows_of(records)
    assert rows[-1].created_at == "2026-03-27T13:07:33.000Z"
    assert len(rows) + len(problems) == 2


@pytest.mark.parametrize("hostile", [None, True, 7, 0.5, "x", [], [[1]], {}, {"suffix": [], "blocks": 3}])
def test_odd_values_never_cost_the_other_lines(tmp_path: Path, hostile: Any) -> None:
    line = {**USER, "media": ["a"], "_runtime_context": {"suffix": "x"}, "_hidden_history": True}
    for original in (METADATA, line):
        for field in original:
            odd = {**original, field: hostile}
            records, _ = read(write(tmp_path / "a.jsonl", METADATA, odd, REPLY))
            assert [row.content for row in rows_of(records) if isinstance(row, MessageRecord)][
                -1
            ] == "Staghorn."
            assert session_of(records).agent == "nanobot"


@pytest.mark.parametrize(
    "lines",
    [
        [{"event": "pageview", "ts": 1}, {"event": "click", "ts": 2}],
        [USER, REPLY],
        [USER, {"role": "assistant", "content": '{"_type": "metadata"}'}],
        [USER, {"role": "assistant", "content": "", "data": {"_type": "metadata"}}],
        [USER, '{"_type": "metadata"'],
        [{"_type": "provider_state", "state": {}}],
        [[METADATA]],
    ],
)
def test_lines_without_metadata_are_not_recognised(tmp_path: Path, lines: list[Any]) -> None:
    sample = Sample(write(tmp_path / "a.jsonl", *lines))
    sample.lines_up_to(50)
    assert nanobot.sniff(sample) == 0


def expected_files(corpus: Path) -> dict[str, dict[str, Any]]:
    files = json.loads((corpus / "EXPECTED.json").read_text(encoding="utf-8"))["files"]
    return {file: facts for file, facts in files.items() if "nanobot" in file and "roles" in facts}


def test_real_files_have_the_facts_counted_independently(corpus: Path) -> None:
    for file, facts in expected_files(corpus).items():
        records, problems = read(corpus / file)
        rows = rows_of(records)
        roles = Counter(row.role if isinstance(row, MessageRecord) else "tool" for row in rows)
        assert (file, roles) == (file, facts["roles"])
        assert problems == []
        calls = sum(len(row.tool_calls) for row in rows if isinstance(row, MessageRecord))
        assert calls == facts.get("tool_calls", facts["roles"].get("tool"))
        session = session_of(records)
        if "metadata_key" in facts:
            assert session.key == facts["metadata_key"]
        else:
            times = (facts["first_timestamp(naive local)"], facts["last_timestamp(naive local)"])
            assert (session.started_at, session.last_active_at) == tuple(
                normalise(time, timezone.utc) for time in times
            )
            texts = [row.content for row in rows if isinstance(row, MessageRecord) and row.content]
            for rare in facts["rare_words"]:
                assert sum(rare["phrase"] in text for text in texts) == 1


def test_every_real_file_is_recognised_and_read(corpus: Path) -> None:
    files = sorted((corpus / "nanobot").rglob("*.jsonl"))
    assert len(files) == 9
    for path in files:
        sample = Sample(path)
        sample.lines_up_to(1)
        assert nanobot.sniff(sample) == 2
        records, problems = read(path)
        assert len(rows_of(records)) == len(path.read_bytes().splitlines()) - 1
        assert problems == []


def test_a_torn_last_line_waits_and_costs_nothing_else(corpus: Path) -> None:
    source = Source(corpus / "weird" / "mutated" / "nanobot_partial_last_line.jsonl")
    assert len(rows_of(list(nanobot.read(source)))) == 89
    assert (source.complete, source.problems) == (False, [])
