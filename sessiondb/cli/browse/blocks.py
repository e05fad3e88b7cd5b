"""A session as blocks that fold: what was said, what was done, and what came of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.text import Text

from sessiondb import timestamps
from sessiondb.chat.text import counted, cut, shown_title, visible, width
from sessiondb.chat.tool_summaries import details, summary
from sessiondb.chat.transcript import attachments
from sessiondb.records import Message, Note, Session, ToolCall, Transcript

MAX_UNFOLDED = 40
"""Lines of a system message, or of what a person pasted, above which it is folded at first."""

INDENT = 2
_NAMES = {"user": "❯ User", "assistant": "● Assistant", "system": "○ System", "tool": "▸ Tool result"}
_STYLES = {"user": "bold green", "assistant": "bold cyan", "system": "bold magenta", "tool": "bold"}
_WORD = re.compile(r'"([^"]+)"|(\S+)')
_SHORT = 2
"""Letters of a word that is no hit beside longer ones."""

_FIELD = re.compile(r"-?\w+:\S")


@dataclass(slots=True)
class Block:
    """A part of a session: a heading, and text below it that may be folded away.

    `seq` is the message that it is of. `opens` is the session that it stands for, of a sub-agent. `drawn` says
    whether its Markdown is to be drawn, which takes milliseconds: not before it is seen.
    """

    kind: str
    head: str
    style: str = ""
    body: str = ""
    seq: int | None = None
    opens: str | None = None
    is_folded: bool = False
    is_person: bool = False
    drawn: bool = False
    _lines: dict[int, list[Text]] = field(default_factory=dict, repr=False)

    @property
    def size(self) -> int:
        """Return how many lines the text has, as it was written."""
        return self.body.count("\n") + 1 if self.body else 0

    @property
    def is_prose(self) -> bool:
        """Say whether the text is Markdown, or likely to be."""
        return self.kind == "message" and not self.is_person

    def lines(self, columns: int) -> list[Text]:
        """Return the heading, and below it the text in lines of at most so many columns."""
        fold = f"  … {counted(self.size, 'line')}" if self.is_folded and self.body else ""
        mark = (
            "▸ "
            if self.is_folded and self.body
            else ""
            if self.kind == "message"
            else "▾ "
            if self.body
            else "· "
        )
        head = Text(cut(f"{mark}{self.head}", max(columns - len(fold), 1)), self.style, no_wrap=True, end="")
        head.append(fold, "dim")
        if self.is_folded or not self.body:
            return [head]
        if columns not in self._lines:
            room = max(columns - INDENT, 1)
            lines = (
                drawn(self.body, room)
                if self.drawn
                else (_line(line, self.kind) for line in wrapped(self.body, room))
            )
            self._lines = {columns: list(lines)}
        return [head, *self._lines[columns]]

    def draw(self) -> bool:
        """Let the text be drawn as Markdown from now on; return whether that may change it."""
        if self.drawn or not self.is_prose or self.is_folded or not self.body:
            return False
        self.drawn = True
        self._lines.clear()
        return True

    def matches(self, words: re.Pattern[str]) -> bool:
        """Say whether any of the words is in it."""
        return bool(words.search(self.head) or words.search(self.body))


def blocks_of(transcript: Transcript, agents: Sequence[Session] = ()) -> list[Block]:
    """Return the blocks of a session; its sub-agents, by their start, stand where they began."""
    asked = {
        call.id for message in transcript.messages if message.role != "tool" for call in message.tool_calls
    }
    waiting = list(agents)
    found: list[Block] = []
    for message in transcript.messages:
        while waiting and message.created_at and waiting[0].started_at < message.created_at:
            found.append(_agent(waiting.pop(0)))
        found += _message(message, asked, transcript.session.project)
    found += map(_agent, waiting)
    found += map(_note, transcript.notes)
    return found


def _message(message: Message, asked: set[int], folder: str | None) -> Iterator[Block]:
    is_answer = message.role == "tool" and bool(message.tool_calls)
    if is_answer and asked.issuperset(call.id for call in message.tool_calls):
        return
    text = "\n".join([message.text.strip("\n"), *(f"[{part}]" for part in attachments(message))]).strip("\n")
    if text or not (message.reasoning or message.tool_calls):
        stamp = f"  {timestamps.local_text(message.created_at)}" if message.created_at else ""
        head = f"{_NAMES.get(message.role, message.role)}{stamp}  #{message.seq}"
        is_long = message.role in ("system", "tool") and text.count("\n") >= MAX_UNFOLDED
        is_person = message.role == "user"
        yield Block(
            "message", head, _STYLES.get(message.role, "bold"), text, message.seq, None, is_long, is_person
        )
    if message.reasoning:
        yield Block(
            "reasoning", "Thinking", "dim italic", message.reasoning.strip("\n"), message.seq, None, True
        )
    if message.role != "tool":
        for call in message.tool_calls:
            yield _call(call, message.seq, folder)


def _call(call: ToolCall, seq: int, folder: str | None) -> Block:
    said = summary(call, folder)
    asked = "\n".join(said.diff) or ("" if said.is_whole else details(call))
    body = "\n\n".join(part for part in (asked, (call.result or "").strip("\n")) if part)
    style = "red" if call.is_error else "yellow"
    return Block("diff" if said.diff else "call", said.line, style, body, seq, None, True)


def _agent(session: Session) -> Block:
    size = counted(session.message_count, "message")
    head = f"sub-agent: {shown_title(session.title)} ({size}), Enter opens it"
    return Block("agent", head, "bold magenta", opens=session.id)


def _note(note: Note) -> Block:
    state = "" if note.status == "open" else f" ({note.status})"
    return Block("note", f"{note.kind}{state}", "bold yellow", note.body)


def drawn(text: str, room: int) -> Iterator[Text]:
    """Yield the lines of Markdown in at most `room` columns."""
    from sessiondb.cli.screen.prose import Prose

    for line in Prose(room, colours=True).markdown(text):
        shown = Text(" " * INDENT, no_wrap=True, end="")
        shown.append_text(Text.from_ansi(line))
        yield shown


def _line(text: str, kind: str) -> Text:
    style = "" if kind == "message" else "dim"
    if kind == "diff":
        style = {"+": "green", "-": "red"}.get(text[:1], "dim")
    return Text(" " * INDENT + text, style, no_wrap=True, end="")


def wrapped(text: str, room: int) -> Iterator[str]:
    """Yield the lines of a text in at most `room` columns, broken at blanks where there are any; nothing drives
    the terminal.
    """
    for line in visible(text).expandtabs(4).split("\n"):
        rest = line.rstrip()
        while (len(rest) if rest.isascii() else width(rest)) > room:
            end = room if rest.isascii() else _fitting(rest, room)
            blank = rest.rfind(" ", 1, end + 1)
            end = blank if blank > room // 3 else end
            if end == len(rest):
                break
            yield rest[:end]
            rest = rest[end:].removeprefix(" ")
        yield rest


def _fitting(line: str, room: int) -> int:
    """Return how many characters of a line fit, one at least."""
    taken = 0
    for number, character in enumerate(line):
        taken += width(character)
        if taken > room:
            return max(number, 1)
    return len(line)


def words_of(query: str) -> re.Pattern[str] | None:
    """Return what finds the words of a query in a text, None for one without words."""
    words = [
        phrase or word.strip("*()\"'.,;:!?")
        for phrase, word in _WORD.findall(query)
        if phrase or not (word in ("AND", "OR") or word.startswith("-") or _FIELD.match(word))
    ]
    long = {word for word in words if len(word) > _SHORT or not word.isascii()}
    found = sorted(long or {word for word in words if word}, key=len, reverse=True)
    return re.compile("|".join(map(_beginning, found)), re.IGNORECASE) if found else None


def _beginning(word: str) -> str:
    """Return a pattern of a word where one begins; scripts without blanks have it anywhere."""
    return (r"(?<!\w)" if word.isascii() and word[:1].isalnum() else "") + re.escape(word)
