"""Kimi Code's sessions: `~/.kimi-code/sessions/<folder>/session_<id>/agents/<agent>/wire.jsonl`, and Kimi CLI's before.

Each agent of a session has a log of its own; `state.json` above them has the title, the folder, and who began whom.

- `turn.prompt` and `turn.steer` are what was asked; their `origin` tells whether a person did. The same comes again as
  `context.append_message`, which alone tells of what the program put in between.
- A response is a step: its parts, calls and answers are lines that name it (`stepUuid`).
- `usage.record` is counted. `step.end` repeats it, but has no line for a compaction.
- Kimi CLI kept `~/.kimi/sessions/<md5 of the folder>/<id>/wire.jsonl` (legacy.py), and beside it `context.jsonl`, the
  same as the model saw it, which is read where the first is not there.

Not kept: instructions for the model, lists of tools, approvals, plans for the screen.

Sources: a session of Kimi Code, wire protocol 1.4 (August 2026); Kimi CLI's wire by its source.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sessiondb.importers.base import Record
from sessiondb.importers.files.json_lines import object_of
from sessiondb.importers.files.packed import plain_path
from sessiondb.importers.kimi.legacy import ContextReader, WireReader
from sessiondb.importers.kimi.talk import AGENT
from sessiondb.importers.kimi.wire import Reader
from sessiondb.importers.line_reader import LineReader, joined, records_of

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample
    from sessiondb.importers.files.source import Source

name = AGENT
version = 1

_OF_A_CONTEXT = ("_checkpoint", "_usage", "_system_prompt")
_STATE = "state.json"
_OF_A_STATE = frozenset(("agents", "workDir"))
_LOG, _OLD_LOG, _CONTEXT = "log", "old log", "context"


def sniff(sample: Sample) -> int:
    """Look for the first line of a log, for an old line with its event, or for what only a context has."""
    if any(_form(line) for line in sample.lines):
        return 2
    return 2 if sample.path.name == _STATE and object_of(sample.document).keys() >= _OF_A_STATE else 0


def is_index(path: str) -> bool:
    """Say whether a file tells of a session without holding what was said in it."""
    return os.path.basename(path) == _STATE


def read(source: Source) -> Iterator[Record]:
    """Yield the session of a log from `source.start` on; nothing for a context beside its log."""
    if source.path.name == _STATE:
        source.document()  # which tells how much of the file was read
        return
    form = source.state.get("form")
    if form is None:
        form = source.state["form"] = _form_of(source)
    if form == _CONTEXT and plain_path(source.path).with_name("wire.jsonl").exists():
        source.end = source.path.stat().st_size
        return
    reader: LineReader = Reader(source)
    if form != _LOG:
        reader = WireReader(source) if form == _OLD_LOG else ContextReader(source)
    yield from joined(records_of(source, reader))


def _form_of(source: Source) -> str:
    from sessiondb.importers.files.sample import Sample

    lines = Sample(source.path).lines_up_to(50)
    # The first line is much the same in both logs: those that follow tell better.
    told = [form for line in lines if line.get("type") != "metadata" and (form := _form(line))]
    return next(filter(None, (*told, *map(_form, lines))), _LOG)


def _form(line: dict[str, Any]) -> str | None:
    kind = line.get("type")
    if line.get("role") in _OF_A_CONTEXT:
        return _CONTEXT
    message = object_of(line.get("message"))
    if "timestamp" in line and isinstance(message.get("type"), str) and "payload" in message:
        return _OLD_LOG
    if kind == "metadata" and "protocol_version" in line:
        return _LOG if "created_at" in line else _OLD_LOG
    is_event = isinstance(kind, str) and kind.startswith(
        ("context.append_", "turn.", "usage.record", "config.update")
    )
    return _LOG if is_event and "time" in line else None
