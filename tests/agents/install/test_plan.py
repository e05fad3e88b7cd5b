"""Installed into settings of many shapes, and taken out again: nothing that is somebody else's changes."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sessiondb.agents.install import agents, entries, jsonc, plan, toml
from sessiondb.agents.install.agents import AGENTS, KINDS, OwnFile, Settings
from sessiondb.agents.install.command import Command
from sessiondb.errors import Conflict, InvalidInput

COMMAND = Command(("/opt/my tools/sessiondb",), "/data/it's mine.db")

OTHERS = """{
  "hooks": {
    "SessionStart": [{"matcher": "startup", "hooks": [{"type": "command", "command": "say hi"}]}],
    "sessionStart": [{"command": "say hi", "bash": "say hi"}],
    "Elsewhere": []
  },
  "mcpServers": {"files": {"command": "files", "env": {"KEY": "v"}}},
  "mcp": {
    "files": {"type": "local", "command": ["files"]}
  },
  "zeta": 1e5, "alpha": 1.0
}
"""
STRICT: dict[str, bytes | None] = {
    "missing": None,
    "empty": b"",
    "blank lines": b"\n \n",
    "an empty object": b"{}",
    "an empty object on lines": b"{\n}\n",
    "one line": b'{"model": "x", "list": [1, 2]}',
    "one dense line": b'{"model":"x","hooks":{}}\n',
    "two blanks": b'{\n  "model": "x",\n  "permissions": {\n    "allow": ["Bash"]\n  }\n}\n',
    "four blanks": b'{\n    "model": "x",\n    "hooks": {},\n    "mcpServers": {}\n}',
    "tabs": b'{\n\t"model": "x",\n\t"hooks": {\n\t\t"Stop": []\n\t}\n}\n',
    "CRLF": b'{\r\n  "model": "x"\r\n}\r\n',
    "a byte order mark": b'\xef\xbb\xbf{\n  "model": "x"\n}\n',
    "other scripts": '{\n  "船": "ferry ½ \\u2028 \U0001f41f"\n}\n'.encode(),
    "others' entries": OTHERS.encode(),
    "others' entries with CRLF": OTHERS.replace("\n", "\r\n").encode(),
    "a key twice": b'{"a": 1, "a": 2}\n',
    "strange indentation": b'{ "a" : 1\n , "b":[\n1,2 ]\n}',
}
COMMENTED: dict[str, bytes | None] = {
    "comments": b'// mine\n{\n  // the model\n  "model": "x" /* or y */ // why\n}\n// end\n',
    "commas at the end": b'{\n  "model": "x",\n  "list": [1, 2,],\n}\n',
    "a comment in an empty object": b'{\n  // "model": "x",\n}\n',
    "comments with CRLF": b'{\r\n\t"model": "x", // why\r\n\t// end\r\n}\r\n',
    "slashes in texts": b'{\n  "url": "https://example.org/*x*/", // "a": {\n}\n',
}
TABLES: dict[str, bytes | None] = {
    "missing": None,
    "empty": b"",
    "keys": b'model = "x"  # why\n\n\n',
    "no line end": b"[a]\nb = 1",
    "CRLF": b"# mine\r\n[a]\r\nb = [\r\n  1,\r\n]\r\n",
    "a byte order mark": b"\xef\xbb\xbf[a]\nb = 1\n",
    "others' servers": b'[mcp_servers.files]\ncommand = "files"\n[mcp_servers.files.env]\nKEY = "v"\n# end\n',
    "trust": b'[hooks.state."/x/hooks.json:stop:0:0"]\ntrusted_hash = "sha256:1"\n',
}


def shapes(settings: Settings) -> dict[str, bytes | None]:
    if settings.form == "toml":
        return TABLES
    return STRICT if settings.form == "json" else STRICT | COMMENTED


def all_settings(agent: str) -> list[Settings]:
    return [part for part in AGENTS[agent].parts(COMMAND) if isinstance(part, Settings)]


# The number of settings files of each agent, to have a case for each before there is a home.
FILES = [
    ("claude-code", 2),
    ("codex", 2),
    ("gemini-cli", 1),
    ("cursor", 2),
    ("opencode", 1),
    ("copilot-cli", 2),
]
CASES = [(agent, number) for agent, count in FILES for number in range(count)]


def install(agent: str, command: Command = COMMAND, kinds: tuple[str, ...] = KINDS) -> plan.Plan:
    planned = plan.installation([agent], kinds, command)
    list(plan.carry_out(planned))
    return planned


def uninstall(agent: str) -> plan.Plan:
    planned = plan.removal([agent])
    list(plan.carry_out(planned))
    return planned


def data_of(settings: Settings) -> Any:
    text = settings.path.read_bytes().decode("utf-8-sig")
    return toml.load(text) if settings.form == "toml" else jsonc.load(text, strict=settings.form == "json")


def without_ours(data: Any, settings: Settings, agent: str) -> Any:
    """Return data as it is without our entries and empty containers, in its order."""
    ours = [found.place for entry in settings.entries for found in entries.find(data, entry, agent)]

    def cleared(value: Any, place: tuple[str | int, ...]) -> Any:
        if place in ours:
            return None
        pairs: Iterator[tuple[Any, Any]] = iter(
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        left = [
            (key, made)
            for key, inner in pairs
            if (made := cleared(inner, (*place, key))) not in (None, {}, [])
        ]
        if isinstance(value, dict):
            return dict(left)
        return [inner for _, inner in left] if isinstance(value, list) else value

    return cleared(data, ())


def tree(folder: Path) -> dict[str, bytes | None]:
    """Return what a folder holds, but for our own state."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if ".local" not in path.parts
    }


@pytest.mark.parametrize(("agent", "number"), CASES)
def test_an_uninstall_restores_every_byte_of_every_shape(home: Path, agent: str, number: int) -> None:
    settings = all_settings(agent)[number]
    kinds = tuple({entry.kind for entry in settings.entries})
    for shape, content in shapes(settings).items():
        if content is not None:
            settings.path.parent.mkdir(parents=True, exist_ok=True)
            settings.path.write_bytes(content)
            settings.path.chmod(0o640)
        before = tree(home)
        planned = install(agent, kinds=kinds)
        assert planned.refused == (), shape
        assert settings.path in [change.path for change in planned.changes], shape
        data = data_of(settings)
        for entry in settings.entries:
            (found,) = entries.find(data, entry, agent)
            assert found.words[0] == "/opt/my tools/sessiondb"
            assert found.words[-2:] == ["--db", "/data/it's mine.db"]
        if content is not None:
            assert stat.S_IMODE(settings.path.stat().st_mode) == 0o640
            text = content.decode("utf-8-sig")
            old = toml.load(text) if settings.form == "toml" else jsonc.load(text)
            frame = {key: value for key, value in settings.frame.items() if key not in old}
            kept = without_ours(data, settings, agent)
            assert kept == without_ours(old, settings, agent) | frame, shape
            assert [key for key in kept if key not in frame] == list(without_ours(old, settings, agent)), (
                shape
            )
            assert settings.path.read_bytes().count(b"\r\n") in (0, settings.path.read_bytes().count(b"\n"))
        assert install(agent, kinds=kinds).changes == (), shape
        uninstall(agent)
        assert tree(home) == before, shape
        settings.path.unlink(missing_ok=True)


@pytest.mark.parametrize(("agent", "number"), CASES)
def test_of_a_file_that_has_changed_since_only_our_entries_are_taken_out(
    home: Path, agent: str, number: int
) -> None:
    settings = all_settings(agent)[number]
    kinds = tuple({entry.kind for entry in settings.entries})
    for shape, content in shapes(settings).items():
        if content is not None:
            settings.path.parent.mkdir(parents=True, exist_ok=True)
            settings.path.write_bytes(content)
        install(agent, kinds=kinds)
        changed = settings.path.read_bytes().decode("utf-8-sig")
        if settings.form == "toml":
            changed += "\n# a remark\n[later]\nkey = 1\n"
        else:
            changed = jsonc.put(changed, ("later",), {"key": 1})
        settings.path.write_bytes(changed.encode())
        wanted = without_ours(data_of(settings), settings, agent)
        uninstall(agent)
        left = data_of(settings)
        assert without_ours(left, settings, agent) == wanted, shape
        assert not any(entries.find(left, entry, agent) for entry in settings.entries), shape
        if content is not None:
            text = content.decode("utf-8-sig")
            old = toml.load(text) if settings.form == "toml" else jsonc.load(text)
            frame = {key: value for key, value in settings.frame.items() if key not in old}
            assert left == old | frame | {"later": {"key": 1}}, shape
        settings.path.unlink()


@pytest.mark.parametrize("agent", AGENTS)
def test_files_are_made_where_there_are_none_and_go_with_their_folders(home: Path, agent: str) -> None:
    install(agent)
    assert len(tree(home)) > 3
    uninstall(agent)
    assert tree(home) == {}


@pytest.mark.parametrize("agent", AGENTS)
def test_only_what_is_asked_for_is_installed(home: Path, agent: str) -> None:
    for kind in KINDS:
        changes = plan.installation([agent], [kind], COMMAND).changes
        paths = {change.path for change in changes}
        parts = AGENTS[agent].parts(COMMAND)
        wanted = {
            part.path
            for part in parts
            if (part.kind == kind if isinstance(part, OwnFile) else any(e.kind == kind for e in part.entries))
        }
        assert paths == wanted
        assert all(b"sessiondb" in (change.after or b"") for change in changes)


def test_what_is_installed_piece_by_piece_is_undone_at_once(home: Path) -> None:
    path = home / ".gemini" / "settings.json"
    path.parent.mkdir()
    path.write_bytes(b'{"theme": "x"}')
    install("gemini-cli", kinds=("hooks",))
    install("gemini-cli", kinds=("mcp",))
    uninstall("gemini-cli")
    assert path.read_bytes() == b'{"theme": "x"}'


def test_what_somebody_adds_between_two_installations_stays(home: Path) -> None:
    path = home / ".gemini" / "settings.json"
    install("gemini-cli", kinds=("hooks",))
    path.write_text(jsonc.put(path.read_text(), ("theme",), "x"))
    install("gemini-cli", kinds=("mcp",))
    uninstall("gemini-cli")
    assert jsonc.load(path.read_text()) == {"theme": "x"}


def test_a_later_installation_puts_the_call_right_and_nothing_else(home: Path) -> None:
    path = home / ".claude" / "settings.json"
    path.parent.mkdir()
    by_hand = (
        '{"hooks": {"Stop": [{"matcher": "x", "hooks": ['
        '{"type": "command", "command": "say x"}, '
        '{"type": "command", "command": "sessiondb hook claude", "timeout": 77, "mine": true}]}]}}'
    )
    path.write_text(by_hand)
    install("claude-code", kinds=("hooks",))
    (group,) = jsonc.load(path.read_text())["hooks"]["Stop"]
    assert group == {
        "matcher": "x",
        "hooks": [
            {"type": "command", "command": "say x"},
            {
                "type": "command",
                "command": COMMAND.line("hook", "claude-code"),
                "timeout": 77,
                "mine": True,
            },
        ],
    }
    uninstall("claude-code")
    assert jsonc.load(path.read_text()) == {
        "hooks": {"Stop": [{"matcher": "x", "hooks": [{"type": "command", "command": "say x"}]}]}
    }


def test_a_hook_that_stands_twice_is_called_once(home: Path) -> None:
    path = home / ".codex" / "hooks.json"
    path.parent.mkdir()
    one = '{"hooks": [{"type": "command", "command": "/old/sessiondb hook codex"}]}'
    path.write_text(f'{{"hooks": {{"Stop": [{one}, {{"hooks": []}}, {one}]}}}}')
    install("codex", kinds=("hooks",))
    assert jsonc.load(path.read_text())["hooks"]["Stop"] == [
        {"hooks": [{"type": "command", "command": COMMAND.line("hook", "codex")}]},
        {"hooks": []},
    ]


def test_ours_come_behind_the_others_so_that_codex_goes_on_trusting_those(home: Path) -> None:
    path = home / ".codex" / "hooks.json"
    path.parent.mkdir()
    path.write_text('{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "say x"}]}]}}')
    install("codex")
    first, second = jsonc.load(path.read_text())["hooks"]["Stop"]
    assert first["hooks"][0]["command"] == "say x"
    assert "sessiondb" in second["hooks"][0]["command"]


def test_a_server_of_ours_under_another_name_is_put_right(home: Path) -> None:
    path = home / ".cursor" / "mcp.json"
    path.parent.mkdir()
    path.write_text(
        '{"mcpServers": {"memory": {"command": "sessiondb", "args": ["mcp"], "env": {"A": "b"}}}}'
    )
    install("cursor", kinds=("mcp",))
    program, *arguments = COMMAND.words("mcp")
    assert jsonc.load(path.read_text()) == {
        "mcpServers": {"memory": {"command": program, "args": arguments, "env": {"A": "b"}}}
    }


def made_broken(path: Path) -> None:
    path.write_text('{"model": "x"')


def made_strange(path: Path) -> None:
    path.write_text('{"hooks": null}')


def made_read_only(path: Path) -> None:
    path.write_text("{}")
    path.chmod(0o444)


def made_a_folder(path: Path) -> None:
    path.mkdir()


def made_another_encoding(path: Path) -> None:
    path.write_bytes('{"model": "é"}'.encode("utf-16"))


def made_a_dead_link(path: Path) -> None:
    path.symlink_to(path.with_name("gone.json"))


def made_commented(path: Path) -> None:
    path.write_text('{\n  // mine\n  "model": "x"\n}\n')


LEFT_ALONE: dict[Callable[[Path], None], str] = {
    made_broken: "line 1: it ends too early. It was not changed: fix it, and try again",
    made_strange: "hooks is not an object. It was not changed: fix it, and try again",
    made_read_only: "is read-only: run `chmod u+w` on it, or add the entries where it is generated",
    made_a_folder: "is a folder: move it away, and try again",
    made_another_encoding: "is not UTF-8: save it as UTF-8, and try again",
    made_a_dead_link: "which does not exist: fix or remove the link, and try again",
    made_commented: "line 2: a comment, which the agent does not read. It was not changed: fix it, and try again",
}


@pytest.mark.parametrize("make", LEFT_ALONE, ids=lambda make: make.__name__)
def test_a_file_that_cannot_be_edited_is_left_alone_with_a_reason(
    home: Path, make: Callable[[Path], None]
) -> None:
    path = home / ".claude" / "settings.json"
    path.parent.mkdir()
    make(path)
    before = os.lstat(path)
    planned = install("claude-code")
    (reason,) = planned.refused
    assert str(path) in reason
    assert reason.endswith(LEFT_ALONE[make])
    assert path not in [change.path for change in planned.changes]
    after = os.lstat(path)
    assert (after.st_mtime_ns, after.st_size, after.st_mode) == (
        before.st_mtime_ns,
        before.st_size,
        before.st_mode,
    )
    # What can be installed beside it is, and comes out again.
    assert (home / ".claude.json").exists()
    uninstall("claude-code")
    assert not (home / ".claude.json").exists()


def test_a_file_or_folder_that_may_not_be_used_is_left_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = home / ".codex" / "config.toml"
    settings.parent.mkdir()
    settings.write_text("a = 1\n")
    read, access = Path.read_bytes, os.access

    def refused(path: Path) -> bytes:
        if path == settings:
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refused)
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != settings.parent and access(path, mode))
    planned = install("codex", kinds=("hooks", "mcp"))
    assert planned.changes == ()
    assert planned.refused == (
        f"codex: nothing can be written in {settings.parent}: give yourself the right to, and try again",
        f"codex: {settings} cannot be read (Permission denied): give yourself the right to, and try again",
    )


def test_a_link_stays_and_its_target_is_written(home: Path) -> None:
    target = home / "dotfiles" / "claude.json"
    target.parent.mkdir()
    target.write_text("{}")
    path = home / ".claude" / "settings.json"
    path.parent.mkdir()
    path.symlink_to("../dotfiles/claude.json")
    install("claude-code")
    assert path.is_symlink()
    assert "sessiondb" in target.read_text()
    uninstall("claude-code")
    assert (path.is_symlink(), target.read_text()) == (True, "{}")


def test_a_file_that_changes_after_it_was_shown_is_not_written(home: Path) -> None:
    path = home / ".claude" / "settings.json"
    path.parent.mkdir()
    path.write_text("{}")
    planned = plan.installation(["claude-code"], ["hooks"], COMMAND)
    path.write_text('{"model": "y"}')
    with pytest.raises(Conflict, match="has changed in the meantime: try again"):
        list(plan.carry_out(planned))
    assert path.read_text() == '{"model": "y"}'
    assert [left.name for left in path.parent.iterdir()] == ["settings.json"]


def test_a_write_that_fails_leaves_the_file_and_nothing_beside_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home / ".claude" / "settings.json"
    path.parent.mkdir()
    path.write_text("{}")
    planned = plan.installation(["claude-code"], ["hooks"], COMMAND)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InvalidInput, match="No space left on device"):
        list(plan.carry_out(planned))
    assert [(left.name, left.read_text()) for left in path.parent.iterdir()] == [("settings.json", "{}")]


def test_a_server_or_a_skill_of_somebody_else_is_left_alone(home: Path) -> None:
    skill = home / ".cursor" / "skills" / "sessiondb" / "SKILL.md"
    skill.parent.mkdir(parents=True)
    skill.write_text("mine")
    (home / ".cursor" / "mcp.json").write_text('{"mcpServers": {"sessiondb": {"command": "npx"}}}')
    planned = install("cursor")
    assert [reason.split(": ", 1)[1] for reason in planned.refused] == [
        f"{home}/.cursor/mcp.json: mcpServers has another server of the name 'sessiondb': rename it, and try again."
        " It was not changed: fix it, and try again",
        f"{skill} already exists and is not from sessiondb: move it away, and try again",
    ]
    uninstall("cursor")
    assert skill.read_text() == "mine"
    assert "npx" in (home / ".cursor" / "mcp.json").read_text()


def test_a_plugin_that_was_changed_is_kept_beside_our_state(home: Path) -> None:
    install("opencode")
    plugin = home / ".config" / "opencode" / "plugins" / "sessiondb.js"
    plugin.write_text(f"{plugin.read_text()}\n// my own\n")
    changed = plugin.read_bytes()
    uninstall("opencode")
    assert not plugin.exists()
    (kept,) = (home / ".local" / "state" / "sessiondb" / "install").glob("*-sessiondb.js")
    assert kept.read_bytes() == changed


def test_what_is_kept_of_settings_is_for_its_owner_alone(home: Path) -> None:
    (home / ".claude.json").write_text(
        '{"mcpServers": {"x": {"command": "x", "env": {"API_KEY": "secret"}}}}'
    )
    install("claude-code")
    state = home / ".local" / "state" / "sessiondb" / "install"
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in state.iterdir()} == {0o600}


VARIABLES = [
    ("claude-code", "CLAUDE_CONFIG_DIR", ["settings.json", ".claude.json", "skills/sessiondb/SKILL.md"]),
    ("codex", "CODEX_HOME", ["hooks.json", "config.toml", "skills/sessiondb/SKILL.md"]),
    ("gemini-cli", "GEMINI_CLI_HOME", [".gemini/settings.json", ".gemini/skills/sessiondb/SKILL.md"]),
    ("copilot-cli", "COPILOT_HOME", ["hooks/sessiondb.json", "mcp-config.json", "skills/sessiondb/SKILL.md"]),
    (
        "opencode",
        "OPENCODE_CONFIG_DIR",
        ["plugins/sessiondb.js", "opencode.json", "skills/sessiondb/SKILL.md"],
    ),
    (
        "opencode",
        "XDG_CONFIG_HOME",
        [
            f"opencode/{name}"
            for name in ("plugins/sessiondb.js", "opencode.json", "skills/sessiondb/SKILL.md")
        ],
    ),
]


@pytest.mark.parametrize(("agent", "variable", "files"), VARIABLES, ids=[case[1] for case in VARIABLES])
def test_the_variable_of_an_agent_moves_what_is_installed(
    home: Path, monkeypatch: pytest.MonkeyPatch, agent: str, variable: str, files: list[str]
) -> None:
    moved = home.parent / "moved"
    monkeypatch.setenv(variable, str(moved))
    install(agent)
    assert {name for name, content in tree(moved).items() if content is not None} == set(files)
    assert tree(home) == {}


def test_a_named_settings_file_of_opencode_gets_the_server(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENCODE_CONFIG", str(home / "mine.jsonc"))
    (home / "mine.jsonc").write_text("// mine\n{}\n")
    install("opencode", kinds=("mcp",))
    assert "sessiondb" in (home / "mine.jsonc").read_text()
    assert (home / "mine.jsonc").read_text().startswith("// mine\n")


def test_agents_go_by_their_names(home: Path) -> None:
    assert [agent.name for agent in agents.named(["claude", "Gemini", "copilot"])] == [
        "claude-code",
        "gemini-cli",
        "copilot-cli",
    ]
    with pytest.raises(InvalidInput, match="cannot install for 'aider': give one of claude-code, codex"):
        agents.named(["aider"])


@pytest.mark.parametrize("folder", ["/home/m/.cache/uv/archive-v0/x/bin", "/Users/m/Library/Caches/uv/bin"])
def test_a_program_in_a_cache_is_named(home: Path, folder: str) -> None:
    planned = plan.installation(["cursor"], ["mcp"], Command((f"{folder}/sessiondb",)))
    assert planned.remarks == (
        f"{folder}/sessiondb is in a cache, which may be emptied: install sessiondb by pipx or pip for good.",
    )
    assert plan.installation(["cursor"], ["mcp"], COMMAND).remarks == ()
