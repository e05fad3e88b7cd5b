"""Hermes' five kinds of file: telling them, reading them, and one session in all of them."""

from __future__ import annotations

import json
import random
import sqlite3
from collections import Counter
from contextlib import closing, suppress
from datetime import timezone
from pathlib import Path
from typing import Any

import pytest

from sessiondb.errors import ImportFailed
from sessiondb.importers import hermes
from sessiondb.importers.base import MessageRecord, Record, SessionRecord, TakenBack, TokenRecord
from sessiondb.importers.files.sample import MAX_LINES, Sample
from sessiondb.importers.files.source import Problem, Source
from sessiondb.timestamps import normalise
from tests.helpers.hermes_logs import (
    ANSWER,
    CALL,
    ENTRY,
    KEY,
    LINES,
    LOG,
    META,
    REPLY,
    TURN,
    USER,
    A,
    merged,
    write,
)

EXPORT: dict[str, Any] = {"id": A, "source": "cli", "started_at": 1772355600.5, "messages": [USER, REPLY]}


def read(path: Path) -> tuple[list[Record], list[Problem]]:
    source = Source(path, tz=timezone.utc)
    return list(hermes.read(source)), source.problems


def test_one_session_has_one_id_and_one_token_key_in_every_store(tmp_path: Path) -> None:
    database = tmp_path / "state.db"
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.executescript(
            "CREATE TABLE schema_version (version);"
            "CREATE TABLE sessions (id, source, started_at, input_tokens);"
            "CREATE TABLE messages (id, session_id, role, content, tool_call_id, timestamp);"
        )
        connection.execute("INSERT INTO sessions VALUES ('api-main', 'api_server', 1772355600.0, 5)")
    named = {"id": "api-main", "session_id": "api-main", "input_tokens": 5}
    paths = [
        database,
        write(tmp_path / "export.jsonl", EXPORT | named),
        write(tmp_path / "sessions" / "session_api-main.json", LOG | named),
        write(tmp_path / "sessions" / "api-main.jsonl", *LINES),
        write(tmp_path / "sessions" / "sessions.json", {KEY: ENTRY | named}),
    ]
    told = [merged(read(path)[0]) for path in paths]
    assert len({session["id"] for session, _ in told}) == 1
    assert [session.get("authority") for session, _ in told] == [30, 20, 10, 10, None]
    keys = [record.request_key for _, rows in told for record in rows if isinstance(record, TokenRecord)]
    assert keys == ["api-main:total"] * 3


NANOBOT = {"role": "tool", "content": "x", "tool_call_id": "c1", "name": "ls", "timestamp": TURN}


@pytest.mark.parametrize(
    ("name", "lines", "score"),
    [
        (f"{A}.jsonl", LINES, 2),
        ("any.jsonl", [USER, META], 2),
        ("any.jsonl", [USER, CALL], 1),
        ("any.jsonl", [ANSWER], 1),
        (f"{A}.jsonl", [USER], 1),
        ("any.jsonl", [USER], 0),
        ("any.jsonl", [USER, NANOBOT], 0),
        ("any.jsonl", [USER, CALL, {"_type": "metadata", "key": "cli:direct"}], 0),
        (f"{A}.jsonl", [USER] * MAX_LINES + [{"_type": "metadata"}], 0),
        (f"{A}.jsonl", [{"role": "user", "content": "no time"}], 0),
        ("out.jsonl", [EXPORT], 2),
        ("out.jsonl", [EXPORT, EXPORT], 2),
        ("out.jsonl", [{**EXPORT, "started_at": "2026-03-01"}], 0),
        ("sessions.json", [{KEY: ENTRY, "odd": None}], 2),
        ("sessions.json", [{"k": ENTRY}], 0),
        ("sessions.json", [{}], 0),
        (f"session_{A}.json", [LOG], 2),
        (f"request_dump_{A}.json", [{"session_id": A, "timestamp": TURN, "request": {"body": {}}}], 0),
        ("channel_directory.json", [{"updated_at": TURN, "platforms": {"telegram": []}}], 0),
        ("array.json", [[USER, CALL]], 0),
        ("empty.jsonl", [], 0),
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_files_are_told_by_their_content(
    tmp_path: Path, name: str, lines: list[Any], score: int, indent: int | None
) -> None:
    path = write(tmp_path / name, *lines, indent=indent if name.endswith(".json") else None)
    sample = Sample(path)
    sample.lines_up_to(MAX_LINES)
    assert hermes.sniff(sample) == score


def test_other_databases_and_documents_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE sessions (id)")
        connection.commit()
    assert hermes.sniff(Sample(path)) == 0
    for odd in (
        path,
        write(tmp_path / "a.json", [1], indent=2),
        write(tmp_path / "b.json", {"a": {}}, indent=2),
    ):
        with pytest.raises(ImportFailed, match=r"is not a Hermes (database|file|session): it "):
            read(odd)


def mutations(value: Any, chance: random.Random) -> Any:
    """Return the value with some of what is in it replaced by something else."""
    if chance.random() < 0.12:
        odd = [None, True, -1, 2**70, 1e308, "", "x\ud800\0", "[", [], {}, [None, [1]], {"role": 1, "": {}}]
        return chance.choice(odd)
    if isinstance(value, dict):
        return {key: mutations(item, chance) for key, item in value.items()}
    return [mutations(item, chance) for item in value] if isinstance(value, list) else value


def assert_storable(records: list[Record]) -> None:
    plain = {"parts", "metadata", "tool_calls", "channel", "tags"}
    for record in records:
        assert b"\\u0000" not in json.dumps(record, ensure_ascii=False, allow_nan=False).encode("utf-8")
        for field in set(record._fields) - plain:
            assert isinstance(getattr(record, field), str | int | None)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        (f"{A}.jsonl", LINES),
        ("out.jsonl", [EXPORT] * 2),
        ("sessions.json", {KEY: ENTRY}),
        ("session_x.json", LOG),
    ],
)
def test_hostile_values_never_raise_and_give_only_what_can_be_stored(
    tmp_path: Path, name: str, shape: Any
) -> None:
    found: list[Record] = []
    for seed in range(150):
        value = mutations(shape, random.Random(seed))
        lines = value if name.endswith("l") and isinstance(value, list) else [value]
        with suppress(ImportFailed):
            found += read(write(tmp_path / name, *map(json.dumps, lines)))[0]
    assert_storable(found)
    assert sum(isinstance(record, SessionRecord) for record in found) > 20


def test_hostile_rows_never_raise_and_give_only_what_can_be_stored(tmp_path: Path) -> None:
    odd = [None, b"\xff\0{", "\0json:[1,{}]", "[[[", "{}", 2**62, -1, 7, float("inf"), "2026-03-01", "user"]
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(
            "CREATE TABLE schema_version (version); CREATE TABLE gateway_routing (entry_json);"
            "CREATE TABLE sessions (id, source, started_at, ended_at, model_config, parent_session_id, title,"
            " input_tokens, estimated_cost_usd, origin_json, cwd);"
            "CREATE TABLE messages (id, session_id, role, content, tool_call_id, timestamp, tool_calls);"
        )
        chance = random.Random(1)
        for table, width in (("sessions", 11), ("messages", 7), ("gateway_routing", 1)):
            for _ in range(200):
                row = [chance.choice(odd) for _ in range(width)]
                connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * width)})", row)
    records = read(path)[0]
    assert_storable(records)
    assert {type(record) for record in records} == {SessionRecord, MessageRecord, TokenRecord}


def test_the_sample_logs_are_read_without_a_problem(samples: Path) -> None:
    found = {}
    for path in sorted((samples / "hermes").rglob("*.json*")):
        assert hermes.sniff(Sample(path)) or path.suffix == ".jsonl"
        records, problems = read(path)
        assert problems == []
        found[path.name] = Counter(type(record) for record in records)[SessionRecord]
    assert found["sessions.json"] == 2


STORE = "hermes/foodoaiprojects_hermes-agent"


def test_the_real_stores_hold_what_was_counted(corpus: Path) -> None:
    facts = json.loads((corpus / "EXPECTED.json").read_text())["files"]
    stores = {path: read(corpus / STORE / path)[0] for path in ("state.db", "export/hermes-export.jsonl")}
    told = facts[f"{STORE}/state.db"]
    for records in stores.values():
        roles = Counter(
            getattr(record, "role", "tool") for record in merged(records)[1] if hasattr(record, "external_id")
        )
        assert roles == told["roles"]
        tokens = {record.session: record for record in records if isinstance(record, TokenRecord)}
        sessions = {record.id: record for record in records if isinstance(record, SessionRecord)}
        assert sessions.keys() == told["sessions"].keys()
        for key, fact in told["sessions"].items():
            assert (sessions[key].title, sessions[key].model) == (fact["title"], fact["model"])
            assert sessions[key].started_at == normalise(fact["started_at"])
            assert sessions[key].ended_at == normalise(fact["ended_at"])
            counted = tokens[key]
            names = ("input", "output", "cache_read", "reasoning")
            assert [getattr(counted, name) for name in names] == [fact[f"{name}_tokens"] for name in names]
    ids = [[getattr(record, "external_id", None) for record in rows] for rows in stores.values()]
    assert Counter(ids[0]) == Counter(ids[1])


def test_the_real_transcript_holds_what_was_counted(corpus: Path) -> None:
    path = f"hermes/synthetic_from_seed/sessions/{A}.jsonl"
    told = json.loads((corpus / "EXPECTED.json").read_text())["files"][path]
    session, rows = merged(read(corpus / path)[0])
    roles = Counter(getattr(row, "role", "tool") for row in rows)
    assert roles + Counter(session_meta=1) == told["roles"]
    assert sum(len(getattr(row, "tool_calls", ())) for row in rows) == told["tool_calls"]
    dated = [row for row in rows if not isinstance(row, SessionRecord | TakenBack | TokenRecord)]
    assert {row.created_at for row in dated} == {"2026-03-01T09:00:05.100Z"}
    assert (session["model"], session["native_id"]) == (told["metadata"]["model"], told["file_stem"])


def test_every_real_file_is_certain_and_read_whole(corpus: Path) -> None:
    for path in (path for path in (corpus / "hermes").rglob("*") if path.is_file()):
        sample = Sample(path)
        sample.lines_up_to(MAX_LINES)
        assert hermes.sniff(sample) == 2
        assert read(path)[1] == []
