"""A session as text for people: plain, or Markdown. Nothing in it drives a terminal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from sessiondb import timestamps
from sessiondb.chat.text import counted, cut, one_line, short_bytes, short_number, shown_title, visible
from sessiondb.records import Message, Note, Session, ToolCall, Transcript
from sessiondb.records.sessions import PROMPTS_ONLY_IN_WORDS

_FENCES = re.compile("`{3,}")
STYLES = ("text", "md")
MAX_ANSWER = 12
"""Lines of a tool's answer, or of injected context, that are shown before the rest is only counted."""
MAX_REASONING = 4
MAX_LINE = 1000
MAX_ARGUMENTS = 200


class Look(NamedTuple):
    """How a transcript is written: `style` text or md, `full` with the whole of what tools answered.

    `strong` makes a heading bold, where that can be.
    """

    style: str = "text"
    full: bool = False
    strong: Callable[[str], str] = str


def without_tools(messages: list[Message]) -> list[Message]:
    """Return what was said: no tool rows and no tool calls."""
    return [replace(message, tool_calls=()) for message in messages if message.role != "tool"]


def lines(transcript: Transcript, look: Look) -> Iterator[str]:
    """Yield the lines of a transcript in the style of `look`; what belongs together comes as one."""
    writer = _Markdown(look, transcript.session.project) if look.style == "md" else _Text(look)
    yield from writer.head(transcript)
    for message in writer.shown(transcript.messages):
        yield ""
        yield from writer.message(message)
    if transcript.notes:
        yield ""
        yield from writer.notes(transcript.notes)


class _Text:
    def __init__(self, look: Look) -> None:
        self._look = look

    def shown(self, messages: list[Message]) -> list[Message]:
        """Return the messages that have a place of their own."""
        return messages

    def head(self, transcript: Transcript) -> Iterator[str]:
        yield self._look.strong(shown_title(transcript.session.title))
        for name, value in _facts(transcript):
            yield f"  {name:<9} {value}"

    def message(self, message: Message) -> Iterator[str]:
        yield self._look.strong(_heading(message, f"#{message.seq} "))
        yield from (f"  ~ {line}" for line in self._short(message.reasoning or "", MAX_REASONING))
        if message.role == "tool":
            yield from (f"  | {line}" for line in self._short(message.text, MAX_ANSWER))
        else:
            yield from self._short(message.text, MAX_ANSWER if message.role == "system" else None)
            yield from (f"  > {_call(call, self._look)}" for call in message.tool_calls)
        yield from (f"  [{part}]" for part in attachments(message))

    def notes(self, notes: list[Note]) -> Iterator[str]:
        yield self._look.strong("Notes")
        for note in notes:
            yield f"  {note_text(note)}"

    def _short(self, text: str, most: int | None) -> Iterator[str]:
        return _shortened(text, None if self._look.full else most)


class _Markdown(_Text):
    def __init__(self, look: Look, folder: str | None) -> None:
        super().__init__(look)
        self._folder = folder

    def shown(self, messages: list[Message]) -> list[Message]:
        """Return all but the answers that stand with their calls."""
        # A call of a message outside of what is shown has no place here: its answer keeps its own.
        asked = {call.id for message in messages if message.role != "tool" for call in message.tool_calls}
        return [message for message in messages if not _is_answer_to(message, asked)]

    def head(self, transcript: Transcript) -> Iterator[str]:
        yield f"# {shown_title(transcript.session.title)}"
        yield ""
        for name, value in _facts(transcript):
            yield f"- {name}: {value}"

    def message(self, message: Message) -> Iterator[str]:
        yield f"## {_heading(message, f'{message.seq}. ')}"
        if message.reasoning:
            yield ""
            thoughts = [f"> {line}" for line in self._short(message.reasoning, MAX_REASONING)]
            yield _folded(f"Reasoning, {_extent(message.reasoning)}", thoughts)
        if message.role == "tool":
            yield ""
            yield _fenced(self._block(message.text))
        elif message.text:
            yield ""
            yield self._block(message.text, MAX_ANSWER if message.role == "system" else None)
        for call in () if message.role == "tool" else message.tool_calls:
            yield ""
            yield self._asked(call)
        yield from (f"\n*{part}*" for part in attachments(message))

    def _asked(self, call: ToolCall) -> str:
        """Return a call as one line, and folded below it what else there is of it."""
        # What only Markdown needs: to show plain text should not wait for it.
        from html import escape

        from sessiondb.chat.tool_summaries import details, summary

        found = summary(call, self._folder)
        subject = f"{found.mark} <code>{escape(found.subject, quote=False)}</code>" if found.subject else ""
        title = f"<b>{escape(found.name, quote=False)}</b>{subject}"
        inside: list[str] = []
        if found.diff:
            inside.append(_fenced(visible("\n".join(found.diff)), "diff"))
        elif not found.is_whole and call.arguments:
            inside.append(_fenced(self._block(details(call))))
        if call.result:
            label = f"Result, {_extent(call.result)}:"
            inside += [*([""] if inside else []), label, "", _fenced(self._block(call.result))]
        about = f" ({escape(found.outcome, quote=False)})" if found.outcome else ""
        return _folded(f"{title}{about}", inside or ["No result"])

    def _block(self, text: str, most: int | None = MAX_ANSWER) -> str:
        if self._look.full or most is None:
            return _whole(text)
        return "\n".join(self._short(text, most))

    def notes(self, notes: list[Note]) -> Iterator[str]:
        yield "## Notes"
        yield ""
        for note in notes:
            yield f"- {note_text(note)}"


def _facts(transcript: Transcript) -> Iterator[tuple[str, str]]:
    session = transcript.session
    ended = "open" if session.is_open else f"ended ({session.end_reason})"
    facts = (
        ("session", session.id),
        ("agent", f"{session.agent} ({session.model})" if session.model else session.agent),
        ("project", session.project),
        ("channel", session.channel.description if session.channel else None),
        ("time", f"{_time(session.started_at)} to {_time(session.last_active_at)}, {ended}"),
        ("size", _size(session)),
        ("parent", f"{session.parent_id} ({session.relation})" if session.parent_id else None),
        ("tags", ", ".join(transcript.tags)),
        ("kept", PROMPTS_ONLY_IN_WORDS if session.is_prompts_only else None),
    )
    yield from ((name, one_line(value)) for name, value in facts if value)


def _time(stamp: str) -> str:
    return timestamps.local_text(stamp)


def _size(session: Session) -> str:
    total = session.tokens.total
    tokens = f", {short_number(total)} tokens" if total is not None else ""
    calls = counted(session.tool_call_count, "tool call")
    return f"{counted(session.message_count, 'message')}, {calls}{tokens}"


def _heading(message: Message, number: str) -> str:
    kind = message.metadata.get("kind") if message.role == "system" else None
    tools = ", ".join(call.name or "a tool" for call in message.tool_calls) if message.role == "tool" else ""
    failed = (
        ", failed" if message.role == "tool" and any(call.is_error for call in message.tool_calls) else ""
    )
    about = f" ({kind or tools}{failed})" if kind or tools else ""
    moment = f"  {_time(message.created_at)}" if message.created_at else ""
    return one_line(f"{number}{message.role}{about}") + moment


def _call(call: ToolCall, look: Look) -> str:
    text = one_line(f"{call.name or 'a tool'} {call.arguments or ''}")
    return text if look.full else cut(text, MAX_ARGUMENTS)


def note_text(note: Note) -> str:
    state = "resolved" if note.status in ("open", "done") else note.status
    if note.status == "superseded" and note.superseded_by is not None:
        state += f" by note {note.superseded_by}"
    if note.resolution:
        state += f": {note.resolution}"
    elif note.status == "open" and note.resolved_at is None:
        return one_line(f"{note.kind}: {note.body}")
    return one_line(f"{note.kind}: {note.body} ({state})")


def _shortened(text: str, most: int | None) -> Iterator[str]:
    """Yield the lines of a text, control characters shown; after `most` of them how many more there are."""
    if not text:
        return
    found = _whole(text).split("\n")
    for line in found[:most]:
        too_long = most is not None and len(line) > MAX_LINE
        yield (
            f"{line[:MAX_LINE]}… {len(line) - MAX_LINE:,} more characters, --full shows them"
            if too_long
            else line
        )
    if most is not None and len(found) > most:
        yield f"... {counted(len(found) - most, 'more line', 'more lines')}, --full shows them"


def _whole(text: str) -> str:
    return visible(text).rstrip("\n")


def _is_answer_to(message: Message, asked: set[int]) -> bool:
    is_answer = message.role == "tool" and bool(message.tool_calls) and not message.parts
    return is_answer and all(call.id in asked for call in message.tool_calls)


def _extent(text: str) -> str:
    lines = text.strip("\n").count("\n") + 1
    return counted(lines, "line") if lines > 1 else counted(len(text), "character")


def _folded(title: str, inside: list[str]) -> str:
    """Return lines that a reader of Markdown folds below their title, which is HTML."""
    return "\n".join([f"<details><summary>{title}</summary>", "", *inside, "", "</details>"])


def _fenced(text: str, language: str = "") -> str:
    """Return a text as a block of code, its fence longer than any run of backticks in it."""
    # To look for three alone is many times faster than any expression, and most texts have none.
    longest = max(map(len, _FENCES.findall(text)), default=0) if "```" in text else 0
    fence = "`" * max(3, longest + 1)
    return "\n".join([fence + language, *([text] if text else []), fence])


def attachments(message: Message) -> Iterator[str]:
    """Yield in words what a message holds that is not text: "image/png, 12.3 kB"."""
    for part in message.parts or ():
        payload = _payload(part)
        if payload is not None:
            yield one_line(
                f"{payload.get('media_type') or 'attachment'}, {short_bytes(payload.get('bytes') or 0)}"
            )


def _payload(value: Any) -> dict[str, Any] | None:
    """Return what stands for a payload somewhere in a part: a dict with its hash."""
    if isinstance(value, dict):
        if "sha256" in value:
            return value
        return next((found for item in value.values() if (found := _payload(item)) is not None), None)
    return None
