"""Where each agent keeps its settings, and what it is given: entries in its files, and files of our own.

Found with the agents themselves (Claude Code 2.1.332, Codex 0.171.0, Gemini CLI 0.61.0, OpenCode 1.18.33, Copilot CLI
1.0.102); for Cursor, in its documentation (cursor.com/docs/agent/hooks). All wait for a hook at the start of a session,
so that none gets more than ten seconds.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sessiondb.agents.install.command import NAME, Command
from sessiondb.agents.install.entries import Entry, Hook, Server
from sessiondb.errors import InvalidInput
from sessiondb.records.agents import stored_name

SECONDS = 10
"""How long an agent waits for a hook at most; the hook itself needs far less."""

KINDS = ("hooks", "mcp", "skill")
"""What can be installed."""

Form = Literal["json", "jsonc", "toml"]


@dataclass(frozen=True, slots=True)
class Settings:
    """A file of the agent's settings, and what stands in it for us. `frame`: what the agent wants of any such file."""

    path: Path
    form: Form
    entries: tuple[Entry, ...]
    frame: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A file that is ours as a whole."""

    path: Path
    kind: str
    content: str


Part = Settings | OwnFile


class Agent(NamedTuple):
    """An agent: its folder, its programs, what it is given by a command, and what a person has to know then."""

    name: str
    folder: Callable[[], Path]
    programs: tuple[str, ...]
    parts: Callable[[Command], list[Part]]
    remarks: Mapping[str, str]

    def is_here(self) -> bool:
        """Say whether the agent seems to be used on this machine."""
        return os.path.isdir(self.folder()) or any(shutil.which(program) for program in self.programs)


def named(names: Iterable[str]) -> list[Agent]:
    """Return agents by their names. Raises InvalidInput for one that nothing can be installed for."""
    found = []
    for name in names:
        agent = AGENTS.get(stored_name(name))
        if agent is None:
            raise InvalidInput(f"cannot install for {name!r}: give one of {', '.join(AGENTS)}")
        if agent not in found:
            found.append(agent)
    return found


def _folder(variable: str, otherwise: Path) -> Path:
    given = os.environ.get(variable)
    return Path(given).expanduser() if given else otherwise


def _groups(command: Command, agent: str, events: Sequence[str], timeout: int, **more: str) -> list[Entry]:
    """Return hooks as Claude Code has them, and others after it: groups, each with a list of hooks."""
    item = {"type": "command", **more, "command": command.line("hook", agent), "timeout": timeout}
    return [Hook(("hooks", event), {"hooks": [item]}, ("hooks", 0, "command")) for event in events]


def _server(path: str, command: Command, before: Mapping[str, Any], **after: Any) -> Server:
    program, *arguments = command.words("mcp")
    return Server((path,), {**before, "command": program, "args": arguments, **after})


def _skill(folder: Path, command: Command) -> OwnFile:
    return OwnFile(
        folder / "skills" / NAME / "SKILL.md", "skill", _template("skill.md", COMMAND=command.beginning())
    )


def _template(name: str, **values: str) -> str:
    text = (resources.files("sessiondb.agents.install") / name).read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text


def _claude_folder() -> Path:
    return _folder("CLAUDE_CONFIG_DIR", Path.home() / ".claude")


def _claude_code(command: Command) -> list[Part]:
    folder = _claude_folder()
    # Beside the folder where that is the default one, in it where it is not.
    main = (folder if os.environ.get("CLAUDE_CONFIG_DIR") else Path.home()) / ".claude.json"
    events = ("SessionStart", "Stop", "SubagentStop", "SessionEnd")
    return [
        Settings(folder / "settings.json", "json", tuple(_groups(command, "claude-code", events, SECONDS))),
        Settings(main, "json", (_server("mcpServers", command, {"type": "stdio"}),)),
        _skill(folder, command),
    ]


def _codex_folder() -> Path:
    return _folder("CODEX_HOME", Path.home() / ".codex")


def _codex(command: Command) -> list[Part]:
    folder = _codex_folder()
    hooks = _groups(command, "codex", ("SessionStart", "Stop", "SubagentStop"), SECONDS)
    return [
        Settings(folder / "hooks.json", "json", tuple(hooks)),
        Settings(folder / "config.toml", "toml", (_server("mcp_servers", command, {}),)),
        _skill(folder, command),
    ]


def _gemini_folder() -> Path:
    return _folder("GEMINI_CLI_HOME", Path.home()) / ".gemini"


def _gemini_cli(command: Command) -> list[Part]:
    folder = _gemini_folder()
    # Its times are milliseconds.
    hooks = _groups(command, "gemini-cli", ("SessionStart", "AfterAgent"), SECONDS * 1000, name=NAME)
    return [
        Settings(folder / "settings.json", "jsonc", (*hooks, _server("mcpServers", command, {}))),
        _skill(folder, command),
    ]


def _cursor_folder() -> Path:
    return Path.home() / ".cursor"


def _cursor(command: Command) -> list[Part]:
    folder = _cursor_folder()
    hooks = tuple(
        Hook(
            ("hooks", event),
            {"command": command.line("hook", "cursor", event), "timeout": SECONDS},
            ("command",),
        )
        for event in ("sessionStart", "stop")
    )
    return [
        Settings(folder / "hooks.json", "jsonc", hooks, {"version": 1}),
        Settings(folder / "mcp.json", "jsonc", (_server("mcpServers", command, {}),)),
        _skill(folder, command),
    ]


def _copilot_folder() -> Path:
    return _folder("COPILOT_HOME", Path.home() / ".copilot")


def _copilot_cli(command: Command) -> list[Part]:
    folder = _copilot_folder()
    shell = "powershell" if sys.platform == "win32" else "bash"
    hooks = tuple(
        Hook(
            ("hooks", event),
            {"type": "command", shell: command.line("hook", "copilot-cli", event), "timeoutSec": SECONDS},
            (shell,),
        )
        for event in ("sessionStart", "agentStop")
    )
    server = _server("mcpServers", command, {"type": "local"}, tools=["*"])
    return [
        Settings(folder / "hooks" / f"{NAME}.json", "jsonc", hooks, {"version": 1}),
        Settings(folder / "mcp-config.json", "jsonc", (server,)),
        _skill(folder, command),
    ]


def _opencode_folder() -> Path:
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return _folder("OPENCODE_CONFIG_DIR", config / "opencode")


def _opencode(command: Command) -> list[Part]:
    folder = _opencode_folder()
    candidates = [folder / "opencode.json", folder / "opencode.jsonc"]
    settings = next((path for path in candidates if os.path.exists(path)), candidates[0])
    item = {"type": "local", "command": command.words("mcp"), "enabled": True}
    plugin = _template(
        "opencode.js", COMMAND=json.dumps(command.words("hook", "opencode"), ensure_ascii=False)
    )
    return [
        OwnFile(folder / "plugins" / f"{NAME}.js", "hooks", plugin),
        Settings(_folder("OPENCODE_CONFIG", settings), "jsonc", (Server(("mcp",), item),)),
        _skill(folder, command),
    ]


AGENTS = {
    agent.name: agent
    for agent in (
        Agent(
            "claude-code",
            _claude_folder,
            ("claude",),
            _claude_code,
            {
                "mcp": "Claude Code asks before it uses the MCP server, and `claude -p` does without:"
                ' "mcp__sessiondb__*" in permissions.allow of its settings lets it.'
            },
        ),
        Agent(
            "codex",
            _codex_folder,
            ("codex",),
            _codex,
            {
                "hooks": "Codex skips a hook until you trust it: start `codex` once in a terminal, and choose to trust"
                " the hooks that it lists."
            },
        ),
        Agent(
            "gemini-cli",
            _gemini_folder,
            ("gemini",),
            _gemini_cli,
            {
                "mcp": "Gemini CLI asks before it uses the MCP server, and `gemini -p` does without:"
                ' "trust": true beside the server, or -y, lets it.'
            },
        ),
        Agent("cursor", _cursor_folder, ("cursor", "cursor-agent"), _cursor, {}),
        Agent("opencode", _opencode_folder, ("opencode",), _opencode, {}),
        Agent("copilot-cli", _copilot_folder, ("copilot",), _copilot_cli, {}),
    )
}
"""The agents that something can be installed for."""
