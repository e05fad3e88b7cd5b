"""Tell what a person typed from what Pi and OpenClaw put around it."""

from __future__ import annotations

import re
from typing import NamedTuple

# Who wrote a message, where and when, in a block of JSON each; several may stand before the text.
_CONTEXT = re.compile(r"\s*[A-Z][\w' -]* \(untrusted[^)\n]*\):\s*```json\n.*?\n```\s*", re.DOTALL)
# When a message came, before its text: "[Sat 2026-02-14 18:49 GMT-3] ".
_STAMP = re.compile(r"\[(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d{4}-\d\d-\d\d \d\d:\d\d[^\]\n]*\]\s*")
# What a command or an argument of Pi reads in before the text.
_ELEMENT = re.compile(r"\s*<(skill|file) name=\"[^\n]*?>.*?</\1>\s*", re.DOTALL)
_KINDS = {"skill": "skill", "file": "environment"}
_SENTENCES = {
    "Read HEARTBEAT.md if it exists": "heartbeat",
    "A new session was started via /new or /reset.": "meta",
    "System: [": "notice",
    "[cron:": "cron",
    "The conversation history before this point was compacted": "compact_summary",
}


class Turn(NamedTuple):
    """A user's turn taken apart: what was typed, what stood before it, and the kind of that."""

    typed: str
    injected: str
    kind: str


def take_apart(text: str) -> Turn:
    """Split a user's text into what was typed and what the program put before it."""
    for beginning, kind in _SENTENCES.items():
        if text.startswith(beginning):
            return Turn("", text, kind)
    end, first = 0, ""
    while True:
        element = _ELEMENT.match(text, end)
        match = element or _CONTEXT.match(text, end)
        if match is None:
            break
        first = first or (_KINDS[element[1]] if element else "environment")
        end = match.end()
    stamp = _STAMP.match(text, end)
    typed = text[stamp.end() if stamp else end :]
    return Turn(typed if typed.strip() else "", text[:end].strip(), first)
