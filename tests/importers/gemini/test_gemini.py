"""Gemini CLI's sessions: told by their content, whose they are, and what real ones hold."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest

from sessiondb.errors import ImportFailed
from sessiondb.importers import gemini
from sessiondb.importers.base import MessageRecord, SessionRecord, TokenRecord, ToolResult
from sessiondb.importers.files.sample import Sample
from tests.helpers.gemini_logs import HEADER, SESSION, records, reply, said, tokens, user, write
from tests.helpers.records import of


def test_sub_agent_belongs_to_the_session_its_folder_is_named_after(tmp_path: Path) -> None:
    """Its own id need not be unique: it is told apart by its parent."""
    lines = [{**HEADER, "sessionId": "codebase-1", "kind": "subagent"}, user("u1", "Find the tests.")]
    ids = {}
    for parent in (SESSION, SESSION.replace("0d", "1d")):
        session = records(write(tmp_path / "chats" / parent / "codebase-1.jsonl", lines))[0]
        assert isinstance(session, SessionRecord)
        assert (session.native_id, session.parent_id, session.relation) == ("codebase-1", parent, "subagent")
        ids[session.id] = parent
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("store", "files"),
    [
        ("shop", {"tmp/shop/.project_root": "/home/me/shop\n"}),
        ("shop", {"projects.json": '{"projects": {"/home/me/other": "other", "/home/me/shop": "shop"}}'}),
        (
            hashlib.sha256(b"/home/me/shop").hexdigest(),
            {"projects.json": '{"projects": {"/home/me/shop": "shop"}}'},
        ),
    ],
)
def test_project_is_what_the_store_says(tmp_path: Path, store: str, files: dict[str, str]) -> None:
    """The folder comes from the store's own marker, or from the registry by short id or by hash."""
    path = write(tmp_path / "tmp" / store / "chats" / "session.jsonl", [HEADER])
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")
    session = records(path)[0]
    assert isinstance(session, SessionRecord)
    assert session.project == "/home/me/shop"


@pytest.mark.parametrize("registry", ["", "[]", '{"projects": 1}', '{"projects": [["/x", "shop"]]}'])
def test_broken_registry_leaves_the_project_unknown(tmp_path: Path, registry: str) -> None:
    """The registry is a help, no condition."""
    path = write(tmp_path / "tmp" / "shop" / "chats" / "session.jsonl", [HEADER])
    (tmp_path / "projects.json").write_text(registry, "utf-8")
    session = records(path)[0]
    assert isinstance(session, SessionRecord)
    assert session.project is None


def test_document_and_the_log_it_was_migrated_to_are_one_session(tmp_path: Path) -> None:
    """Resuming copies a document into a log beside it: the same records but for what the log adds."""
    messages = [user("u1", "Hello"), reply("g1", "Hi!", **tokens(input=10, output=5))]
    document = {key: value for key, value in HEADER.items() if key != "kind"} | {
        "messages": messages,
        "summary": "A greeting",
    }
    old = tmp_path / "session-2026.json"
    old.write_text(json.dumps(document, indent=2), "utf-8")
    log = write(
        tmp_path / "session-2026.jsonl", [{**HEADER, "summary": "A greeting"}, *messages, user("u2", "Bye")]
    )
    before, after = records(old), records(log)
    assert before[1:] == after[1:-1]
    assert said(after) == [("user", "Hello"), ("assistant", "Hi!"), ("user", "Bye")]
    for session in (before[0], after[0]):
        assert isinstance(session, SessionRecord)
        assert (session.id, session.title) == (SESSION, "A greeting")


def test_session_without_messages_was_active_when_its_header_says(tmp_path: Path) -> None:
    """Only then: the header's time also moves when a summary is written days later."""
    session = records(write(tmp_path / "s.jsonl", [HEADER]))[0]
    assert isinstance(session, SessionRecord)
    assert session.last_active_at == "2026-04-29T21:50:00.000Z"


@pytest.mark.parametrize(
    ("text", "score"),
    [
        (json.dumps(HEADER) + "\n", 2),
        (json.dumps({**HEADER, "messages": []}, indent=2), 2),
        (json.dumps({**HEADER, "messages": []}), 2),
        ('{"id": "u1", "type": "user"}\n{"$set": {"lastUpdated": "2026"}}\n', 2),
        ('{"$rewindTo": "u1"}\n', 2),
        ('{"sessionId": "x", "type": "user", "uuid": "y"}\n', 0),
        ('[{"sessionId": "x", "messageId": 1, "type": "user", "message": "hi"}]', 0),
        ('{"history": [{"role": "user", "parts": []}]}', 0),
    ],
)
def test_sessions_are_told_by_their_content(tmp_path: Path, text: str, score: int) -> None:
    """A header or an event is a session's; the prompt history and saved checkpoints are none."""
    path = tmp_path / "file.json"
    path.write_text(text, "utf-8")
    sample = Sample(path)
    sample.lines_up_to(50)
    assert gemini.sniff(sample) == score


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"history": []}', "no JSON\nat all\n"])
def test_file_without_a_session_is_refused(tmp_path: Path, text: str) -> None:
    """Asked to read it as a session, the importer says that it is none."""
    path = tmp_path / "file.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ImportFailed):
        records(path)


def test_real_session_has_the_expected_facts(corpus: Path) -> None:
    """Messages by type, calls, tokens as Gemini counts them, times, a phrase in its place."""
    name = "gemini/lanegrid_agtrace/gemini_session.json"
    expected = json.loads((corpus / "EXPECTED.json").read_bytes())["files"][name]
    found = records(corpus / name)
    session, messages = found[0], of(MessageRecord, found)
    assert isinstance(session, SessionRecord)
    assert session.native_id == expected["session_id"]
    roles = Counter(message.role for message in messages)
    assert roles == {"user": expected["by_type"]["user"], "assistant": expected["by_type"]["gemini"]}
    assert len({message.external_id for message in messages}) == expected["messages_distinct_id"]
    assert Counter(message.model for message in messages if message.role == "assistant") == expected["models"]
    assert (
        sum(len(message.tool_calls) for message in messages)
        == expected["tool_calls"]
        == len(of(ToolResult, found))
    )
    counts = of(TokenRecord, found)
    assert {
        "input": sum(record.input + record.cache_read for record in counts),
        "output": sum(record.output - record.reasoning for record in counts),
        "cached": sum(record.cache_read for record in counts),
        "thoughts": sum(record.reasoning for record in counts),
        "tool": 0,
        "total": sum(record.input + record.cache_read + record.output for record in counts),
    } == expected["tokens_final_state"]
    times = [message.created_at for message in messages]
    assert (min(times), max(times)) == (expected["first_timestamp"], expected["last_timestamp"])
    for rare in expected["rare_words"]:
        hits = [m for m in messages if m.content and rare["phrase"] in m.content]
        assert [(f"message id {m.external_id}", m.role) for m in hits] == [(rare["where"], rare["role"])]


def test_every_real_file_is_recognised_and_read(corpus: Path) -> None:
    """One of them is a saved checkpoint without a session id, which is no session."""
    read = {}
    for path in sorted((corpus / "gemini").rglob("*.json*")):
        sample = Sample(path)
        sample.lines_up_to(50)
        read[path.name] = len(of(MessageRecord, records(path))) if gemini.sniff(sample) else None
    assert read == {
        "gemini_session.json": 9,
        "jsonl_v040.jsonl": 3,
        "large.json": 7,
        "schema_drift.json": None,
        "small.json": 2,
        "standard_session.json": 4,
        "system_messages.json": 3,
        "thinking_only.json": 2,
        "tool_calls.json": 2,
        "tool_calls_with_results.json": 2,
    }
