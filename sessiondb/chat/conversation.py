"""How messages hang together: answers with their calls, sub-agents with the call that began them, turns, sizes, times.

Whoever writes a conversation out for people, as a page or on a terminal, reads its shape here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sessiondb.chat.text import counted, short_number
from sessiondb.records import Message, Tokens, ToolCall, Transcript


class Turn(NamedTuple):
    """What one message of a person led to, up to their next: how long it took, and what it used.

    `seconds` is None where the times are not known; `tokens` are in sum, with a cost only where all have one.
    """

    calls: int
    failed: int
    seconds: float | None
    tokens: Tokens | None


def answers_of(messages: Sequence[Message]) -> dict[int, int]:
    """Return the seqs of the messages that answer calls, by the id of the call."""
    return {
        call.id: message.seq for message in messages if message.role == "tool" for call in message.tool_calls
    }


def asked_in(messages: Sequence[Message]) -> set[int]:
    """Return the ids of the calls that these messages ask for."""
    return {call.id for message in messages if message.role != "tool" for call in message.tool_calls}


def stands_with_its_call(message: Message, asked: set[int]) -> bool:
    """Say whether a message only answers calls that are among those asked for: it is shown with these."""
    return (
        message.role == "tool"
        and bool(message.tool_calls)
        and asked.issuperset(call.id for call in message.tool_calls)
    )


def turns(messages: Sequence[Message], tokens: Mapping[int, Tokens]) -> Iterator[tuple[list[Message], Turn]]:
    """Yield the messages of each turn with its sums; what comes before the first message of a person is one too."""
    part: list[Message] = []
    for message in messages:
        if message.role == "user" and any(each.role == "assistant" for each in part):
            yield part, _turn(part, tokens)
            part = []
        part.append(message)
    if part:
        yield part, _turn(part, tokens)


def _turn(part: Sequence[Message], tokens: Mapping[int, Tokens]) -> Turn:
    calls = [call for message in part if message.role != "tool" for call in message.tool_calls]
    begun = next((message.created_at for message in part if message.role == "user"), None)
    ends = [message.created_at for message in part if message.role == "assistant" and message.created_at]
    spent = [tokens[message.id] for message in part if message.id in tokens]
    return Turn(
        len(calls), sum(bool(call.is_error) for call in calls), seconds_between(begun, max(ends, default=None)),
        in_sum(spent),
    )  # fmt: skip


def in_sum(spent: Sequence[Tokens]) -> Tokens | None:
    """Return tokens in sum, None where there are none; a cost only where each has one."""
    if not spent:
        return None
    buckets = ("input", "cache_read", "cache_write", "output", "reasoning")
    known = {
        name: [count for each in spent if (count := getattr(each, name)) is not None] for name in buckets
    }
    costs = [each.cost_microdollars for each in spent if each.cost_microdollars is not None]
    return Tokens(
        **{name: sum(counts) if counts else None for name, counts in known.items()},
        cost_microdollars=sum(costs) if len(costs) == len(spent) else None,
    )


def spent_words(tokens: Tokens | None) -> str:
    """Return tokens in few words: "12.3k in, 400 out, $0.12"; nothing where none are known."""
    if tokens is None or tokens.total is None:
        return ""
    read = tokens.total - (tokens.output or 0)
    cost = f", ${tokens.cost_microdollars / 1e6:,.2f}" if tokens.cost_microdollars else ""
    return f"{short_number(read)} in, {short_number(tokens.output or 0)} out{cost}"


def beginnings(transcript: Transcript) -> dict[int, Transcript]:
    """Return the sub-agents by the id of the call that began them: the one that holds what they were first told,
    or else the one that names them.
    """
    found: dict[int, Transcript] = {}
    waiting = list(transcript.subagents)
    asking = [message for message in transcript.messages if message.role != "tool"] if waiting else []
    calls = [call for message in asking for call in message.tool_calls]
    for is_begun in (_is_told, _is_named):
        for call in calls:
            agent = next((agent for agent in waiting if is_begun(agent, call)), None)
            if agent is not None and call.id not in found:
                found[call.id] = agent
                waiting.remove(agent)
    return found


def _is_told(agent: Transcript, call: ToolCall) -> bool:
    first = next((message.text.strip() for message in agent.messages if message.role == "user"), "")
    return bool(first) and any(text.strip() == first for text in _texts(call.arguments))


def _is_named(agent: Transcript, call: ToolCall) -> bool:
    names = (agent.session.id, agent.session.native_id)
    return any(name in text for name in names if name for text in (call.arguments or "", call.result or ""))


def _texts(arguments: str | None) -> list[str]:
    try:
        values = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return []
    return [value for value in values.values() if isinstance(value, str)] if isinstance(values, dict) else []


def size(text: str) -> str:
    """Return how long a text is: "12 lines", or of a single one "80 characters"."""
    lines = text.strip("\n").count("\n") + 1
    return counted(lines, "line") if lines > 1 else counted(len(text), "character")


def took(call: ToolCall) -> str:
    """Return how long a call took, where that is known and more than a moment."""
    return duration(seconds_between(call.called_at, call.returned_at))


def seconds_between(first: str | None, last: str | None) -> float | None:
    """Return the seconds from one stored time to another, None where one is not known."""
    if not first or not last:
        return None
    begin, end = (datetime.fromisoformat(stamp.replace("Z", "+00:00")) for stamp in (first, last))
    return (end - begin).total_seconds()


def duration(seconds: float | None) -> str:
    """Return a length of time in few words: 34 s, 12 min, 3.5 h, 4 days; nothing below a second."""
    if seconds is None or seconds < 1:
        return ""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"
