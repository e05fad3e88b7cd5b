"""What agents are called, besides the names that their sessions are stored under."""

from __future__ import annotations

import re

_ALIASES = {
    "antigravityide": "antigravity",
    "claude": "claude-code",
    "claudecode": "claude-code",
    "claudeai": "claude-ai",
    "codexcli": "codex",
    "openaicodex": "codex",
    "gemini": "gemini-cli",
    "geminicli": "gemini-cli",
    "continuedev": "continue",
    "cn": "continue",
    "copilot": "copilot-cli",
    "copilotcli": "copilot-cli",
    "githubcopilot": "copilot-cli",
    "githubcopilotcli": "copilot-cli",
    "cursoragent": "cursor",
    "cursoride": "cursor",
    "blockgoose": "goose",
    "codenamegoose": "goose",
    "factory": "droid",
    "factorydroid": "droid",
    "hermesagent": "hermes",
    "kimi": "kimi-code",
    "kimicli": "kimi-code",
    "kimicode": "kimi-code",
    "kirocli": "kiro",
    "amazonq": "amazon-q",
    "opencodeai": "opencode",
}


_SHORT = {
    "antigravity-cli": "antigravity",
    "claude-code": "claude",
    "gemini-cli": "gemini",
    "copilot-cli": "copilot",
}


def short_name(agent: str) -> str:
    """Return what an agent is called where there is little room, a name that `stored_name` understands."""
    return _SHORT.get(agent, agent)


def stored_name(agent: str) -> str:
    """Return the name that sessions of an agent are stored under: `claude` is claude-code; others as they are."""
    lowered = agent.strip().lower()
    return _ALIASES.get(re.sub(r"[\s._/-]", "", lowered), lowered)
