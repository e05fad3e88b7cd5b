"""What becomes of a session that two databases hold."""

from __future__ import annotations

from typing import Any

import pytest

from sessiondb.dao.union.merge_fields import outlives, united
from sessiondb.records.export_rows import SessionRow, raw_json

NOON, LATER, LATEST = (f"2026-03-01T{hour}:00:00.000Z" for hour in (12, 13, 14))


def row(last_active_at: str = NOON, **fields: Any) -> SessionRow:
    metadata = fields.pop("metadata", None)
    return SessionRow("s", "hermes", NOON, last_active_at, metadata=raw_json(metadata), **fields)


def test_a_session_united_with_itself_is_itself() -> None:
    session = row(
        title="A", title_source="agent", tags=["b", "c"], metadata='{"a": 1}', ended_at=NOON, pinned=True
    )

    assert united(session, session) == session


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ({}, {"native_id": "n", "key": "k"}, {"native_id": "n", "key": "k"}),
        ({"key": "ours"}, {"key": "theirs"}, {"key": "ours"}),
        ({}, {"project": "/a", "project_name": "a"}, {"project": "/a", "project_name": "a"}),
        ({"project_name": "b"}, {"project": "/a", "project_name": "a"}, {"project": None, "project_name": "b"}),
        ({}, {"parent_id": "p", "relation": "fork"}, {"parent_id": "p", "relation": "fork"}),
        ({"model": "m"}, {"last_active_at": LATER, "model": "n"}, {"model": "n", "last_active_at": LATER}),
        ({"last_active_at": LATER, "model": "m"}, {"model": "n"}, {"model": "m", "last_active_at": LATER}),
        ({"last_active_at": LATER}, {"model": "n"}, {"model": "n"}),
        ({"tags": ["b"]}, {"tags": ["a", "b"]}, {"tags": ["a", "b"]}),
        ({"pinned": True}, {}, {"pinned": True}),
        ({"consolidated": 3}, {"consolidated": 5}, {"consolidated": 3}),
    ],
)  # fmt: skip
def test_what_one_does_not_know_the_other_says(
    ours: dict[str, Any], theirs: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = united(row(**ours), row(**theirs))

    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("ours", "theirs", "title"),
    [
        (("Typed", "user", NOON), ("Made", "agent", LATER), "Typed"),
        (("Made", "agent", NOON), ("Typed", "user", NOON), "Typed"),
        (("Old", "user", NOON), ("New", "user", LATER), "New"),
        (("Ours", "user", NOON), ("Theirs", "user", NOON), "Ours"),
        ((None, None, LATER), ("First words", "prompt", NOON), "First words"),
        (("First words", "prompt", NOON), (None, "user", LATER), "First words"),
    ],
)
def test_a_persons_title_goes_first_then_the_newer_one(ours: Any, theirs: Any, title: str) -> None:
    first, second = (row(at, title=text, title_source=source) for text, source, at in (ours, theirs))

    assert united(first, second).title == title


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ((NOON, NOON, "done"), (NOON, None, None), (NOON, "done")),
        ((NOON, None, None), (NOON, NOON, "done"), (NOON, "done")),
        ((NOON, NOON, "done"), (LATER, None, None), (None, None)),
        ((NOON, LATEST, "done"), (LATER, None, None), (LATEST, "done")),
        ((NOON, NOON, "done"), (LATER, LATER, "imported"), (LATER, "imported")),
        ((NOON, NOON, "ours"), (NOON, NOON, "theirs"), (NOON, "ours")),
    ],
)
def test_whether_it_has_ended_is_what_was_said_last(ours: Any, theirs: Any, expected: Any) -> None:
    first, second = (row(at, ended_at=ended, end_reason=reason) for at, ended, reason in (ours, theirs))

    found = united(first, second)

    assert (found.ended_at, found.end_reason) == expected


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (None, '{"a":1}', '{"a":1}'),
        ('{"a":1}', None, '{"a":1}'),
        ('{"a":1,"b":2}', '{"a":3,"c":4}', '{"a":3,"b":2,"c":4}'),
        ('{"a":1e400}', '{"b":1.50}', '{"a":1e400,"b":1.50}'),
        ("[1]", '{"a":3}', '{"a":3}'),
    ],
)
def test_metadata_is_of_both_and_the_newer_says_it_better(ours: Any, theirs: Any, expected: Any) -> None:
    found = united(row(metadata=ours), row(LATER, metadata=theirs))

    assert bytes(found.metadata).decode() == expected


@pytest.mark.parametrize(
    ("last_active_at", "pinned", "lives"),
    [(NOON, False, False), (LATER, False, False), (LATEST, False, True), (NOON, True, True)],
)
def test_a_session_outlives_a_removal_before_its_last_activity(
    last_active_at: str, pinned: bool, lives: bool
) -> None:
    assert outlives(row(last_active_at, pinned=pinned), LATER) is lives
