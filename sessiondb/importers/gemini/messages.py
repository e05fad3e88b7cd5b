"""Turn the messages of a Gemini CLI chat into records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sessiondb.chat.content import arguments_text, json_text, text_or_none, whole, without_payloads
from sessiondb.importers.base import MessageRecord, Record, TakenBack, TokenRecord, ToolCallRecord, ToolResult
from sessiondb.importers.files.source import Source
from sessiondb.importers.gemini.log import Chat, Paid
from sessiondb.timestamps import normalise

AGENT = "gemini-cli"
# By the folder that an agent made from it keeps its files in.
_AGENTS = {".qwen": "qwen-code"}

_CONTEXT_ID = "#context"
_ASSISTANT = frozenset(("gemini", "model", "assistant"))
_FINISHED = frozenset(("success", "error", "cancelled"))
# What the program itself sends as the user begins so; `displayContent` tells a prompt that only quotes it.
_INJECTED = (
    ("<session_context>", "environment"),
    ("This is the Gemini CLI.", "environment"),
    ("<state_snapshot>", "compact_summary"),
    ("System: Please continue.", "meta"),
)
# What a tool answered stands in this, which tells the model not to obey it.
_UNTRUSTED = re.compile(
    r"\A\s*<untrusted_context(?:\s[^>]*)?>\n?(.*?)\n?</untrusted_context>\s*\Z", re.DOTALL
)
# What the program puts before or after what a person typed: the output of hooks, and of what they included.
_CONTEXT = r"<(hook_context|untrusted_context)(?:\s[^>]*)?>.*?</\{}>"
_BEFORE = re.compile(r"\A\s*" + _CONTEXT.format(1), re.DOTALL)
_LAST = re.compile(r"<(hook_context|untrusted_context)(?:\s[^>]*)?>(?:(?!</?\1>).)*</\1>\s*\Z", re.DOTALL)
_OF_THE_RECORD = frozenset(
    (
        *("id", "timestamp", "type", "role", "content", "parts", "displayContent"),
        *("thoughts", "tokens", "model", "toolCalls"),
    )
)


def agent_of(path: Path) -> str:
    """Return whose log a file is: Gemini CLI's, or that of an agent made from it."""
    return next((_AGENTS[part] for part in reversed(path.parts) if part in _AGENTS), AGENT)


class Content(NamedTuple):
    """Content as Gemini's API knows it (text, a part, a list of parts), sorted by what the parts are."""

    texts: list[str]
    thoughts: list[str]
    calls: list[dict[str, Any]]
    responses: list[dict[str, Any]]
    rest: list[Any]

    @property
    def text(self) -> str | None:
        """Return the text; parts of it are pieces of one text, as they were streamed."""
        return "".join(self.texts) or None


class Answer(NamedTuple):
    """What a tool answered."""

    text: str | None
    failed: bool
    parts: list[Any]


def split(value: Any) -> Content:
    """Sort the parts of content; signatures are dropped."""
    content = Content([], [], [], [], [])
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, str):
            content.texts.append(part)
        elif not isinstance(part, dict):
            content.rest.extend([] if part is None else [part])
        elif isinstance(part.get("text"), str):
            (content.thoughts if part.get("thought") is True else content.texts).append(part["text"])
        elif isinstance(part.get("functionCall"), dict):
            content.calls.append(part["functionCall"])
        elif isinstance(part.get("functionResponse"), dict):
            content.responses.append(part["functionResponse"])
        elif rest := {key: item for key, item in part.items() if key != "thoughtSignature"}:
            content.rest.append(without_payloads(rest))
    return content


class Conversation:
    """One session's messages on their way to records; knows which calls still wait for an answer."""

    def __init__(self, session: str, source: Source) -> None:
        self._session = session
        self._source = source
        self._tz = source.tz
        self._answered: set[str] = set()
        self._waiting: dict[str, str | None] = {}

    def records(self, chat: Chat) -> Iterator[Record]:
        """Yield the records of a whole chat, in its order; the tokens of messages taken back come last."""
        # First of all: the title and the dates of a session are those of the messages that are left.
        if gone := chat.gone():
            yield TakenBack(self._session, tuple(id for one in gone for id in (one, f"{one}{_CONTEXT_ID}")))
        for message_id, message, paid in chat.messages():
            try:
                yield from list(self._of(message_id, message))
            except RecursionError:
                self._source.problem(f"message {message_id} is nested too deeply", whole=True)
            if paid is not None:
                yield from self._tokens(message_id, paid, message_id)
        # A rewind takes messages out of the conversation, but they were paid for.
        for message_id, paid in chat.taken_back():
            yield from self._tokens(message_id, paid, None)

    def _of(self, message_id: str, message: dict[str, Any]) -> Iterator[Record]:
        role = text_or_none(message.get("type", message.get("role")))
        if role == "user":
            yield from self._user(message_id, message)
        elif role in _ASSISTANT:
            yield from self._assistant(message_id, message)
        else:
            yield self._notice(message_id, message, role)

    def _message(self, message: dict[str, Any], record: MessageRecord) -> MessageRecord:
        """Add to a record what all messages have."""
        extra = {key: item for key, item in message.items() if key not in _OF_THE_RECORD and item is not None}
        metadata = {**without_payloads(extra), **(record.metadata or {})}
        created_at = normalise(message.get("timestamp"), self._tz)
        return record._replace(created_at=created_at, metadata=metadata or None, parts=record.parts or None)

    def _user(self, message_id: str, message: dict[str, Any]) -> Iterator[Record]:
        # A "user" of this API is whoever is not the model: a person, the program, or a tool that answers. The three are
        # told apart by the parts, by how the text begins, and by `displayContent`, which only a prompt has.
        sent = split(message.get("content", message.get("parts")))
        for number, response in enumerate(sent.responses):
            yield from self._response(f"{message_id}:{number}", response, message)
        # What the person typed; `content` is what became of it: file names expanded, context put before it.
        shown = split(message.get("displayContent")).text
        text = shown or sent.text
        if text is None and not sent.rest and sent.responses:
            return
        parts = [*sent.rest, *([{"sent": sent.text}] if shown and sent.text != shown else [])]
        kind = None if shown else _injected(sent.text)
        text, wrapped = (text, None) if kind else _unwrapped_prompt(text)
        record = MessageRecord(self._session, "user", text, message_id, parts=parts)
        if wrapped and (text or parts):
            context = MessageRecord(self._session, "system", wrapped, f"{message_id}{_CONTEXT_ID}")
            yield self._message(
                {"timestamp": message.get("timestamp")}, context._replace(metadata={"kind": "meta"})
            )
        elif wrapped:
            kind, record = "meta", record._replace(content=wrapped)
        if kind:
            record = record._replace(role="system", metadata={"kind": kind})
        yield self._message(message, record)

    def _notice(self, message_id: str, message: dict[str, Any], kind: Any) -> Record:
        content = split(message.get("content", message.get("parts")))
        record = MessageRecord(self._session, "system", content.text, message_id, parts=content.rest)
        return self._message(message, record._replace(metadata={"kind": "notice", "type": kind}))

    def _assistant(self, message_id: str, message: dict[str, Any]) -> Iterator[Record]:
        content = split(message.get("content", message.get("parts")))
        calls = _calls(message_id, message.get("toolCalls"), content.calls)
        tool = whole(message["tokens"].get("tool")) if isinstance(message.get("tokens"), dict) else None
        yield self._message(
            message,
            MessageRecord(
                self._session,
                "assistant",
                content.text,
                message_id,
                reasoning="\n\n".join([*_thoughts(message.get("thoughts")), *content.thoughts]) or None,
                parts=content.rest,
                model=text_or_none(message.get("model")),
                metadata={"tool_tokens": tool} if tool else None,
                tool_calls=tuple(_tool_call(call_id, call) for call_id, call in calls.items()),
            ),
        )
        for call_id, call in calls.items():
            self._waiting[call_id] = text_or_none(call.get("name"))
            yield from self._recorded_result(call_id, call)

    def _recorded_result(self, call_id: str, call: dict[str, Any]) -> Iterator[Record]:
        """Yield the answer that stands beside its call."""
        status = call.get("status")
        answer = _answer(call.get("result"), call_id)
        text = answer.text
        if text is None and not answer.parts:
            # What the person saw, where the model's text is missing: nothing marks later which of the two it is.
            text = json_text(without_payloads(call.get("resultDisplay"))) or None
            if text is None and not (isinstance(status, str) and status in _FINISHED):
                return
        metadata = {"status": status} if status == "cancelled" else {}
        if call.get("agentId"):
            metadata["agent_id"] = call["agentId"]
        yield from self._result(
            call_id,
            ToolResult(
                self._session,
                call_id,
                text,
                answer.failed or status in ("error", "cancelled"),
                normalise(call.get("timestamp"), self._tz),
                text_or_none(call.get("name")),
                parts=answer.parts or None,
                metadata=metadata or None,
            ),
        )

    def _response(
        self, external_id: str, response: dict[str, Any], message: dict[str, Any]
    ) -> Iterator[Record]:
        """Yield the answer that a user message carries, unless it stands beside its call already."""
        tool = text_or_none(response.get("name"))
        call_id = text_or_none(response.get("id"))
        if call_id not in self._waiting and call_id not in self._answered:
            # The API gives calls no ids of their own: the first call of that tool that waits is meant.
            call_id = next((waiting for waiting, name in self._waiting.items() if name == tool), call_id)
        answer = response_answer(response)
        created_at = normalise(message.get("timestamp"), self._tz)
        result = ToolResult(self._session, call_id, answer.text, answer.failed, created_at, tool, external_id)
        yield from self._result(call_id, result._replace(parts=answer.parts or None))

    def _result(self, call_id: str | None, result: ToolResult) -> Iterator[Record]:
        if call_id is not None:
            if call_id in self._answered:
                return
            self._answered.add(call_id)
            self._waiting.pop(call_id, None)
        yield result

    def _tokens(self, message_id: str, paid: Paid, message: str | None) -> Iterator[Record]:
        """Yield the tokens of one response in disjoint buckets.

        Gemini's `input` includes `cached`, its `output` leaves out `thoughts`. Its own figures are the
        record's input + cache_read, cache_read, output - reasoning and reasoning.
        """
        kinds = ("input", "cached", "output", "thoughts")
        # As Gemini counts                      As tokens are stored, in buckets that do not overlap
        #
        #     input     ┬ cached                    cache_read
        #               └ the rest                  input
        #     output                                output ┬ said
        #     thoughts                                     └ reasoning
        given, cached, said, thoughts = (_count(paid.tokens.get(kind)) for kind in kinds)
        if not any((given, cached, said, thoughts)):
            return
        yield TokenRecord(
            self._session,
            f"{self._session}:{message_id}",
            input=None if given is None else max(0, given - (cached or 0)),
            cache_read=cached,
            output=None if said is None and thoughts is None else (said or 0) + (thoughts or 0),
            reasoning=thoughts,
            model=text_or_none(paid.model),
            message=message,
            counted_at=normalise(paid.timestamp, self._tz),
        )


def _count(value: Any) -> int | None:
    count = whole(value)
    return count if count is None or count >= 0 else None


def _injected(text: str | None) -> str | None:
    beginning = (text or "").lstrip()
    return next((kind for mark, kind in _INJECTED if beginning.startswith(mark)), None)


def _unwrapped_prompt(text: str | None) -> tuple[str | None, str | None]:
    """Return what a person typed, and what the program put before and after it in elements of its own."""
    if not text or "_context" not in text:
        return text, None
    before: list[str] = []
    after: list[str] = []
    while match := _BEFORE.match(text):
        before.append(match[0].strip())
        text = text[match.end() :]
    while match := _LAST.search(text):
        after.insert(0, match[0].strip())
        text = text[: match.start()]
    if not before and not after:
        return text, None
    return text.strip() or None, "\n\n".join(before + after)


def _thoughts(thoughts: Any) -> Iterator[str]:
    for thought in thoughts if isinstance(thoughts, list) else []:
        if isinstance(thought, dict):
            lines = (text_or_none(thought.get("subject")), text_or_none(thought.get("description")))
            yield "\n".join(filter(None, lines))


def _calls(message_id: str, recorded: Any, asked: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return a message's calls by id: those recorded with their answers, then those only its content has.

    A call without an id gets one from its message; in the content, it is taken for a twin of a recorded call.
    """
    calls: dict[str, dict[str, Any]] = {}
    for call in recorded if isinstance(recorded, list) else []:
        if isinstance(call, dict):
            calls[text_or_none(call.get("id")) or f"{message_id}:{len(calls)}"] = call
    has_recorded = bool(calls)
    for call in asked:
        call_id = text_or_none(call.get("id"))
        if call_id or not has_recorded:
            calls.setdefault(call_id or f"{message_id}:{len(calls)}", call)
    return calls


def _tool_call(call_id: str, call: dict[str, Any]) -> ToolCallRecord:
    arguments = arguments_text(without_payloads(call.get("args")))
    return ToolCallRecord(call_id, text_or_none(call.get("name")), arguments)


def _answer(result: Any, call_id: str) -> Answer:
    """Read the `result` of a call: its own response among those of the whole turn, or plain text."""
    content = split(result)
    own = [response for response in content.responses if response.get("id") == call_id] or content.responses
    answers = [response_answer(response) for response in own]
    texts = [answer.text for answer in answers if answer.text is not None] if own else content.texts
    parts = [part for answer in answers for part in answer.parts] + content.rest
    texts = [_UNTRUSTED.sub(r"\1", text) for text in texts]
    return Answer("\n\n".join(texts) or None, any(answer.failed for answer in answers), parts)


def response_answer(response: dict[str, Any]) -> Answer:
    body = response.get("response")
    media = split(response.get("parts")).rest
    if not isinstance(body, dict):
        return Answer(json_text(without_payloads(body)), False, media)
    for key in ("error", "output"):
        if body.get(key) is not None:
            said = json_text(without_payloads(body[key]))
            return Answer(said and _UNTRUSTED.sub(r"\1", said), key == "error", media)
    return Answer(json_text(without_payloads(body)) if body else None, False, media)
