"""The agents themselves go on with what was written for them. On demand: they are large downloads.

    SESSIONDB_AGENTS=FOLDER SESSIONDB_MODEL_URL=URL SESSIONDB_MODEL_LOG=FILE pytest tests/exchange/native/test_agents.py

FOLDER holds the programs `claude`, `codex`, `copilot`, `gemini` and `opencode` (those that are not there are skipped),
as npm puts them into node_modules/.bin. At URL a stand-in for the models answers the APIs of Anthropic (Messages),
OpenAI (Responses and chat completions) and Google (generateContent), and appends every request to FILE, a line each.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.records import ResumeCommand

AGENTS, URL, LOG = (os.environ.get(f"SESSIONDB_{name}", "") for name in ("AGENTS", "MODEL_URL", "MODEL_LOG"))

pytestmark = pytest.mark.skipif(
    not (AGENTS and URL and LOG),
    reason="asked for by SESSIONDB_AGENTS, SESSIONDB_MODEL_URL and SESSIONDB_MODEL_LOG",
)

CODEX = f"""
model = "stand-in"
model_provider = "local"
[model_providers.local]
name = "local"
base_url = "{URL}/v1"
wire_api = "responses"
env_key = "KEY"
[analytics]
enabled = false
"""
GEMINI = {
    "security": {"auth": {"selectedType": "gemini-api-key"}},
    "privacy": {"usageStatisticsEnabled": False},
    "telemetry": {"enabled": False},
    "general": {"enableAutoUpdate": False},
}
PROVIDER = {"npm": "@ai-sdk/openai-compatible", "options": {"baseURL": f"{URL}/v1", "apiKey": "k"}}
OPENCODE = {
    "provider": {
        "local": {**PROVIDER, "models": {"stand-in": {"limit": {"context": 100000, "output": 4000}}}}
    },
    "model": "local/stand-in",
    "small_model": "local/stand-in",
    "share": "disabled",
}
PROMPT = "Go on, and answer in a word."
PROGRAMS = {
    "claude-code": "claude",
    "codex": "codex",
    "copilot-cli": "copilot",
    "gemini-cli": "gemini",
    "opencode": "opencode",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a home in which every agent is set up for the stand-in."""
    home = tmp_path / "home"
    files = {
        ".codex/config.toml": CODEX,
        ".gemini/settings.json": json.dumps(GEMINI),
        ".config/opencode/opencode.json": json.dumps(OPENCODE),
    }
    for name, text in files.items():
        (home / name).parent.mkdir(parents=True)
        (home / name).write_text(text)
    for name in (
        "CLAUDE_CONFIG_DIR",
        "CODEX_HOME",
        "GEMINI_CLI_HOME",
        "OPENCODE_DB",
        "XDG_DATA_HOME",
        "XDG_CONFIG_HOME",
    ):
        monkeypatch.delenv(name)
    monkeypatch.delenv("COPILOT_HOME", raising=False)
    monkeypatch.setenv("HOME", str(home))
    return home


def settings(home: Path) -> dict[str, str]:
    """Return the environment of an agent: nothing of the user's own."""
    return {
        "HOME": str(home), "PATH": f"{AGENTS}:/usr/local/bin:/usr/bin:/bin",
        "TERM": "xterm-256color", "LANG": "C.UTF-8", "KEY": "k", "CODEX_HOME": str(home / ".codex"),
        "ANTHROPIC_BASE_URL": URL, "ANTHROPIC_API_KEY": "k", "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "GOOGLE_GEMINI_BASE_URL": URL, "GEMINI_API_KEY": "k", "GEMINI_CLI_TRUST_WORKSPACE": "true",
        "OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "COPILOT_PROVIDER_BASE_URL": f"{URL}/v1", "COPILOT_PROVIDER_TYPE": "openai", "COPILOT_PROVIDER_API_KEY": "k",
        "COPILOT_MODEL": "stand-in", "COPILOT_OFFLINE": "true",
    }  # fmt: skip


def headless(agent: str, found: ResumeCommand) -> list[str]:
    """Return the command with a prompt, for a run without a terminal."""
    if agent == "codex":
        return ["codex", "exec", "--skip-git-repo-check", *found.words[1:], PROMPT]
    if agent == "opencode":
        return ["opencode", "run", "-m", "local/stand-in", *found.words[1:], PROMPT]
    more = {"gemini-cli": ["-y"], "copilot-cli": ["--allow-all-tools"]}.get(agent, [])
    return [*found.words, *more, "-p", PROMPT]


def run(words: list[str], folder: str, environment: Mapping[str, str]) -> None:
    """Run an agent to its end, which must be a good one."""
    done = subprocess.run(
        words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{words}: {done.stdout[-2000:]} {done.stderr[-2000:]}"


@pytest.mark.parametrize("source", ["itself", "another agent"])
@pytest.mark.parametrize("agent", PROGRAMS)
def test_an_agent_goes_on_from_what_was_written(
    tmp_path: Path, db: SessionDB, home: Path, agent: str, source: str
) -> None:
    if not (Path(AGENTS) / PROGRAMS[agent]).exists():
        pytest.skip(f"{PROGRAMS[agent]} is not there")
    ids = {"opencode": "ses_made000000000000000000frui9"}
    id = ids.get(agent, "6b1f0c52-3c1e-4a07-9d0e-5a4b8f2d7e99")
    db.sessions.start(agent if source == "itself" else "hermes", id=id, project=tmp_path)
    call = {"id": "call_1", "name": "Bash", "arguments": {"command": "cat pie.txt"}}
    db.messages.append(id, "user", "Which fruit goes into the pie?")
    db.messages.append(id, "assistant", "Let me look.", tool_calls=[call])
    db.messages.append(id, "tool", "a quince from the shelf", tool_call_id="call_1")
    db.messages.append(id, "assistant", "It is a quince, then.")
    db.sessions.end(id)
    before = Path(LOG).stat().st_size if Path(LOG).exists() else 0

    found = db.write_for_agent(id, None if source == "itself" else agent)
    for words in (*found.first, headless(agent, found)):
        run(words, str(tmp_path), settings(home))

    asked = Path(LOG).read_bytes()[before:].decode()
    for part in ("Which fruit", "cat pie.txt", "a quince from the shelf", "It is a quince, then.", PROMPT):
        assert part in asked
    assert asked.index("a quince from the shelf") < asked.index("It is a quince, then.")
    reports = [db.import_logs("auto"), db.import_logs("auto")]
    (changed,) = reports[0].sessions_added | reports[0].sessions_updated
    assert reports[1].messages_added == 0
    went_on = db.sessions.get(changed)
    assert changed == id or (went_on.parent_id, went_on.relation) == (id, "continuation")
    texts = [message.content for message in db.transcript(changed).messages if message.role == "user"]
    assert [PROMPT in (text or "") for text in texts][-1]
    every = [message.text for session in {id, changed} for message in db.transcript(session).messages]
    assert sum("Which fruit" in text for text in every) == 1
