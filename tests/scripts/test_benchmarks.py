"""The benchmarks run, and search finds what it has found before."""

from __future__ import annotations

import argparse
import json
import os
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.ingest.run import Ingest

pytestmark = pytest.mark.once

FOLDER = Path(__file__).parents[2] / "scripts" / "benchmarks"

TINY = {
    "conversation": {
        "speaker_a": "Ann",
        "speaker_b": "Ben",
        "session_1_date_time": "1:56 pm on 8 May, 2023",
        "session_1": [
            {"speaker": "Ann", "dia_id": "D1:1", "text": "I painted a lake."},
            {"speaker": "Ben", "dia_id": "D1:2", "text": "Nice!", "blip_caption": "a photo of a boat"},
        ],
        "session_2_date_time": "12:05 am on 1 June, 2023",
        "session_2": [{"speaker": "Ben", "dia_id": "D2:1", "text": "My dog ran away."}],
        "session_3_date_time": "12:05 pm on 2 June, 2023",
    },
    "qa": [
        {"question": "What did Ann paint?", "evidence": ["D1:1"], "category": 4},
        {"question": "Where did the dog run?", "evidence": ["D2:1; D1:2"], "category": 1},
        {"question": "Who owns a parrot?", "evidence": ["D2:1"], "category": 5},
        {"question": "Nothing of it?", "evidence": ["D9:1"], "category": 5},
        {"question": "And this?", "category": 5},
    ],
}


def benchmark(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.delitem(sys.modules, name, raising=False)
    return import_module(name)


def arguments(module: ModuleType, *given: Any) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return parser.parse_args([str(value) for value in given])


def test_retrieval_is_measured_for_each_category(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    retrieval = benchmark("retrieval", monkeypatch)
    file = tmp_path / "tiny.json"
    file.write_text(json.dumps([TINY]))
    retrieval.run(arguments(retrieval, file))
    lines = capsys.readouterr().out.splitlines()
    assert lines[:-1] == [
        "1 conversations, 3 questions",
        "                   questions   hit@1   hit@5     MRR  found@20",
        "several sessions           1 100.0 % 100.0 %   1.000   100.0 %",
        "one fact                   1 100.0 % 100.0 %   1.000   100.0 %",
        "wrong premise              1   0.0 %   0.0 %   0.000     0.0 %",
        "all                        3  66.7 %  66.7 %   0.667    66.7 %",
    ]
    assert lines[-1].startswith("time per question: median ")


def test_retrieval_asks_about_logs_and_against_a_baseline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    retrieval = benchmark("retrieval", monkeypatch)
    corpus = benchmark("corpus", monkeypatch)
    corpus.make(tmp_path / "logs", 0.3)
    with SessionDB(tmp_path / "sessions.db") as db:
        db.import_logs(tmp_path / "logs")
        native_id, started_at, word = db.connection.rows(
            "SELECT s.native_id, substr(s.started_at, 1, 16), m.content FROM sessions AS s"
            " JOIN messages AS m ON m.session_id = s.id WHERE m.role = 'user' LIMIT 1"
        )[0]
    gold = [{"native_id": native_id, "started_at": started_at}]
    questions = [
        {"query": word, "category": "words", "gold": gold},
        {"query": word, "category": "wrong", "gold": [{**gold[0], "started_at": "1999-01-01T00:00"}]},
    ]
    file = tmp_path / "questions.json"
    file.write_text(json.dumps({"questions": questions}))
    for options in ([], ["--baseline"]):
        retrieval.run(arguments(retrieval, file, "--logs", tmp_path / "logs", *options))
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "2 questions about logs"
        assert [line.split()[0] for line in lines[2:5]] == ["words", "wrong", "all"]
        assert lines[2].endswith("100.0 %")
        assert lines[3].endswith("0.0 %")


def test_retrieval_writes_turns_as_they_were_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    retrieval = benchmark("retrieval", monkeypatch)
    with retrieval.SessionDB(tmp_path / "sessions.db") as db:
        sessions = retrieval.import_conversation(db, "7", TINY["conversation"])
        messages = [message for id in ("7-1", "7-2") for message in db.messages.transcript(id)]
    assert sessions == {"D1:1": "7-1", "D1:2": "7-1", "D2:1": "7-2"}
    assert [(message.role, message.content, message.created_at) for message in messages] == [
        ("user", "Ann: I painted a lake.", "2023-05-08T13:56:00.000Z"),
        ("assistant", "Ben: Nice! [a photo of a boat]", "2023-05-08T13:56:01.000Z"),
        ("assistant", "Ben: My dog ran away.", "2023-06-01T00:05:00.000Z"),
    ]


def test_search_finds_answers_as_often_as_it_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    retrieval = benchmark("retrieval", monkeypatch)
    conversations = json.loads(retrieval.QUESTIONS.read_text(encoding="utf-8"))
    some = [each for each in conversations if each["sample_id"] == "elena-owen"]
    places = [answer.place or 99 for answer in retrieval.ask_all(tmp_path, some)]
    assert len(places) == 116
    assert sum(place == 1 for place in places) >= 80
    assert sum(place <= 5 for place in places) >= 105


def test_latency_is_measured_in_two_databases(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    latency = benchmark("latency", monkeypatch)
    latency.run(arguments(latency, "--rows", 100, 400, "--runs", 1))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:2]] == ["100 rows", "400 rows"]
    assert [line[:24].rstrip() for line in lines[3:]] == [name for name, _, _ in latency.SEARCHES]


def test_every_search_of_the_latency_benchmark_finds_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    latency = benchmark("latency", monkeypatch)
    latency.make_database(tmp_path / "sessions.db", 8000)
    with latency.SessionDB(tmp_path / "sessions.db", read_only=True) as db:
        found = {name: db.search(text, **options).total for name, text, options in latency.SEARCHES}
    assert [name for name, total in found.items() if not total] == []


def test_bills_are_measured_against_a_plain_sum(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = benchmark("usage", monkeypatch)
    monkeypatch.setattr(usage, "_REPORTS", usage._REPORTS[:1])
    usage.run(arguments(usage, "--responses", 200, "--runs", 1))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("200 responses:")
    assert [line[:24].rstrip() for line in lines[1:]] == ["bare Python", "one plain sum", "usage daily"]


def test_generated_logs_are_the_same_for_a_seed_and_import_without_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = benchmark("corpus", monkeypatch)
    for name in ("one", "two"):
        assert corpus.make(tmp_path / name, 0.5) >= 500_000
    files = [path.relative_to(tmp_path / "one") for path in sorted((tmp_path / "one").rglob("*.jsonl"))]
    assert all(
        (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes() for file in files
    )
    with SessionDB(tmp_path / "sessions.db") as db:
        report = Ingest(db.connection).run([str(tmp_path / "one")])
    assert (len(report.sessions_added), report.skipped) == (len(files), [])


def test_logs_of_every_agent_are_made_and_imported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    agents = benchmark("agents", monkeypatch)
    agents.run(arguments(agents, "--mb", "0.01"))
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [row[0] for row in rows] == list(agents.MAKERS)
    assert {row[2] for row in rows} == {"600"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_commands_on_a_large_database_are_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER.parent))
    growth = benchmark("growth", monkeypatch)
    monkeypatch.setattr(growth, "_reading", lambda path, folder: [["list"]])
    monkeypatch.setattr(growth, "_upkeep", lambda path, folder: [])
    growth.run(arguments(growth, "--mb", 0.5))
    lines = capsys.readouterr().out.splitlines()
    names = ["import", "list", "merge into a new file", "merge again", "prune of a tenth"]
    assert [line[:48].rstrip() for line in lines[1:]] == names
    assert lines[-1].endswith("bytes written for one removed")
