"""Codex's `history.jsonl`: what was typed in the terminal, of all sessions.

A line is `{"session_id", "ts" (seconds), "text"}`. `codex exec` writes none.

Sources: codex-rs/message-history of github.com/openai/codex, and Codex 0.171.0 run against a stub of a model (November
2026).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sessiondb.importers.base import Record
from sessiondb.importers.codex.items import AGENT
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Source
from sessiondb.importers.prompt_history import Typed, is_moment, prompts

name = "codex-history"
version = 1

_KEYS = {"session_id", "ts", "text"}


def sniff(sample: Sample) -> int:
    """Look for an entry of the history among the first lines."""
    return 2 if any(_is_entry(line) for line in sample.lines) else 0


def is_index(path: str) -> bool:
    """Say that a history tells of sessions, but does not hold all that was said in them."""
    return True


def read(source: Source) -> Iterator[Record]:
    """Yield the prompts from `source.start` on, each session before its first."""
    return prompts(source, AGENT, _typed)


def _is_entry(line: dict[str, Any]) -> bool:
    return (
        line.keys() == _KEYS
        and isinstance(line["session_id"], str)
        and isinstance(line["text"], str)
        and is_moment(line["ts"])
    )


def _typed(line: dict[str, Any]) -> Typed | None:
    return Typed(line["session_id"], line["ts"], line["text"]) if _is_entry(line) else None
