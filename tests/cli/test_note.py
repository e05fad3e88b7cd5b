"""sessiondb note and brief."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sessiondb import SessionDB

Run = Callable[..., Result]


def test_notes_of_the_folder_you_are_in_are_added_listed_and_done(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    added = run(
        "note", "add", "decision", "Tests", "live", "in", "tests/", "--context", "there were two places"
    )
    run("note", "add", "followup", "Write the changelog", "--due", "2026-12-01", "--assignee", "Ann")
    done = run("note", "done", "CHANGELOG", "--resolution", "in 0.2")
    listed = json.loads(run("note", "list", "--project", ".", "--json").stdout)
    left = run("note", "list", "--open", "--json")

    assert added.stdout == f"note 1: decision, {tmp_path}\n"
    assert done.stdout == "done: note 2, Write the changelog\n"
    assert [(note["kind"], note["body"], note["project"]) for note in listed] == [
        ("followup", "Write the changelog", str(tmp_path)),
        ("decision", "Tests live in tests/", str(tmp_path)),
    ]
    assert (listed[0]["due_at"], listed[0]["assignee"], listed[0]["resolution"]) == (
        "2026-12-01",
        "Ann",
        "in 0.2",
    )
    assert [note["body"] for note in json.loads(left.stdout)] == ["Tests live in tests/"]


def test_a_note_of_a_session_names_it(filled: Path, run: Run) -> None:
    note = json.loads(run("note", "add", "win", "It parses", "--session", "3333", "--json").stdout)
    assert (note["session_id"], note["kind"], note["body"]) == ("33334444-fig", "win", "It parses")


def test_an_ambiguous_text_is_refused_and_both_are_named(run: Run) -> None:
    for text in ("water the fig", "water the basil"):
        run("note", "add", "followup", text)
    refused = run("note", "done", "water")
    assert refused.exit_code == 1
    assert "2 open notes (followup) say 'water': 1 'water the fig'; 2 'water the basil'" in refused.stderr
    assert run("note", "done", "water", "--first").stdout == "done: note 1, water the fig\n"
    assert run("note", "done", "2").stdout == "done: note 2, water the basil\n"


def test_done_says_when_nothing_fits(run: Run) -> None:
    run("note", "add", "followup", "water the fig")
    refused = run("note", "done", "basil")
    assert (refused.exit_code, refused.stderr) == (1, "Error: no open followup says 'basil'\n")


def test_list_says_how_many_more_there_are(run: Run) -> None:
    for number in range(3):
        run("note", "add", "win", f"win {number}")
    listed = run("note", "list", "-n", "1")
    assert "win 2" in listed.stdout
    assert "win 1" not in listed.stdout
    assert "2 more" in listed.stderr


def test_brief_is_the_prompt_of_a_project_or_session(run: Run, path: Path) -> None:
    with SessionDB(path) as db:
        session = db.sessions.start("agent", project="/work/app")
        db.notes.add("decision", "Use SQLite", session_id=session.id, translations={"ar": "استخدم SQLite"})
    by_project = run("brief", "--project", "/work/app")
    by_session = run("brief", session.id, "--lang", "ar")
    assert "Use SQLite" in by_project.stdout
    assert "استخدم SQLite" in by_session.stdout
    assert "Use SQLite" not in by_session.stdout


def test_a_bare_brief_is_of_the_folder_that_notes_were_taken_in(
    filled: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run("note", "add", "decision", "Tests live in tests/")
    run("note", "add", "win", "It parses", "--session", "3333")
    assert "Tests live in tests/" in run("brief").stdout
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    elsewhere = run("brief").stdout
    assert "It parses" in elsewhere
    assert "Tests live in tests/" not in elsewhere


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("brief",), 2),
        (("note", "add", "win", "It parses"), 2),
        (("mcp",), 2),
        (("import", "log.jsonl"), 1),
        (("import", "--explain", "log.jsonl"), 1),
    ],
)
def test_a_folder_that_is_gone_is_told_in_words(
    filled: Path,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    refused = run(*arguments)
    assert (refused.exit_code, refused.exception.__class__) == (code, SystemExit)
    assert "the current folder no longer exists" in refused.stderr


def test_notes_that_an_import_brings_are_no_activity(run: Run, path: Path, tmp_path: Path) -> None:
    id = "5f0c4a52-1d0e-4a53-9a3c-6f2b8e0a7d11"
    state: dict[str, object] = {
        "session_id": id,
        "updated_at": "2026-03-06T10:00:00Z",
        "active_workstreams": ["till"],
    }
    state |= {"last_decisions": [{"decision": "Round up", "timestamp": "2026-03-05T10:00:00Z"}]}
    state |= {"open_questions": [], "recent_wins": [], "recent_failures": [], "pending_followups": []}
    (tmp_path / "state.json").write_text(json.dumps(state))
    run("import", str(tmp_path / "state.json"))
    with SessionDB(path) as db:
        assert [note.body for note in db.notes.find(kind="decision")] == ["Round up"]
        assert db.sessions.get(id).last_active_at == "2026-03-06T10:00:00.000Z"


def test_brief_of_nothing_says_so(filled: Path, run: Run) -> None:
    empty = run("brief", "--project", "/nowhere")
    assert (empty.exit_code, empty.stdout) == (0, "")
    assert "there are no notes yet" in empty.stderr


def test_a_note_that_was_superseded_is_listed_only_when_asked_for(run: Run) -> None:
    run("note", "add", "decision", "Tests live in tests/")
    added = run("note", "add", "decision", "Tests live in spec/", "--supersedes", "1", "--author", "mira")
    assert added.stdout.endswith(", supersedes note 1\n")
    listed = run("note", "list", "--json")
    assert [note["id"] for note in json.loads(listed.stdout)] == [2]
    assert listed.stderr == "1 superseded or obsolete, not listed; --all lists them too\n"
    new, old = json.loads(run("note", "list", "--all", "--json").stdout)
    assert (new["supersedes"], new["status"]) == (1, "open")
    assert (old["superseded_by"], old["status"]) == (2, "superseded")
    assert [(change["status"], change["author"]) for change in old["history"]] == [("superseded", "mira")]
    assert "superseded by 2" in run("note", "list", "--status", "superseded").stdout


def test_obsolete_notes_leave_the_brief_and_come_back_when_reopened(run: Run) -> None:
    run("note", "add", "decision", "Tests live in tests/")
    assert (
        run("note", "obsolete", "1", "--author", "noor").stdout == "obsolete: note 1, Tests live in tests/\n"
    )
    assert "Tests live" not in run("brief").stdout
    assert run("note", "reopen", "1").stdout == "open: note 1, Tests live in tests/\n"
    assert "Tests live" in run("brief").stdout


def test_all_and_a_status_contradict_one_another(run: Run) -> None:
    refused = run("note", "list", "--all", "--status", "done")
    assert refused.exit_code == 2
    assert "--all lists every status" in refused.stderr


def test_a_note_to_supersede_that_is_not_there_is_named(run: Run) -> None:
    run("note", "add", "win", "It parses")
    refused = run("note", "add", "decision", "x", "--supersedes", "9")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "there is no note 9: `sessiondb note list` lists them" in refused.stderr
