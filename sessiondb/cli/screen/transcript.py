"""A session on a screen, message by message: who speaks by mark and colour, what was said, and what was done.

A tool's answer stands with its call, a sub-agent below the call that began it, and after each turn what it took.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sessiondb import timestamps
from sessiondb.chat.conversation import (
    Turn,
    answers_of,
    asked_in,
    beginnings,
    duration,
    size,
    spent_words,
    stands_with_its_call,
    turns,
)
from sessiondb.chat.text import counted, cut, one_line, short_number
from sessiondb.chat.transcript import attachments, note_text
from sessiondb.cli.screen.calls import answer_lines, call_lines
from sessiondb.cli.screen.head import head_lines, title
from sessiondb.cli.screen.look import Look
from sessiondb.records import Message, Transcript

MAX_TYPED = 40
"""Lines of what a person typed or pasted that are shown before the rest is folded."""

_MARKS = {"user": "❯", "assistant": "●", "system": "○", "tool": "▸"}
_NAMES = {"user": "User", "assistant": "Assistant", "system": "System", "tool": "Tool result"}


class Part(NamedTuple):
    """What of a session is shown: the ids that are typed for sub-agents, the command that resumes it, and whether its
    first and last messages are among those shown: turns that are cut have no sums.
    """

    short_ids: Mapping[str, str] = {}
    resume: str | None = None
    has_begin: bool = True
    has_end: bool = True


class Screen:
    """Writes one transcript, taken with its sub-agents in outline.

    `places` are the numbers, from 1, of the lines at which the messages that were written begin, by their seq.
    """

    def __init__(self, transcript: Transcript, look: Look, part: Part) -> None:
        self._transcript = transcript
        self._look = look
        self._part = part
        self._begun = beginnings(transcript)
        self._asked = asked_in(transcript.messages)
        self._answers = answers_of(transcript.messages)
        self._before = ""
        self._day = ""
        self._written = 0
        self.places: dict[int, int] = {}

    def lines(self) -> Iterator[str]:
        """Yield the lines."""
        for line in self._lines():
            self._written += 1
            yield line

    def _lines(self) -> Iterator[str]:
        yield from head_lines(self._transcript, self._look, self._part.resume)
        messages = self._transcript.messages
        for messages_of_turn, turn in turns(messages, self._transcript.tokens):
            for message in messages_of_turn:
                if not stands_with_its_call(message, self._asked):
                    yield from self._message(message)
            is_whole = (messages_of_turn[0] is not messages[0] or self._part.has_begin) and (
                messages_of_turn[-1] is not messages[-1] or self._part.has_end
            )
            if is_whole:
                yield from self._sums(turn)
        yield from self._others()
        yield from self._notes()

    def _message(self, message: Message) -> Iterator[str]:
        source = "" if message.session_id == self._transcript.session.id else message.session_id
        if message.role == "system":
            yield from self._system(message)
        else:
            yield from self._said(message, source)
        for call in message.tool_calls if message.role != "tool" else ():
            if call.id in self._answers:
                self.places[self._answers[call.id]] = self._written + 1
            yield from call_lines(call, self._look, f"#{message.seq}")
            if agent := self._begun.get(call.id):
                yield from self._subagent(agent, "    ")
            yield from answer_lines(call, self._look)
        self._before = message.role

    def _said(self, message: Message, source: str) -> Iterator[str]:
        """Yield the heading of a message and what it says; nothing where an assistant only calls tools."""
        found = list(attachments(message))
        is_silent = not (message.text.strip() or message.reasoning or found)
        if is_silent and self._before == message.role == "assistant":
            self.places[message.seq] = self._written + 1
            return
        yield ""
        self.places[message.seq] = self._written + 1
        yield self._heading(message, source)
        if message.reasoning:
            yield from self._reasoning(message.reasoning)
        if message.role == "assistant":
            lines = self._look.prose.markdown(message.text, indent=2) if message.text.strip() else []
        elif message.role == "tool":
            lines = [line for call in message.tool_calls for line in answer_lines(call, self._look)]
        else:
            lines = self._typed(message.text)
        yield from (f"  {line}" if line else "" for line in lines)
        yield from (f"  {self._look.paint(f'[{part}]', 'dim')}" for part in found)

    def _heading(self, message: Message, source: str) -> str:
        kind = message.role if message.role in _MARKS else "system"
        mark, paint = _MARKS[kind], self._look.paint
        about = [f"#{message.seq}", self._moment(message.created_at), f"in {source}" if source else ""]
        facts = paint(" · ".join(filter(None, about)), "dim")
        if message.role == self._before == "assistant":
            return f"{paint(mark, 'assistant')} {facts}"
        return f"{paint(f'{mark} {_NAMES.get(message.role, one_line(message.role))}', kind)}  {facts}"

    def _moment(self, stamp: str | None) -> str:
        """Return a time, with its day where that is another than the last one's."""
        if not stamp:
            return ""
        text = timestamps.local_text(stamp)
        day, self._day = self._day, text[:10]
        return text[11:] if day == text[:10] else text

    def _reasoning(self, text: str) -> Iterator[str]:
        look = self._look
        if look.full:
            yield f"  {look.paint('∴ Reasoning', 'dim')}"
            yield from (f"  {look.paint(line, 'dim')}".rstrip() for line in look.prose.plain(text, indent=2))
            return
        label = f"  ∴ Reasoning ({size(text)}): "
        yield look.row(((label, "dim"), (one_line(text[:1000]), "dim")))

    def _typed(self, text: str) -> list[str]:
        if not text.strip():
            return []
        lines = self._look.prose.plain(text, indent=2)
        if self._look.full or len(lines) <= MAX_TYPED:
            return lines
        return [*lines[:MAX_TYPED], self._look.more(len(lines) - MAX_TYPED)]

    def _system(self, message: Message) -> Iterator[str]:
        """Yield what a program put into the conversation: one line of it."""
        look, kind = self._look, message.metadata.get("kind")
        if self._before != "system":
            yield ""
        self.places[message.seq] = self._written + 1
        about = f" ({one_line(str(kind))})" if kind else ""
        long = "" if look.full or not message.text.strip() else f" {size(message.text)}:"
        label = f"{_MARKS['system']} System{about}"
        text = "" if look.full else f" {one_line(message.text[:1000])}"
        yield look.row(((label, "system"), (f"{long}{text}", "dim")), f"#{message.seq}")
        if look.full and message.text.strip():
            yield from (
                f"  {look.paint(line, 'dim')}".rstrip() for line in look.prose.plain(message.text, indent=2)
            )

    def _sums(self, turn: Turn) -> Iterator[str]:
        """Yield what a turn took, where that is worth a line."""
        tools = counted(turn.calls, "tool call") + (f", {turn.failed:,} failed" if turn.failed else "")
        parts = (duration(turn.seconds), tools if turn.calls else "", spent_words(turn.tokens))
        if any(parts):
            yield ""
            yield f"  {self._look.paint('╌ ' + ' · '.join(filter(None, parts)), 'dim')}"

    def _subagent(self, agent: Transcript, indent: str) -> Iterator[str]:
        """Yield a sub-agent and those below it as a tree."""
        session, paint = agent.session, self._look.paint
        total = session.tokens.total
        size = counted(session.message_count, "message") + (
            f", {short_number(total)} tokens" if total is not None else ""
        )
        id = self._part.short_ids.get(session.id, session.id)
        begin = f"{indent}└ "
        room = self._look.width - len(begin) - len(id) - len(size) - 5
        named = f"{paint(one_line(id), 'id')} {cut(title(session), max(room, 12))}"
        yield f"{paint(begin, 'dim')}{named} {paint(f'· {size}', 'dim')}"
        for below in agent.subagents:
            yield from self._subagent(below, f"{indent}  ")

    def _others(self) -> Iterator[str]:
        """Yield the sub-agents that no call here is known to have begun, where the whole session is shown."""
        shown = {agent.session.id for agent in self._begun.values()}
        others = [agent for agent in self._transcript.subagents if agent.session.id not in shown]
        if others and self._part.has_begin and self._part.has_end:
            yield ""
            yield self._look.paint("Sub-agents", "strong")
            for agent in others:
                yield from self._subagent(agent, "  ")

    def _notes(self) -> Iterator[str]:
        if self._transcript.notes:
            yield ""
            yield self._look.paint("Notes", "strong")
        for note in self._transcript.notes:
            first, *rest = self._look.prose.plain(note_text(note), indent=4)
            yield f"  ◆ {first}"
            yield from (f"    {line}" for line in rest)
