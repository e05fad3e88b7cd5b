"""A tool call on a screen: one line that a person would say, what an edit changed, and the beginning of the answer."""

from __future__ import annotations

from collections.abc import Iterator

from sessiondb.chat.conversation import took
from sessiondb.chat.text import cut, visible, width
from sessiondb.chat.tool_summaries import details, summary
from sessiondb.cli.screen.look import Look
from sessiondb.records import ToolCall

MAX_RESULT = 5
MAX_DIFF = 16
MAX_ERROR = 12
"""Lines that are shown before the rest is folded."""

_INDENT = "    "
_GUTTER = "│ "


def call_lines(call: ToolCall, look: Look, right: str = "") -> Iterator[str]:
    """Yield the line of a call, with a word at its end, and below it what it changed."""
    found = summary(call, look.folder)
    mark, kind = ("✗", "error") if call.is_error else ("▸", "tool")
    name = f"{found.name}{found.mark}"
    outcome = ", ".join(filter(None, (found.outcome, took(call))))
    about = f" ({outcome})" if outcome else ""
    room = (
        look.width - len(f"  {mark} ") - width(name) - width(about) - (width(right) + 2 if right else 0) - 1
    )
    subject = f" {cut(found.subject, max(room, 8))}" if found.subject else ""
    parts = (
        ("  ", ""),
        (f"{mark} ", kind),
        (name, "tool"),
        (subject, ""),
        (about, "error" if call.is_error else "dim"),
    )
    yield look.row(parts, right)
    if look.full and not found.is_whole and not found.diff and call.arguments:
        yield from (f"{_INDENT}{line}" for line in look.raw(details(call), None, indent=len(_INDENT)))
    yield from _changes(found.diff, look)


def answer_lines(call: ToolCall, look: Look) -> Iterator[str]:
    """Yield what a tool answered, or its beginning; nothing where the line of the call has said it."""
    text = call.result or ""
    if not text.strip() or (summary(call, look.folder).is_told and not call.is_error and not look.full):
        return
    kind, most = ("error", MAX_ERROR) if call.is_error else ("dim", MAX_RESULT)
    indent = len(_INDENT) + len(_GUTTER)
    gutter = _INDENT + look.paint(_GUTTER.rstrip(), "dim") + " "
    yield from ((gutter + line).rstrip() for line in look.raw(text, most, indent=indent, kind=kind))


def _changes(diff: tuple[str, ...], look: Look) -> Iterator[str]:
    shown = diff if look.full else diff[:MAX_DIFF]
    room = look.width - len(_INDENT)
    for line in shown:
        kind = {"+": "added", "-": "taken"}.get(line[:1], "dim")
        text = visible(line).expandtabs()
        pieces = look.prose.plain(text, indent=len(_INDENT)) if look.full else [cut(text, room)]
        yield from (f"{_INDENT}{look.paint(piece, kind)}".rstrip() for piece in pieces)
    if len(diff) > len(shown):
        yield f"{_INDENT}{look.more(len(diff) - len(shown))}"
