"""The importers: one folder or file an agent. See base.py for how to write one, detect.py for which is asked."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, cast

from sessiondb.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessiondb.importers.base import Importer
    from sessiondb.importers.registered import Registered

# In the order they are asked, the most common first. Further ones come from the entry-point group
# `sessiondb.importers`: those of other distributions, and of ours the one that shows that it works, sharegpt.
_MODULES = (
    "claude_code",
    "qwen",
    "codex",
    "codex.legacy",
    "claude_code.history",
    "codex.history",
    "nanobot",
    "hermes",
    "agentloop",
    "dealix",
    "gemini",
    "copilot",
    "pi",
    "vscode",
    "cline",
    "continue_dev",
    "antigravity",
    "openhands",
    "cursor",
    "goose",
    "aider",
    "kimi",
    "droid",
    "grok",
    "kiro",
    "opencode",
    "zed",
    "langgraph",
    "llm",
    "openai_agents",
    "chatgpt",
    "open_webui",
    "librechat",
    "claude_ai",
    "sessiondb_export",
    "openai_chat",
)


@cache
def built_in() -> tuple[Importer, ...]:
    """Return the importers of this package, in the order they are asked."""
    return tuple(_loaded())


def _loaded() -> Iterator[Importer]:
    """Yield the importers of this package; each is loaded when it is asked for."""
    for module in _MODULES:
        yield cast("Importer", import_module(f"{__name__}.{module}"))


@cache
def _registered() -> Registered:
    from sessiondb.importers.registered import registered

    found = registered([candidate.name for candidate in built_in()])
    for reason in found.refused:
        warn(reason)
    return found


@cache
def importers() -> tuple[Importer, ...]:
    """Return all importers, ours first, then those that are registered.

    Of those that cannot be used the log is told, once.
    """
    return built_in() + _registered().importers


def find(name: str | None) -> Importer | None:
    """Return the importer of a format, None for an unknown one. No more are loaded than those that come before it."""
    ours = next((one for one in _loaded() if one.name == name), None)
    return ours or next((one for one in _registered().importers if one.name == name), None)


def importer(name: str) -> Importer:
    """Return the importer of a format. Raises InvalidInput for an unknown name."""
    found = find(name)
    if found is not None:
        return found
    known = ", ".join(sorted({candidate.name for candidate in importers()}))
    also = "".join(f"; {reason}" for reason in _registered().refused)
    raise InvalidInput(f"there is no format {name!r}: choose one of {known}{also}")


def is_index(path: str, format: str | None) -> bool:
    """Say whether a file of a format tells of sessions without holding what was said in them."""
    return bool(getattr(find(format), "is_index", lambda path: False)(path))


def warn(reason: str) -> None:
    """Tell the log of something about an importer that stops nothing."""
    import logging

    logging.getLogger("sessiondb").warning("%s", reason)
