"""What doctor says of agents that something is installed for."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.records.hooks import HookEntry
from tests.cli.conftest import Run

TRUST = "codex: its hooks are not trusted yet, so Codex skips them: start `codex` once in a terminal"


@pytest.fixture
def path(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the default database, which a variable names."""
    path = home / "sessions.db"
    monkeypatch.setenv("SESSIONDB_PATH", str(path))
    SessionDB(path).close()
    return path


def test_it_says_when_hooks_were_called_last(home: Path, path: Path, run: Run) -> None:
    run("install", "claude", "--yes", "--skill", "--hooks", "--mcp")
    assert run("doctor").stdout == (
        "claude-code: hooks, MCP server and skill installed; no hook called yet\nno problems found\n"
    )
    with SessionDB(path) as db:
        for at in ("2026-03-02T08:00:00.000Z", "2026-03-01T08:00:00.000Z"):
            db.hook_log.add(HookEntry(at, "claude-code", "Stop", "s1", None, 0), None)
    assert "; hooks last called 2026-03-02\n" in run("doctor").stdout
    (agent,) = json.loads(run("doctor", "--json").stdout)["agents"]
    assert agent == {
        "agent": "claude-code",
        "installed": ["hooks", "mcp", "skill"],
        "hooks_last_called_at": "2026-03-02T08:00:00.000Z",
        "remarks": [],
    }


def test_it_names_the_step_by_which_codex_trusts_a_hook(home: Path, path: Path, run: Run) -> None:
    run("install", "codex", "--yes", "--hooks")
    done = run("doctor")
    assert done.exit_code == 0
    assert done.stdout.startswith(f"codex: hooks installed; no hook called yet\n{TRUST}")
    hooks = home / ".codex" / "hooks.json"
    config = home / ".codex" / "config.toml"
    for event in ("session_start", "stop", "subagent_stop"):
        assert TRUST in run("doctor").stdout
        trust = f'\n[hooks.state."{hooks}:{event}:0:0"]\ntrusted_hash = "sha256:1"\n'
        config.write_text(config.read_text() + trust)
    assert TRUST not in run("doctor").stdout
    config.write_text(f"{config.read_text()}enabled = false\n")
    assert "codex: a hook is turned off in Codex; /hooks in Codex turns it on\n" in run("doctor").stdout


def findings(run: Run) -> list[Any]:
    done = run("doctor", "--json")
    found = json.loads(done.stdout)["found"]
    assert done.exit_code == bool(found)
    return [finding["problem"] for finding in found if finding["check"] == "install"]


def test_it_finds_an_entry_whose_program_is_gone(home: Path, path: Path, run: Run) -> None:
    run("install", "claude", "--yes", "--mcp")
    settings = home / ".claude.json"
    (program,) = [value for value in settings.read_text().split('"') if value.endswith("bin/sessiondb")]
    settings.write_text(settings.read_text().replace(program, "/gone/sessiondb"))
    assert findings(run) == [
        f"claude-code: sessiondb in {settings} calls /gone/sessiondb, which does not start; `sessiondb install"
        " claude-code` puts it right"
    ]
    run("install", "claude", "--yes", "--mcp")
    assert findings(run) == []


def test_it_finds_an_entry_that_uses_another_database(
    home: Path, path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("install", "opencode", "--yes", "--hooks")
    monkeypatch.setenv("SESSIONDB_PATH", str(home / "other.db"))
    os.rename(path, home / "other.db")
    plugin = home / ".config" / "opencode" / "plugins" / "sessiondb.js"
    assert findings(lambda *words: run(*words, "--db", str(home / "other.db"))) == [
        f"opencode: sessiondb.js in {plugin} uses the database {path}, not {home}/other.db; `sessiondb install"
        " opencode` puts it right"
    ]
    # Of a database that is not the default one, agents that use another are none of its business.
    os.rename(home / "other.db", home / "third.db")
    assert findings(lambda *words: run(*words, "--db", str(home / "third.db"))) == []


def test_settings_that_the_agent_cannot_read_any_more_are_a_problem(home: Path, path: Path, run: Run) -> None:
    run("install", "claude", "--yes")
    settings = home / ".claude" / "settings.json"
    settings.write_text("// mine\n" + settings.read_text())
    assert findings(run) == [
        f"claude-code: {settings} cannot be read: line 1: a comment, which the agent does not read"
    ]


@pytest.mark.parametrize(
    ("agent", "file", "entry"),
    [
        ("claude-code", ".claude/settings.json", {"disableAllHooks": True}),
        ("gemini-cli", ".gemini/settings.json", {"hooksConfig": {"enabled": False}}),
    ],
)
def test_it_says_where_an_agent_calls_no_hooks(
    home: Path, path: Path, run: Run, agent: str, file: str, entry: dict[str, Any]
) -> None:
    settings = home / file
    settings.parent.mkdir(exist_ok=True)
    settings.write_text(json.dumps(entry))
    run("install", agent, "--yes", "--hooks")
    assert f" in {settings} turns all hooks off\n" in run("doctor").stdout
