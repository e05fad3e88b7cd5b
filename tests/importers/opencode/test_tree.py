"""OpenCode's tree of JSON files: which of them are sessions, and what becomes of broken ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sessiondb.errors import ImportFailed
from sessiondb.importers import opencode
from sessiondb.importers.base import MessageRecord, Record, SessionRecord, TokenRecord
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Source
from tests.helpers.records import of

SES = "ses_2f1e0d9c8b7aABCDEFGHIJKLMN"
INFO = {"id": SES, "projectID": "prj", "title": "Find the tests", "time": {"created": 1_780_000_000_000}}
PART = {"id": "prt_1", "messageID": "msg_1", "type": "text", "text": "Where are the tests?"}


def message(number: int) -> dict[str, Any]:
    time = {"created": 1_780_000_000_000 + number}
    return {"id": f"msg_{number}", "sessionID": SES, "role": "user", "time": time}


TREE = {
    f"session/prj/{SES}.json": INFO,
    f"message/{SES}/msg_1.json": message(1),
    f"message/{SES}/msg_2.json": message(2),
    "part/msg_1/prt_1.json": PART,
    "project/prj.json": {"id": "prj", "worktree": "/home/me/shop", "time": {"created": 1}},
    f"todo/{SES}.json": [],
}
# The layout of the first months, below session/.
EARLY_TREE = {
    f"info/{SES}.json": INFO,
    f"message/{SES}/msg_1.json": message(1),
    f"part/{SES}/msg_1/prt_1.json": PART,
}


def write(root: Path, files: dict[str, Any]) -> list[Path]:
    paths = [root / name for name in files]
    for path, value in zip(paths, files.values(), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
    return paths


def records(path: Path) -> list[Record]:
    return list(opencode.read(Source(path)))


@pytest.mark.parametrize(
    ("root", "files"), [("storage", TREE), ("copy", TREE), ("storage/session", EARLY_TREE)]
)
def test_only_session_files_are_sources(tmp_path: Path, root: str, files: dict[str, Any]) -> None:
    """Whoever walks a tree can leave out its other files; none is a session, even if forced to be one."""
    session, *others = write(tmp_path / root, files)
    assert [opencode.is_part(path) for path in (session, *others)] == [False, *(True for _ in others)]
    assert [opencode.sniff(Sample(path)) for path in (session, *others)] == [2, *(0 for _ in others)]
    for path in others:
        with pytest.raises(ImportFailed):
            records(path)


def test_files_outside_a_tree_are_no_parts(tmp_path: Path) -> None:
    """The folder names alone say nothing."""
    paths = [
        *write(tmp_path / "chat", {"message/talk/a.json": {}, "part/b.json": {}}),
        *write(tmp_path / "home", {"project/c.json": {}, "session/d.json": {}}),
        *write(tmp_path / "storage", {"project/app/logs/e.json": {}, "part/a/notes.jsonl": ""}),
    ]
    assert [opencode.is_part(path) for path in paths] == [False] * 6


def test_broken_files_are_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    """A file cut off by a crash costs no other."""
    part, lost = "part/msg_1/prt_1.json", f"message/{SES}/msg_2.json"
    session, *_ = write(tmp_path / "storage", {**TREE, part: '{"type": "te', lost: "[]"})
    source = Source(session)
    found = of(MessageRecord, list(opencode.read(source)))
    assert [(said.external_id, said.content) for said in found] == [("msg_1", None)]
    assert [problem.reason.split(" is not ")[0] for problem in source.problems] == [
        str(tmp_path / "storage" / lost),
        str(tmp_path / "storage" / part),
    ]


@pytest.mark.parametrize("session", ["../../..", "/etc", "a/b", ".", ""])
def test_ids_never_lead_out_of_the_tree(tmp_path: Path, session: str) -> None:
    """An id that is no file name finds no messages."""
    write(
        tmp_path, {"x.json": message(1), "message/x.json": message(1), "storage/message/x.json": message(1)}
    )
    [path] = write(tmp_path / "storage", {"session/prj/s.json": {**INFO, "id": session}})
    try:
        assert of(MessageRecord, records(path)) == []
    except ImportFailed:
        assert not session


def test_project_tells_the_folder_where_the_session_does_not(tmp_path: Path) -> None:
    """Early sessions name only their project."""
    session, *_ = write(tmp_path / "storage", TREE)
    assert of(SessionRecord, records(session))[0].project == "/home/me/shop"


def test_real_trees_are_read(corpus: Path) -> None:
    """Of three trees one keeps its parts in no folders, and one is a lone message without its session."""
    read = {}
    for path in sorted((corpus / "opencode").rglob("*.json")):
        if not opencode.is_part(path):
            session, *found = records(path)
            rows = [(said.role, said.content, len(said.tool_calls)) for said in of(MessageRecord, found)]
            counts = [(record.input, record.output) for record in of(TokenRecord, found)]
            read[session.native_id if isinstance(session, SessionRecord) else ""] = (rows, counts)
    drift = [("user", None, 0), ("assistant", "Read README and extracted the title.", 1)]
    first = [("user", "Step 1", 0), ("assistant", "Command failed with exit code 1.", 1)]
    second = [("user", "Step 2", 0), ("assistant", "Ok", 0)]
    assert read == {
        "s_stage0_drift": (drift, []),
        "s_stage0_large": (first + second, [(120, 16)]),
        "s_stage0_small": ([("user", "Hello", 0), ("assistant", "Found 2 files.", 1)], []),
    }
