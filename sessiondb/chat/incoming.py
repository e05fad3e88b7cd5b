"""A message as the chat APIs of OpenAI and Anthropic write it, split into what the tables hold.

Sources: platform.openai.com/docs/api-reference/chat and docs.anthropic.com/en/api/messages. What no column
holds exactly goes to the metadata, so that the message can be given back as it came.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sessiondb.chat.content import arguments_text, json_text, text_and_parts, text_or_none, without_payloads
from sessiondb.chat.text import clean_text
from sessiondb.errors import InvalidInput
from sessiondb.records import Message

_STORED_AS = {
    **{role: role for role in ("system", "user", "assistant", "tool")},
    "developer": "system",
    "function": "tool",
    "session_meta": "system",
}
LOG_ROLES = frozenset(("session_meta",))
"""Roles of what a store says of a session itself: it is kept, and no model is told."""

_COLUMNS = ("model", "finish_reason", "external_id")
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
    model: str | None = None
    finish_reason: str | None = None
    external_id: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    calls: tuple[CallDraft, ...] = ()
    answers: tuple[AnswerDraft, ...] = ()

    def says(self) -> str:
        """Return what tells it from a message that says something else; see `said`."""
        answered = [(answer.call_id, answer.result) for answer in self.answers]
        try:
            return _fingerprint(self, self.calls, answered)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidInput(
                f"a message of role {self.role} holds something that is not JSON: {error}"
            ) from error


def said(message: Message) -> str:
    """Return what tells a stored message from one that says something else, `Draft.says` of the same one.

    Fields beyond role, name, content, calls and answers do not count.
    """
    asked = [(c.call_id, c.name, c.arguments) for c in message.tool_calls if c.message_id == message.id]
    answered = [(c.call_id, c.result) for c in message.tool_calls if c.result_message_id == message.id]
    return _fingerprint(message, asked, answered)


def draft(message: Mapping[str, Any], *, keep: bool = False) -> Draft:
    """Split a message, a dict as the API or a store of messages has it.

    What no column takes, because of its name or type, goes to the metadata. With `keep` the model, the
    finish reason and such go there too, so that they are fields of the message again when it is given back.
    Raises InvalidInput for what makes no sense.
    """
    # A message on its way in, field by field:
    #
    #     role, content, tool_calls        columns, calls and answers
    #     reasoning, model, ids            columns, where they are text
    #     the rest, and odd values         metadata, so that the message can be given back as it came
    # What is left of them in the end is the metadata.
    fields = dict(message)
    role, content, tool_calls = (fields.pop(name, None) for name in ("role", "content", "tool_calls"))
    if not isinstance(role, str) or role not in _STORED_AS:
        raise InvalidInput(f"unknown role {role!r}: give one of {', '.join(_STORED_AS)}")
    stored = _STORED_AS[role]
    if stored != role:
        fields["role"] = role
    answered, reasoning, columns = _answer(fields), _reasoning(fields), _columns(fields, keep)
    try:
        blocks = _Blocks(content)
        calls = [*blocks.calls, *_further_calls(tool_calls or (), blocks.calls, fields)]
    except InvalidInput:
        raise
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"a message of role {role} holds something that is not JSON: {error}") from error
    text = None if blocks.text is None else clean_text(blocks.text)
    if content is not None and not isinstance(content, list) and text != content:
        fields["content"] = content
    answers = blocks.answers
    if stored == "tool" and not answers:
        answers = [answered._replace(result=text)]
    elif answered.call_id is not None or answered.is_error is not None:
        raise InvalidInput(
            f"a message of role {role} cannot answer a tool call: give tool_call_id and is_error with role tool"
        )
    elif answers and stored == "user" and blocks.is_answers_only:
        stored, fields["role"] = "tool", role
    if calls and stored != "assistant":
        raise InvalidInput(f"a message of role {role} cannot have tool calls: give them with role assistant")
    return Draft(
        stored,
        None if stored == "tool" else text,
        content if isinstance(content, list) else None,
        reasoning or blocks.reasoning,
        **columns,
        metadata=fields,
        calls=tuple(calls),
        answers=tuple(answers),
    )


def _fingerprint(message: Draft | Message, asked: Sequence[Any], answered: Sequence[Any]) -> str:
    given = [message.metadata.get(name) for name in ("role", "name", "content")]
    said = [message.role, message.content, message.parts, given, asked, answered]
    return json.dumps(said, sort_keys=True)


def _answer(fields: dict[str, Any]) -> AnswerDraft:
    """Take from a message's fields which call it answers, by what tool, and whether that failed."""
    call_id, is_error = fields.pop("tool_call_id", None), fields.pop("is_error", None)
    if call_id is not None and not isinstance(call_id, str):
        fields["tool_call_id"] = call_id
    if is_error is not None and not isinstance(is_error, bool):
        fields["is_error"], is_error = is_error, None
    if fields.get("name") is None:
        fields.pop("name", None)
    name = text_or_none(fields.get("name")) or text_or_none(fields.get("tool_name"))
    return AnswerDraft(text_or_none(call_id), name, None, is_error)


def _columns(fields: dict[str, Any], keep: bool) -> dict[str, str | None]:
    """Take from a message's fields those that have a column, unless they are to be kept among them too."""
    columns = {name: text_or_none(fields[name]) for name in _COLUMNS if name in fields}
    for name, text in columns.items():
        if not keep and fields[name] in (None, text):
            del fields[name]
    return columns


def _reasoning(fields: dict[str, Any]) -> str | None:
    """Take from a message's fields what it says of its reasoning, where that is text."""
    given = fields.pop("reasoning", None)
    text = clean_text(given) if isinstance(given, str) else None
    if given is not None and given != (text or None):
        fields["reasoning"] = given
    return text or None


def openai_call(call_id: str | None, name: str | None, arguments: str | None) -> dict[str, Any]:
    """Return a call as the chat API of OpenAI writes it."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments or "{}"}}


class _Blocks:
    """What a list of content blocks holds beside text, as Anthropic writes it: thoughts, calls, answers."""

    def __init__(self, content: Any) -> None:
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
        self.text = text_and_parts(rest)[0] if isinstance(content, list) else json_text(content)
        self.reasoning = clean_text("\n\n".join(filter(None, thoughts))) or None
        self.is_answers_only = not rest


def _further_calls(given: Any, known: list[CallDraft], metadata: dict[str, Any]) -> list[CallDraft]:
    """Return the calls beside the content; those that no row holds exactly are kept as given, by position."""
    calls: list[CallDraft] = []
    kept: dict[str, Any] = {}
    if not isinstance(given, Iterable) or isinstance(given, str | Mapping):
        raise InvalidInput(f"tool_calls must be a list of calls, not {given!r}")
    for call in given:
        if not isinstance(call, Mapping):
            raise InvalidInput(f"a tool call must be a dict with id, name and arguments, not {call!r}")
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
