"""What a field means, and what is said of one that means nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.records import SessionFilter

Say = Callable[..., str]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("deploy in:2026-03", ["march", "end"]),
        ("deploy in:2026", ["january", "march", "end", "april"]),
        ("deploy in:2026-03-31", ["end"]),
        ("deploy in:2026-W14", ["end", "april"]),
        ('deploy in:"1 March 2026"', ["march"]),
        ("in:1 January 2026 deploy", ["january"]),
        ("deploy in:2026-03 before:2026-03-15", ["march"]),
        ("deploy in:2026-03 after:2026-03-15", ["end"]),
        ("deploy in:2026-03 after:2026-04", []),
        ("deploy in:2026-03 in:talk", ["march", "end"]),
        ("in:2026-03", ["march", "end"]),
        ("deploy in:2025", []),
    ],
)
def test_in_a_time_means_all_of_it(db: SessionDB, say: Say, query: str, found: list[str]) -> None:
    days = {"january": "2026-01-01", "march": "2026-03-01", "end": "2026-03-31", "april": "2026-04-01"}
    ids = {name: say("deploy it", at=day) for name, day in days.items()}
    assert sorted(str(hit.session_id) for hit in db.search(query).hits) == sorted(ids[name] for name in found)


def test_in_a_time_and_the_arguments_both_bound_a_search(db: SessionDB, say: Say) -> None:
    days = [say("deploy it", at=day) for day in ("2026-02-28", "2026-03-02", "2026-03-20", "2026-04-01")]
    found = db.search("deploy in:2026-03", since="2026-03-10")
    assert [hit.session_id for hit in found.hits] == [days[2]]
    found = db.search("deploy in:2026-03", until="2026-03-10")
    assert [hit.session_id for hit in found.hits] == [days[1]]


TIME = 'takes a time, such as 30d, yesterday, 2026-03 or "last week"'
PLACE = "in: takes talk, tools, notes, all, or a day, week, month or year, such as yesterday or 2026-03"


@pytest.mark.parametrize(
    ("field", "remark"),
    [
        ("since:xyz", f"since:xyz was searched for as text: since: {TIME}"),
        ("before:each", f"before:each was searched for as text: before: {TIME}"),
        (
            "role:nobody",
            "role:nobody was searched for as text: the roles are user, assistant, tool, system",
        ),
        (
            "-role:nobody",
            "role:nobody was excluded as text: the roles are user, assistant, tool, system",
        ),
        ("in:here", f"in:here was searched for as text: {PLACE}"),
        ("in:30d", f"in:30d was searched for as text: {PLACE}; after:30d means since then"),
        ("-in:tools", f"in:tools was excluded as text: {PLACE}"),
        ("agent:", "agent: was searched for as text: agent: needs a value right after the colon"),
        ('tag:""', 'tag:"" was searched for as text: tag: needs a value right after the colon'),
        ("agent:nobody", "no session has the agent 'nobody': there is codex"),
        ("-agent:codx", "no session has the agent 'codx': did you mean codex?"),
        ("tool:bsh", "no session has the tool 'bsh': did you mean Bash?"),
    ],
)
def test_a_field_that_means_nothing_is_named(db: SessionDB, say: Say, field: str, remark: str) -> None:
    session = say("the deploy failed")
    db.messages.append(session, "assistant", "I look.", tool_calls=[{"name": "Bash", "arguments": {}}])
    assert db.search(f"deploy {field}").remarks[0] == remark


def test_a_tool_that_there_is_is_not_named(db: SessionDB, say: Say) -> None:
    session = say("the deploy failed")
    db.messages.append(session, "assistant", "I look.", tool_calls=[{"name": "Bash", "arguments": {}}])
    assert db.search("quokka tool:bash").remarks == ()


@pytest.mark.parametrize("project", [".", "./", "../app", "./../app/."])
def test_a_project_may_be_named_from_the_current_folder(
    db: SessionDB, say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: str
) -> None:
    (tmp_path / "app").mkdir()
    monkeypatch.chdir(tmp_path / "app")
    session = say("deploy", project=str(tmp_path / "app"))
    say("deploy", project=str(tmp_path / "web"))
    assert [hit.session_id for hit in db.search("deploy", project=project).hits] == [session]
    assert [hit.session_id for hit in db.search(f"deploy project:{project}").hits] == [session]
    assert [each.id for each in db.sessions.page(SessionFilter(project=project))] == [session]
