"""Forks, resumed sessions and copied files: imported once, tokens counted once, lineage kept."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from sessiondb import SessionDB
from sessiondb.ingest.run import Ingest
from tests.helpers.conversations import MINUTE, imported, in_any_order, write
from tests.helpers.stores import exported

# Claude Code

FIRST, SECOND, THIRD = (f"{n}{n}{n}{n}{n}{n}{n}{n}-0000-4000-8000-000000000000" for n in "123")


def claude(session: str, number: int, text: str, *, output: int | None = None) -> dict[str, Any]:
    """Return a line: what a person says, or with `output` tokens what the model does."""
    uuid = f"aaaaaaaa-0000-4000-8000-{number:012}"
    line = {
        "uuid": uuid, "parentUuid": None, "sessionId": session, "timestamp": MINUTE.format(number),
        "cwd": "/home/mira/quill", "version": "2.0", "isSidechain": False, "userType": "external",
    }  # fmt: skip
    if output is None:
        return line | {"type": "user", "message": {"role": "user", "content": text}}
    usage = {"input_tokens": 10, "output_tokens": output}
    message = {
        "id": f"msg_{number:024}", "role": "assistant", "model": "claude-x", "usage": usage,
        "content": [{"type": "text", "text": text}], "stop_reason": "end_turn",
    }  # fmt: skip
    return line | {"type": "assistant", "requestId": f"req_{number}", "message": message}


def talk(session: str) -> list[dict[str, Any]]:
    return [
        claude(session, 1, "Where are the tests?"),
        claude(session, 2, "In tests/.", output=5),
        claude(session, 3, "Run them."),
        claude(session, 4, "All pass.", output=7),
    ]


def claude_fork(folder: Path) -> list[Path]:
    """Return a session, and one that began as a copy of it and went on."""
    own = [claude(SECOND, 5, "Now the docs."), claude(SECOND, 6, "Done.", output=9)]
    return [
        write(folder / "p" / f"{FIRST}.jsonl", *talk(FIRST)),
        write(folder / "p" / f"{SECOND}.jsonl", *talk(SECOND), *own),
    ]


def test_a_forked_claude_session_holds_what_it_adds(tmp_path: Path) -> None:
    found = imported(tmp_path / "a.db", claude_fork(tmp_path))

    assert found[FIRST].said == ["Where are the tests?", "In tests/.", "Run them.", "All pass."]
    assert found[SECOND].said == ["Now the docs.", "Done."]
    assert (found[SECOND].session.parent_id, found[SECOND].session.relation) == (FIRST, "fork")
    assert (found[FIRST].tokens, found[SECOND].tokens) == ((20, 12), (10, 9))


def test_a_fork_imported_before_what_it_copies_counts_once(tmp_path: Path) -> None:
    found = imported(tmp_path / "a.db", reversed(claude_fork(tmp_path)))

    assert sorted(text for one in found.values() for text in one.said) == [
        "All pass.", "Done.", "In tests/.", "Now the docs.", "Run them.", "Where are the tests?",
    ]  # fmt: skip
    assert sum(one.tokens[1] or 0 for one in found.values()) == 21


def test_a_copy_of_a_claude_file_under_another_name_adds_nothing(tmp_path: Path) -> None:
    first, _ = claude_fork(tmp_path)
    copy = tmp_path / "backup" / first.name
    copy.parent.mkdir()
    shutil.copy(first, copy)

    for found in in_any_order([first, copy], tmp_path):
        assert {id: (len(one.messages), one.tokens) for id, one in found.items()} == {FIRST: (4, (20, 12))}


def test_a_session_resumed_in_its_own_file_goes_on(tmp_path: Path) -> None:
    """Old versions write the new session's lines behind those of the one they resume."""
    file = write(tmp_path / "p" / f"{FIRST}.jsonl", *talk(FIRST), claude(SECOND, 5, "Now the docs."))

    found = imported(tmp_path / "a.db", [file])

    assert sorted(text for one in found.values() for text in one.said) == [
        "All pass.", "In tests/.", "Now the docs.", "Run them.", "Where are the tests?",
    ]  # fmt: skip


def test_a_chain_of_forks_counts_each_answer_once(tmp_path: Path) -> None:
    first, second = claude_fork(tmp_path)
    copied = [json.loads(line) | {"sessionId": THIRD} for line in second.read_text().splitlines()]
    third = write(
        tmp_path / "p" / f"{THIRD}.jsonl",
        *copied,
        claude(THIRD, 7, "And?"),
        claude(THIRD, 8, "No.", output=1),
    )

    found = imported(tmp_path / "a.db", [first, second, third])

    assert found[THIRD].said == ["And?", "No."]
    assert sum(one.tokens[1] or 0 for one in found.values()) == 22


# Codex

THREAD = "019ce14a-7d30-7b52-9c1e-4a6f0d83e2b5"


def test_an_archived_codex_session_is_the_active_one(samples: Path, tmp_path: Path) -> None:
    (log,) = samples.glob(f"codex/sessions/*/*/*/*{THREAD}.jsonl")
    active, archived = tmp_path / "sessions" / log.name, tmp_path / "archived_sessions" / log.name
    for path in (active, archived):
        path.parent.mkdir()
        shutil.copy(log, path)
    lines = log.read_bytes().splitlines(keepends=True)
    archived.write_bytes(b"".join(lines[: len(lines) // 2]))

    whole = imported(tmp_path / "whole.db", [log])[THREAD]
    for found in in_any_order([active, archived], tmp_path):
        assert list(found) == [THREAD]
        assert (found[THREAD].said, found[THREAD].tokens) == (whole.said, whole.tokens)


# Our own


def test_the_logs_of_an_imported_export_add_nothing(samples: Path, tmp_path: Path) -> None:
    logs = [samples / name for name in ("claude-code", "codex", "hermes", "nanobot", "agentloop", "dealix")]
    imported(tmp_path / "a.db", logs)
    before = exported(tmp_path / "a.db")
    (tmp_path / "export.jsonl").write_bytes(before)

    imported(tmp_path / "b.db", [tmp_path / "export.jsonl", *logs])

    assert exported(tmp_path / "b.db") == before


def test_a_response_has_the_time_that_one_of_its_logs_tells(tmp_path: Path) -> None:
    """What the program printed tells no times, and may be read first."""
    dated = write(tmp_path / "p" / f"{FIRST}.jsonl", *talk(FIRST))
    printed = [{name: value for name, value in line.items() if name != "timestamp"} for line in talk(FIRST)]
    files = [write(tmp_path / "printed" / f"{FIRST}.jsonl", *printed), dated]
    for number, order in enumerate((files, files[::-1])):
        with SessionDB(tmp_path / f"{number}.db") as db:
            for file in order:
                Ingest(db.connection).run([str(file)])
            counted = db.connection.rows("SELECT counted_at, output FROM token_counts ORDER BY 1")
            assert counted == [(MINUTE.format(2), 5), (MINUTE.format(4), 7)]
