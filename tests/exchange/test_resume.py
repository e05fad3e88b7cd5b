"""Going on with a session in its agent: the command, and what may stand in its way."""

from __future__ import annotations

from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.errors import InvalidInput


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        ("claude-code", "claude --resume n-1"),
        ("codex", "codex resume n-1"),
        ("copilot-cli", "copilot --resume=n-1"),
        ("gemini-cli", "gemini --resume n-1"),
        ("hermes", "hermes --resume n-1"),
        ("llm", "llm chat --cid n-1"),
        ("nanobot", "nanobot agent --session n-1"),
        ("opencode", "opencode --session n-1"),
    ],
)
def test_each_agent_is_told_in_its_own_words_and_in_the_folder(
    tmp_path: Path, db: SessionDB, agent: str, expected: str
) -> None:
    folder = tmp_path / "two words"
    folder.mkdir()
    db.sessions.start(agent, id="n-1", project=folder)

    found = db.resume_command("n-1")

    assert found.line == f"cd '{folder}' && {expected}"
    assert all("keep a copy" in warning for warning in found.warnings)


def test_a_subagent_is_resumed_by_its_parent(db: SessionDB) -> None:
    db.sessions.start("codex", id="main")
    db.sessions.start("codex", id="helper", parent="main", relation="subagent")
    db.sessions.start("codex", id="deep", parent="helper", relation="subagent")

    found = db.resume_command("deep")

    assert (found.session_id, found.line) == ("main", "codex resume main")
    assert found.warnings == ("deep is a sub-agent: it is resumed by its parent main",)


def test_a_missing_folder_is_said_where_it_matters(tmp_path: Path, db: SessionDB) -> None:
    db.sessions.start("opencode", id="s", project=tmp_path / "gone")
    db.sessions.start("claude-code", id="unknown")
    db.sessions.start("codex", id="anywhere", project=tmp_path / "gone")

    assert f"its folder is gone ({tmp_path / 'gone'})" in db.resume_command("s").warnings[0]
    assert "its folder is not known" in db.resume_command("unknown").warnings[0]
    assert db.resume_command("anywhere").warnings == ()


LOG = (
    '{"type":"user","uuid":"u1","parentUuid":null,"sessionId":"3b6e7c52-3c1e-4a07-9d0e-5a4b8f2d7e11",'
    '"timestamp":"2026-03-02T08:00:00.000Z","cwd":"/nowhere/at/all","version":"2.1.0",'
    '"message":{"role":"user","content":"Where is the ferry?"}}\n'
)


def test_claude_code_takes_a_log_by_its_path_where_the_folder_is_gone(tmp_path: Path, db: SessionDB) -> None:
    id = "3b6e7c52-3c1e-4a07-9d0e-5a4b8f2d7e11"
    log = tmp_path / f"{id}.jsonl"
    log.write_text(LOG)
    db.import_logs(log)

    assert db.resume_command(id).line == f"claude --resume {log}"
    log.unlink()
    found = db.resume_command(id)
    assert found.line == f"claude --resume {id}"
    assert f"its log is gone ({log}): claude-code will not find the session" in found.warnings[-1]


@pytest.mark.parametrize("native", ["--yolo", "a b", "a\x1b[31m", "a;rm", "$(x)", "a\nb"])
def test_an_id_that_is_more_than_a_name_is_refused(db: SessionDB, native: str) -> None:
    db.sessions.start("codex", id=native)

    with pytest.raises(InvalidInput, match="cannot be typed"):
        db.resume_command(native)


def test_an_agent_that_resumes_nothing_is_named_with_those_that_do(db: SessionDB) -> None:
    db.sessions.start("chatgpt", id="s")

    with pytest.raises(InvalidInput, match=r"cannot resume sessions of chatgpt, only of claude-code, codex"):
        db.resume_command("s")
