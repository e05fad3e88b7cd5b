"""One agent's session on its way to records, be it of Kimi Code or of Kimi CLI."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sessiondb.chat.content import arguments_text, text_and_parts, text_or_none, whole, without_payloads
from sessiondb.importers.base import (
    MessageRecord,
    Record,
    SessionRecord,
    TokenRecord,
    ToolCallRecord,
    ToolResult,
)
from sessiondb.importers.files.json_lines import objects_of

AGENT = "kimi-code"
_CONTEXT = re.compile(r"\A\s*<git-context>.*?</git-context>\s*", re.DOTALL)
_COUNTS = ("inputOther", "inputCacheRead", "inputCacheCreation", "output")


class Talk:
    """The messages of a session; `state` is what the next import must know of it."""

    def __init__(self, session: SessionRecord, state: dict[str, Any]) -> None:
        self.session = session
        self._state = state
        self.is_begun = False

    @property
    def model(self) -> str | None:
        """Return the model that answers now."""
        model: str | None = self._state.get("model")
        return model

    @model.setter
    def model(self, name: str | None) -> None:
        self._state["model"] = name or self._state.get("model")

    def seen_at(self, at: str | None) -> None:
        """Widen the session's time to a line's."""
        if at:
            self._state["first"] = min(at, self._state.get("first") or at)
            self._state["last"] = max(at, self._state.get("last") or at)

    def told(self) -> SessionRecord:
        """Return what is known of the session by now."""
        return self.session._replace(
            model=self.model,
            started_at=self._state.get("first"),
            last_active_at=self._state.get("last"),
        )

    def number(self, what: str) -> int:
        """Return how many of a thing there were, this one included."""
        self._state[what] = int(self._state.get(what, 0)) + 1
        return int(self._state[what])

    def asked(self, content: Any, at: str | None, kind: str | None = None) -> Iterator[Record]:
        """Yield what was asked; with a kind it was not a person who did."""
        text, parts = text_and_parts(content)
        if not text and not parts:
            return
        id = f"prompt:{self.number('prompts')}"
        found = _CONTEXT.match(text or "") if kind is None else None
        if found and text and text[found.end() :].strip():
            context = {"kind": "environment"}
            yield MessageRecord(
                self.session.id, "system", found[0].strip(), f"{id}#context", at, metadata=context
            )
            text = text[found.end() :]
        if kind is None:
            yield MessageRecord(self.session.id, "user", text, id, at, parts=parts)
        else:
            yield MessageRecord(self.session.id, "system", text, id, at, parts=parts, metadata={"kind": kind})

    def part(self, step: str, part: dict[str, Any], at: str | None) -> Iterator[Record]:
        """Yield a part of a response."""
        if part.get("type") == "think":
            thought = text_or_none(part.get("think"))
            if thought:
                yield self._piece(step, at)._replace(reasoning=thought)
            return
        text, parts = text_and_parts([part])
        if text or parts:
            yield self._piece(step, at)._replace(content=text, parts=parts)

    def call(
        self, step: str, id: str | None, name: str | None, arguments: Any, at: str | None
    ) -> Iterator[Record]:
        """Yield a call of a response."""
        call = ToolCallRecord(id, name, arguments_text(without_payloads(arguments)))
        yield self._piece(step, at)._replace(tool_calls=(call,))

    def _piece(self, step: str, at: str | None) -> MessageRecord:
        continues = self._state.get("step") == step
        self._state["step"] = step
        return MessageRecord(
            self.session.id, "assistant", None, step, at, model=self.model, continues=continues
        )

    def answer(self, id: str | None, output: Any, failed: Any, at: str | None) -> Iterator[Record]:
        """Yield a tool's answer."""
        text, parts = text_and_parts(output)
        yield ToolResult(
            self.session.id,
            id,
            text,
            failed if isinstance(failed, bool) else False,
            at,
            external_id=f"answer:{self.number('answers')}",
            parts=parts,
        )

    def summary(self, text: str | None, at: str | None) -> Iterator[Record]:
        """Yield what stands for a talk that was compacted."""
        if text:
            id = f"summary:{self.number('summaries')}"
            kind = {"kind": "compact_summary"}
            yield MessageRecord(self.session.id, "system", text, id, at, metadata=kind)

    def usage(self, counts: dict[str, Any], step: str | None, at: str | None) -> Iterator[Record]:
        """Yield the tokens of a response: `{inputOther, inputCacheRead, inputCacheCreation, output}`."""
        key = f"usage:{self.number('usages')}"
        asked, read, written, said = (_count(counts.get(name)) for name in _COUNTS)
        if asked or read or written or said:
            yield TokenRecord(
                self.session.id,
                key,
                asked,
                read,
                written,
                said,
                model=self.model,
                message=step,
                counted_at=at,
            )


def _count(value: Any) -> int | None:
    count = whole(value)
    return None if count is None else max(0, count)


def texts_of(content: Any) -> str:
    """Return the text of a message's content, to compare it."""
    if isinstance(content, str):
        return content
    return "\n\n".join(str(block.get("text")) for block in objects_of(content) if block.get("type") == "text")
