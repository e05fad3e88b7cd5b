"""Which agents' formats can be written, and by whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from sessiondb.errors import InvalidInput
from sessiondb.exchange.native.conversation import Head, Turn

_MODULES = {
    "claude-code": "claude_code",
    "codex": "codex",
    "copilot-cli": "copilot",
    "gemini-cli": "gemini",
    "opencode": "opencode",
}
WRITERS = tuple(_MODULES)
"""The agents whose format can be written."""


class Writer(Protocol):
    """What each module of a format has; `places` are where its agent keeps its sessions (see ingest.places)."""

    AGENT: str

    def new_id(self) -> str:
        """Return an id for a session."""

    def takes(self, native_id: str) -> bool:
        """Say whether the agent takes an id."""

    def find(self, native_id: str, places: Sequence[Path]) -> Path | None:
        """Return the agent's file of a session."""

    def path_of(self, head: Head) -> Path:
        """Return where the file of a session is to be."""

    def lines(self, head: Head, turns: Iterable[Turn]) -> Iterator[dict[str, Any]]:
        """Yield what is in the file, a line each."""


def writer(agent: str) -> Writer:
    """Return who writes an agent's format. Raises InvalidInput where nobody does."""
    if agent not in _MODULES:
        raise InvalidInput(f"sessiondb cannot write sessions for {agent}, only for {', '.join(WRITERS)}")
    return cast("Writer", import_module(f"sessiondb.exchange.native.{_MODULES[agent]}"))
