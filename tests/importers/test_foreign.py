"""Logs of agents that are not read yet: refused by name, never taken for another agent's."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.importers.detect import NotReadYet, detect
from sessiondb.importers.files.sample import Sample
from sessiondb.ingest.run import Ingest

ID = "5b0e7c1d-3f52-4f0e-9d55-0c4f6f1f2a10"
WHEN = "2026-10-01T08:00:00.000Z"
TASK = "<task>\nPrune the roses\n</task>"
CLINES = [{"type": "text", "text": f"{TASK}\n<environment_details>\nmornings\n</environment_details>"}]
ASKED = {"role": "user", "content": [{"type": "text", "text": TASK}]}
ANSWERED = {"role": "assistant", "content": [{"type": "text", "text": "Pruned."}]}

DOCUMENTS: list[tuple[str, str, Any]] = [
    ("Amp", f"T-{ID}.json", {"v": 3, "id": f"T-{ID}", "created": 1, "messages": [ASKED, ANSWERED]}),
]


def refused(path: Path) -> str:
    with pytest.raises(NotReadYet) as caught:
        detect(Sample(path))
    return str(caught.value)


def write(path: Path, *values: Any, indent: int | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(value, indent=indent) + "\n" for value in values), encoding="utf-8")
    return path


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(("owner", "name", "document"), DOCUMENTS)
def test_documents_of_an_agent_that_is_not_read_yet_are_refused_by_its_name(
    tmp_path: Path, owner: str, name: str, document: Any, indent: int | None
) -> None:
    path = write(tmp_path / name, document, indent=indent)
    assert refused(path) == f"is a log of {owner}, which sessiondb does not read yet"


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (
            "turns (session_id, user_message, assistant_response)",
            "is an index of Copilot CLI's sessions: import the folder session-state beside it",
        ),
        (
            "gen_metadata (idx, data)",
            "is a store of Antigravity CLI, whose transcripts are read: import the folder brain beside it",
        ),
        (
            "sessions (session_id, messages_path, is_subagent)",
            "is an index of Cline's sessions: import the folder sessions beside it",
        ),
    ],
)
def test_an_index_beside_the_logs_of_an_agent_is_refused_and_names_those(
    tmp_path: Path, table: str, reason: str
) -> None:
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"CREATE TABLE {table}")
    assert refused(path) == reason


def test_a_message_to_an_api_that_speaks_of_a_task_is_no_log_of_cline(tmp_path: Path) -> None:
    path = write(tmp_path / "saved.json", [ASKED, ANSWERED])
    found = detect(Sample(path))
    assert found is not None
    assert found.name == "openai-chat"


def test_an_installed_importer_of_such_an_agent_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sessiondb.importers import built_in
    from sessiondb.importers import detect as detecting

    class Amp:
        name = "amp"
        version = 1

        def sniff(self, sample: Sample) -> int:
            return 2

        def read(self, source: object) -> Any:
            return iter(())

    monkeypatch.setattr(detecting, "importers", lambda: (*built_in(), Amp()))
    found = detect(Sample(write(tmp_path / DOCUMENTS[0][1], DOCUMENTS[0][2])))
    assert found is not None
    assert found.name == "amp"


def test_the_import_names_the_agent_and_adds_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / DOCUMENTS[0][1], DOCUMENTS[0][2])
    with SessionDB(tmp_path / "x.db") as db:
        report = Ingest(db.connection).run([str(path)])
        assert [(one.path, one.reason) for one in report.skipped] == [
            (str(path), "is a log of Amp, which sessiondb does not read yet")
        ]
        assert db.connection.value("SELECT count(*) FROM sessions") == 0
