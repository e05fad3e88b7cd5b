"""No format is taken for another: each log is for certain of one, and is refused under every other name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.errors import SessionDBError
from sessiondb.importers import built_in, importer
from sessiondb.importers.detect import CERTAIN, check_named, owner_of, scores
from sessiondb.importers.files.sample import Sample
from sessiondb.ingest.discovery import Found, discover
from sessiondb.ingest.run import Ingest
from tests.importers.test_antigravity import LOG as ANTIGRAVITIES
from tests.importers.test_cline import FILES as CLINES
from tests.importers.test_continue_dev import FILES as CONTINUES
from tests.importers.test_copilot import LOG as COPILOTS
from tests.importers.test_cursor import LOG as CURSORS
from tests.importers.test_droid import LOG as DROIDS
from tests.importers.test_goose import LOG as GOOSES
from tests.importers.test_grok import LOG as GROKS
from tests.importers.test_histories import CLAUDE_ENTRIES, CODEX_ENTRIES
from tests.importers.test_kimi import CONTEXT as KIMI_CONTEXTS
from tests.importers.test_kimi import LOG as KIMIS
from tests.importers.test_kimi import OLD as OLD_KIMIS
from tests.importers.test_langgraph import STEPS as LANGGRAPHS
from tests.importers.test_langgraph import history as langchains
from tests.importers.test_langgraph import write as write_langgraphs
from tests.importers.test_librechat import LOG as LIBRECHATS
from tests.importers.test_open_webui import LOG as WEBUIS
from tests.importers.test_open_webui import database as webui
from tests.importers.test_openhands import LOG as OPENHANDS
from tests.importers.test_openhands import STATE
from tests.importers.test_pi import LOG as PIS
from tests.importers.test_qwen import LOG as QWENS
from tests.importers.test_vscode import change, document, request
from tests.importers.test_zed import THREAD as ZEDS
from tests.importers.test_zed import row as zeds_row
from tests.importers.test_zed import write as write_zeds

GEMINIS = {"sessionId": "x", "projectHash": "f" * 64, "messages": []}
LOGS: list[tuple[str, str, list[Any]]] = [
    ("copilot-cli", "events.jsonl", COPILOTS),
    ("pi", "x.jsonl", PIS),
    ("cursor", "x.jsonl", CURSORS),
    ("droid", "x.jsonl", DROIDS),
    ("grok", "x.jsonl", GROKS),
    ("kimi-code", "x.jsonl", KIMIS),
    ("kimi-code", "x.jsonl", OLD_KIMIS),
    ("kimi-code", "context.jsonl", KIMI_CONTEXTS),
    ("goose", "x.jsonl", GOOSES),
    ("qwen-code", "x.jsonl", QWENS),
    *(("qwen-code", "x.jsonl", [line]) for line in QWENS),
    ("vscode-chat", "x.json", [document(request("Dry?", {"value": "Left."}, result={}))]),
    ("vscode-chat", "x.jsonl", [{"kind": 0, "v": document(request("Dry?"))}, change(1, "x", "customTitle")]),
    *(("cline", name, [value]) for name, value in CLINES),
    *(("continue", name, [value]) for name, value in CONTINUES),
    ("antigravity-cli", "x.jsonl", ANTIGRAVITIES),
    ("librechat", "x.json", [LIBRECHATS]),
    ("open-webui", "x.json", [[WEBUIS]]),
    ("openhands", "base_state.json", [STATE]),
    *(("openhands", "x.json", [event]) for event in OPENHANDS[:6]),
    ("gemini", "x.json", [GEMINIS]),
    *(("claude-code-history", "history.jsonl", [entry]) for entry in CLAUDE_ENTRIES),
    ("codex-history", "history.jsonl", CODEX_ENTRIES),
]
DATABASES: list[tuple[str, Callable[[Path], Path]]] = [
    ("langgraph", lambda folder: write_langgraphs(folder / "x.sqlite", *LANGGRAPHS)),
    ("langgraph", lambda folder: langchains(folder / "x.db")),
    ("open-webui", lambda folder: webui(folder / "webui.db", WEBUIS)),
    ("zed", lambda folder: write_zeds(folder / "threads.db", zeds_row(ZEDS))),
]
FORMATS = [one.name for one in built_in()]
# Of the real logs: two programs write these, so that one cannot be certain.
KIN = {frozenset(("codex", "codex-legacy"))}


def write(path: Path, values: list[Any]) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in values), "utf-8")
    return path


@pytest.mark.parametrize(("format", "name", "values"), LOGS)
def test_a_log_is_certain_of_its_own_format_and_of_no_other(
    tmp_path: Path, format: str, name: str, values: list[Any]
) -> None:
    told = scores(Sample(write(tmp_path / name, values)))
    assert [one for one, score in told.items() if score == CERTAIN] == [format]


def assert_goes_only_by(format: str, sample: Sample) -> None:
    for named in FORMATS:
        if named == format:
            check_named(importer(named), sample)
        else:
            with pytest.raises(SessionDBError, match=f"is of the format {format}, not {named}"):
                check_named(importer(named), sample)


@pytest.mark.parametrize(("format", "name", "values"), LOGS)
def test_a_log_is_refused_under_the_name_of_another_format(
    tmp_path: Path, format: str, name: str, values: list[Any]
) -> None:
    assert_goes_only_by(format, Sample(write(tmp_path / name, values)))


@pytest.mark.parametrize(("format", "database"), DATABASES)
def test_a_database_is_certain_of_its_own_format_and_refused_under_any_other(
    tmp_path: Path, format: str, database: Callable[[Path], Path]
) -> None:
    sample = Sample(database(tmp_path))
    assert [one for one, score in scores(sample).items() if score == CERTAIN] == [format]
    assert_goes_only_by(format, sample)


def test_an_import_under_another_name_adds_nothing_and_says_what_to_do(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", QWENS)
    with SessionDB(tmp_path / "x.db") as db:
        report = Ingest(db.connection, format="claude-code").run([str(path)])
        assert [one.reason for one in report.skipped] == [
            "is of the format qwen-code, not claude-code: import it without a format"
        ]
        assert db.connection.value("SELECT count(*) FROM sessions") == 0


def samples_below(folder: Path) -> Iterator[tuple[Path, Sample]]:
    for found in discover([str(folder)]):
        if isinstance(found, Found):
            path = Path(found.path)
            try:
                sample = Sample(path)
                sample.lines_up_to(50)
                if not sample.is_empty and (not sample.is_sqlite or sample.tables):
                    yield path, sample
            except SessionDBError:
                continue  # damaged: of no format


@pytest.mark.parametrize("folder", ["corpus", "corpus_next"])
def test_no_real_log_is_certain_of_two_formats(
    folder: str, request: pytest.FixtureRequest, corpus: Path
) -> None:
    doubted = []
    for path, sample in samples_below(request.getfixturevalue(folder)):
        certain = frozenset(name for name, score in scores(sample).items() if score == CERTAIN)
        if len(certain) > 1 and certain not in KIN:
            doubted.append((path, certain))
        if owner_of(sample) is not None and certain:
            doubted.append((path, certain))
    assert doubted == []
