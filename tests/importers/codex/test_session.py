"""Codex's sessions of today: read in parts, with values gone mad, and real ones."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from sessiondb.importers import codex
from sessiondb.importers.base import MessageRecord, SessionRecord, TokenRecord, ToolResult
from sessiondb.importers.files.source import Source
from tests.helpers.codex_logs import FILE, known, mutated, rows, union, whole_session, write


def test_a_log_cut_anywhere_gives_what_it_gives_at_once(tmp_path: Path) -> None:
    data = write(tmp_path / FILE, whole_session()).read_bytes()
    path = tmp_path / FILE
    at_once = union(codex.read(Source(path)))
    starts = [0, *(at + 1 for at, byte in enumerate(data) if byte == 10)]
    for start in starts:
        for torn in (0, 30):
            path.write_bytes(data[: start + torn])
            first = Source(path)
            records = list(codex.read(first))
            path.write_bytes(data)
            state = json.loads(json.dumps(first.state))
            second = Source(path, start=first.end, line=first.line, state=state)
            assert union(records + list(codex.read(second))) == at_once, data[:start].count(b"\n")
            assert second.line == data.count(b"\n")


def test_only_new_lines_are_read_after_an_import(tmp_path: Path) -> None:
    lines = whole_session()
    path = write(tmp_path / FILE, lines[:24])
    first = Source(path)
    list(codex.read(first))
    write(path, lines)
    second = Source(path, start=first.end, line=first.line, state=first.state)
    assert (first.end > 0, rows(codex.read(second))[0]) == (True, ("user", "Add a test for October."))


@pytest.mark.parametrize("seed", range(100))
def test_values_of_any_type_are_read_without_an_error(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    lines = [mutated(one, dice, dice.choice((0.01, 0.05, 0.2))) for one in whole_session()]
    if seed % 3 == 0:
        dice.shuffle(lines)
    source = Source(write(tmp_path / FILE, lines))
    records = list(codex.read(source))
    assert source.problems == []
    json.dumps(source.state)
    for record in records:
        if isinstance(record, MessageRecord):
            texts = [record.content, record.reasoning, record.external_id, record.model, record.created_at]
            texts += [text for asked in record.tool_calls for text in asked]
            assert record.external_id
        elif isinstance(record, ToolResult):
            texts = [record.call_id, record.result, record.name, record.external_id]
        elif isinstance(record, TokenRecord):
            texts = [record.request_key]
            counts = (record.input, record.cache_read, record.output, record.reasoning)
            assert all(isinstance(count, int) and count >= 0 for count in counts)
        else:
            assert isinstance(record, SessionRecord)
            texts = [
                record.id,
                record.native_id,
                record.project,
                record.title,
                record.model,
                record.parent_id,
            ]
        assert all(text is None or isinstance(text, str) for text in texts)


def test_real_logs_give_the_prompts_calls_tokens_and_times_that_are_in_them(corpus: Path) -> None:
    files = sorted((corpus / "codex").rglob("*.jsonl"))
    assert files
    for file in files:
        records = list(codex.read(Source(file)))
        lines = [json.loads(raw) for raw in file.read_bytes().split(b"\n") if raw.strip()]
        events = [one["payload"] for one in lines if one.get("type") == "event_msg"]
        items = [one["payload"] for one in lines if one.get("type") == "response_item"]
        prompts = [found for found in events if found["type"] == "user_message"]
        messages = [record for record in records if isinstance(record, MessageRecord)]
        if prompts:
            assert sum(row.role == "user" for row in messages) == len(prompts), file
        calls = sum(len(row.tool_calls) for row in messages)
        assert calls == sum(str(found.get("type")).endswith("_call") for found in items), file
        times = [one["timestamp"] for one in lines if str(one.get("timestamp")).startswith("20")]
        if records:
            began, ended = known(records)["started_at"], known(records)["last_active_at"]
            assert (began[:19], ended[:19]) == (min(times)[:19], max(times)[:19]), file
        totals = [
            info["total_token_usage"] for found in events if (info := found.get("info")) and len(info) > 2
        ]
        counts = [record for record in records if isinstance(record, TokenRecord)]
        if totals:
            last = max(totals, key=lambda total: int(total["total_tokens"]))
            sums = {
                "input_tokens": sum((one.input or 0) + (one.cache_read or 0) for one in counts),
                "cached_input_tokens": sum(one.cache_read or 0 for one in counts),
                "output_tokens": sum(one.output or 0 for one in counts),
                "reasoning_output_tokens": sum(one.reasoning or 0 for one in counts),
            }
            assert sums == {name: last[name] for name in sums}, file
