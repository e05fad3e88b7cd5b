"""Codex's `history.jsonl`: what was typed in the terminal, of all sessions.

A line is `{"session_id", "ts" (seconds), "text"}`. `codex exec` writes none.

Sources: codex-rs/message-history of github.com/openai/codex, and Codex 0.171.0 run against a stub of a model (November
2026).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sessiondb.importers.base import Record
from sessiondb.importers.codex.items import AGENT
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Source
from sessiondb.importers.prompt_history import History, Typed

name = "codex-history"
version = 1

_KEYS = {"session_id", "ts", "text"}


def sniff(sample: Sample) -> int:
    """Look for a line that has the history's keys and no others."""
    return 2 if any(_is_entry(line) for line in sample.lines) else 0


def is_index(path: str) -> bool:
    """Say that a history tells of sessions, but does not hold all that was said in them."""
    return True


def read(source: Source) -> Iterator[Record]:
    """Yield the prompts from `source.start` on, each session before its first."""
    history = History(source, AGENT)
    for line in source.json_lines(json.loads, lambda value: value):
        if isinstance(line, dict) and _is_entry(line):
            yield from history.add(Typed(line["session_id"], line["ts"], line["text"]))
        else:
            source.problem("no entry of a history of prompts")
    history.finish()


def _is_entry(line: dict[str, Any]) -> bool:
    moment = line.get("ts")
    return (
        line.keys() == _KEYS
        and isinstance(line["session_id"], str)
        and isinstance(line["text"], str)
        and isinstance(moment, int | float)
        and not isinstance(moment, bool)
    )
