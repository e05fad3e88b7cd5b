"""Claude Code's `history.jsonl`: what was typed in the terminal, of all projects, kept when transcripts are deleted.

A line is `{"display", "pastedContents", "timestamp" (ms), "project", "sessionId"}`; earlier ones lack `sessionId`. What
was pasted stands in `display` as `[Pasted text #1 +23 lines]`, and in `pastedContents` under its number; of long texts
only a hash may be there. What begins with `/` or `!` was a command. `claude -p` writes none.

Sources: Claude Code 2.1.332 run against a stub of a model (November 2026).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sessiondb.chat.content import text_or_none, without_payloads
from sessiondb.importers.base import Record
from sessiondb.importers.claude_code.sessions import AGENT
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Source
from sessiondb.importers.prompt_history import Typed, is_moment, prompts

name = "claude-code-history"
version = 1

_KEYS = frozenset(("display", "timestamp", "project"))
_OTHERS = frozenset(("type", "role", "message", "uuid", "content"))
_PASTED = re.compile(r"\[(?:\.\.\.)?(?:Pasted|Truncated) text #(\d+)[^\]\n]*\]")
_COMMAND = re.compile(r"/[A-Za-z][\w:.-]*(?=\s|$)|!\s*\S")


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
        line.keys() >= _KEYS
        and not line.keys() & _OTHERS
        and isinstance(line["display"], str)
        and is_moment(line["timestamp"])
    )


def _typed(line: dict[str, Any]) -> Typed | None:
    if not _is_entry(line):
        return None
    display = line["display"]
    found = line.get("pastedContents")
    pasted = {str(key): item for key, item in found.items()} if isinstance(found, dict) else {}
    used: set[str] = set()

    def resolved(match: re.Match[str]) -> str:
        text = _text(pasted.get(match[1]))
        if text is None:
            return match[0]
        used.add(match[1])
        return text

    text = _PASTED.sub(resolved, display)
    return Typed(
        text_or_none(line.get("sessionId")) or "",
        line["timestamp"],
        text,
        text_or_none(line["project"]),
        [without_payloads(item) for key, item in pasted.items() if key not in used] or None,
        is_command=_COMMAND.match(display) is not None,
    )


def _text(item: Any) -> str | None:
    content = item.get("content") if isinstance(item, dict) and item.get("type") == "text" else None
    return content if isinstance(content, str) else None
