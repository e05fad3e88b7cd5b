"""Stored messages as the chat APIs of OpenAI and Anthropic take them.

Sources: platform.openai.com/docs/api-reference/chat and docs.anthropic.com/en/api/messages. Both refuse a
tool call without its answer right behind it, and an answer without its call. So each answer is given right
after the message that asks for it, an answer whose call is not among the messages is left out, and a call
that nobody answered before the conversation went on is answered by saying so. Calls of the last message
that wait for their answers stay open. Anthropic's also refuses a conversation that the assistant begins.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from sessiondb.chat.blocks import anthropic_content, is_answer, is_call, openai_content, whole_content
from sessiondb.chat.incoming import LOG_ROLES, Draft, openai_call
from sessiondb.records import Message, ToolCall

NO_ANSWER = "[no answer was recorded for this call]"
"""What stands for the answer to a call that was cut off."""

OPENING = "[the assistant speaks first]"
"""What stands for the user's first message where the assistant began."""

_NO_FIELDS = frozenset(("role", "name", "content", "tool_calls", "native_item"))

Format = Callable[[Sequence[Message], bool], list[dict[str, Any]]]


class _Answer(NamedTuple):
    call: ToolCall
    message: Message | None

    @property
    def text(self) -> str:
        return NO_ANSWER if self.call.result_message_id is None else self.call.result or ""


def openai_messages(messages: Sequence[Message], extra_fields: bool = True) -> list[dict[str, Any]]:
    """Return messages as OpenAI's chat API takes them, with the stored fields beyond it or without."""
    found = []
    for message, answers in _exchanges(messages):
        fields = _named(message, extra_fields)
        role = message.metadata.get("role", message.role)
        said = {"role": role, "content": openai_content(whole_content(message)), **fields}
        calls = [_openai_call(message, call) for call in asked(message)]
        if calls:
            said["tool_calls"] = calls
        if message.reasoning and extra_fields and message.parts is None:
            said["reasoning"] = message.reasoning
        if not calls and said["content"] is None:
            if is_said(message):
                continue
            del said["content"]
        found.append(said)
        found += [_openai_answer(answer, extra_fields) for answer in answers]
    return found


def anthropic_messages(messages: Sequence[Message], extra_fields: bool = True) -> list[dict[str, Any]]:
    """Return messages as Anthropic's API takes them, with the fields beyond it that were stored, or without.

    System messages are left out, for a system prompt goes to the API apart.
    """
    found = []
    given: set[int] = set()
    for message, answers in _exchanges(messages):
        if message.role == "system" or message.id in given:
            continue
        content = _anthropic_said(message)
        if content:
            found.append({"role": message.role, "content": content, **extra(message, extra_fields)})
        others = [answer for answer in answers if answer.message is not message]
        if others:
            rows = {answer.message.id: answer.message for answer in others if answer.message is not None}
            given.update(rows)
            fields = extra(next(iter(rows.values())), extra_fields) if len(rows) == 1 else {}
            found.append({"role": "user", "content": _anthropic_answers(others), **fields})
    if found and found[0]["role"] != "user":
        found.insert(0, {"role": "user", "content": OPENING})
    return found


FORMATS: dict[str, Format] = {"openai": openai_messages, "anthropic": anthropic_messages}


def is_said(message: Message) -> bool:
    """Say whether a message belongs to the conversation, and is not what a store says of the session."""
    return message.metadata.get("role") not in LOG_ROLES


def is_made_up(message: Draft) -> bool:
    """Say whether a message stands for one that an API wants and nobody said."""
    return message.content == OPENING or any(answer.result == NO_ANSWER for answer in message.answers)


def opens_turn(message: Message) -> bool:
    """Say whether a user speaks in a message, and does not hand on a tool's answer."""
    return message.role == "user" and not message.tool_calls


def asked(message: Message) -> list[ToolCall]:
    """Return the calls that a message asks for, without those that it answers."""
    return [call for call in message.tool_calls if call.message_id == message.id]


def extra(message: Message, wanted: bool = True) -> dict[str, Any]:
    """Return the fields of a message that its API does not know by itself, none where they are not wanted."""
    return {name: value for name, value in message.metadata.items() if wanted and name not in _NO_FIELDS}


def _exchanges(messages: Sequence[Message]) -> Iterator[tuple[Message, list[_Answer]]]:
    """Yield each message that is no mere answer, with the answers to its calls in the order they came."""
    here = {message.id: message for message in messages}
    last = next((message.id for message in reversed(messages) if message.role != "tool"), None)
    for message in messages:
        if message.role == "tool":
            continue
        calls = [call for call in asked(message) if call.result_message_id is not None or message.id != last]
        answers = [_Answer(call, here.get(call.result_message_id or 0)) for call in calls]
        yield message, sorted(answers, key=lambda answer: answer.message.seq if answer.message else 2**62)


def _named(message: Message, extra_fields: bool) -> dict[str, Any]:
    name = {"name": message.metadata["name"]} if "name" in message.metadata else {}
    return {**name, **extra(message, extra_fields)}


def _openai_call(message: Message, call: ToolCall) -> dict[str, Any]:
    made = openai_call(call.call_id, call.name, call.arguments)
    given = message.metadata.get("tool_calls", {}).get(str(call.position))
    if given is None:
        return made
    if "function" in given or "custom" in given:
        return dict(given)
    if isinstance(given.get("arguments"), str):
        made["function"]["arguments"] = given["arguments"]
    further = {
        key: value
        for key, value in given.items()
        if key not in ("id", "type", "name", "arguments", "input", "args")
    }
    return {**made, **further}


def _openai_answer(answer: _Answer, extra_fields: bool) -> dict[str, Any]:
    message = answer.message
    said: dict[str, Any] = {"role": "tool", "tool_call_id": answer.call.call_id, "content": answer.text}
    if message is None or message.role != "tool" or len(message.tool_calls) > 1:
        return said
    if message.metadata.get("role") == "function":
        said = {"role": "function", "content": answer.text}
    whole = whole_content(message)
    if whole is not None and not (isinstance(whole, list) and any(is_answer(block) for block in whole)):
        said["content"] = openai_content(whole)
    return {**said, **_named(message, extra_fields)}


def _anthropic_said(message: Message) -> str | list[Any] | None:
    content = anthropic_content(whole_content(message))
    if message.role == "user" and isinstance(content, list):
        # Answers stand with their calls; those that are left have none here.
        content = [block for block in content if not is_answer(block)]
    blocks = content if isinstance(content, list) else []
    there = {block.get("id") for block in blocks if is_call(block)}
    further = [_tool_use(call) for call in asked(message) if call.call_id not in there]
    if not further:
        return content
    return [
        *([{"type": "text", "text": content}] if content and isinstance(content, str) else blocks),
        *further,
    ]


def _tool_use(call: ToolCall) -> dict[str, Any]:
    try:
        given = json.loads(call.arguments or "{}")
    except ValueError:
        given = call.arguments
    return {
        "type": "tool_use",
        "id": call.call_id,
        "name": call.name,
        "input": given if isinstance(given, dict) else {"input": given},
    }


def _anthropic_answers(answers: Sequence[_Answer]) -> list[Any]:
    found: list[Any] = []
    done: set[int] = set()
    for answer in answers:
        message = answer.message
        content = whole_content(message) if message is not None else None
        if message is not None and isinstance(content, list) and any(is_answer(block) for block in content):
            if message.id not in done:
                found += content
            done.add(message.id)
            continue
        block: dict[str, Any] = {
            "type": "tool_result",
            "tool_use_id": answer.call.call_id,
            "content": answer.text,
        }
        if content:
            block["content"] = anthropic_content(content)
        if answer.call.is_error or answer.call.result_message_id is None:
            block["is_error"] = True
        found.append(block)
    return found
