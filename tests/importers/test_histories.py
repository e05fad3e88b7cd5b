"""The histories of prompts that Claude Code and Codex keep: what was typed, by session."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.importers import importer
from sessiondb.importers.base import MessageRecord, SessionRecord
from sessiondb.importers.files.source import Source
from sessiondb.ingest.places import expanded, prompt_histories
from tests.helpers.claude_logs import PROJECT, SESSIONS, write

ONE, TWO = SESSIONS[1:3]
AT = 1_772_355_600_000


def entry(text: str, session: str | None = ONE, at: int = AT, **pasted: Any) -> dict[str, Any]:
    """Return an entry of Claude Code's history."""
    named = {} if session is None else {"sessionId": session}
    return {"display": text, "pastedContents": pasted, "timestamp": at, "project": PROJECT, **named}


CLAUDE_ENTRIES = [
    entry("Where are the tests?"),
    entry("Hello", None),
    {**entry("Hello"), "pastedContents": None},
]
CODEX_ENTRIES = [{"session_id": ONE, "ts": AT // 1000, "text": "Where are the tests?"}]


def read(tmp_path: Path, format: str, *entries: Any) -> tuple[list[tuple[Any, ...]], list[str]]:
    """Return the prompts of a history, and what could not be read of it."""
    source = Source(write(tmp_path / "history.jsonl", entries))
    found = [record for record in importer(format).read(source) if isinstance(record, MessageRecord)]
    rows = [(record.session, record.role, record.content, record.created_at) for record in found]
    return rows, [problem.reason for problem in source.listed_problems]


def test_prompts_stand_under_the_ids_of_their_sessions(tmp_path: Path) -> None:
    rows, problems = read(
        tmp_path, "claude-code-history", entry("One"), entry("Two", TWO), entry("Three", at=AT + 5)
    )

    assert rows == [
        (ONE, "user", "One", "2026-03-01T09:00:00.000Z"),
        (TWO, "user", "Two", "2026-03-01T09:00:00.000Z"),
        (ONE, "user", "Three", "2026-03-01T09:00:00.005Z"),
    ]
    assert problems == []


def test_codex_gives_seconds(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, "codex-history", *CODEX_ENTRIES)

    assert rows == [(ONE, "user", "Where are the tests?", "2026-03-01T09:00:00.000Z")]


def test_a_session_comes_once_and_is_marked(tmp_path: Path) -> None:
    source = Source(write(tmp_path / "history.jsonl", [entry("One"), entry("Two")]))

    sessions = [
        record for record in importer("claude-code-history").read(source) if isinstance(record, SessionRecord)
    ]

    marked = {"prompts_only": True}
    assert sessions == [SessionRecord(ONE, "claude-code", ONE, project=PROJECT, metadata=marked)]


def test_equal_prompts_of_one_moment_are_two(db: SessionDB, tmp_path: Path) -> None:
    history = write(tmp_path / "history.jsonl", [entry("Go on"), entry("Go on")])

    assert [db.import_logs(history).messages_added for _ in range(2)] == [2, 0]


@pytest.mark.parametrize(
    ("display", "pasted", "text"),
    [
        ("Read [Pasted text #1 +2 lines]", {"1": {"id": 1, "type": "text", "content": "a\nb"}}, "Read a\nb"),
        (
            "[Pasted text #2]!",
            {"1": {"type": "text", "content": "a"}, "2": {"type": "text", "content": "b"}},
            "b!",
        ),
        ("[...Truncated text #1 +9 lines...]", {"1": {"type": "text", "content": "all"}}, "all"),
        ("[Pasted text #1]", {"1": {"type": "text", "contentHash": "0af"}}, "[Pasted text #1]"),
        ("[Pasted text #1]", {}, "[Pasted text #1]"),
        ("[Image #1] What is it?", {"1": {"type": "image", "content": "aGk="}}, "[Image #1] What is it?"),
        ("[Pasted text #1]", {"1": {"type": "text", "content": "[Pasted text #1]"}}, "[Pasted text #1]"),
        ("[Pasted text #1]", {"1": 7}, "[Pasted text #1]"),
    ],
)
def test_what_was_pasted_is_in_the_prompt_where_the_file_holds_it(
    tmp_path: Path, display: str, pasted: dict[str, Any], text: str
) -> None:
    ((_, _, content, _),), _ = read(tmp_path, "claude-code-history", entry(display, **pasted))

    assert content == text


def test_what_was_pasted_and_stands_nowhere_is_kept_beside_the_prompt(tmp_path: Path) -> None:
    pasted: dict[str, Any] = {"1": {"id": 1, "type": "text", "contentHash": "0af"}}
    source = Source(write(tmp_path / "history.jsonl", [entry("[Pasted text #1]", **pasted)]))

    (_, message) = importer("claude-code-history").read(source)

    assert isinstance(message, MessageRecord)
    assert message.parts == [{"id": 1, "type": "text", "contentHash": "0af"}]


@pytest.mark.parametrize(
    ("display", "role"),
    [
        ("/clear", "system"),
        ("/review the parser", "system"),
        ("!ls -l", "system"),
        ("/home/mira/notes.txt is what?", "user"),
        ("!", "user"),
        ("Use /clear", "user"),
    ],
)
def test_commands_are_told_from_prompts(tmp_path: Path, display: str, role: str) -> None:
    ((_, found, _, _),), _ = read(tmp_path, "claude-code-history", entry(display))

    assert found == role


def test_entries_that_name_no_session_are_told_once(tmp_path: Path) -> None:
    rows, problems = read(
        tmp_path, "claude-code-history", entry("One", None), entry("Two"), entry("Three", None)
    )

    assert [row[2] for row in rows] == ["Two"]
    assert problems == ["2 prompts name no session, and cannot be imported"]


@pytest.mark.parametrize("format", ["claude-code-history", "codex-history"])
def test_lines_of_another_kind_are_reported(tmp_path: Path, format: str) -> None:
    rows, problems = read(tmp_path, format, {"x": 1}, [], 7, *CLAUDE_ENTRIES[:1], *CODEX_ENTRIES)

    assert len(rows) == 1
    assert problems == ["no entry of a history of prompts"] * 4


@pytest.mark.parametrize(
    ("beside", "is_found"),
    [("projects", True), ("sessions", True), ("archived_sessions", True), ("memory", False)],
)
def test_a_history_is_found_beside_the_folder_of_a_store(
    db: SessionDB, tmp_path: Path, beside: str, is_found: bool
) -> None:
    home = tmp_path / "home"
    write(home / "history.jsonl", CODEX_ENTRIES)
    (home / beside).mkdir()

    assert len(db.import_logs(home).sessions_added) == is_found


def test_auto_looks_for_histories_where_the_agents_keep_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    monkeypatch.setenv("CODEX_HOME", str(tmp_path / "codex"))
    claude = write(tmp_path / "claude" / "history.jsonl", CLAUDE_ENTRIES)
    codex = write(tmp_path / "codex" / "history.jsonl", CODEX_ENTRIES)

    assert prompt_histories() == {"claude-code": [claude], "codex": [codex]}
    assert expanded(["auto"]) == [str(claude), str(codex)]
    assert expanded(["auto"], ["codex"]) == [str(codex)]
    assert prompt_histories(["llm"]) == {}
    assert SessionDB.log_places(["codex"], histories=True)["codex"][-1] == codex


def test_list_and_show_mark_sessions_of_prompts(db: SessionDB, tmp_path: Path) -> None:
    from click.testing import CliRunner

    from sessiondb.cli.group import cli

    db.import_logs(write(tmp_path / "history.jsonl", CODEX_ENTRIES))

    def run(*arguments: str) -> str:
        return CliRunner().invoke(cli, ["--db", str(db.path), *arguments]).stdout

    assert "[prompts only] Where are the tests?" in run("list")
    assert [row.get("prompts_only") for row in json.loads(run("list", "--json"))] == [True]
    assert "prompts_only" not in run("list", "--csv")
    for style in ("text", "md"):
        assert "prompts only, from the history that the agent keeps" in run("show", ONE, "--format", style)
    assert json.loads(run("show", ONE, "--json"))["session"]["metadata"] == {"prompts_only": True}
    assert json.loads(run("usage", "--json")) == []


def test_an_entry_without_a_word_is_no_prompt(tmp_path: Path) -> None:
    assert read(tmp_path, "claude-code-history", entry("")) == ([], [])


def test_a_history_is_no_log_to_resume_from(
    db: SessionDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEX_HOME", str(tmp_path))
    db.import_logs(write(tmp_path / "history.jsonl", CODEX_ENTRIES))

    found = db.resume_command(ONE)

    assert any(
        warning.startswith("its log is gone (only its prompts are known): codex")
        for warning in found.warnings
    )
    assert db.write_for_agent(ONE).log != str(tmp_path / "history.jsonl")
