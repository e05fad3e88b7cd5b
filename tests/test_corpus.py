"""Real logs, imported one file at a time: the facts that were counted independently hold in the database."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB, timestamps
from sessiondb.dao.search.repair import IndexRepair
from sessiondb.ingest.run import Ingest
from sessiondb.records import ImportReport

NOT_SESSIONS = {
    "weird/mutated/not_a_session.jsonl",
    "weird/mutated/hermes_empty.jsonl",
    "weird/mutated/truncated.db",
}


@pytest.fixture(scope="module")
def expected(corpus: Path) -> dict[str, dict[str, Any]]:
    facts: dict[str, dict[str, Any]] = json.loads((corpus / "EXPECTED.json").read_text(encoding="utf-8"))[
        "files"
    ]
    return facts


class Imported:
    """A database into which one source was imported."""

    def __init__(self, folder: Path, source: Path) -> None:
        self.db = SessionDB(folder / "sessions.db")
        self.report: ImportReport = Ingest(self.db.connection, tz=timestamps.zone("UTC")).run([str(source)])

    def counts(self, table: str, column: str) -> dict[str, int]:
        return dict(self.db.connection.rows(f"SELECT {column}, count(*) FROM {table} GROUP BY 1"))

    def value(self, sql: str, *parameters: object) -> Any:
        return self.db.connection.value(sql, parameters)

    def tokens(self) -> dict[str, int]:
        names = ("input", "cache_read", "cache_write", "output", "reasoning")
        sums = ", ".join(f"coalesce(sum({name}), 0)" for name in names)
        return dict(zip(names, self.db.connection.row(f"SELECT {sums} FROM token_counts") or (), strict=True))

    def times(self) -> tuple[str, str]:
        return self.db.connection.row("SELECT min(started_at), max(last_active_at) FROM sessions") or ("", "")


@pytest.fixture
def imported(corpus: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Imported]:
    made = Imported(tmp_path, corpus / request.param)
    yield made
    assert made.db.connection.rows("PRAGMA integrity_check") == [("ok",)]
    assert made.db.connection.rows("PRAGMA foreign_key_check") == []
    assert IndexRepair(made.db.connection).damaged() == []
    made.db.close()


def stamp(value: object) -> str | None:
    return timestamps.normalise(value, timestamps.zone("UTC"))


def facts_of(expected: dict[str, dict[str, Any]], request: pytest.FixtureRequest) -> dict[str, Any]:
    return expected[request.node.callspec.params["imported"]]


CLAUDE = [
    f"claude-code/d-kimuson_claude-code-viewer/projects/sample-project/{name}.jsonl"
    for name in (
        "fe5e1c67-53e7-4862-81ae-d0e013e3270b",
        "5c0375b4-57a5-4f26-b12d-d022ee4e51b7",
        "1af7fc5e-8455-4414-9ccd-011d40f70b2a",
    )
]


@pytest.mark.parametrize("imported", CLAUDE, indirect=True)
def test_claude_code_facts_hold(
    imported: Imported, expected: dict[str, dict[str, Any]], request: pytest.FixtureRequest
) -> None:
    facts = facts_of(expected, request)
    roles = imported.counts("messages", "role")
    tokens = facts["tokens_dedup(last/max output per (message.id,requestId))"]
    assert roles["assistant"] == facts["assistant_messages_distinct_id"]
    assert roles.get("user", 0) == facts["user_prompt_lines"] - facts["of_which_slash_command_markup"]
    assert imported.value("SELECT count(*) FROM tool_calls") == facts["tool_use_distinct_ids"]
    assert roles["tool"] == facts["tool_result_blocks"]
    assert imported.value("SELECT count(*) FROM tool_calls WHERE result_message_id IS NULL") == 0
    assert imported.tokens() == {
        "input": tokens["input_tokens"],
        "cache_read": tokens["cache_read_input_tokens"],
        "cache_write": tokens["cache_creation_input_tokens"],
        "output": tokens["output_tokens"],
        "reasoning": 0,
    }
    assert imported.value("SELECT count(*) FROM token_counts") == facts["usage_keys"]
    assert imported.times() == (facts["first_timestamp"], facts["last_timestamp"])
    main = imported.db.sessions.get(facts["file_stem"])
    assert (main.parent_id, main.project) == (None, facts["cwd"][0])
    assert imported.counts("sessions", "relation").keys() == (
        {None, "subagent"} if facts["sidechain_lines"] else {None}
    )


CODEX_LEGACY = [
    "codex-legacy/JaydenXsoe_ocodex/sessions/2025/08/23/"
    "rollout-2025-08-23T16-14-09-75cf1ff9-fd11-4370-bc51-9e69f29e94d5.jsonl",
    "codex-legacy/JaydenXsoe_ocodex/sessions/rollout-2025-09-06T19-11-43-7e0bf0fc-0880-40a2-b71b-d581cf86adff.jsonl",
]


@pytest.mark.parametrize("imported", CODEX_LEGACY, indirect=True)
def test_codex_legacy_facts_hold(
    imported: Imported, expected: dict[str, dict[str, Any]], request: pytest.FixtureRequest
) -> None:
    facts = facts_of(expected, request)
    items = facts["items"]
    roles = imported.counts("messages", "role")
    assert imported.counts("sessions", "native_id") == {facts["session_id"]: 1}
    assert roles["user"] == items["message/user"] - facts["injected_context_user_messages"]
    assert roles["tool"] == items["function_call_output"]
    assert (
        imported.value("SELECT count(*) FROM tool_calls WHERE message_id IS NOT NULL")
        == items["function_call"]
    )
    assert imported.times()[0] == facts["first_timestamp"]
    assert imported.value("SELECT count(*) FROM token_counts") == 0


@pytest.mark.parametrize("imported", ["hermes/foodoaiprojects_hermes-agent/state.db"], indirect=True)
def test_hermes_state_facts_hold(
    imported: Imported, expected: dict[str, dict[str, Any]], request: pytest.FixtureRequest
) -> None:
    facts = facts_of(expected, request)
    assert imported.counts("messages", "role") == facts["roles"]
    for native_id, session in facts["sessions"].items():
        found = imported.db.sessions.get(native_id)
        assert (found.title, found.model, found.platform) == (
            session["title"],
            session["model"],
            session["source"],
        )
        assert (found.started_at, found.ended_at) == (
            stamp(session["started_at"]),
            stamp(session["ended_at"]),
        )
        assert (found.tokens.input, found.tokens.output, found.tokens.cache_read) == (
            session["input_tokens"],
            session["output_tokens"],
            session["cache_read_tokens"],
        )
        assert (
            imported.value("SELECT count(*) FROM messages WHERE session_id = ?", native_id) == session["rows"]
        )


def test_hermes_stores_that_hold_the_same_sessions_give_them_once(corpus: Path, tmp_path: Path) -> None:
    folder = corpus / "hermes" / "foodoaiprojects_hermes-agent"
    orders = [["state.db", "export", "sessions"], ["sessions", "export", "state.db"]]
    found = []
    for number, order in enumerate(orders):
        with SessionDB(tmp_path / f"{number}.db") as db:
            for name in order:
                Ingest(db.connection, tz=timestamps.zone("UTC")).run([str(folder / name)])
            query = "SELECT id, message_count, title FROM sessions ORDER BY id"
            found.append(
                (db.connection.rows(query), db.connection.value("SELECT sum(input) FROM token_counts"))
            )
    assert found[0] == found[1]
    assert [row[0] for row in found[0][0]] == [
        "20260420_131817_5fb96e",
        "20260420_133144_91c4ce",
        "20260420_133811_7e8e82",
        "20260421_163501_b244f5",
    ]


@pytest.mark.parametrize(
    "imported", ["hermes/synthetic_from_seed/sessions/20260301_090000_a1b2c3d4.jsonl"], indirect=True
)
def test_hermes_transcript_facts_hold(
    imported: Imported, expected: dict[str, dict[str, Any]], request: pytest.FixtureRequest
) -> None:
    facts = facts_of(expected, request)
    said = {role: count for role, count in facts["roles"].items() if role != "session_meta"}
    assert imported.counts("messages", "role") == said
    assert imported.value("SELECT count(*) FROM tool_calls") == facts["tool_calls"]
    session = imported.db.sessions.get(facts["file_stem"])
    assert (session.model, session.platform) == (facts["metadata"]["model"], facts["metadata"]["platform"])
    assert imported.times()[1] == stamp(facts["last_timestamp(naive local)"])


NANOBOT = [
    "nanobot/Lianghy17_nanobot/workspace/sessions/cli_direct.jsonl",
    "nanobot/generated_nanobot-ai-0.3.5/.nanobot/sessions/106ab8b39c494f3ffab48a3e3de6172e/"
    "dGVsZWdyYW06LTEwMDEyMzQ1Njc4OTA.jsonl",
]


@pytest.mark.parametrize("imported", NANOBOT, indirect=True)
def test_nanobot_facts_hold(
    imported: Imported, expected: dict[str, dict[str, Any]], request: pytest.FixtureRequest
) -> None:
    facts = facts_of(expected, request)
    key = facts["metadata"].get("key", "cli:direct")
    assert imported.counts("messages", "role") == facts["roles"]
    assert imported.value("SELECT count(*) FROM tool_calls") == facts["tool_calls"]
    assert imported.db.connection.rows("SELECT key, native_id FROM sessions") == [(key, key)]
    assert imported.times() == (
        stamp(facts["first_timestamp(naive local)"]),
        stamp(facts["last_timestamp(naive local)"]),
    )


@pytest.mark.parametrize(
    "imported",
    [f"weird/mutated/nanobot_{name}.jsonl" for name in ("crlf", "bom", "metadata_last")],
    indirect=True,
)
def test_nanobot_survives_odd_files(
    imported: Imported, expected: dict[str, dict[str, Any]], request: pytest.FixtureRequest
) -> None:
    facts = facts_of(expected, request)
    assert imported.counts("messages", "role") == facts["roles"]
    assert imported.value("SELECT key FROM sessions") == facts["metadata_key"]


@pytest.mark.parametrize("imported", ["weird/mutated/nanobot_partial_last_line.jsonl"], indirect=True)
def test_a_torn_last_line_waits(
    imported: Imported, expected: dict[str, dict[str, Any]], request: pytest.FixtureRequest
) -> None:
    lines = facts_of(expected, request)["good_lines(incl. metadata)"]
    assert imported.value("SELECT count(*) FROM messages") == lines - 1
    assert imported.report.skipped == []


def test_a_file_that_repeats_itself_gives_the_same_as_once(
    corpus: Path, tmp_path: Path, expected: dict[str, dict[str, Any]]
) -> None:
    name = "weird/mutated/claude_appended_twice.jsonl"
    made = []
    for number, path in enumerate((name, expected[name]["must_equal"])):
        (tmp_path / str(number)).mkdir()
        imported = Imported(tmp_path / str(number), corpus / path)
        query = "SELECT seq, role, content, external_id, created_at FROM messages ORDER BY session_id, seq"
        made.append((imported.db.connection.rows(query), imported.tokens(), imported.times()))
        imported.db.close()
    assert made[0] == made[1]


@pytest.mark.parametrize(
    "imported", ["weird/mutated/claude_bad_middle_and_invalid_utf8.jsonl"], indirect=True
)
def test_a_bad_line_is_recorded_and_the_rest_imported(imported: Imported) -> None:
    assert [skipped.line for skipped in imported.report.skipped] == [6]
    errors = imported.db.connection.rows("SELECT line, byte_offset > 0, reason FROM import_errors")
    assert errors == [(6, 1, imported.report.skipped[0].reason)]
    assert imported.value("SELECT count(*) FROM messages") > 15


@pytest.mark.parametrize("imported", ["weird/mutated/claude_lone_surrogate.jsonl"], indirect=True)
def test_a_lone_surrogate_is_stored_as_a_replacement_character(imported: Imported) -> None:
    assert "\ufffd" in imported.value("SELECT content FROM messages")


@pytest.mark.parametrize("imported", sorted(NOT_SESSIONS), indirect=True)
def test_what_is_no_session_is_refused_by_name(imported: Imported, request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.params["imported"]
    assert imported.value("SELECT count(*) FROM sessions") == 0
    (skipped,) = imported.report.skipped
    assert skipped.path.endswith(name)
    assert imported.report.refused == [skipped.path]


LATER = {
    "gemini/lanegrid_agtrace/gemini_session.json": (1, {"user": 2, "assistant": 7}),
    "chatgpt-export/realazthat_chatgpt2graph/conversations.json": (
        1,
        {"system": 2, "user": 8, "assistant": 23, "tool": 11},
    ),
    "openai-chat-jsonl/mlteam-ai_openai-cheat-sheet/toy_chat_fine_tuning.jsonl": (
        10,
        {"system": 8, "user": 13, "assistant": 16},
    ),
    "sharegpt/lm-sys_FastChat/dummy_conversation.json": (500, {"user": 1000, "assistant": 1000}),
    "llm-logs-db/generated_llm-0.27.1/logs.db": (5, {"user": 6}),
    "llm-logs-db/generated_llm-0.36/logs.db": (5, {"user": 6}),
}


@pytest.mark.parametrize("imported", LATER, indirect=True)
def test_sessions_and_roles_of_further_formats_hold(
    imported: Imported, request: pytest.FixtureRequest
) -> None:
    sessions, roles = LATER[request.node.callspec.params["imported"]]
    found = imported.counts("messages", "role")
    assert imported.value("SELECT count(*) FROM sessions") == sessions
    assert {role: found.get(role) for role in roles} == roles


@pytest.mark.parametrize("imported", ["gemini/lanegrid_agtrace/gemini_session.json"], indirect=True)
def test_gemini_tokens_hold(
    imported: Imported, expected: dict[str, dict[str, Any]], request: pytest.FixtureRequest
) -> None:
    facts = facts_of(expected, request)["tokens_final_state"]
    tokens = imported.tokens()
    assert tokens["input"] + tokens["cache_read"] == facts["input"]
    assert tokens["output"] - tokens["reasoning"] == facts["output"]
    assert (tokens["cache_read"], tokens["reasoning"]) == (facts["cached"], facts["thoughts"])


def test_rare_phrases_are_found_in_their_session(
    corpus: Path, tmp_path: Path, expected: dict[str, dict[str, Any]]
) -> None:
    tried = 0
    for name, facts in expected.items():
        phrases = [rare.get("word") or rare["phrase"] for rare in facts.get("rare_words", ())]
        if not phrases:
            continue
        folder = tmp_path / str(tried)
        folder.mkdir()
        imported = Imported(folder, corpus / name)
        for phrase in phrases:
            tried += 1
            (hit, *_) = imported.db.search(phrase).hits
            said = "SELECT count(*) FROM messages WHERE session_id = ? AND instr(lower(content), ?)"
            assert imported.value(said, hit.session_id, phrase.lower()), (name, phrase)
        imported.db.close()
    assert tried > 15


def test_the_whole_corpus_twice_adds_nothing(corpus: Path, tmp_path: Path) -> None:
    with SessionDB(tmp_path / "sessions.db") as db:
        first = Ingest(db.connection).run([str(corpus)])
        rows = {
            table: db.connection.value(f"SELECT count(*) FROM {table}")
            for table in ("messages", "tool_calls", "token_counts")
        }
        stored = db.connection.rows("SELECT * FROM sessions ORDER BY id")
        second = Ingest(db.connection).run([str(corpus)])
        db.connection.execute("UPDATE imports SET mtime_ns = 0")
        third = Ingest(db.connection).run([str(corpus)])
        assert len(first.sessions_added) > 600
        for again in (second, third):
            assert (again.sessions_added, again.sessions_updated, again.messages_added) == (set(), set(), 0)
        assert {table: db.connection.value(f"SELECT count(*) FROM {table}") for table in rows} == rows
        assert db.connection.rows("SELECT * FROM sessions ORDER BY id") == stored
        assert Counter(row[1] for row in stored)["codex"] >= 15
        assert IndexRepair(db.connection).damaged() == []
