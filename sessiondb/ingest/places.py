"""Where the known agents keep their sessions on this machine."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Iterable
from pathlib import Path

from sessiondb.errors import InvalidInput
from sessiondb.ingest.discovery import AIDERS, is_walked
from sessiondb.ingest.rules import Rules
from sessiondb.records.agents import stored_name
from sessiondb.settings import get
from sessiondb.settings.paths import user_config, user_data
from sessiondb.settings.table import AIDER_ROOTS
from sessiondb.storage.paths import path_name
from sessiondb.storage.values import texts

VARIABLES = (
    "AIDER_CHAT_HISTORY_FILE", "CLAUDE_CONFIG_DIR", "CLINE_DATA_DIR", "CODEX_HOME", "CONTINUE_GLOBAL_DIR",
    "COPILOT_HOME", "CRUSH_GLOBAL_DATA", "CURSOR_DATA_DIR", "GEMINI_CLI_HOME", "GOOSE_PATH_ROOT", "GROK_HOME",
    "HERMES_HOME", "KIMI_CODE_HOME", "KIMI_SHARE_DIR", "LLM_USER_PATH",
    "OPENCLAW_STATE_DIR", "OPENCODE_DB", "OPENHANDS_CONVERSATIONS_DIR", "OPENHANDS_PERSISTENCE_DIR",
    "PI_CODING_AGENT_DIR", "QWEN_HOME", "QWEN_RUNTIME_DIR", "VSCODE_APPDATA", "VSCODE_PORTABLE", "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
)  # fmt: skip
"""The variables by which agents and systems move logs: what does not see those of a shell has to be told them."""

_FROM_OPENCODE = ("kilo", "mimocode", "icodemate")

_EDITORS = ("Code", "Code - Insiders", "VSCodium", "Cursor", "Windsurf", "Positron", "Trae")

AUTO = "auto"
"""The source that stands for all places where known agents keep their sessions."""


def expanded(
    sources: Iterable[str | os.PathLike[str]],
    agents: Collection[str] = (),
    rules: Rules | None = None,
    *,
    even_absent: bool = False,
) -> list[str]:
    """Return the sources with `auto` replaced by the places of the agents named, or of all that are known.

    Of these only what is there, unless `even_absent`, and not what the rules keep out. Raises InvalidInput where there
    are no sources, for agents without `auto`, and for an agent whose places are not known.
    """
    named = [path_name(source, "a source") for source in sources]
    if not named:
        raise InvalidInput(f"there is nothing to import: give files or folders, or {AUTO!r}")
    if AUTO not in named:
        if agents:
            raise InvalidInput(f"agents select among the places of {AUTO!r}: give that as a source")
        return named
    places = [str(path) for paths in known_places(agents).values() for path in paths]
    # Last: of most of what was typed there is a log, and then the history adds nothing.
    places += [str(path) for paths in prompt_histories(agents).values() for path in paths]
    found = [place for place in places if even_absent or os.path.exists(place)]
    if rules and rules.folders:
        found = [place for place in found if not rules.keeps_out(place)]
    return [*(source for source in named if source != AUTO), *found]


def known_places(agents: Collection[str] = ()) -> dict[str, list[Path]]:
    """Return where the agents named, or all that are known, keep their sessions, whether it is there or not.

    The environment variables that move an agent's files count. Of agents that keep their sessions in the folder of the
    project, only those are among them that list their projects. Raises InvalidInput for an agent whose places are not
    known.
    """
    home = Path.home()
    codex = _folder("CODEX_HOME", home / ".codex")
    openhands = _folder("OPENHANDS_PERSISTENCE_DIR", home / ".openhands")
    known = {
        "claude-code": [folder / "projects" for folder in claude_folders()],
        "codex": [
            codex / "sessions",
            codex / "archived_sessions",
            *sorted(codex.glob("state_*.sqlite")),
        ],
        "hermes": _hermes_places(),
        "nanobot": [home / ".nanobot" / "sessions", home / ".nanobot" / "workspace" / "sessions"],
        "copilot-cli": [_folder("COPILOT_HOME", home / ".copilot") / "session-state"],
        "pi": [_folder("PI_CODING_AGENT_DIR", home / ".pi" / "agent") / "sessions"],
        "openclaw": _openclaw_places(),
        "cline": [
            _folder("CLINE_DATA_DIR", home / ".cline" / "data") / "sessions",
            *_tasks_of("saoudrizwan.claude-dev"),
        ],
        "roo-code": _tasks_of("rooveterinaryinc.roo-cline"),
        "kilo-code": _tasks_of("kilocode.kilo-code"),
        "cursor": _cursor_places(),
        "aider": _aider_places(),
        "kimi-code": [
            _folder("KIMI_CODE_HOME", home / ".kimi-code") / "sessions",
            _folder("KIMI_SHARE_DIR", home / ".kimi") / "sessions",
        ],
        "droid": [home / ".factory" / "sessions"],
        "grok": [_folder("GROK_HOME", home / ".grok") / "sessions"],
        "kiro": [user_data() / "kiro-cli" / "data.sqlite3"],
        "amazon-q": [user_data() / "amazon-q" / "data.sqlite3"],
        "goose": [_goose_folder() / "sessions"],
        "qwen-code": _qwen_places(),
        "vscode-chat": _vscode_places("Code", "Code - Insiders", "VSCodium"),
        "positron": _vscode_places("Positron"),
        "windsurf": _vscode_places("Windsurf"),
        "omp": [home / ".omp" / "agent" / "sessions"],
        "prime": [home / ".prime" / "agent" / "sessions"],
        "qclaw": [home / ".qclaw" / "agents"],
        "continue": [_folder("CONTINUE_GLOBAL_DIR", home / ".continue") / "sessions"],
        "gemini-cli": [_folder("GEMINI_CLI_HOME", home) / ".gemini" / "tmp"],
        "opencode": _opencode_places(),
        # Made from OpenCode, each with a database and folders of its own name.
        **{
            name: [_data() / name / store for store in (f"{name}.db", "opencode.db", "storage")]
            for name in _FROM_OPENCODE
        },
        "antigravity-cli": [home / ".gemini" / "antigravity-cli" / "brain"],
        "antigravity": [home / ".gemini" / folder / "brain" for folder in ("antigravity", "antigravity-ide")],
        "openhands": [_folder("OPENHANDS_CONVERSATIONS_DIR", openhands / "conversations")],
        "crush": _crush_places(),
        "zed": _zed_places(),
        "llm": [_folder("LLM_USER_PATH", user_config() / "io.datasette.llm") / "logs.db"],
    }
    agents = [stored_name(agent) for agent in texts(agents, "agents")]
    for agent in agents:
        if agent not in known:
            raise InvalidInput(
                f"it is not known where {agent!r} keeps its logs: give one of {', '.join(known)}"
            )
    return {agent: places for agent, places in known.items() if not agents or agent in agents}


def prompt_histories(agents: Collection[str] = ()) -> dict[str, list[Path]]:
    """Return where the agents named, or all, keep a history of what was typed, whether it is there or not."""
    known = {
        "claude-code": [folder / "history.jsonl" for folder in claude_folders()],
        "codex": [_folder("CODEX_HOME", Path.home() / ".codex") / "history.jsonl"],
    }
    wanted = set(map(stored_name, texts(agents, "agents"))) or known.keys()
    return {agent: paths for agent, paths in known.items() if agent in wanted}


def claude_folders() -> list[Path]:
    """Return the folders of Claude Code: those that its variable lists, else its old default and the new
    one.
    """
    named = [folder.strip() for folder in os.environ.get("CLAUDE_CONFIG_DIR", "").split(",")]
    if any(named):
        return [Path(folder).expanduser() for folder in named if folder]
    config = os.environ.get("XDG_CONFIG_HOME")
    return [Path.home() / ".claude", (Path(config) if config else Path.home() / ".config") / "claude"]


def _qwen_places() -> list[Path]:
    """Return the projects of Qwen Code, and the folder that it used before them."""
    home = _folder("QWEN_RUNTIME_DIR", _folder("QWEN_HOME", Path.home() / ".qwen"))
    return [home / "projects", home / "tmp"]


def _tasks_of(extension: str) -> list[Path]:
    """Return the tasks of an extension in each editor that it runs in."""
    return [folder / "globalStorage" / extension / "tasks" for folder in vscode_folders(*_EDITORS)]


def _cursor_places() -> list[Path]:
    """Return the stores of Cursor's editor, the transcripts of its agents, and the chats of its command line."""
    home = _folder("CURSOR_DATA_DIR", Path.home() / ".cursor")
    return [
        place
        for folder in vscode_folders("Cursor")[-1:]
        for place in (
            folder / "globalStorage" / "state.vscdb",
            *sorted(folder.glob("workspaceStorage/*/state.vscdb")),
        )
    ] + [*sorted(home.glob("projects/*/agent-transcripts")), home / "chats"]


def _aider_places() -> list[Path]:
    """Return the histories of Aider in the folders of the user's choice, and the one that its variable names."""
    named = os.environ.get("AIDER_CHAT_HISTORY_FILE", "")
    found = [Path(named).expanduser()] if os.path.isabs(os.path.expanduser(named)) else []
    for root in get(AIDER_ROOTS):
        for folder, folders, files in os.walk(os.path.expanduser(root)):
            folders[:] = sorted(
                name for name in folders if not name.startswith(".") and is_walked(name, set(folders))
            )
            found += [Path(folder) / AIDERS] if AIDERS in files else []
    return list(dict.fromkeys(found))


def _goose_folder() -> Path:
    """Return the folder for Goose's data: where its variable says, else that of the system."""
    if named := os.environ.get("GOOSE_PATH_ROOT"):
        return Path(named).expanduser() / "data"
    return user_config() / "Block" / "goose" / "data" if sys.platform == "win32" else _data() / "goose"


def _openclaw_places() -> list[Path]:
    """Return the agents of OpenClaw: where its variable says, else under its name and those that it had before."""
    named = os.environ.get("OPENCLAW_STATE_DIR")
    if named:
        return [Path(named).expanduser() / "agents"]
    return [Path.home() / folder / "agents" for folder in (".openclaw", ".moltbot", ".clawdbot")]


def vscode_folders(*editors: str) -> list[Path]:
    """Return the folders of a user in editors made from VS Code, by the names that these give their files.

    A portable VS Code has them beside itself.
    """
    portable = os.environ.get("VSCODE_PORTABLE")
    named = _folder("VSCODE_APPDATA", user_config())
    folders = [named / editor / "User" for editor in editors]
    return [Path(portable).expanduser() / "user-data" / "User", *folders] if portable else folders


def _vscode_places(*editors: str) -> list[Path]:
    """Return the chats of each workspace that an editor knows, and those of windows without one."""
    return [
        place
        for folder in vscode_folders(*editors)
        for place in (
            *sorted(folder.glob("workspaceStorage/*/chatSessions")),
            folder / "globalStorage" / "emptyWindowChatSessions",
        )
    ]


def _zed_places() -> list[Path]:
    """Return the threads of Zed, and those of its Flatpak on Linux."""
    if sys.platform in ("darwin", "win32"):
        return [user_data() / "Zed" / "threads" / "threads.db"]
    sandboxed = Path.home() / ".var" / "app" / "dev.zed.Zed" / "data"
    return [folder / "zed" / "threads" / "threads.db" for folder in (user_data(), sandboxed)]


def _crush_places() -> list[Path]:
    """Return the databases of Crush: one in the folder of each project, which its own list names."""
    folder = _folder("CRUSH_GLOBAL_DATA", (user_data() if sys.platform == "win32" else _data()) / "crush")
    try:
        listed = json.loads((folder / "projects.json").read_bytes())
        projects = [(one["path"], one["data_dir"]) for one in listed["projects"]]
        return [Path(path) / data / "crush.db" for path, data in projects]
    except (OSError, ValueError, RecursionError, LookupError, TypeError):
        return []


def _hermes_places() -> list[Path]:
    """Return the sessions of Hermes, and of each of its named profiles; the logs before its database."""
    home = _folder("HERMES_HOME", Path.home() / ".hermes")
    folders = [home, *sorted((home / "profiles").glob("*"))]
    return [folder / name for folder in folders for name in ("sessions", "state.db")]


def _opencode_places() -> list[Path]:
    """Return the databases of OpenCode, one for each release channel, and the folder it used before them."""
    data = _data() / "opencode"
    database = data / Path(os.environ.get("OPENCODE_DB") or "opencode.db").expanduser()
    databases = (database, data / "opencode.db", *sorted(data.glob("opencode-*.db")))
    return [*dict.fromkeys(databases), data / "storage"]


def _data() -> Path:
    """Return the folder for data as programs from Unix know it: the same place on every platform."""
    named = os.environ.get("XDG_DATA_HOME")
    return Path(named) if named else Path.home() / ".local" / "share"


def _folder(variable: str, otherwise: Path) -> Path:
    named = os.environ.get(variable)
    return Path(named).expanduser() if named else otherwise
