"""A message as the chat APIs of OpenAI and Anthropic write it, split into what the tables hold.

Sources: platform.openai.com/docs/api-reference/chat and docs.anthropic.com/en/api/messages. What no column
holds exactly goes to the metadata, so that the message can be given back as it came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sessiondb.chat.content import (
    arguments_text,
    clean_text,
    json_text,
    text_and_parts,
    text_or_none,
    without_payloads,
)
from sessiondb.errors import InvalidInput
from sessiondb.records import Message

ROLES = ("system", "user", "assistant", "tool")
_STORED_AS = {**dict(zip(ROLES, ROLES, strict=True)), "developer": "system", "function": "tool"}
_PLAIN_CALL = {"id", "name", "arguments", "input", "args", "type"}
_PLAIN_TYPES = {None, "function", "tool_use", "tool_call"}


class CallDraft(NamedTuple):
    """A call of a tool that an assistant message asks for."""

    call_id: str | None
    name: str | None
    arguments: str | None


class AnswerDraft(NamedTuple):
    """A tool's answer to a call."""

    call_id: str | None
    name: str | None
    result: str | None
    is_error: bool | None


@dataclass(frozen=True, slots=True)
class Draft:
    """A message before it has an id. `parts` is the whole list where the content came as one."""

    role: str
    content: str | None = None
    parts: list[Any] | None = None
    reasoning: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    calls: tuple[CallDraft, ...] = ()
    answers: tuple[AnswerDraft, ...] = ()

    def is_stored_as(self, message: Message) -> bool:
        """Say whether a stored message is what this one would be stored as."""
        asked = tuple(
            (c.call_id, c.name, c.arguments) for c in message.tool_calls if c.message_id == message.id
        )
        answered = [(c.call_id, c.result) for c in message.tool_calls if c.result_message_id == message.id]
        return (
            (self.role, self.content, self.parts, self.metadata)
            == (message.role, message.content, message.parts, message.metadata)
            and self.calls == asked
            and [(answer.call_id, answer.result) for answer in self.answers] == answered
        )


def draft(
    role: str,
    content: str | list[Any] | None,
    tool_calls: Iterable[Mapping[str, Any]] | None = None,
    answer: tuple[str | None, str | None, bool | None] = (None, None, None),
    reasoning: str | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Draft:
    """Split a message.

    `answer` is the id of the call it answers, the tool's or speaker's name, and whether the tool failed.
    Raises InvalidInput for what makes no sense.
    """
    if role not in _STORED_AS:
        raise InvalidInput(f"there is no role {role!r}: give one of {', '.join(_STORED_AS)}")
    if content is not None and not isinstance(content, str | list):
        raise InvalidInput(f"a content is text or a list of parts, not {type(content).__name__}")
    metadata = dict(extra or {})
    call_id, name, is_error = answer
    stored = _STORED_AS[role]
    if stored != role:
        metadata["role"] = role
    if name is not None:
        metadata["name"] = name
    blocks = _Blocks(content)
    text = None if blocks.text is None else clean_text(blocks.text)
    if isinstance(content, str) and text != content:
        metadata["content"] = content
    answers = blocks.answers
    if stored == "tool" and not answers:
        answers = [AnswerDraft(call_id, name, text, is_error)]
    elif call_id is not None or is_error is not None:
        raise InvalidInput(
            f"a message of role {role} answers no tool call: give tool_call_id and is_error with role tool"
        )
    elif answers and stored == "user" and blocks.is_answers_only:
        stored, metadata["role"] = "tool", role
    calls = [*blocks.calls, *_further_calls(tool_calls or (), blocks.calls, metadata)]
    if calls and stored != "assistant":
        raise InvalidInput(f"a message of role {role} asks for no tool calls: give them with role assistant")
    return Draft(
        stored,
        None if stored == "tool" else text,
        content if isinstance(content, list) else None,
        reasoning or blocks.reasoning,
        metadata,
        tuple(calls),
        tuple(answers),
    )


def openai_call(call_id: str | None, name: str | None, arguments: str | None) -> dict[str, Any]:
    """Return a call as the chat API of OpenAI writes it."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments or "{}"}}


class _Blocks:
    """What a list of content blocks holds beside text, as Anthropic writes it: thoughts, calls, answers."""

    def __init__(self, content: str | list[Any] | None) -> None:
        self.calls: list[CallDraft] = []
        self.answers: list[AnswerDraft] = []
        thoughts: list[str] = []
        rest: list[Any] = []
        for block in content if isinstance(content, list) else ():
            kind = block.get("type") if isinstance(block, dict) else None
            kind = kind if isinstance(kind, str) else ""
            if kind.endswith("tool_use"):  # server_tool_use and mcp_tool_use too, and their results
                self.calls.append(_call(block)[0])
            elif kind.endswith("tool_result"):
                self.answers.append(
                    AnswerDraft(
                        block.get("tool_use_id"), None, _result(block.get("content")), block.get("is_error")
                    )
                )
            elif kind in ("thinking", "redacted_thinking"):
                thoughts.append(block.get("thinking") or "")
            else:
                rest.append(block)
        self.text = text_and_parts(rest if isinstance(content, list) else content)[0]
        self.reasoning = clean_text("\n\n".join(filter(None, thoughts))) or None
        self.is_answers_only = not rest


def _further_calls(
    given: Iterable[Mapping[str, Any]], known: list[CallDraft], metadata: dict[str, Any]
) -> list[CallDraft]:
    """Return the calls beside the content; those that no row holds exactly are kept as given, by position."""
    calls: list[CallDraft] = []
    kept: dict[str, Any] = {}
    for call in given:
        if not isinstance(call, Mapping):
            raise InvalidInput(f"a tool call is a dict with id, name and arguments, not {call!r}")
        made, is_exact = _call(call)
        if made.call_id is not None and any(made.call_id == other.call_id for other in known):
            continue
        if not is_exact:
            kept[str(len(known) + len(calls))] = dict(call)
        calls.append(made)
    if kept:
        metadata["tool_calls"] = kept
    return calls


def _call(call: Mapping[str, Any]) -> tuple[CallDraft, bool]:
    """Return the draft of a call in any shape, and whether it says all that was given."""
    detail = next(
        (call[kind] for kind in ("function", "custom") if isinstance(call.get(kind), Mapping)), call
    )
    given = next((detail[key] for key in ("arguments", "input", "args") if detail.get(key) is not None), None)
    arguments = arguments_text(given)
    arguments = None if arguments is None else clean_text(arguments)
    made = CallDraft(text_or_none(call.get("id")), text_or_none(detail.get("name")), arguments)
    if detail is not call:
        return made, call == openai_call(*made)
    is_plain = call.keys() <= _PLAIN_CALL and call.get("type") in _PLAIN_TYPES
    is_same = (call.get("id"), call.get("name")) == made[:2] and (
        not isinstance(given, str) or given == arguments
    )
    return made, is_plain and is_same


def _result(content: Any) -> str | None:
    if isinstance(content, list):
        text, parts = text_and_parts(content)
        return clean_text(text) if text is not None else json_text(parts)
    return clean_text(content) if isinstance(content, str) else json_text(without_payloads(content))
