"""Real logs of further agents, imported one file at a time: the facts that were counted independently hold."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB, timestamps
from sessiondb.ingest.run import Ingest
from sessiondb.records import Session
from tests.conftest import corpus_folder

FOLDER = corpus_folder().with_name("corpus-next")
FORMATS = (
    "antigravity-cli",
    "cline",
    "codex",
    "continue",
    "copilot-cli",
    "cursor",
    "langgraph",
    "droid",
    "goose",
    "kimi-code",
    "openclaw",
    "pi",
    "qwen-code",
    "vscode-chat",
    "zed",
)
# Facts that do not hold as they were counted, and why.
TRIMMED = "every id in a part of the file is '[trimmed for fixture]', so that its answers are one"
CODEX = "codex/run_0.171.0/sessions/2026/11/28/rollout-2026-11-28T12-20-59-01a2221a-0210-7210-afe2-05e5ea3b823c.jsonl"
REAL_COPILOT = "copilot-cli/Mai0313_VibeCodingTracker/96ef38f0-9d09-45c3-8124-6448c36090ed/events.jsonl"
SMALL_COPILOT = "copilot-cli/jazzyalex_agent-sessions/small.jsonl"
QWEN_1 = "qwen-code/jazzyalex_agent-sessions/019f0000-0000-7000-8000-000000000001.jsonl"
ORIGINAL, FORK = "aaaaaaaa-0000-4000-8000-000000000001", "ffffffff-0000-4000-8000-000000000002"
ANTIGRAVITY = "antigravity-cli/jazzyalex_agent-sessions/cli_small.jsonl"
LANGGRAPH = "langgraph/run_3.1.2/checkpoints.sqlite"
QWEN_4 = "qwen-code/jazzyalex_agent-sessions/019f0000-0000-7000-8000-000000000004.jsonl"
KIMI = "kimi-code/jazzyalex_agent-sessions/session_1/agents/{}/wire.jsonl"
EMPTY = "its second prompt is empty: the program told the model to go on"
ONLY_A_CALL = "a response that only calls a tool is a message here"
DROID = "droid/jazzyalex_agent-sessions/session_store_schema_drift.jsonl"
DOUBTED = {
    (DROID, "rare_words"): "it stands in a reminder, which the program put before the prompt",
    (CODEX, "assistant"): ONLY_A_CALL,
    (KIMI.format("main"), "assistant"): ONLY_A_CALL,
    (KIMI.format("agent-0"), "assistant"): ONLY_A_CALL,
    (REAL_COPILOT, "user"): EMPTY,
    (REAL_COPILOT, "system"): EMPTY,
    (
        "vscode-chat/peckjon_copilot-chat-to-markdown/chat.json",
        "tool_results",
    ): "the parts hold none, the rounds do",
    (ANTIGRAVITY, "last_time"): "its last lines have no time",
    (ANTIGRAVITY, "rare_words"): "one stands in what the program put beside the prompt",
    (LANGGRAPH, "first_time"): "a sentence; it is the time of the first checkpoint",
    (QWEN_1, "user"): "a notification of the program is no prompt",
    (QWEN_1, "rare_words"): "one stands in the notification",
    (QWEN_4, "assistant"): "two lines of one uuid are one message",
    **dict.fromkeys(
        ((SMALL_COPILOT, name) for name in ("tool_results", "tool_calls", "last_time", "second_import")),
        TRIMMED,
    ),
}


def _facts() -> dict[str, dict[str, Any]]:
    try:
        files: dict[str, dict[str, Any]] = json.loads((FOLDER / "EXPECTED.json").read_bytes())["files"]
    except OSError:
        return {}
    return {
        path: facts
        for path, facts in files.items()
        if facts["format"] in FORMATS and "roles" in facts and not facts.get("not_a_session")
    }


FACTS = _facts()


class Imported:
    """A database into which one file was imported, and what was counted in that."""

    def __init__(self, db: SessionDB, path: str) -> None:
        self.db = db
        self.path = path
        self.facts = FACTS[path]

    def value(self, sql: str) -> Any:
        return self.db.connection.value(sql)

    def everything(self) -> list[list[Any]]:
        tables = ("messages", "tool_calls", "token_counts", "sessions")
        return [self.db.connection.rows(f"SELECT * FROM {table}") for table in tables]

    def holds(self, name: str, found: Any, expected: Any = None) -> None:
        """Compare with a fact, if there is such a one that nothing speaks against."""
        expected = self.facts.get(name) if expected is None else expected
        if expected is not None and (self.path, name) not in DOUBTED:
            assert found == expected, name


@pytest.fixture(params=FACTS)
def imported(request: pytest.FixtureRequest, tmp_path: Path, corpus_next: Path) -> Iterator[Imported]:
    with SessionDB(tmp_path / "sessions.db") as db:
        report = Ingest(db.connection, tz=timestamps.zone("UTC")).run([str(corpus_next / request.param)])
        assert len(report.skipped) == FACTS[request.param].get("bad_lines", 0)
        yield Imported(db, request.param)


def test_messages_and_calls_are_those_of_the_log(imported: Imported) -> None:
    roles: dict[str, int] = dict(
        imported.db.connection.rows("SELECT role, count(*) FROM messages GROUP BY 1")
    )
    for role, count in imported.facts["roles"].items():
        if role != "tool":
            imported.holds(role, roles.get(role.partition(" (")[0], 0), count)
    imported.holds("tool_results", roles.get("tool", 0))
    calls = "SELECT count(*) FROM tool_calls WHERE message_id IS NOT NULL"
    imported.holds("tool_calls", imported.value(calls))


def test_tokens_are_counted_once(imported: Imported) -> None:
    tokens = imported.facts.get("tokens")
    if tokens is None:
        assert imported.value("SELECT count(*) FROM token_counts") == 0
        return
    row = imported.db.connection.row(
        "SELECT coalesce(sum(input), 0), coalesce(sum(cache_read), 0), coalesce(sum(cache_write), 0),"
        " coalesce(sum(output), 0), coalesce(sum(reasoning), 0) FROM token_counts"
    )
    assert row is not None
    asked, read, written, output, reasoning = row
    said = {
        "input_incl_cache": asked + read + written,
        "input_uncached": asked,
        "input_tokens": asked + read + written,
        "input": asked + read + written,
        "output": output,
        "output_tokens": output,
        "cache_read": read,
        "cached_input_tokens": read,
        "cache_write": written,
        "cache_write_input_tokens": written,
        "reasoning": reasoning,
        "reasoning_output_tokens": reasoning,
        "inputOther": asked,
        "inputCacheRead": read,
        "inputCacheCreation": written,
        "total_tokens": asked + read + written + output,
    }
    assert {name: said[name] for name in tokens} == tokens


def test_times_project_title_and_models_are_those_of_the_log(imported: Imported) -> None:
    facts = imported.facts
    told = imported.db.connection.rows("SELECT id, relation FROM sessions")
    # A log of a sub-agent alone is that.
    sessions = [one for one in told if one[1] != "subagent"] or told
    if isinstance(facts.get("sessions"), list):
        for (id, _), expected in zip(sessions, facts["sessions"], strict=True):
            assert {**expected, **facts_of(imported.db.sessions.get(id))} == expected
        return
    assert len(sessions) == 1
    session = imported.db.sessions.get(sessions[0][0])
    zone = timestamps.zone("UTC")
    imported.holds("first_time", session.started_at, timestamps.normalise(facts.get("first_time"), zone))
    imported.holds("last_time", session.last_active_at, timestamps.normalise(facts.get("last_time"), zone))
    imported.holds("session_id", session.native_id)
    imported.holds("cwd", session.project)
    imported.holds("title", session.title)
    models = imported.db.connection.rows(
        "SELECT DISTINCT o.name FROM models AS o JOIN token_counts AS t ON t.model_id = o.id UNION"
        " SELECT o.name FROM models AS o JOIN messages AS m ON m.model_id = o.id"
    )
    imported.holds("models", sorted(row[0] for row in models))


def facts_of(session: Session) -> dict[str, Any]:
    """Return a session as the facts of a file with several have it."""
    times = {"created_at": session.started_at, "updated_at": session.last_active_at}
    moments = {name: str(time).replace(".000Z", "+00:00") for name, time in times.items()}
    return {"id": session.native_id, "title": session.title, "cwd": session.project, **moments}


def test_rare_words_are_found_in_the_message_that_has_them(imported: Imported) -> None:
    if (imported.path, "rare_words") in DOUBTED:
        return
    for rare in imported.facts.get("rare_words", ()):
        hits = imported.db.connection.rows(
            "SELECT role FROM messages WHERE content LIKE ? AND role IN ('user', 'assistant')",
            (f"%{rare.get('word') or rare['phrase']}%",),
        )
        assert [row[0] for row in hits] == [rare["role"]], rare


def test_a_second_import_adds_nothing(imported: Imported, corpus_next: Path) -> None:
    before = imported.everything()
    imported.db.connection.execute("UPDATE imports SET size = 1, mtime_ns = 1, byte_offset = 0")
    Ingest(imported.db.connection, tz=timestamps.zone("UTC")).run([str(corpus_next / imported.path)])
    imported.holds("second_import", imported.everything(), before)


def test_a_workspace_of_cursor_holds_the_chats_of_its_panel_and_of_its_composer(
    tmp_path: Path, corpus_next: Path
) -> None:
    path = "cursor/slevin48_cursor-history/workspaceStorage/state.vscdb"
    facts = json.loads((corpus_next / "EXPECTED.json").read_bytes())["files"][path]
    chats, composers = facts["aichat.chatdata"], facts["composer.composerData"]
    # Each of the chats ends with the empty field to type the next prompt into, which was counted as one.
    chats["roles"]["user"] -= chats["sessions"]
    with SessionDB(tmp_path / "sessions.db") as db:
        for _ in range(2):
            Ingest(db.connection, tz=timestamps.zone("UTC")).run([str(corpus_next / path)])
            db.connection.execute("UPDATE imports SET size = 1, mtime_ns = 1, byte_offset = 0")
        titles = db.connection.rows("SELECT title FROM sessions WHERE title_source = 'agent'")
        assert {one[0] for one in titles} >= set(chats["tab_titles"])
        roles: dict[str, int] = dict(db.connection.rows("SELECT role, count(*) FROM messages GROUP BY 1"))
        assert roles == {
            role: chats["roles"][role] + composers["roles"][role] for role in ("user", "assistant")
        }
        assert db.connection.row("SELECT count(*), min(started_at), max(last_active_at) FROM sessions") == (
            chats["sessions"] + composers["sessions"],
            chats["first_time"],
            composers["last_time"],
        )


@pytest.mark.parametrize("folder", ["kenn-io_agentsview/myrepo", "run_0.86.2"])
def test_runs_of_aider_hold_what_was_typed_in_them(tmp_path: Path, corpus_next: Path, folder: str) -> None:
    path = f"aider/{folder}/.aider.chat.history.md"
    facts = json.loads((corpus_next / "EXPECTED.json").read_bytes())["files"][path]
    with SessionDB(tmp_path / "sessions.db") as db:
        for _ in range(2):
            Ingest(db.connection, tz=timestamps.zone("UTC")).run([str(corpus_next / path)])
            db.connection.execute("UPDATE imports SET size = 1, mtime_ns = 1, byte_offset = 0")
        assert db.connection.value("SELECT count(*) FROM sessions") == facts["runs_with_a_turn"]
        prompts = db.connection.rows(
            "SELECT m.content FROM messages AS m JOIN sessions AS s ON s.id = m.session_id"
            " WHERE m.role = 'user' ORDER BY s.started_at, m.seq"
        )
        assert [one[0] for one in prompts] == facts["prompts"]
        counts = db.connection.rows("SELECT input, output FROM token_counts ORDER BY input DESC")
        assert [f"{asked} sent, {said} received." for asked, said in counts] == facts["token_lines"]


def everything_of(folder: Path, paths: list[Path]) -> list[list[Any]]:
    """Return what a database holds of files that were imported one by one in this order, whatever it numbers."""
    with SessionDB(folder / f"{len(list(folder.glob('*.db')))}.db") as db:
        for path in paths:
            Ingest(db.connection, tz=timestamps.zone("UTC")).run([str(path)])
        return [
            sorted(db.connection.rows(query), key=repr)
            for query in (
                "SELECT id, agent, native_id, parent_id, relation, title, started_at, last_active_at,"
                " message_count FROM sessions",
                "SELECT session_id, seq, role, content, reasoning, external_id, created_at FROM messages",
                "SELECT session_id, call_id, name, arguments, result, is_error FROM tool_calls",
                "SELECT session_id, request_key, input, cache_read, cache_write, output FROM token_counts",
            )
        ]


def test_every_order_of_files_gives_the_same_database(tmp_path: Path, corpus_next: Path) -> None:
    paths = [corpus_next / path for path in FACTS]
    shuffled = sorted(paths, key=lambda path: str(path)[::-1])
    expected = everything_of(tmp_path, paths)
    assert everything_of(tmp_path, paths[::-1]) == expected
    assert everything_of(tmp_path, shuffled) == expected


def changed(folder: Path, source: Path, fork: str, *, is_short: bool) -> list[Path]:
    """Copy a session of Claude Code and its fork, the fork under another id; ids may be a gateway's: short, and equal
    in both.
    """
    copies = []
    for path in sorted(source.glob("*.jsonl")):
        text = path.read_text("utf-8").replace(FORK, fork)
        for kind in ("msg", "toolu") if is_short else ():
            for number, id in enumerate(sorted(set(re.findall(rf"\b{kind}_\w{{16,}}", text)))):
                text = text.replace(id, f"{kind}_{number}")
        copies.append(folder / path.name.replace(FORK, fork))
        copies[-1].write_text(text, "utf-8")
    return copies


@pytest.mark.parametrize("is_short", [False, True])
@pytest.mark.parametrize("fork", [FORK, "00000000-0000-4000-8000-000000000002"])
def test_every_order_of_a_session_of_claude_code_and_its_fork_gives_the_same_database(
    tmp_path: Path, corpus_next: Path, fork: str, is_short: bool
) -> None:
    source = corpus_next / "claude-code" / "run_2.1.332"
    logs = tmp_path / "logs"
    logs.mkdir()
    paths = changed(logs, source, fork, is_short=is_short)
    first, *others = (everything_of(tmp_path, list(order)) for order in (*permutations(paths), [logs]))
    assert others == [first, first]
    sessions, messages, _, tokens = first
    assert {session[2]: session[3] for session in sessions} == {ORIGINAL: None, fork: ORIGINAL}
    roles = Counter((message[0], message[2]) for message in messages)
    each = {"user": 1, "tool": 1, "assistant": 2}
    assert roles == {(id, role): count for id in (ORIGINAL, fork) for role, count in each.items()}
    assert sum(count[2] for count in tokens) == 740
