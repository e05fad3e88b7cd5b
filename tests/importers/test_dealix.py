"""Dealix's session states, which become notes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from sessiondb.errors import ImportFailed
from sessiondb.importers import dealix
from sessiondb.importers.base import NoteRecord, Record, SessionRecord
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Problem, Source

ID = "5f0c4a52-1d0e-4a53-9a3c-6f2b8e0a7d11"
SAVED = "2026-04-11T08:19:56.123Z"
STATE: dict[str, Any] = {
    "session_id": ID,
    "project": "reef",
    "active_workstreams": ["survey"],
    "last_decisions": [
        {
            "decision": "Count at dawn",
            "context": "spring tide",
            "timestamp": "2026-04-10T06:00:00Z",
            "decision_ar": "العد عند الفجر",
            "made_by": "ann",
        }
    ],
    "open_questions": ["Who brings the boat?"],
    "recent_failures": [
        {
            "description": "Camera flooded",
            "context": "",
            "timestamp": "2026-04-10T07:00:00.5Z",
            "description_ar": "",
            "resolution": "new seal",
        }
    ],
    "recent_wins": [
        {"description": "All plots counted", "context": "north", "timestamp": "2026-04-10T08:00:00Z"}
    ],
    "pending_followups": [
        {
            "task": "Call the harbour",
            "task_ar": "",
            "due_date": "2026-04-20",
            "completed": False,
            "created_at": "2026-04-10T09:00:00Z",
            "assigned_to": "bo",
        },
        {
            "task": "Print the maps",
            "due_date": "2026-04-12T10:00:00+02:00",
            "completed": True,
            "created_at": None,
        },
    ],
    "context_summary": "Counting corals.",
    "context_summary_ar": "عد المرجان",
    "created_at": "2026-04-10T05:00:00Z",
    "updated_at": "2026-04-11T08:19:56.123456Z",
    "tags": ["q2"],
    "tenant_id": "t-1",
}


def write(folder: Path, state: Any) -> Path:
    path = folder / f"{ID}.json"
    path.write_text(json.dumps(state, ensure_ascii=False, indent=2), encoding="utf-8")
    return path


def read(path: Path) -> tuple[list[Record], list[Problem]]:
    source = Source(path)
    return list(dealix.read(source)), source.problems


def test_a_state_becomes_a_session_and_a_note_for_each_entry(tmp_path: Path) -> None:
    records, problems = read(write(tmp_path, STATE))
    assert problems == []
    assert records == [
        SessionRecord(
            ID,
            "dealix",
            ID,
            project_name="reef",
            started_at="2026-04-10T05:00:00.000Z",
            last_active_at=SAVED,
            tags=("q2",),
            metadata={"tenant_id": "t-1"},
        ),
        NoteRecord(ID, "workstream", "survey", SAVED),
        NoteRecord(
            ID,
            "decision",
            "Count at dawn",
            "2026-04-10T06:00:00.000Z",
            context="spring tide",
            author="ann",
            translations={"ar": "العد عند الفجر"},
        ),
        NoteRecord(ID, "question", "Who brings the boat?", SAVED),
        NoteRecord(ID, "failure", "Camera flooded", "2026-04-10T07:00:00.500Z", resolution="new seal"),
        NoteRecord(ID, "win", "All plots counted", "2026-04-10T08:00:00.000Z", context="north"),
        NoteRecord(
            ID, "followup", "Call the harbour", "2026-04-10T09:00:00.000Z", assignee="bo", due_at="2026-04-20"
        ),
        NoteRecord(
            ID, "followup", "Print the maps", SAVED, due_at="2026-04-12T08:00:00.000Z", resolved_at=SAVED
        ),
        NoteRecord(ID, "summary", "Counting corals.", SAVED, translations={"ar": "عد المرجان"}),
    ]


@pytest.mark.parametrize(
    ("english", "arabic", "notes"),
    [
        ("", "", []),
        ("Done.", "", [("Done.", None)]),
        ("", "تم", [("تم", {"ar": "تم"})]),
    ],
)
def test_a_summary_is_noted_in_whatever_language_there_is(
    tmp_path: Path, english: str, arabic: str, notes: list[Any]
) -> None:
    state = {"session_id": ID, "last_decisions": [], "context_summary": english, "context_summary_ar": arabic}
    (_, *found), problems = read(write(tmp_path, state))
    assert [(note.body, note.translations) for note in found if isinstance(note, NoteRecord)] == notes
    assert problems == []


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("2026-04-20", "2026-04-20"),
        ("2026-04-20T10:00:00Z", "2026-04-20T10:00:00.000Z"),
        ("next week", "next week"),
        ("", None),
        (None, None),
    ],
)
def test_due_dates_stay_dates(tmp_path: Path, written: Any, stored: str | None) -> None:
    (_, note), _ = read(write(tmp_path, {"pending_followups": [{"task": "t", "due_date": written}]}))
    assert isinstance(note, NoteRecord)
    assert note.due_at == stored


def test_a_state_without_times_is_as_old_as_its_file(tmp_path: Path) -> None:
    path = write(tmp_path, {"session_id": ID, "open_questions": ["Why?"]})
    os.utime(path, (1_775_000_000, 1_775_000_000))
    assert read(path)[0] == [
        SessionRecord(ID, "dealix", ID),
        NoteRecord(ID, "question", "Why?", "2026-03-31T23:33:20.000Z"),
    ]


def test_entries_without_text_are_reported(tmp_path: Path) -> None:
    state = {"open_questions": ["", "Why?"], "last_decisions": [{"context": "c"}, None]}
    records, problems = read(write(tmp_path, state))
    assert [record.body for record in records if isinstance(record, NoteRecord)] == ["Why?"]
    assert [problem.reason for problem in problems] == [
        "last_decisions: an entry without text",
        "last_decisions: an entry without text",
        "open_questions: an entry without text",
    ]


@pytest.mark.parametrize(
    ("state", "score"),
    [(STATE, 2), ({"session_id": ID, "project": "reef"}, 0), ([STATE], 0)],
)
def test_the_document_is_told_by_its_keys(tmp_path: Path, state: Any, score: int) -> None:
    assert dealix.sniff(Sample(write(tmp_path, state))) == score


@pytest.mark.parametrize("state", [[], {}, {"session_id": ID}, 3])
def test_other_documents_are_refused(tmp_path: Path, state: Any) -> None:
    with pytest.raises(ImportFailed, match="not a Dealix session state"):
        read(write(tmp_path, state))


@pytest.mark.parametrize("hostile", [None, True, 7, 0.5, "x", [], [[1]], {}, [{"task": []}]])
def test_odd_values_cost_only_their_own_notes(tmp_path: Path, hostile: Any) -> None:
    for field in STATE:
        records, _ = read(write(tmp_path, {**STATE, field: hostile}))
        assert isinstance(records[0], SessionRecord)
        assert len(records) >= 7
    followup = STATE["pending_followups"][0]
    for field in followup:
        records, _ = read(write(tmp_path, {**STATE, "pending_followups": [{**followup, field: hostile}]}))
        assert len(records) >= 7


def test_a_sample_state_gives_a_note_for_each_entry(corpus: Path) -> None:
    path = corpus / "dealix/synthetic_from_seed/memory/_sessions/0b7e2c1e-6a0d-4c7e-9a55-3d9f0d6f8a11.json"
    records, problems = read(path)
    notes = [record for record in records if isinstance(record, NoteRecord)]
    assert [note.kind for note in notes] == [
        "workstream", "workstream", "decision", "question", "failure", "win", "followup", "summary",
    ]  # fmt: skip
    assert notes[2].translations == {"ar": "إطلاق عرض الأسعار"}
    assert notes[4].resolution == "bundled Amiri"
    assert dealix.sniff(Sample(path)) == 2
    assert problems == []
