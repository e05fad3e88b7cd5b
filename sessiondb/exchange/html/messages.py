"""Messages as pieces of HTML: who speaks and when, what was said, and what tools were asked and answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from sessiondb.chat.conversation import answers_of, asked_in, size, spent_words, stands_with_its_call, took
from sessiondb.chat.text import one_line
from sessiondb.chat.tool_summaries import Summary, details, summary
from sessiondb.chat.transcript import attachments
from sessiondb.exchange.html.markup import block, diff, escape, markdown, plain
from sessiondb.records import Message, Tokens, ToolCall

FOLDED_CHARACTERS = 6000
FOLDED_LINES = 60
"""What a person or a system says is folded where it is longer."""

_WHO = {"user": "User", "assistant": "Assistant", "system": "System", "tool": "Tool"}


class Place(NamedTuple):
    """Where messages are shown: the beginning of their anchors, the folder of their session, what was counted for
    them, and the HTML of a sub-agent that a call began.
    """

    anchor: str = ""
    folder: str | None = None
    tokens: Mapping[int, Tokens] = {}
    began: Callable[[ToolCall], str] = lambda call: ""


def articles(messages: list[Message], place: Place) -> Iterator[str]:
    """Yield an element for each message. An answer stands with its call, where that is among them."""
    # A person reads a call and its answer as one, though the log has two messages: the answer's own is left out then,
    # and its anchor stands at the call.
    asked, answers = asked_in(messages), answers_of(messages)
    before = ""
    for message in messages:
        if stands_with_its_call(message, asked):
            continue
        yield article(message, place, answers, is_continued=message.role == before == "assistant")
        before = message.role


def article(
    message: Message, place: Place, answers: Mapping[int, int] | None = None, *, is_continued: bool = False
) -> str:
    """Return the element of a message. `answers` are the seqs of messages that answer its calls, by the call."""
    begun = [place.began(call) for call in message.tool_calls]
    calls = (_call(call, place, (answers or {}).get(call.id)) for call in message.tool_calls)
    asked = "".join(f"{call}{agent}" for call, agent in zip(calls, begun, strict=True))
    said = _said(message)
    kinds = [message.role if message.role in _WHO else "system"]
    parts = "".join(f'<p class="attachment">{escape(part)}</p>' for part in attachments(message))
    is_silent = message.role == "tool" or not (said or parts or message.reasoning or any(begun))
    kinds += ["continued"] * is_continued + ["silent"] * is_silent
    return (
        f'<article id="{place.anchor}m{message.seq}" class="{" ".join(kinds)}">\n'
        f"{_head(message, place)}\n{_reasoning(message)}{said}{parts}{asked}</article>\n"
    )


def _head(message: Message, place: Place) -> str:
    who = _WHO.get(message.role, message.role)
    kind = message.metadata.get("kind") if message.role == "system" else None
    about = f' <span class="kind">{escape(one_line(str(kind)))}</span>' if kind else ""
    return (
        f'<header><b>{escape(who)}</b>{about} <span class="facts">{spent(place.tokens.get(message.id))}'
        f"{moment(message.created_at)}</span> {_anchor(place, message.seq)}</header>"
    )


def _anchor(place: Place, seq: int) -> str:
    return f'<a class="anchor" href="#{place.anchor}m{seq}" aria-label="Link to message {seq}">#{seq}</a>'


def moment(stamp: str | None) -> str:
    """Return a stored time, to the minute and in UTC."""
    if not stamp:
        return ""
    return f'<time datetime="{escape(stamp)}">{escape(stamp[:10])} {escape(stamp[11:16])}</time>'


def spent(tokens: Tokens | None) -> str:
    """Return tokens in few words, and in all of them where they are pointed at; nothing where none are known."""
    if tokens is None or tokens.total is None:
        return ""
    buckets = ("input", "cache_read", "cache_write", "output", "reasoning")
    known = [(name, count) for name in buckets if (count := getattr(tokens, name)) is not None]
    every = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in known)
    return f'<span class="tokens" title="{escape(every)}">{spent_words(tokens)}</span> '


def _reasoning(message: Message) -> str:
    if not message.reasoning:
        return ""
    return _fold("reasoning", "Reasoning", size(message.reasoning), markdown(message.reasoning))


def _said(message: Message) -> str:
    # What a tool row says are the answers of its calls, and stands with these.
    text = "" if message.role == "tool" else message.text
    if not text:
        return ""
    shown = markdown(text) if message.role == "assistant" else plain(text)
    if message.role == "assistant" or (len(text) <= FOLDED_CHARACTERS and text.count("\n") <= FOLDED_LINES):
        return shown
    return _fold("long", escape(one_line(text[:400])[:120]), size(text), shown)


def _call(call: ToolCall, place: Place, answered_by: int | None) -> str:
    found = summary(call, place.folder)
    title = f"<b>{escape(found.name)}</b>{found.mark}" + (
        f" <code>{escape(found.subject)}</code>" if found.subject else ""
    )
    outcome = ", ".join(filter(None, (found.outcome, took(call))))
    kinds = "call failed" if call.is_error else "call"
    anchor = f'<span id="{place.anchor}m{answered_by}"></span>' if answered_by else ""
    return anchor + _fold(kinds, title, outcome, _details(call, found))


def _details(call: ToolCall, found: Summary) -> str:
    pieces = [diff(found.diff)] if found.diff else []
    if not found.is_whole and not found.diff and call.arguments:
        pieces.append(block(details(call), "arguments"))
    if call.result:
        pieces.append(f'<p class="label">Result, {size(call.result)}</p>{block(call.result)}')
    elif not pieces or call.result_message_id is None:
        pieces.append('<p class="label">No result</p>')
    return "".join(pieces)


def _fold(kind: str, title: str, about: str, inside: str) -> str:
    small = f" <small>{escape(about)}</small>" if about else ""
    return f'<details class="{kind}"><summary>{title}{small}</summary>\n{inside}</details>\n'
