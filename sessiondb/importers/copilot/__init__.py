"""GitHub Copilot CLI's event logs: `~/.copilot/session-state/<id>/events.jsonl`, before that `<id>.jsonl`.

A line is `{type, data, id, timestamp, parentId}`; `parentId` is the event before it, never a session.

- A prompt is `user.message`: `content` is what was typed, `transformedContent` the same with a date for the model. One
  with a `source` (a skill's text) or without content was put there by the program.
- A response is `assistant.message`, in pieces where it is long; it has all its calls. `tool.execution_start` repeats
  them, and tells of those that the program makes by itself; `tool.execution_complete` has the answers.
- Events of a sub-agent name the call that began it (`parentToolCallId`), or the agent (`agentId`).
- `session.usage_record` has the tokens of one response, the input with what came from the cache, the output with
  reasoning. Before that line existed there are only the sums of `session.shutdown`, which grow over all resumes: what
  the records do not account for is one count a model. A session that was killed then has none.
- Of `workspace.yaml` beside the log the name is read. `session-store.db` above it is an index of the same sessions.

Not kept: notices, hooks, telemetry, opaque reasoning, the longer copy of a tool's answer.

Sources: logs of releases 0.0.420 to 1.0.102, one of them run against a stub of a model (November 2026).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sessiondb.importers.base import Record
from sessiondb.importers.copilot.session import AGENT, SessionReader
from sessiondb.importers.line_reader import joined, records_of

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample
    from sessiondb.importers.files.source import Source

name = AGENT
version = 1

_NAME = re.compile(r"^name:[ \t]*(\S.*?)[ \t]*$", re.MULTILINE)
_MOST_OF_A_WORKSPACE = 65536


def sniff(sample: Sample) -> int:
    """Look for an event: a dotted type, data, and the event before it."""
    return 2 if any(_is_event(line) for line in sample.lines) else 0


def read(source: Source) -> Iterator[Record]:
    """Yield the session, the sessions of its sub-agents, and their messages from `source.start` on."""
    return joined(records_of(source, SessionReader(source, _name_beside(source.path))))


def _is_event(line: dict[str, Any]) -> bool:
    kind = line.get("type")
    return isinstance(kind, str) and "." in kind and isinstance(line.get("data"), dict) and "parentId" in line


def _name_beside(path: Path) -> str | None:
    """Return the session's name: the program's, or the one that a person gave it."""
    try:
        with open(path.with_name("workspace.yaml"), encoding="utf-8", errors="replace") as handle:
            found = _NAME.search(handle.read(_MOST_OF_A_WORKSPACE))
    except OSError:
        return None
    if found is None or found[1][0] in "|>&*!":
        return None
    text = found[1]
    if text[0] == text[-1] == '"' and len(text) > 1:
        try:
            return str(json.loads(text)) or None
        except ValueError:
            return None
    if text[0] == text[-1] == "'" and len(text) > 1:
        return text[1:-1].replace("''", "'") or None
    return text
