"""What the settings keep out of the database: folders, projects, and secrets in texts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.agents.loop.hook import answer, read_call
from sessiondb.errors import InvalidInput
from sessiondb.importers.base import MessageRecord, Record, SessionRecord
from sessiondb.ingest import sieve as module
from sessiondb.ingest.rules import Rules
from sessiondb.ingest.sieve import Sieve
from sessiondb.ingest.watch import Watch
from sessiondb.records import SessionFilter
from sessiondb.records.export_rows import Row

Configure = Callable[[str], Path]
ID = "5b0d7c1e-93f4-4a86-b1d2-6f0e8a47c3{:02}"
KEY = "sk-ant-api03-" + "Ab3dE5fG7hJ9" * 8
MAIL = "noor@example.org"


def line(log: Path, project: str | None, text: str, number: int = 0, role: str = "user") -> None:
    """Append a line of Claude Code to a log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    entry = {
        "type": role,
        "uuid": f"{log.stem}-{number}",
        "parentUuid": None,
        "sessionId": log.stem,
        "timestamp": f"2026-03-02T08:00:{number:02}.000Z",
        "version": "2.1.0",
        "message": {"role": role, "content": text},
        **({"cwd": project} if project else {}),
    }
    with log.open("a") as file:
        file.write(json.dumps(entry) + "\n")


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Return a folder with the logs of three projects."""
    folder = tmp_path / "logs"
    for number, project in enumerate(("/home/mira/quill", "/home/mira/quill2", "/home/mira/secret/plan")):
        line(folder / project.replace("/", "-") / f"{ID.format(number)}.jsonl", project, f"text {number}")
    return folder


def log(logs: Path, number: int) -> Path:
    (found,) = logs.rglob(f"{ID.format(number)}.jsonl")
    return found


def texts(db: SessionDB) -> list[str]:
    """Return what was said in all sessions."""
    return sorted(
        message.content or ""
        for session in db.sessions.page(SessionFilter())
        for message in db.messages.transcript(session.id)
    )


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        ("/home/mira/quill", [1, 2]),
        ("/home/mira/quill/", [1, 2]),
        ("quill", [1, 2]),
        ("/home/mira/secret", [0, 1]),
        ("secret", [0, 1]),
        ("/home/mira", []),
        ("/quill", [0, 1, 2]),
        ("/", []),
        ("mira/quill", [1, 2]),
        ("mira", []),
        ("ill", [0, 1, 2]),
    ],
)
def test_sessions_of_an_ignored_project_are_never_imported(
    db: SessionDB, logs: Path, configure: Configure, rule: str, left: list[int]
) -> None:
    configure(f'[import]\nignore_projects = ["{rule}"]')
    report = db.import_logs(logs)
    assert (texts(db), report.skipped) == ([f"text {number}" for number in left], [])


def test_an_ignored_session_stays_out_when_its_log_grows(
    db: SessionDB, logs: Path, configure: Configure
) -> None:
    configure('[import]\nignore_projects = ["quill"]')
    db.import_logs(logs)
    line(log(logs, 0), None, "more", 1)
    line(log(logs, 1), None, "more of another", 1)
    db.import_logs(logs)
    assert texts(db) == ["more of another", "text 1", "text 2"]


def test_unchanged_logs_of_ignored_projects_are_read_once(
    db: SessionDB, logs: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure('[import]\nignore_projects = ["quill"]')
    db.import_logs(logs)
    monkeypatch.setattr(module.Sieve, "left", lambda *_: pytest.fail("nothing is to be read"))
    db.import_logs(logs)


@pytest.mark.parametrize("settings", ["", '[import]\nignore_projects = ["elsewhere"]'])
def test_what_is_no_longer_ignored_is_imported(
    db: SessionDB, logs: Path, configure: Configure, settings: str
) -> None:
    configure('[import]\nignore_projects = ["quill"]')
    db.import_logs(logs)
    configure(settings)
    db.import_logs(logs)
    assert texts(db) == ["text 0", "text 1", "text 2"]
    line(log(logs, 0), None, "more", 1)
    db.import_logs(logs)
    assert texts(db) == ["more", "text 0", "text 1", "text 2"]


def test_what_is_ignored_from_now_on_stays_as_it_was(db: SessionDB, logs: Path, configure: Configure) -> None:
    db.import_logs(logs)
    configure('[import]\nignore_projects = ["quill"]')
    line(log(logs, 0), None, "more", 1)
    db.import_logs(logs)
    assert texts(db) == ["text 0", "text 1", "text 2"]


def test_a_project_that_a_log_names_late_is_ignored_from_its_beginning(
    db: SessionDB, tmp_path: Path, configure: Configure
) -> None:
    configure('[import]\nignore_projects = ["quill"]')
    path = tmp_path / "logs" / f"{ID.format(9)}.jsonl"
    line(path, None, "before")
    line(path, "/home/mira/quill", "after", 1)
    db.import_logs(path)
    assert texts(db) == []


@pytest.mark.parametrize("rule", ["/", "~", "quill"])
def test_a_session_without_a_project_is_of_no_ignored_one(rule: str) -> None:
    assert Rules(projects=(rule,)).ignores_project(None, None) is False


def test_a_session_without_a_project_is_taken_in_however_long_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_UNDECIDED", 3)
    said = [MessageRecord("a", "user", str(number)) for number in range(6)]
    records: list[Record | Row] = [
        SessionRecord("a", "codex", "a"),
        *said[:5],
        SessionRecord("a", "codex", "a", project="/q"),
        said[5],
    ]
    sieve = Sieve(Rules(projects=("/q",)))
    assert (list(sieve.left(records)), sieve.has_ignored) == (records, False)


def test_subagents_go_with_their_session() -> None:
    parent = SessionRecord("a", "codex", "a", project="/q")
    child = SessionRecord("b", "codex", "b", parent_id="a", relation="subagent")
    other = SessionRecord("c", "codex", "c", project="/r")
    sieve = Sieve(Rules(projects=("/q",)))
    records: list[Record | Row] = [parent, child, other, *(MessageRecord(id, "user", id) for id in "abc")]
    assert list(sieve.left(records)) == [other, records[-1]]


def test_of_an_export_only_the_sessions_of_a_project_are_left_out(
    db: SessionDB, logs: Path, configure: Configure, tmp_path: Path
) -> None:
    with SessionDB(tmp_path / "other.db") as other:
        other.import_logs(logs)
        other.notes.add("decision", "Not for others.", project="/home/mira/quill")
        other.notes.add("decision", "For all.", project="/home/mira/quill2")
        other.export(tmp_path / "all.jsonl")
    configure('[import]\nignore_projects = ["quill"]')
    db.import_logs(tmp_path / "all.jsonl")
    assert texts(db) == ["text 1", "text 2"]
    assert [note.body for note in db.notes.find()] == ["For all."]


def test_a_hook_imports_nothing_of_an_ignored_project(
    db: SessionDB, logs: Path, configure: Configure
) -> None:
    configure('[import]\nignore_projects = ["quill"]')
    for number in range(2):
        call = {"hook_event_name": "Stop", "session_id": "s", "transcript_path": str(log(logs, number))}
        answer(read_call("claude-code", None, json.dumps(call)), db.path)
    assert texts(db) == ["text 1"]


@pytest.fixture
def kept_out(logs: Path) -> Path:
    return log(logs, 2).parent


def test_ignored_folders_are_not_looked_into(
    db: SessionDB, logs: Path, kept_out: Path, configure: Configure, tmp_path: Path
) -> None:
    (logs / "link").symlink_to(kept_out)
    configure(f'[import]\nignore_folders = ["{kept_out}", "{tmp_path}/not-there"]')
    report = db.import_logs(logs)
    assert (texts(db), report.skipped) == (["text 0", "text 1"], [])


def test_who_names_an_ignored_folder_is_told(
    db: SessionDB, logs: Path, kept_out: Path, configure: Configure
) -> None:
    configure(f'[import]\nignore_folders = ["{kept_out}"]')
    report = db.import_logs(kept_out, log(logs, 2))
    reasons = {skipped.reason for skipped in report.skipped}
    assert reasons == {"is in a folder that import.ignore_folders of the settings names"}
    assert (len(report.skipped), texts(db)) == (2, [])


def test_auto_passes_over_an_ignored_place_without_a_word(
    db: SessionDB, logs: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    (tmp_path / "claude").mkdir()
    logs.rename(tmp_path / "claude" / "projects")
    configure(f'[import]\nignore_folders = ["{tmp_path}/claude/projects"]')
    report = db.import_logs("auto", agents=["claude-code"])
    assert (report.files, report.skipped, texts(db)) == (0, [], [])


def test_ignored_folders_are_not_watched(logs: Path, kept_out: Path) -> None:
    watch = Watch([str(logs)], Rules(folders=(str(kept_out),)))
    for number in range(3):
        line(log(logs, number), None, "more", 1)
    line(kept_out / "deep" / f"{ID.format(7)}.jsonl", "/p", "new")
    assert sorted(watch.changes()) == sorted(str(log(logs, number)) for number in range(2))


# Redaction


def said(logs: Path, *texts: str) -> Path:
    path = logs / "said" / f"{ID.format(50)}.jsonl"
    for number, text in enumerate(texts):
        line(path, "/home/mira/quill", text, number)
    return path


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("off", f"key {KEY} of {MAIL}"),
        ("secrets", f"key [redacted:api-key] of {MAIL}"),
        ("all", "key [redacted:api-key] of [redacted:email]"),
    ],
)
@pytest.mark.parametrize("by", ["settings", "option"])
def test_what_is_secret_is_taken_out_before_it_is_written(
    db: SessionDB, tmp_path: Path, configure: Configure, mode: str, expected: str, by: str
) -> None:
    path = said(tmp_path, f"key {KEY} of {MAIL}")
    configure(f'[import]\nredact = "{mode if by == "settings" else "all"}"')
    db.import_logs(path, redact=mode if by == "option" else None)
    assert texts(db) == [expected]
    assert db.sessions.page(SessionFilter())[0].project == "/home/mira/quill"
    db.close()
    assert (KEY.encode() in db.path.read_bytes()) is (mode == "off")


def test_a_mode_that_there_is_not_is_refused(db: SessionDB, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="redact must be off, secrets or all, not 'most'"):
        db.import_logs(tmp_path, redact="most")


def test_a_second_import_of_redacted_logs_adds_nothing_and_what_grows_is_added(
    db: SessionDB, tmp_path: Path
) -> None:
    path = said(tmp_path, f"key {KEY}", "fine")
    db.import_logs(path, redact="all")
    path.write_bytes(path.read_bytes())
    again = db.import_logs(path, redact="all")
    assert (again.sessions_updated, again.messages_added) == (frozenset(), 0)
    line(path, None, f"and {MAIL}", 2)
    assert db.import_logs(path, redact="all").messages_added == 1
    assert texts(db) == ["and [redacted:email]", "fine", "key [redacted:api-key]"]


@pytest.mark.parametrize("modes", [("off", "all"), ("all", "off"), ("secrets", "all")])
def test_messages_stand_once_whatever_was_taken_out_before(
    db: SessionDB, tmp_path: Path, modes: tuple[str, str]
) -> None:
    path = said(tmp_path, f"key {KEY} of {MAIL}", "fine")
    for mode in modes:
        path.write_bytes(path.read_bytes())
        db.import_logs(path, redact=mode)
    assert len(texts(db)) == 2


def test_a_secret_that_was_half_written_is_taken_out_when_it_is_whole(db: SessionDB, tmp_path: Path) -> None:
    """A message may grow between two imports: OpenCode writes its answers as they come."""
    path = said(tmp_path, f"write to {MAIL[:8]}")
    db.import_logs(path, redact="all")
    path.unlink()
    said(tmp_path, f"write to {MAIL} and to {KEY} please")
    db.import_logs(path, redact="all")
    assert texts(db) == ["write to [redacted:email] and to [redacted:api-key] please"]


def test_secrets_in_calls_and_their_answers_are_taken_out(db: SessionDB, tmp_path: Path) -> None:
    path = tmp_path / f"{ID.format(51)}.jsonl"
    entry: dict[str, Any] = {"sessionId": path.stem, "version": "2.1.0", "cwd": "/p", "parentUuid": None}
    asked = {
        "type": "tool_use",
        "id": "t1",
        "name": "Bash",
        "input": {"password": "tulips-9-Xy7", "key": KEY},
    }
    told = {"type": "tool_result", "tool_use_id": "t1", "content": f"export TOKEN={KEY}"}
    lines = [
        {**entry, "type": "user", "uuid": "a", "timestamp": "2026-03-02T08:00:00Z",
         "message": {"role": "user", "content": "Go"}},
        {**entry, "type": "assistant", "uuid": "b", "timestamp": "2026-03-02T08:00:01Z",
         "message": {"role": "assistant", "id": "m1", "content": [asked]}},
        {**entry, "type": "user", "uuid": "c", "timestamp": "2026-03-02T08:00:02Z",
         "message": {"role": "user", "content": [told]}},
    ]  # fmt: skip
    path.write_text("".join(json.dumps(each) + "\n" for each in lines))
    db.import_logs(path, redact="secrets")
    call = next(call for message in db.messages.transcript(path.stem) for call in message.tool_calls)
    assert json.loads(call.arguments or "") == {
        "password": "[redacted:secret]",
        "key": "[redacted:api-key]",
    }
    assert KEY not in (call.result or "")
    db.close()
    assert KEY.encode() not in db.path.read_bytes()


def test_real_logs_give_the_same_rows_whether_redacted_or_not(
    db: SessionDB, tmp_path: Path, corpus: Path
) -> None:
    plain = db.import_logs(corpus)
    with SessionDB(tmp_path / "redacted.db") as other:
        clean = other.import_logs(corpus, redact="all")
        again = other.import_logs(corpus, redact="all")
    assert (clean.sessions_added, clean.messages_added) == (plain.sessions_added, plain.messages_added)
    assert (again.messages_added, again.sessions_updated) == (0, frozenset())
