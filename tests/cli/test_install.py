"""install and uninstall on the command line: what they show, ask and report."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sessiondb.cli import installing
from tests.cli.conftest import Run

PROGRAM = str(Path(sys.executable).with_name("sessiondb"))


@pytest.fixture
def agreeing(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let a person at a terminal agree to everything but Claude Code, and return what was asked."""
    asked: list[str] = []

    def ask(question: str) -> bool:
        asked.append(question)
        return "claude" not in question

    monkeypatch.setattr(installing, "can_ask", lambda: True)
    monkeypatch.setattr(installing, "ask", ask)
    return asked


def test_without_an_agent_it_says_what_was_found_and_what_to_type(home: Path, run: Run) -> None:
    done = run("install")
    assert done.exit_code == 1
    assert done.stderr == (
        "found: claude-code, codex\n"
        "Error: say which agents: `sessiondb install claude-code`, or `sessiondb install --all` for all 2\n"
    )


def test_where_no_agent_is_found_it_says_how_to_name_one(home: Path, run: Run) -> None:
    (home / ".claude").rmdir()
    (home / ".codex" / "config.toml").unlink()
    (home / ".codex").rmdir()
    assert run("install").stderr == (
        "Error: no agent was found: name one of claude-code, codex, gemini-cli, cursor, opencode, copilot-cli,"
        " such as `sessiondb install claude-code`\n"
    )


def test_a_dry_run_shows_the_difference_and_changes_nothing(home: Path, run: Run, path: Path) -> None:
    done = run("install", "codex", "--mcp", "--dry-run")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "--- ~/.codex/config.toml",
        "+++ ~/.codex/config.toml",
        "@@ -1 +1,5 @@",
        ' model = "x"',
        "+",
        "+[mcp_servers.sessiondb]",
        f'+command = "{PROGRAM}"',
        f'+args = ["mcp", "--db", "{path}"]',
        "would change 1 file",
    ]
    assert (home / ".codex" / "config.toml").read_text() == 'model = "x"\n'


def test_without_a_terminal_it_wants_to_be_told_that_it_may(home: Path, run: Run) -> None:
    done = run("install", "codex")
    assert done.exit_code == 1
    assert (
        done.stderr == "Error: 2 files would be changed; confirm with --yes, or look first with --dry-run\n"
    )
    assert (home / ".codex" / "config.toml").read_text() == 'model = "x"\n'


def test_install_and_uninstall_report_each_file(home: Path, run: Run) -> None:
    done = run("install", "--all", "--hooks", "--yes")
    assert done.exit_code == 0
    assert done.stdout.endswith("written ~/.claude/settings.json\nwritten ~/.codex/hooks.json\n")
    assert done.stderr == (
        "Codex skips a hook until you trust it: start `codex` once in a terminal, and choose to trust the hooks"
        " that it lists.\n"
    )
    again = run("install", "claude", "codex", "--hooks", "--yes")
    assert again.stdout == (
        "claude-code: nothing changes, all of it is installed already\n"
        "codex: nothing changes, all of it is installed already\n"
    )
    gone = run("uninstall", "--all", "--yes")
    assert gone.stdout.endswith("removed ~/.claude/settings.json\nremoved ~/.codex/hooks.json\n")
    assert run("uninstall", "codex").stdout == "codex: nothing changes, nothing is installed\n"
    assert run("uninstall", "--all").stderr == "Error: nothing is installed for any agent\n"


def test_a_person_chooses_and_agrees(home: Path, run: Run, agreeing: list[str]) -> None:
    done = run("install", "--mcp")
    assert done.stderr.startswith("found: claude-code, codex\n")
    assert agreeing == ["Install for claude-code?", "Install for codex?", "Change 1 file?"]
    assert done.stdout.endswith("written ~/.codex/config.toml\n")
    assert run("uninstall").stdout.endswith("restored ~/.codex/config.toml\n")
    assert agreeing[3:] == ["Uninstall for codex?", "Change 1 file?"]
    assert (home / ".codex" / "config.toml").read_text() == 'model = "x"\n'


def test_a_broken_file_is_left_alone_and_the_rest_is_written(home: Path, run: Run) -> None:
    (home / ".codex" / "config.toml").write_text("model = \n")
    done = run("install", "codex", "--yes")
    assert done.exit_code == 1
    assert f"codex: {home}/.codex/config.toml: Invalid value" in done.stderr
    assert "It was not changed: fix it, and try again" in done.stderr
    assert done.stdout.endswith("written ~/.codex/hooks.json\n")
    assert (home / ".codex" / "config.toml").read_text() == "model = \n"


def test_a_difference_is_coloured_and_drives_no_terminal(home: Path, run: Run) -> None:
    (home / ".claude.json").write_text('{\n  "a": "\x7f\x9b31m"\n}\n')
    done = run("install", "claude-code", "--mcp", "--dry-run", "--color", "always")
    assert '\x1b[32m+  "mcpServers": {\x1b[0m\n' in done.stdout
    assert "\x9b" not in done.stdout


def test_no_secret_of_others_is_shown(home: Path, run: Run) -> None:
    server = '"files": {"command": "x", "env": {"API_KEY": "sk-ant-api03-abcdefghijk1234567890abcdef"}}'
    (home / ".claude.json").write_text(f'{{\n  "mcpServers": {{\n    {server}\n  }}\n}}\n')
    done = run("install", "claude-code", "--mcp", "--yes")
    assert "[redacted:api-key]" in done.stdout
    assert "sk-ant" not in done.stdout
    assert "sk-ant" in (home / ".claude.json").read_text()


def test_a_file_of_our_own_is_shown_by_a_dry_run_alone(home: Path, run: Run) -> None:
    assert "+# Search past sessions" in run("install", "codex", "--skill", "--dry-run").stdout
    done = run("install", "codex", "--skill", "--yes")
    assert done.stdout.splitlines()[1:3] == [
        "+++ ~/.codex/skills/sessiondb/SKILL.md",
        "+  (21 lines of our own; --dry-run shows them)",
    ]


def test_the_default_database_is_not_named(home: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    default = home / ".local" / "share" / "sessiondb" / "sessions.db"
    done = run("install", "codex", "--hooks", "--dry-run", "--db", str(default))
    assert f'"command": "{PROGRAM} hook codex"' in done.stdout
    monkeypatch.setenv("SESSIONDB_PATH", str(home / "my data" / "x.db"))
    named = run("install", "codex", "--hooks", "--dry-run", "--db", str(home / "my data" / "x.db"))
    assert f'"command": "{PROGRAM} hook codex --db \'{home}/my data/x.db\'"' in named.stdout


def test_without_the_sdk_of_mcp_its_server_is_left_out(
    home: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessiondb.agents.install.plan.find_spec", lambda name: None)
    done = run("install", "codex", "--dry-run")
    assert "would change 1 file" in done.stdout
    assert done.stderr.startswith("only the hooks: the MCP server needs the Python SDK of MCP: `pip install")
    assert run("install", "codex", "--mcp").exit_code == 1


def test_what_makes_no_sense_is_refused(home: Path, run: Run) -> None:
    assert "cannot install for 'aider'" in run("install", "aider").stderr
    assert "Give either names of agents or --all." in run("install", "codex", "--all").stderr
