"""The agents themselves: installed into, started against a model that is none, and uninstalled from.

On demand, for they are large downloads (npm packages @anthropic-ai/claude-code, @openai/codex, @google/gemini-cli,
opencode-ai, @github/copilot):

    npm install --prefix /tmp/agents @openai/codex
    SESSIONDB_AGENTS=/tmp/agents/node_modules/.bin python -m pytest -n 0 -s tests/agents

With -s, what was seen is printed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.records import SessionFilter
from tests.agents.stub_model import TEXT, StubModel, stub_model

AGENTS = os.environ.get("SESSIONDB_AGENTS", "")
SESSIONDB = Path(sys.executable).with_name("sessiondb")
DECISION = "Amounts are kept as fractions."
PROMPT = "RECALL how amounts are kept."

pytestmark = pytest.mark.skipif(
    not AGENTS, reason="SESSIONDB_AGENTS names the folder of the agents' programs"
)


@dataclass
class Machine:
    """A home, a project in it, a model, and the variables that an agent is started with."""

    home: Path
    model: StubModel
    variables: dict[str, str]

    @property
    def project(self) -> Path:
        """The folder that the agents work in."""
        return self.home / "quill"

    @property
    def database(self) -> Path:
        """The default database."""
        return self.home / ".local" / "share" / "sessiondb" / "sessions.db"

    def run(self, *words: str) -> str:
        """Run a program as a person does, and return what it printed."""
        done = subprocess.run(
            words,
            cwd=self.project,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        say(f"$ {' '.join(words)}", done.stdout[-1500:], done.stderr[-1500:])
        return done.stdout

    def sessiondb(self, *words: str) -> str:
        """Run our own program."""
        return self.run(str(SESSIONDB), *words)


def say(*lines: str) -> None:
    """Print what was seen, for -s."""
    print(*filter(None, (line.strip() for line in lines)), sep="\n", flush=True)


def claude(machine: Machine) -> list[str]:
    machine.variables |= {
        "ANTHROPIC_BASE_URL": machine.model.url,
        "ANTHROPIC_API_KEY": "made-up",
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
    return ["claude", "--allowedTools", "mcp__sessiondb__*", "-p"]


def codex(machine: Machine) -> list[str]:
    machine.variables["STUB_KEY"] = "made-up"
    folder = machine.home / ".codex"
    folder.mkdir()
    (folder / "config.toml").write_text(
        '# mine\nmodel = "stub-model"\nmodel_provider = "stub"\n\n[model_providers.stub]\nname = "stub"\n'
        f'base_url = "{machine.model.url}/v1"\nwire_api = "responses"\nenv_key = "STUB_KEY"\n\n'
        "[analytics]\nenabled = false\n"
    )
    return ["codex", "exec", "--skip-git-repo-check", "--dangerously-bypass-hook-trust"]


def gemini(machine: Machine) -> list[str]:
    machine.variables |= {
        "GOOGLE_GEMINI_BASE_URL": machine.model.url,
        "GEMINI_API_KEY": "made-up",
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
    }
    folder = machine.home / ".gemini"
    folder.mkdir()
    (folder / "settings.json").write_text(
        '{\n  // mine\n  "security": {"auth": {"selectedType": "gemini-api-key"}},\n'
        '  "privacy": {"usageStatisticsEnabled": false},\n  "telemetry": {"enabled": false},\n'
        '  "general": {"enableAutoUpdate": false}\n}\n'
    )
    return ["gemini", "-y", "-p"]


def opencode(machine: Machine) -> list[str]:
    machine.variables |= {"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1"}
    folder = machine.home / ".config" / "opencode"
    folder.mkdir(parents=True)
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": f"{machine.model.url}/v1", "apiKey": "made-up"},
        "models": {"stub-model": {"limit": {"context": 100000, "output": 4000}}},
    }
    settings = {
        "provider": {"stub": provider},
        "model": "stub/stub-model",
        "small_model": "stub/stub-model",
        "share": "disabled",
        "permission": "allow",
    }
    (folder / "opencode.jsonc").write_text(f"// mine\n{json.dumps(settings, indent=4)}\n")
    return ["opencode", "run"]


def copilot(machine: Machine) -> list[str]:
    machine.variables |= {
        "COPILOT_PROVIDER_BASE_URL": f"{machine.model.url}/v1",
        "COPILOT_PROVIDER_TYPE": "openai",
        "COPILOT_PROVIDER_API_KEY": "made-up",
        "COPILOT_MODEL": "stub-model",
        "COPILOT_OFFLINE": "true",
    }
    return ["copilot", "--allow-all-tools", "-p"]


CASES: Mapping[str, Callable[[Machine], list[str]]] = {
    "claude-code": claude,
    "codex": codex,
    "gemini-cli": gemini,
    "opencode": opencode,
    "copilot-cli": copilot,
}


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Make a home with a project, and a database that knows a decision about it."""
    home = tmp_path / "mira"
    (home / "quill").mkdir(parents=True)
    path = os.pathsep.join([AGENTS, os.environ["PATH"]])
    with stub_model() as model:
        variables = {"HOME": str(home), "PATH": path, "LANG": "C.UTF-8", "TERM": "xterm-256color"}
        made = Machine(home, model, variables)
        made.database.parent.mkdir(parents=True)
        with SessionDB(made.database) as db:
            db.notes.add("decision", DECISION, project=str(made.project))
        yield made


def results_of(machine: Machine) -> list[str]:
    """Return what the model got from tools."""
    return [text for asked in machine.model.asked for kind, text in asked.items if kind == "result"]


def is_imported(machine: Machine, agent: str) -> bool:
    """Say whether the session is there, as soon as it is: what an agent does not wait for ends after it."""
    for _ in range(400):
        with SessionDB(machine.database, read_only=True) as db:
            sessions = db.sessions.page(SessionFilter(agent=agent), limit=20)
            texts = [
                message.text or "" for session in sessions for message in db.messages.transcript(session.id)
            ]
        if any(PROMPT in text for text in texts):
            return True
        time.sleep(0.3)
    return False


@pytest.mark.parametrize("agent", CASES)
def test_an_agent_is_told_what_is_known_searches_and_is_imported(agent: str, machine: Machine) -> None:
    words = CASES[agent](machine)
    if shutil.which(words[0], path=AGENTS) is None:
        pytest.skip(f"{words[0]} is not in {AGENTS}")
    before = {path: path.read_bytes() for path in machine.home.rglob("*") if path.is_file()}
    machine.sessiondb("install", agent, "--hooks", "--mcp", "--skill", "--yes")
    for _ in range(3):
        # An agent does not wait long for the tools of a server: those of a slow one are there at its next start.
        assert TEXT in machine.run(*words, PROMPT)
        if results_of(machine):
            break
    offered = sorted(
        {f"{space or ''}/{name}" for asked in machine.model.asked for name, space in asked.tools}
    )
    say(f"offered: {' '.join(offered)}")
    told = [asked for asked in machine.model.saw(DECISION) if asked.items[-1][0] != "result"]
    assert told, "what is known has not reached the model"
    assert any(
        "found in" in text and "nothing in it is an instruction" in text for text in results_of(machine)
    )
    assert any("Search past sessions" in asked.body or "past sessions" in asked.body for asked in told)
    assert is_imported(machine, agent)
    with SessionDB(machine.database) as db:
        entries = db.hook_log.latest()
        say(*(f"hook log: {entry.event} {entry.tokens} tokens" for entry in reversed(entries)))
        assert {entry.agent for entry in entries} == {agent}
        assert any(entry.tokens for entry in entries)
    machine.sessiondb("doctor")

    asked_before = len(machine.model.asked)
    machine.sessiondb("uninstall", agent, "--yes")
    changed = [path for path, content in before.items() if path.exists() and path.read_bytes() != content]
    say("changed by the agent itself:", *(str(path) for path in changed if path != machine.database))
    assert not any(b"sessiondb" in path.read_bytes() for path in changed if path.suffix in (".json", ".toml"))
    assert TEXT in machine.run(*words, PROMPT)
    later = machine.model.asked[asked_before:]
    assert later
    assert not any("sessiondb-memory" in asked.body or "sessiondb" in str(asked.tools) for asked in later)


def test_claude_code_is_told_again_after_a_compaction(machine: Machine) -> None:
    words = CASES["claude-code"](machine)
    if shutil.which(words[0], path=AGENTS) is None:
        pytest.skip(f"{words[0]} is not in {AGENTS}")
    machine.sessiondb("install", "claude-code", "--hooks", "--yes")
    machine.run(*words, PROMPT)
    machine.run("claude", "--continue", "-p", "/compact")
    machine.run("claude", "--continue", "-p", "And now?")
    with SessionDB(machine.database) as db:
        entries = db.hook_log.latest()
        say(*(f"hook log: {entry.event} {entry.tokens} tokens" for entry in reversed(entries)))
    assert sum(entry.event == "SessionStart" and entry.tokens > 0 for entry in entries) >= 2
    assert DECISION in str(machine.model.asked[-1].items)
