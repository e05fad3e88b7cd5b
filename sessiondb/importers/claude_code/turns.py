"""The user's side of a Claude Code transcript as records: prompts, tools' answers, context, notices."""

from __future__ import annotations

from typing import Any, NamedTuple

from sessiondb.chat.content import text_and_parts, without_payloads
from sessiondb.importers.base import MessageRecord, Record, Role, ToolResult
from sessiondb.importers.claude_code.lines import (
    Attachment,
    Line,
    Message,
    Other,
    Text,
    ToolAnswer,
    joined,
)
from sessiondb.importers.claude_code.prompts import (
    Turn,
    is_from_program,
    kind_of_line,
    said_in_answer,
    take_apart,
)


class Slot(NamedTuple):
    """Where and when what a line says stands; a child is a sub-agent's session."""

    session: str
    is_child: bool
    external_id: str
    created_at: str | None


def turn_records(slot: Slot, line: Line, message: Message) -> list[Record]:
    """Return what a user line holds: tools' answers, then injected context, then what was typed.

    What a person typed into a tool's question, or to reject a call, stands in the tool's answer and is theirs, too.
    """
    records: list[Record] = []
    said: list[MessageRecord] = []
    texts: list[str] = []
    parts: list[Any] = []
    if isinstance(message.content, str):
        texts.append(message.content)
    else:
        for block in message.content or ():
            if isinstance(block, ToolAnswer):
                ordinal = f"#{len(records) + 1}" if records else ""
                answer = tool_result(slot.session, block, slot.external_id + ordinal, slot.created_at)
                records.append(answer)
                if not slot.is_child and (words := said_in_answer(answer.result)):
                    said.append(_row(slot, "user", words, {"via": "answer"}))
            elif isinstance(block, Text):
                texts.append(block.text)
            elif isinstance(block, Other):
                parts.append(without_payloads(block.value))
    if texts or parts:
        kind = kind_of_line(line, slot.is_child)
        turn = Turn([], texts, kind) if kind else take_apart(texts, slot.is_child)
        if records:
            # What stands beside a tool's answer was put there: a person's words have a line of their own.
            turn = Turn([], turn.injected + turn.typed, turn.kind or "meta")
        records += _rows(slot, turn, parts, None)
    ids = (f"{slot.external_id}#said{number or ''}" for number in range(len(said)))
    return [*records, *(row._replace(external_id=id) for row, id in zip(said, ids, strict=False))]


def queued_records(slot: Slot, queued: Attachment) -> list[Record]:
    """Return what was typed while the agent worked, or what another program reported meanwhile."""
    text, parts = text_and_parts(queued.prompt)
    texts = [text] if text else []
    if queued.isMeta:
        turn = Turn([], texts, "meta")
    elif queued.commandMode not in (None, "prompt") or (is_from_program(queued.origin) and not slot.is_child):
        turn = Turn([], texts, "notice")
    else:
        turn = take_apart(texts, slot.is_child)
    return _rows(slot, turn, parts or [], {"queued": True})


def notice_records(slot: Slot, line: Line) -> list[Record]:
    """Return the text that a `system` line showed; most of them showed none."""
    text = line.content if isinstance(line.content, str) else _error_text(line.error)
    if not text or not text.strip():
        return []
    metadata = {"kind": "command" if line.subtype == "local_command" else "notice"}
    if line.subtype:
        metadata["subtype"] = line.subtype
    return [_row(slot, "system", text, metadata)]


def tool_result(
    session: str, block: ToolAnswer, external_id: str | None, created_at: str | None
) -> ToolResult:
    """Return a tool's answer."""
    text, parts = text_and_parts(block.content)
    return ToolResult(session, block.tool_use_id, text, block.is_error, created_at, None, external_id, parts)


def _rows(slot: Slot, turn: Turn, parts: list[Any], metadata: dict[str, Any] | None) -> list[Record]:
    """Return a system row for what was injected and a user row for what was typed, to which images belong."""
    is_typed = bool(turn.typed) or (bool(parts) and not turn.kind)
    rows: list[Record] = []
    if turn.injected or (parts and not is_typed):
        row = _row(slot, "system", joined(turn.injected), {"kind": turn.kind})
        own = {"external_id": f"{slot.external_id}#context"} if is_typed else {"parts": parts or None}
        rows.append(row._replace(**own))
    if is_typed:
        rows.append(_row(slot, "user", joined(turn.typed), metadata)._replace(parts=parts or None))
    return rows


def _row(slot: Slot, role: Role, text: str | None, metadata: dict[str, Any] | None) -> MessageRecord:
    return MessageRecord(slot.session, role, text, slot.external_id, slot.created_at, metadata=metadata)


def _error_text(error: Any) -> str | None:
    """Return the text of an error, which stands at its top or in the provider's answer inside it."""
    while isinstance(error, dict):
        text = error.get("formatted") or error.get("message")
        if isinstance(text, str):
            return text
        error = error.get("error")
    return None
