"""Logs of any content: no value of a wrong type ends a reading, and what comes of it can be stored."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.errors import ImportFailed
from sessiondb.importers import importer
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Source
from sessiondb.ingest.run import Ingest
from tests.helpers.odd_values import assert_storable, spoilt, with_odd_values
from tests.importers.test_antigravity import LOG as ANTIGRAVITIES
from tests.importers.test_cline import DETAILS, METRICS, answer, text, user
from tests.importers.test_continue_dev import LOG as CONTINUES
from tests.importers.test_copilot import LOG as COPILOTS
from tests.importers.test_copilot import event
from tests.importers.test_cursor import LOG as CURSORS
from tests.importers.test_droid import LOG as DROIDS
from tests.importers.test_goose import LOG as GOOSES
from tests.importers.test_grok import LOG as GROKS
from tests.importers.test_kimi import CONTEXT as KIMI_CONTEXTS
from tests.importers.test_kimi import LOG as KIMIS
from tests.importers.test_kimi import OLD as OLD_KIMIS
from tests.importers.test_librechat import LOG as LIBRECHATS
from tests.importers.test_open_webui import LOG as WEBUIS
from tests.importers.test_pi import LOG as PIS
from tests.importers.test_qwen import LOG as QWENS
from tests.importers.test_qwen import line
from tests.importers.test_vscode import CALL, HEADER, TOOL, change, document, request, rounds

ASKED = request(
    "Dry?",
    {"value": "Left."},
    {"kind": "thinking", "value": ["Hm."]},
    {**TOOL, "resultDetails": {"input": "ls", "output": [{"value": "dry", "isText": True}]}},
    {"kind": "textEditGroup", "uri": {"path": "/x"}, "edits": [[{"text": "y"}]]},
    {"kind": "inlineReference", "inlineReference": {"path": "/x"}},
    result=rounds(
        CALL, toolCallResults={"c1": {"content": [{"value": {"node": {"children": [{"text": "d"}]}}}]}}
    ),
    variableData={"variables": [{"kind": "image", "name": "x", "value": {"0": 1}}]},
    promptTokens=3,
)
MESSAGES = [
    user(
        text(f"<task>Dry?</task>{DETAILS}"),
        {"type": "image", "source": {"data": "aGk=", "media_type": "x/y"}},
    ),
    answer(
        text("<read_file><path>x</path></read_file>"), metrics=METRICS, modelInfo={"id": "m"}, ts=5, id="a"
    ),
    user(
        text("[read_file for 'x'] Result:"),
        {"type": "tool_result", "tool_use_id": "t", "content": [text("d")]},
    ),
]
LOGS: list[tuple[str, str, list[Any]]] = [
    (
        "copilot-cli",
        "events.jsonl",
        [*COPILOTS, event("subagent.started", 20, toolCallId="c9", agentName="x")],
    ),
    ("pi", "x.jsonl", PIS),
    ("cursor", "x.jsonl", CURSORS),
    ("droid", "x.jsonl", DROIDS),
    ("grok", "x.jsonl", GROKS),
    ("kimi-code", "x.jsonl", KIMIS),
    ("kimi-code", "x.jsonl", OLD_KIMIS),
    ("kimi-code", "context.jsonl", KIMI_CONTEXTS),
    ("goose", "x.jsonl", GOOSES),
    (
        "qwen-code",
        "x.jsonl",
        [
            *QWENS,
            line("system", 8, subtype="custom_title", systemPayload={"customTitle": "x"}),
            line("system", 9, subtype="rewind", systemPayload={"targetUuid": "x"}),
            line(
                "user", 10, {"text": "x"}, systemPayload={"displayText": "y"}, forkedFrom={"sessionId": "z"}
            ),
        ],
    ),
    ("vscode-chat", "x.json", [document(ASKED)]),
    (
        "vscode-chat",
        "x.jsonl",
        [
            {"kind": 0, "v": {**HEADER, "requests": []}},
            change(2, [ASKED], "requests"),
            change(2, [{"value": "x"}], "requests", 0, "response", i=1),
            change(1, "x", "requests", 0, "message", "text"),
            {"kind": 3, "k": ["requests", 0, "agent"]},
        ],
    ),
    ("cline", "x.messages.json", [{"agent": "lead", "sessionId": "x", "messages": MESSAGES}]),
    ("cline", "api_conversation_history.json", [MESSAGES]),
    ("continue", "x.json", [CONTINUES]),
    ("librechat", "x.json", [LIBRECHATS]),
    ("open-webui", "x.json", [[WEBUIS]]),
    ("antigravity-cli", "x.jsonl", ANTIGRAVITIES),
]


def read(path: Path, format: str, values: list[Any]) -> None:
    path.write_text("".join(json.dumps(value) + "\n" for value in values), "utf-8")
    sample = Sample(path)
    sample.lines_up_to(50)
    importer(format).sniff(sample)
    source = Source(path)
    try:
        assert_storable(importer(format).read(source))
    except ImportFailed:
        return
    json.dumps(source.state)


@pytest.mark.parametrize(("format", "name", "values"), LOGS)
def test_one_odd_value_anywhere_ends_nothing(
    tmp_path: Path, format: str, name: str, values: list[Any]
) -> None:
    chance = random.Random(format)
    for spoiled in with_odd_values(values):
        if isinstance(spoiled, list) and chance.random() < 0.12:
            read(tmp_path / name, format, spoiled)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("format", "name", "values"), LOGS)
def test_many_odd_values_end_nothing_and_can_be_stored(
    tmp_path: Path, format: str, name: str, values: list[Any], seed: int
) -> None:
    chance = random.Random(seed)
    spoiled = [spoilt(value, chance) for value in values]
    if seed % 3 == 0:
        chance.shuffle(spoiled)
    read(tmp_path / name, format, spoiled)
    if seed % 5 == 0:
        with SessionDB(tmp_path / "x.db") as db:
            report = Ingest(db.connection, format=format).run([str(tmp_path / name)])
            assert not [one for one in report.skipped if "expected shape" in one.reason]
            assert db.connection.rows("PRAGMA foreign_key_check") == []
