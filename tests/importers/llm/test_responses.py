"""llm's first tables: prompts, fragments, attachments, tools and tokens of a response."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sessiondb.importers import llm as llm_logs
from sessiondb.importers.base import MessageRecord, Record, TokenRecord, ToolCallRecord, ToolResult
from sessiondb.importers.files.source import Source
from tests.helpers.llm_databases import CLASSIC, make, ulid

AT = "2026-03-01T09:00:00.000Z"


def response(number: int, prompt: str | None, reply: str | None, **more: Any) -> dict[str, Any]:
    return {
        "id": ulid(number),
        "model": "m",
        "prompt": prompt,
        "response": reply,
        "conversation_id": ulid(1),
        "datetime_utc": "2026-03-01 09:00:00",  # without a zone it is UTC
        **more,
    }


def records_of(folder: Path, *responses: dict[str, Any], **rows: Any) -> list[Record]:
    """Return the records of a conversation, without the session's own."""
    path = make(folder / "logs.db", CLASSIC, {"responses": list(responses), **rows})
    return list(llm_logs.read(Source(path)))[1:]


def test_a_system_prompt_stands_once_until_it_changes(tmp_path: Path) -> None:
    responses = [
        response(2, "a", "A", system="Be brief."),
        response(3, "b", "B", system="Be brief."),
        response(4, "c", "C", system="Be verbose."),
    ]
    fragments = {
        "fragments": [{"id": 1, "content": "You dive."}],
        "system_fragments": [{"response_id": ulid(2), "fragment_id": 1, "order": 0}],
    }
    told = [
        (record.role, record.content)
        for record in records_of(tmp_path, *responses, **fragments)
        if isinstance(record, MessageRecord) and record.role != "assistant"
    ]
    assert told == [
        ("system", "You dive.\n\nBe brief."),
        ("user", "a"),
        ("system", "Be brief."),
        ("user", "b"),
        ("system", "Be verbose."),
        ("user", "c"),
    ]


def test_fragments_and_attachments_are_part_of_the_prompt(tmp_path: Path) -> None:
    records = records_of(
        tmp_path,
        response(2, "Sum it up", "Done"),
        fragments=[{"id": 1, "content": "about zymurgy"}, {"id": 2, "content": "line one"}],
        prompt_fragments=[
            {"response_id": ulid(2), "fragment_id": 1, "order": 1},
            {"response_id": ulid(2), "fragment_id": 2, "order": 0},
        ],
        attachments=[
            {"id": "ab12", "type": "image/png", "content": b"12345"},
            {"id": "cd34", "type": "image/jpeg", "url": "https://a.example/b.jpg"},
        ],
        prompt_attachments=[
            {"response_id": ulid(2), "attachment_id": name, "order": order}
            for order, name in enumerate(("ab12", "cd34", "gone"))
        ],
    )
    assert records[0] == MessageRecord(
        ulid(1),
        "user",
        "line one\nabout zymurgy\nSum it up",
        f"{ulid(2)}:prompt",
        AT,
        parts=[
            {"type": "attachment", "sha256": "ab12", "media_type": "image/png", "bytes": 5},
            {
                "type": "attachment",
                "sha256": "cd34",
                "media_type": "image/jpeg",
                "url": "https://a.example/b.jpg",
            },
        ],
    )


def test_a_chain_of_tools_has_one_prompt(tmp_path: Path) -> None:
    records = records_of(
        tmp_path,
        response(2, "Which version?", "", reasoning="I ask."),
        response(3, "", "It is 1."),
        tool_calls=[
            {"id": 1, "response_id": ulid(2), "name": "version", "arguments": '{"of": "\\u65e5"}'},
            {"id": 2, "response_id": ulid(2), "name": "uptime", "arguments": "{}"},
        ],
        tool_results=[
            {"id": 1, "response_id": ulid(3), "name": "uptime", "output": "", "exception": "Error: none"},
            {"id": 2, "response_id": ulid(3), "name": "version", "output": "1"},
        ],
    )
    calls = (ToolCallRecord("#1", "version", '{"of":"日"}'), ToolCallRecord("#2", "uptime", "{}"))
    assert records == [
        MessageRecord(ulid(1), "user", "Which version?", f"{ulid(2)}:prompt", AT),
        MessageRecord(ulid(1), "assistant", None, ulid(2), AT, "I ask.", model="m", tool_calls=calls),
        ToolResult(ulid(1), "#2", "Error: none", True, AT, "uptime", f"{ulid(3)}:result-1"),
        ToolResult(ulid(1), "#1", "1", False, AT, "version", f"{ulid(3)}:result-2"),
        MessageRecord(ulid(1), "assistant", "It is 1.", ulid(3), AT, model="m"),
    ]


def test_the_model_is_the_one_that_answered(tmp_path: Path) -> None:
    row = response(
        2, "a", "A", resolved_model="m-2026-01-01", options_json='{"temperature": 0}', duration_ms=70
    )
    record = records_of(tmp_path, row)[1]
    assert isinstance(record, MessageRecord)
    assert record.model == "m-2026-01-01"
    assert record.metadata == {"options": {"temperature": 0}, "duration_ms": 70, "requested_model": "m"}


@pytest.mark.parametrize(
    ("details", "counts"),
    [
        (None, (100, None, None, 20, None)),
        (
            {
                "prompt_tokens_details": {"cached_tokens": 60},
                "completion_tokens_details": {"reasoning_tokens": 5},
            },
            (40, 60, None, 20, 5),
        ),
        ({"cache_read_input_tokens": 60, "cache_creation_input_tokens": 7}, (100, 60, 7, 20, None)),
        ({"cachedContentTokenCount": 60, "thoughtsTokenCount": 5}, (40, 60, None, 20, 5)),
        ("odd", (100, None, None, 20, None)),
    ],
)
def test_tokens_are_disjoint_whatever_the_provider(
    tmp_path: Path, details: Any, counts: tuple[Any, ...]
) -> None:
    row = response(2, "a", "A", input_tokens=100, output_tokens=20, token_details=json.dumps(details))
    record = records_of(tmp_path, row)[-1]
    assert record == TokenRecord(ulid(1), ulid(2), *counts)._replace(
        model="m", message=ulid(2), counted_at=AT
    )


def test_columns_and_tables_that_came_later_may_be_missing(tmp_path: Path) -> None:
    columns = (
        "id TEXT PRIMARY KEY, model TEXT, prompt TEXT, response TEXT, conversation_id TEXT, datetime_utc TEXT"
    )
    path = make(tmp_path / "logs.db", {"responses": columns}, {"responses": [response(2, "Hi", "Hello")]})
    records = list(llm_logs.read(Source(path)))
    assert records[1:] == [
        MessageRecord(ulid(1), "user", "Hi", f"{ulid(2)}:prompt", AT),
        MessageRecord(ulid(1), "assistant", "Hello", ulid(2), AT, model="m"),
    ]
