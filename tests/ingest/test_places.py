"""Where the known agents keep their sessions, on each platform and wherever their variables move them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from sessiondb.errors import InvalidInput
from sessiondb.ingest.places import known_places
from sessiondb.settings.database import default_database

VARIABLES = (
    "APPDATA", "LOCALAPPDATA", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "CLAUDE_CONFIG_DIR", "CODEX_HOME", "HERMES_HOME",
    "COPILOT_HOME", "OPENCLAW_STATE_DIR", "PI_CODING_AGENT_DIR", "LLM_USER_PATH", "GEMINI_CLI_HOME",
    "OPENCODE_DB", "SESSIONDB_PATH", "VSCODE_APPDATA", "VSCODE_PORTABLE", "QWEN_HOME", "QWEN_RUNTIME_DIR",
    "CLINE_DATA_DIR", "CONTINUE_GLOBAL_DIR", "CURSOR_DATA_DIR", "GOOSE_PATH_ROOT",
    "OPENHANDS_CONVERSATIONS_DIR", "OPENHANDS_PERSISTENCE_DIR", "AIDER_CHAT_HISTORY_FILE", "KIMI_CODE_HOME",
    "KIMI_SHARE_DIR",
    "CRUSH_GLOBAL_DATA",
    "GROK_HOME",
)  # fmt: skip


EDITORS = ("Code", "Code - Insiders", "VSCodium", "Cursor", "Windsurf", "Positron", "Trae")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty home, with no variable set."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    return tmp_path


def below(home: Path, agent: str) -> list[str]:
    """Return the places of an agent, as paths below the home."""
    return [path.relative_to(home).as_posix() for path in known_places()[agent]]


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        ("claude-code", [".claude/projects", ".config/claude/projects"]),
        ("codex", [".codex/sessions", ".codex/archived_sessions"]),
        ("hermes", [".hermes/sessions", ".hermes/state.db"]),
        ("nanobot", [".nanobot/sessions", ".nanobot/workspace/sessions"]),
        ("gemini-cli", [".gemini/tmp"]),
        ("copilot-cli", [".copilot/session-state"]),
        ("pi", [".pi/agent/sessions"]),
        ("openclaw", [".openclaw/agents", ".moltbot/agents", ".clawdbot/agents"]),
        ("antigravity-cli", [".gemini/antigravity-cli/brain"]),
        ("antigravity", [".gemini/antigravity/brain", ".gemini/antigravity-ide/brain"]),
        ("openhands", [".openhands/conversations"]),
        ("continue", [".continue/sessions"]),
        ("omp", [".omp/agent/sessions"]),
        ("qwen-code", [".qwen/projects", ".qwen/tmp"]),
        ("kilo", [f".local/share/kilo/{name}" for name in ("kilo.db", "opencode.db", "storage")]),
        ("opencode", [".local/share/opencode/opencode.db", ".local/share/opencode/storage"]),
    ],
)
@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_default_places(
    home: Path, monkeypatch: pytest.MonkeyPatch, platform: str, agent: str, expected: list[str]
) -> None:
    monkeypatch.setattr(sys, "platform", platform)

    assert below(home, agent) == expected


@pytest.mark.parametrize(
    ("platform", "llm", "database"),
    [
        ("linux", ".config/io.datasette.llm/logs.db", ".local/share/sessiondb/sessions.db"),
        (
            "darwin",
            "Library/Application Support/io.datasette.llm/logs.db",
            "Library/Application Support/sessiondb/sessions.db",
        ),
        ("win32", "AppData/Roaming/io.datasette.llm/logs.db", "AppData/Local/sessiondb/sessions.db"),
    ],
)  # fmt: skip
def test_places_that_differ_by_platform(
    home: Path, monkeypatch: pytest.MonkeyPatch, platform: str, llm: str, database: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)

    assert (below(home, "llm"), default_database()) == ([llm], home / database)


@pytest.mark.parametrize(
    ("platform", "places"),
    [
        (
            "linux",
            [".local/share/zed/threads/threads.db", ".var/app/dev.zed.Zed/data/zed/threads/threads.db"],
        ),
        ("darwin", ["Library/Application Support/Zed/threads/threads.db"]),
        ("win32", ["AppData/Local/Zed/threads/threads.db"]),
    ],
)
def test_zed_has_a_place_of_its_own_on_each_platform(
    home: Path, monkeypatch: pytest.MonkeyPatch, platform: str, places: list[str]
) -> None:
    monkeypatch.setattr(sys, "platform", platform)

    assert below(home, "zed") == places


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("linux", ".local/share/goose/sessions"),
        ("darwin", ".local/share/goose/sessions"),
        ("win32", "AppData/Roaming/Block/goose/data/sessions"),
    ],
)
def test_goose_keeps_to_the_folders_of_windows_there(
    home: Path, monkeypatch: pytest.MonkeyPatch, platform: str, expected: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)

    assert below(home, "goose") == [expected]


@pytest.mark.parametrize(
    ("variable", "value", "agent", "expected"),
    [
        ("CLAUDE_CONFIG_DIR", "{0}/a, {0}/b,", "claude-code", ["a/projects", "b/projects"]),
        ("CLAUDE_CONFIG_DIR", "~/a", "claude-code", ["a/projects"]),
        ("CLAUDE_CONFIG_DIR", "", "claude-code", [".claude/projects", ".config/claude/projects"]),
        ("XDG_CONFIG_HOME", "{0}/c", "claude-code", [".claude/projects", "c/claude/projects"]),
        ("CODEX_HOME", "~/x", "codex", ["x/sessions", "x/archived_sessions"]),
        ("HERMES_HOME", "{0}/h", "hermes", ["h/sessions", "h/state.db"]),
        ("GEMINI_CLI_HOME", "{0}/g", "gemini-cli", ["g/.gemini/tmp"]),
        ("COPILOT_HOME", "{0}/p", "copilot-cli", ["p/session-state"]),
        ("QWEN_HOME", "~/q", "qwen-code", ["q/projects", "q/tmp"]),
        ("QWEN_RUNTIME_DIR", "{0}/q", "qwen-code", ["q/projects", "q/tmp"]),
        (
            "CLINE_DATA_DIR",
            "{0}/c",
            "cline",
            [
                "c/sessions",
                *(f".config/{editor}/User/globalStorage/saoudrizwan.claude-dev/tasks" for editor in EDITORS),
            ],
        ),
        ("CONTINUE_GLOBAL_DIR", "{0}/c", "continue", ["c/sessions"]),
        (
            "XDG_DATA_HOME",
            "{0}/d",
            "zed",
            ["d/zed/threads/threads.db", ".var/app/dev.zed.Zed/data/zed/threads/threads.db"],
        ),
        ("OPENHANDS_PERSISTENCE_DIR", "{0}/o", "openhands", ["o/conversations"]),
        ("OPENHANDS_CONVERSATIONS_DIR", "~/o", "openhands", ["o"]),
        ("PI_CODING_AGENT_DIR", "~/p", "pi", ["p/sessions"]),
        ("CURSOR_DATA_DIR", "~/c", "cursor", [".config/Cursor/User/globalStorage/state.vscdb", "c/chats"]),
        ("KIMI_CODE_HOME", "~/k", "kimi-code", ["k/sessions", ".kimi/sessions"]),
        ("KIMI_SHARE_DIR", "{0}/k", "kimi-code", [".kimi-code/sessions", "k/sessions"]),
        ("XDG_DATA_HOME", "{0}/d", "kiro", ["d/kiro-cli/data.sqlite3"]),
        ("GROK_HOME", "~/g", "grok", ["g/sessions"]),
        ("GOOSE_PATH_ROOT", "~/g", "goose", ["g/data/sessions"]),
        ("XDG_DATA_HOME", "{0}/d", "goose", ["d/goose/sessions"]),
        ("OPENCLAW_STATE_DIR", "{0}/o", "openclaw", ["o/agents"]),
        ("VSCODE_APPDATA", "{0}/v", "positron", ["v/Positron/User/globalStorage/emptyWindowChatSessions"]),
        ("LLM_USER_PATH", "{0}/l", "llm", ["l/logs.db"]),
        ("XDG_CONFIG_HOME", "{0}/c", "llm", ["c/io.datasette.llm/logs.db"]),
        ("XDG_DATA_HOME", "{0}/d", "opencode", ["d/opencode/opencode.db", "d/opencode/storage"]),
        (
            "OPENCODE_DB",
            "{0}/o.db",
            "opencode",
            ["o.db", ".local/share/opencode/opencode.db", ".local/share/opencode/storage"],
        ),
        (
            "OPENCODE_DB",
            "beta.db",
            "opencode",
            [f".local/share/opencode/{name}" for name in ("beta.db", "opencode.db", "storage")],
        ),
    ],
)
def test_variables_move_places(
    home: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, agent: str, expected: list[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv(variable, value.format(home))

    assert below(home, agent) == expected


@pytest.mark.parametrize(
    ("platform", "user"),
    [
        ("linux", ".config/{}/User"),
        ("darwin", "Library/Application Support/{}/User"),
        ("win32", "AppData/Roaming/{}/User"),
    ],
)
def test_each_workspace_of_an_editor_has_chats_of_its_own(
    home: Path, monkeypatch: pytest.MonkeyPatch, platform: str, user: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    (home / user.format("Code") / "workspaceStorage" / "abc" / "chatSessions").mkdir(parents=True)

    assert below(home, "vscode-chat") == [
        f"{user.format('Code')}/workspaceStorage/abc/chatSessions",
        *(
            f"{user.format(editor)}/globalStorage/emptyWindowChatSessions"
            for editor in ("Code", "Code - Insiders", "VSCodium")
        ),
    ]
    (home / user.format("Cursor") / "workspaceStorage" / "abc").mkdir(parents=True)
    (home / user.format("Cursor") / "workspaceStorage" / "abc" / "state.vscdb").touch()
    (home / ".cursor" / "projects" / "garden" / "agent-transcripts").mkdir(parents=True)
    assert below(home, "cursor") == [
        f"{user.format('Cursor')}/globalStorage/state.vscdb",
        f"{user.format('Cursor')}/workspaceStorage/abc/state.vscdb",
        ".cursor/projects/garden/agent-transcripts",
        ".cursor/chats",
    ]
    assert below(home, "windsurf") == [f"{user.format('Windsurf')}/globalStorage/emptyWindowChatSessions"]


def test_each_profile_of_hermes_is_a_place_of_its_own(home: Path) -> None:
    for name in ("work", "play"):
        (home / ".hermes" / "profiles" / name).mkdir(parents=True)

    assert below(home, "hermes") == [
        f".hermes/{name}"
        for folder in ("", "profiles/play/", "profiles/work/")
        for name in (f"{folder}sessions", f"{folder}state.db")
    ]


def test_each_channel_of_opencode_has_a_database_of_its_own(home: Path) -> None:
    data = home / ".local" / "share" / "opencode"
    data.mkdir(parents=True)
    for name in ("opencode-dev.db", "opencode-dev.db-wal", "opencode-beta.db", "auth.json"):
        (data / name).touch()

    assert [Path(path).name for path in below(home, "opencode")] == [
        "opencode.db", "opencode-beta.db", "opencode-dev.db", "storage",
    ]  # fmt: skip


def test_agents_can_be_chosen(home: Path) -> None:
    assert list(known_places(("llm", "codex"))) == ["codex", "llm"]


def test_an_agent_without_known_places_is_refused(home: Path) -> None:
    with pytest.raises(
        InvalidInput, match="it is not known where 'emacs' keeps its logs: give one of claude-code, codex, "
    ):
        known_places(("codex", "emacs"))


def test_histories_of_aider_are_looked_for_where_the_settings_say(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert known_places()["aider"] == []
    for folder in ("code/garden", "code/.hidden", "code/node_modules/x", "other"):
        (home / folder).mkdir(parents=True)
        (home / folder / ".aider.chat.history.md").touch()
    monkeypatch.setattr("sessiondb.ingest.places.get", lambda setting: ("~/code",))
    assert below(home, "aider") == ["code/garden/.aider.chat.history.md"]
    monkeypatch.setenv("AIDER_CHAT_HISTORY_FILE", "~/all.md")
    assert below(home, "aider") == ["all.md", "code/garden/.aider.chat.history.md"]


@pytest.mark.parametrize(
    ("platform", "variable", "folder"),
    [
        ("linux", None, ".local/share/crush"),
        ("darwin", None, ".local/share/crush"),
        ("win32", None, "AppData/Local/crush"),
        ("linux", "XDG_DATA_HOME", "crush"),
        ("darwin", "CRUSH_GLOBAL_DATA", ""),
    ],
)
def test_databases_of_crush_are_found_by_its_list_of_projects(
    home: Path, monkeypatch: pytest.MonkeyPatch, platform: str, variable: str | None, folder: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    if variable:
        monkeypatch.setenv(variable, str(home / "moved"))
        folder = f"moved/{folder}"
    assert below(home, "crush") == []
    projects = [
        {"path": str(home / "garden"), "data_dir": ".crush"},
        {"path": str(home / "shed"), "data_dir": str(home / "elsewhere")},
    ]
    path = home / folder / "projects.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"projects": projects}), "utf-8")
    assert below(home, "crush") == ["garden/.crush/crush.db", "elsewhere/crush.db"]
    for damaged in ("{", "[]", '{"projects": [{"path": 5, "data_dir": "x"}]}', '{"projects": 7}'):
        path.write_text(damaged, "utf-8")
        assert below(home, "crush") == []
