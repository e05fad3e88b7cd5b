"""Read an agent's transcript, `agent-transcripts/<id>.jsonl`: one message a line, without ids, times and models.

A call has no id; an answer, where there is one, follows its call. What a sub-agent did is in `subagents` beside it.
Before, transcripts were text (`<id>.txt`), with headings instead of objects.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sessiondb.chat.content import arguments_text, text_and_parts, text_or_none, without_payloads
from sessiondb.importers.base import (
    MessageRecord,
    Record,
    SessionRecord,
    ToolCallRecord,
    ToolResult,
    session_id,
)
from sessiondb.importers.cursor.places import AGENT, TEXT, TRANSCRIPT, folder_of_transcript
from sessiondb.importers.cursor.prompts import take_apart, without_redacted
from sessiondb.importers.files.json_lines import objects_of
from sessiondb.importers.files.packed import plain_path
from sessiondb.importers.files.source import Source, text_lines

_APART = ("thinking", "redacted_thinking", "tool_use", "tool_result")
_HEADING = re.compile(r"(user|assistant|A):[ \t]*\Z")
_MARK = re.compile(r"\[(Thinking|Tool call|Tool result)\][ \t]?(.*)\Z")
_ROLES = {"user": "user", "assistant": "assistant", "A": "assistant"}


class Reader:
    """The messages of a transcript on their way to records; `source.state` holds which calls wait for answers."""

    def __init__(self, source: Source, authority: int = TRANSCRIPT) -> None:
        self._source = source
        self._session = _session(source.path.absolute())._replace(authority=authority)
        self._waiting: list[list[str | None]] = source.state.setdefault("waiting", [])
        self._is_begun = False

    def take(self, line: dict[str, Any]) -> Iterator[Record]:
        """Yield the records of a message."""
        role, message = line.get("role"), line.get("message")
        if role not in ("user", "assistant") or not isinstance(message, dict):
            if "type" not in line:
                self._source.problem("not a line of Cursor: no message")
            return
        if not self._is_begun:
            self._is_begun = True
            yield self._session
        content = message.get("content")
        blocks = objects_of(content) if isinstance(content, list) else [{"type": "text", "text": content}]
        id = self._id(str(role), content)
        yield from self._user(blocks, id) if role == "user" else self._assistant(blocks, id)

    def finish(self) -> Iterator[Record]:
        """Yield nothing: no line waits for another."""
        yield from ()

    def _id(self, role: str, content: Any) -> str:
        """Return an id for a message of a file that only grows: its line, and what it says."""
        # The text alone would make one of two equal messages; the line alone would take any file's message for
        # another's.
        said = "\x1f".join((str(self._source.line), role, repr(content)))
        return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()[:20]

    def _user(self, blocks: list[dict[str, Any]], id: str) -> Iterator[Record]:
        for number, block in enumerate(block for block in blocks if block.get("type") == "tool_result"):
            text, parts = text_and_parts(block.get("content"))
            call_id = self._answered(text_or_none(block.get("tool_use_id")))
            failed = block.get("is_error")
            yield ToolResult(
                self._session.id,
                call_id,
                text,
                failed if isinstance(failed, bool) else None,
                external_id=f"{id}#{number}",
                parts=parts,
            )
        text, parts = text_and_parts([block for block in blocks if block.get("type") not in _APART])
        turn = take_apart(text or "", self._source.tz)
        # Calls that have no answer by the time a person speaks get none: the log often leaves answers out.
        if turn.typed.strip() or parts:
            self._waiting.clear()
        if turn.injected:
            external_id = f"{id}#context" if turn.typed or parts else id
            kind = {"kind": turn.kind}
            yield MessageRecord(
                self._session.id, "system", turn.injected, external_id, turn.sent_at, metadata=kind
            )
        if turn.typed or parts:
            yield MessageRecord(self._session.id, "user", turn.typed or None, id, turn.sent_at, parts=parts)

    def _answered(self, asked: str | None) -> str | None:
        """Return the id of the call that an answer is of: the one that it names, else the first that waits."""
        found = next((one for one in self._waiting if one[1] is not None and one[1] == asked), None)
        found = found or next((one for one in self._waiting if one[1] is None or asked is None), None)
        if found is None:
            return asked
        self._waiting.remove(found)
        return found[0]

    def _assistant(self, blocks: list[dict[str, Any]], id: str) -> Iterator[Record]:
        text, parts = text_and_parts([block for block in blocks if block.get("type") not in _APART])
        thoughts = [
            text_or_none(block.get("thinking")) for block in blocks if block.get("type") == "thinking"
        ]
        calls = []
        for number, block in enumerate(block for block in blocks if block.get("type") == "tool_use"):
            named = text_or_none(block.get("id"))
            call_id = named or f"{id}#{number}"
            self._waiting.append([call_id, named])
            calls.append(
                ToolCallRecord(
                    call_id,
                    text_or_none(block.get("name")),
                    arguments_text(without_payloads(block.get("input"))),
                )
            )
        yield MessageRecord(
            self._session.id,
            "assistant",
            without_redacted(text),
            id,
            reasoning="\n\n".join(filter(None, thoughts)) or None,
            parts=parts,
            tool_calls=tuple(calls),
        )


def read_text(source: Source) -> Iterator[Record]:
    """Yield the session of a transcript that is text."""
    source.start = source.line = 0
    source.state.clear()
    reader = Reader(source, TEXT)
    lines = text_lines(source.path)
    source.end = source.path.stat().st_size
    for number, message in _messages(lines):
        source.line = number
        yield from reader.take(message)


def _messages(lines: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the messages of a text, each with the number of its line, as objects like those of today."""
    role, start, held = "", 0, list[str]()
    for number, line in enumerate([*lines, "user:"], 1):
        heading = _HEADING.fullmatch(line)
        if heading is None:
            held.append(line)
            continue
        blocks = [{"type": "text", "text": "\n".join(held).strip()}] if role == "user" else _blocks(held)
        if role and any(block.get("type") != "text" or block["text"] for block in blocks):
            yield start, {"role": role, "message": {"content": blocks}}
        role, start, held = _ROLES[heading[1]], number, []


def _blocks(lines: list[str]) -> list[dict[str, Any]]:
    """Return the blocks of an answer: what follows a mark, and is set in, belongs to it."""
    blocks: list[dict[str, Any]] = [{"type": "text", "text": ""}]
    for line in lines:
        mark = _MARK.fullmatch(line)
        last = blocks[-1]
        if mark is None and (last["type"] == "text" or (line.strip() and not line.startswith((" ", "\t")))):
            if last["type"] != "text":
                last = {"type": "text", "text": ""}
                blocks.append(last)
            last["text"] += line + "\n"
        elif mark is None:
            _add(last, line.strip())
        elif mark[1] == "Thinking":
            blocks.append({"type": "thinking", "thinking": mark[2]})
        elif mark[1] == "Tool call":
            blocks.append({"type": "tool_use", "name": mark[2].strip(), "input": {}})
        else:
            blocks.append({"type": "other"})  # an answer's heading: what it said was left out
    texts = [{**one, "text": one["text"].strip()} if one["type"] == "text" else one for one in blocks]
    return [one for one in texts if one["type"] != "other" and one.get("text") != ""]


def _add(block: dict[str, Any], line: str) -> None:
    if block["type"] == "thinking":
        block["thinking"] = f"{block['thinking']}\n{line}".strip()
    elif block["type"] == "tool_use" and line:
        name, _, value = line.partition("=" if re.match(r"\w+=", line) else ": ")
        block["input"][name] = value


def _session(path: Path) -> SessionRecord:
    native_id = plain_path(path).stem
    parent = _parent(path.parent) if path.parent.name == "subagents" else None
    return SessionRecord(
        session_id(AGENT, native_id, str(path.parent)),
        AGENT,
        native_id,
        project=folder_of_transcript(path),
        parent_id=parent,
        relation="subagent" if parent else None,
    )


def _parent(subagents: Path) -> str | None:
    """Return the id of the session that began the sub-agents of a folder: its own transcript lies beside it."""
    folder = subagents.parent
    beside = sorted(folder.glob("*.jsonl"))
    if len(beside) == 1:
        return session_id(AGENT, beside[0].stem, str(folder))
    return None if folder.name == "agent-transcripts" else session_id(AGENT, folder.name, str(folder))
