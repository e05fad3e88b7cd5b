"""Grok's sessions: `~/.grok/sessions/<folder>/<id>/chat_history.jsonl`, and `summary.json` beside it.

A line is an item of xAI's API: `system`, `user`, `reasoning`, `assistant` with its calls, `tool_result`, and
`backend_tool_call` for what the provider did by itself. None has a time. What the model thought, and what was called
at the provider's, stands before the answer that it belongs to.

- A `user` line with `synthetic_reason` was put there by the program.
- `summary.json` has the id, the title, the folder, the branch, and when the session began and was last active.

Not kept: the instructions for the model, encrypted reasoning. Grok writes no tokens.

Sources: a log of Grok 4.5 (July 2026).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sessiondb.chat.content import arguments_text, text_and_parts, text_or_none, without_payloads
from sessiondb.importers.base import (
    Fingerprints,
    MessageRecord,
    Record,
    SessionRecord,
    ToolCallRecord,
    ToolResult,
    session_id,
)
from sessiondb.importers.files.json_lines import object_of, objects_of
from sessiondb.importers.files.small import read_object
from sessiondb.importers.line_reader import records_of
from sessiondb.timestamps import normalise

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample
    from sessiondb.importers.files.source import Source

name = "grok"
version = 1

_SUMMARY = "summary.json"
_OF_A_SUMMARY = frozenset(("info", "chat_format_version"))


def sniff(sample: Sample) -> int:
    """Look for a prompt with its number or reason, for an answer with its model, or for the file beside them."""
    if any(map(_is_groks, sample.lines)):
        return 2
    return 2 if sample.path.name == _SUMMARY and object_of(sample.document).keys() >= _OF_A_SUMMARY else 0


def is_index(path: str) -> bool:
    """Say whether a file tells of a session without holding what was said in it."""
    return os.path.basename(path) == _SUMMARY


def read(source: Source) -> Iterator[Record]:
    """Yield the session of a log, from `source.start` on."""
    if source.path.name == _SUMMARY:
        source.document()  # which tells how much of the file was read
        return
    yield from records_of(source, _Reader(source))


def _is_groks(line: dict[str, Any]) -> bool:
    kind = line.get("type")
    if kind == "user":
        return "prompt_index" in line or "synthetic_reason" in line
    return kind == "assistant" and "model_fingerprint" in line


class _Reader:
    """The lines of a log on their way to records; `source.state` holds what the next import must know."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._state = source.state
        self._name = Fingerprints(source.state)
        self._thoughts: list[str] = source.state.setdefault("thoughts", [])
        self._calls: list[list[str | None]] = source.state.setdefault("calls", [])
        self._session = _session(source)
        self._is_begun = False

    def take(self, line: dict[str, Any]) -> Iterator[Record]:
        """Yield the records of a line."""
        kind = line.get("type")
        if not isinstance(kind, str):
            self._source.problem("not a line of Grok: it has no type")
            return
        if not self._is_begun:
            self._is_begun = True
            yield self._session
        if kind == "reasoning":
            text, _ = text_and_parts(line.get("summary"))
            self._thoughts += [text] if text else []
        elif kind == "backend_tool_call":
            call = object_of(line.get("kind"))
            arguments = arguments_text(without_payloads(call.get("action")))
            self._calls.append([text_or_none(call.get("id")), text_or_none(call.get("tool_type")), arguments])
        elif kind == "user":
            yield from self._user(line)
        elif kind == "assistant":
            yield from self._assistant(line)
        elif kind == "tool_result":
            text, parts = text_and_parts(line.get("content"))
            call_id = text_or_none(line.get("tool_call_id"))
            yield ToolResult(
                self._session.id, call_id, text, external_id=self._id("tool", call_id, text), parts=parts
            )

    def finish(self) -> Iterator[Record]:
        """Yield nothing: what was thought last waits for its answer."""
        yield from ()

    def _id(self, *said: object) -> str:
        """Return an id by what is said, and how often it was in this turn."""
        return self._name(f"turn {self._state.get('turn', 0)}", *said)

    def _user(self, line: dict[str, Any]) -> Iterator[Record]:
        if self._thoughts or self._calls:
            yield from self._assistant({})
        text, parts = text_and_parts(line.get("content"))
        reason = text_or_none(line.get("synthetic_reason"))
        if reason is not None:
            kind = "environment" if reason == "environment_context" else "meta"
            id = self._id("system", text)
            yield MessageRecord(self._session.id, "system", text, id, parts=parts, metadata={"kind": kind})
        elif text or parts:
            self._state["turn"] = self._state.get("turn", 0) + 1
            yield MessageRecord(self._session.id, "user", text, self._id("user", text), parts=parts)

    def _assistant(self, line: dict[str, Any]) -> Iterator[Record]:
        text, parts = text_and_parts(line.get("content"))
        thoughts = "\n\n".join(self._thoughts) or None
        calls = [ToolCallRecord(*call) for call in self._calls]
        calls += [
            ToolCallRecord(
                text_or_none(call.get("id")),
                text_or_none(call.get("name")),
                arguments_text(without_payloads(call.get("arguments"))),
            )
            for call in objects_of(line.get("tool_calls"))
        ]
        self._thoughts.clear()
        self._calls.clear()
        yield MessageRecord(
            self._session.id,
            "assistant",
            text or None,
            self._id("assistant", text, thoughts, *(call.call_id for call in calls)),
            reasoning=thoughts,
            parts=parts,
            model=text_or_none(line.get("model_id")),
            tool_calls=tuple(calls),
        )


def _session(source: Source) -> SessionRecord:
    path = source.path.absolute()
    summary = read_object(path.with_name(_SUMMARY))
    info = object_of(summary.get("info"))
    native_id = text_or_none(info.get("id")) or path.parent.name
    branch = text_or_none(summary.get("head_branch"))
    begun, last = (normalise(summary.get(key), source.tz) for key in ("created_at", "last_active_at"))
    return SessionRecord(
        session_id(name, native_id, str(path.parent.parent)),
        name,
        native_id,
        project=text_or_none(info.get("cwd")),
        title=text_or_none(summary.get("generated_title")) or text_or_none(summary.get("session_summary")),
        model=text_or_none(summary.get("current_model_id")),
        started_at=begun,
        last_active_at=last or normalise(summary.get("updated_at"), source.tz),
        metadata={"git_branch": [branch]} if branch else None,
    )
