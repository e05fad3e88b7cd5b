"""Make Codex logs line by line, and see what a database would hold of them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sessiondb.importers import codex
from sessiondb.importers.base import MessageRecord, Record, SessionRecord, TokenRecord, ToolResult
from sessiondb.importers.files.source import Source

SESSION = "019ce14a-7d30-7b52-9c1e-4a6f0d83e2b5"
FILE = f"rollout-2026-03-12T09-41-07-{SESSION}.jsonl"
PIXEL = "data:image/png;base64,iVBORw0KGgo="
PIXEL_HASH = {
    "sha256": "4c4b6a3be1314ab86138bef4314dde022e600960d8689a2c8f8631802d20dab6",
    "media_type": "image/png",
    "bytes": 8,
}


def line(kind: str, second: float, **payload: Any) -> dict[str, Any]:
    return {"timestamp": f"2026-03-12T08:41:{second:06.3f}Z", "type": kind, "payload": payload}


def header(**payload: Any) -> dict[str, Any]:
    return line(
        "session_meta", 0, **{"id": SESSION, "cwd": "/home/j/tides", "cli_version": "0.104.0", **payload}
    )


def context(second: float, **payload: Any) -> dict[str, Any]:
    return line("turn_context", second, **{"cwd": "/elsewhere", "model": "gpt-5.3-codex", **payload})


def item(kind: str, second: float, **payload: Any) -> dict[str, Any]:
    return line("response_item", second, type=kind, **payload)


def event(kind: str, second: float, **payload: Any) -> dict[str, Any]:
    return line("event_msg", second, type=kind, **payload)


def message(role: str, text: str, second: float, **payload: Any) -> dict[str, Any]:
    block = {"type": "output_text" if role == "assistant" else "input_text", "text": text}
    return item("message", second, role=role, content=[block], **payload)


def reasoning(text: str, second: float) -> dict[str, Any]:
    summary = [{"type": "summary_text", "text": text}] if text else []
    return item("reasoning", second, summary=summary, content=None, encrypted_content="gAAAAABpOH6wd5z")


def call(call_id: str, command: str, second: float) -> dict[str, Any]:
    return item("function_call", second, name="exec", arguments=json.dumps({"cmd": command}), call_id=call_id)


def output(call_id: str, text: str, second: float) -> dict[str, Any]:
    return item("function_call_output", second, call_id=call_id, output=text)


def tokens(second: float, total: tuple[int, ...], last: tuple[int, ...]) -> dict[str, Any]:
    names = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_output_tokens")
    usages = {"total_token_usage": total, "last_token_usage": last}
    info = {key: dict(zip(names, values, strict=True)) for key, values in usages.items()}
    return event("token_count", second, info=info, rate_limits={"primary": {"used_percent": 1.0}})


def write(path: Path, lines: Iterable[Any]) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in lines), encoding="utf-8")
    return path


def read(tmp_path: Path, *lines: Any) -> list[Record]:
    return list(codex.read(Source(write(tmp_path / FILE, lines))))


def rows(records: Iterable[Record]) -> list[tuple[Any, ...]]:
    """Return the conversation as (role or kind, text, calls), reasoning in brackets."""
    found: list[tuple[Any, ...]] = []
    for record in records:
        if isinstance(record, ToolResult):
            found.append(("tool", record.call_id, record.result))
        elif isinstance(record, MessageRecord):
            thought = f"[{record.reasoning}]" if record.reasoning else ""
            kind = (record.metadata or {}).get("kind") if record.role == "system" else record.role
            calls = tuple(asked.call_id for asked in record.tool_calls)
            found.append((kind, f"{thought}{record.content or ''}", *([calls] if calls else [])))
    return found


def known(records: Iterable[Record]) -> dict[str, Any]:
    """Return what the session records say together."""
    said: dict[str, Any] = {}
    for record in records:
        if isinstance(record, SessionRecord):
            said |= {key: value for key, value in record._asdict().items() if value not in (None, ())}
    return said


def union(records: Iterable[Record]) -> tuple[dict[str, Any], list[Any], list[Any]]:
    """Return what a database would hold: sessions, rows in their order, token counts."""
    messages: dict[Any, Any] = {}
    counts: dict[str, TokenRecord] = {}
    records = list(records)
    for record in records:
        if isinstance(record, MessageRecord):
            old = messages.get(record.external_id)
            messages[record.external_id] = _joined(old, record) if old and record.continues else old or record
        elif isinstance(record, ToolResult):
            messages.setdefault(record.call_id or record.external_id, record)
        elif isinstance(record, TokenRecord):
            counts.setdefault(record.request_key, record)
    return known(records), list(messages.values()), list(counts.values())


def _joined(old: MessageRecord, more: MessageRecord) -> MessageRecord:
    texts: dict[str, Any] = {
        name: "\n\n".join(filter(None, (getattr(old, name), getattr(more, name)))) or None
        for name in ("content", "reasoning")
    }
    metadata = {**(old.metadata or {}), **(more.metadata or {})} or None
    parts = (old.parts or []) + (more.parts or []) or None
    return old._replace(**texts, metadata=metadata, parts=parts, tool_calls=old.tool_calls + more.tool_calls)


def whole_session() -> list[dict[str, Any]]:
    typed = "Add a test for October."
    return [
        header(
            source="cli",
            originator="codex_cli_rs",
            git={"branch": "main"},
            base_instructions={"text": "long"},
        ),
        message("developer", "<permissions instructions>ask</permissions instructions>", 0.1),
        message("user", "# AGENTS.md instructions for /home/j\n\n<INSTRUCTIONS>UTC</INSTRUCTIONS>", 0.1),
        message("user", "<environment_context><cwd>/home/j/tides</cwd></environment_context>", 0.1),
        event("task_started", 1, turn_id="019ce14a-a000-7000-8000-000000000001"),
        message("user", "Why is the tide late?", 1.1),
        event("user_message", 1.2, message="Why is the tide late?", images=[], local_images=[]),
        context(1.3),
        event("token_count", 1.4, info=None, rate_limits={}),
        event("agent_reasoning", 2, text="**Looking**"),
        reasoning("**Looking**", 2.1),
        event("agent_message", 2.2, message="Let me look."),
        message("assistant", "Let me look.", 2.3, phase="commentary"),
        call("call_1", "rg hours", 2.4),
        call("call_2", "date", 2.5),
        tokens(2.6, (1000, 400, 90, 30), (1000, 400, 90, 30)),
        event("exec_command_end", 2.7, call_id="call_1", aggregated_output="as an event", exit_code=0),
        output("call_1", "Exit code: 0\nWall time: 0.1 seconds\nOutput:\nhours=12\n", 2.8),
        output("call_2", json.dumps({"output": "no date\n", "metadata": {"exit_code": 1}}), 2.9),
        tokens(3, (1000, 400, 90, 30), (1000, 400, 90, 30)),
        reasoning("", 4),
        message("assistant", "The clock changed.", 4.1, phase="final_answer"),
        tokens(4.2, (2500, 1300, 120, 30), (1500, 900, 30, 0)),
        event("task_complete", 4.3, turn_id="x", last_agent_message="The clock changed."),
        event("thread_name_updated", 4.4, thread_name="Tides and clocks"),
        event("user_message", 5, message=typed, images=[PIXEL], local_images=["/tmp/a.png"]),
        message("user", typed, 5.1),
        context(5.2, model="gpt-5.4"),
        item(
            "web_search_call", 5.3, id="ws_1", status="completed", action={"type": "search", "query": "DST"}
        ),
        event("web_search_end", 5.4, call_id="ws_1", query="DST", results=[{"title": "Clock changes"}]),
        message("assistant", "Found it.", 5.5),
        call("call_3", "pytest", 5.6),
        event("exec_command_end", 6, call_id="call_3", aggregated_output="1 failed\n", exit_code=1),
        event("turn_aborted", 7, reason="interrupted"),
        message("user", "<turn_aborted>on purpose</turn_aborted>", 7.1),
        line("compacted", 8, message="So far: a test is missing.", replacement_history=[{"type": "message"}]),
        event("error", 9, message="stream closed"),
    ]


ODD: tuple[Any, ...] = (
    None,
    0,
    -1,
    1.5,
    True,
    "",
    "x",
    [],
    [1, None, {}],
    {},
    {"type": "x"},
    {"text": 5},
    [[["a"]]],
    2**70,
)


def mutated(value: Any, dice: random.Random, odds: float) -> Any:
    """Return a decoded JSON value in which some values, at any depth, are replaced by odd ones."""
    if dice.random() < odds:
        return dice.choice(ODD)
    if isinstance(value, dict):
        return {key: mutated(inner, dice, odds) for key, inner in value.items()}
    return [mutated(inner, dice, odds) for inner in value] if isinstance(value, list) else value
