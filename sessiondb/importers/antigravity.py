"""The transcripts of Antigravity: of its command line, and of its editor.

`~/.gemini/antigravity-cli/brain/<id>/.system_generated/logs/transcript.jsonl`, a line for each step:
`{step_index, source, type, status, created_at, content, thinking, tool_calls}`. It is the readable twin of a
database of protocol buffers.

- `USER_INPUT` is a prompt only within `<USER_REQUEST>`; what stands beside that the program has put there, such as
  a change of the model.
- `PLANNER_RESPONSE` is an answer of the model. Its calls have no ids, and their arguments are JSON once more.
- Any other step of the source `MODEL` is what a tool answered, under a type of its own (`LIST_DIRECTORY` for
  `list_dir`), in the order of the calls.
- Steps that are under way are left until they are done. `truncated_fields` names what the program has cut: where
  there is a `transcript_full.jsonl` beside, that is read instead. A step is the same in both, so no text is in its id.

Not in it: tokens, the project's folder.

Sources: logs of June 2026; shapes as other readers name them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sessiondb.chat.content import json_text, text_or_none
from sessiondb.chat.text import clean_json
from sessiondb.importers.base import (
    Fingerprints,
    MessageRecord,
    Record,
    SessionRecord,
    ToolCallRecord,
    ToolResult,
    session_id,
)
from sessiondb.importers.files.json_lines import objects_of
from sessiondb.importers.files.packed import plain_path
from sessiondb.importers.files.source import Source
from sessiondb.importers.line_reader import records_of
from sessiondb.timestamps import normalise

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample

name = "antigravity-cli"
version = 1

_CUT, _FULL = "transcript.jsonl", "transcript_full.jsonl"
# By the name of a folder that the transcript lies in.
_AGENTS = {"antigravity-cli": name, "antigravity": "antigravity", "antigravity-ide": "antigravity"}
_PREFIX = "default_api:"
_ANSWERS = frozenset(("PLANNER_RESPONSE", "GENERATE_RESPONSE"))

_STEP = frozenset(("step_index", "source", "type"))
_REQUEST = re.compile(r"<USER_REQUEST>(.*?)</USER_REQUEST>", re.DOTALL)
_MODEL = re.compile(r"setting `Model Selection` from .*? to (.+?)\.?\s*(?:</|$)", re.MULTILINE)
_UNDER_WAY = frozenset(("RUNNING", "PENDING", "GENERATING", "WAITING", "QUEUED", "IN_PROGRESS"))
_KINDS = {"CHECKPOINT": "compact_summary", "SYSTEM_MESSAGE": "notice", "ERROR_MESSAGE": "notice"}
# The types of answers whose names are not those of the tools.
_TOOLS = {
    "LIST_DIRECTORY": ("list_dir",),
    "CODE_ACTION": (
        "write_file",
        "write_to_file",
        "replace_file_content",
        "multi_replace_file_content",
        "edit_file",
    ),
    "SEARCH_WEB": ("search_web", "web_search"),
    "READ_URL_CONTENT": ("read_url_content", "read_url"),
}


def sniff(sample: Sample) -> int:
    """Look for a step."""
    return 2 if any(line.keys() >= _STEP and isinstance(line["type"], str) for line in sample.lines) else 0


def read(source: Source) -> Iterator[Record]:
    """Yield the conversation of a transcript; nothing for one that is cut short where it is there in full, too."""
    path = plain_path(source.path)
    if path.name == _CUT and path.with_name(_FULL).exists():
        source.end = source.path.stat().st_size
        return
    yield from records_of(source, _Transcript(source))


class _Transcript:
    """The steps of one conversation on their way to records; what waits for more is in the source's state."""

    def __init__(self, source: Source) -> None:
        path = plain_path(source.path).absolute()
        self._source = source
        self._state = source.state
        self._native_id = _id_of(path)
        self._agent = next((_AGENTS[part] for part in reversed(path.parts[:-1]) if part in _AGENTS), name)
        self._session = session_id(self._agent, self._native_id, str(path.parent))
        self._name = Fingerprints(source.state)
        # Calls that nothing has answered yet: their ids and tools.
        self._waiting: list[list[str]] = self._state.setdefault("waiting", [])
        self._has_begun = False

    def take(self, line: dict[str, Any]) -> Iterator[Record]:
        """Yield the records of a step."""
        kind, status = line.get("type"), line.get("status")
        if not isinstance(kind, str) or "step_index" not in line:
            self._source.problem("no step of Antigravity")
            return
        if not self._has_begun:
            self._has_begun = True
            yield SessionRecord(self._session, self._agent, self._native_id)
        if isinstance(status, str) and status in _UNDER_WAY:
            return
        at = normalise(line.get("created_at"), self._source.tz)
        content = text_or_none(line.get("content"))
        id = self._name(f"{json_text(line['step_index'])} {line.get('created_at')}", kind)
        if kind == "USER_INPUT":
            yield from self._prompt(content, id, at)
        elif kind in _ANSWERS:
            yield from self._answer(line, content, id, at)
        elif line.get("source") == "MODEL":
            yield self._result(kind, status, content, id, at)
        elif content:
            metadata = {"kind": _KINDS.get(kind, "meta")}
            yield MessageRecord(self._session, "system", content, id, at, metadata=metadata)

    def finish(self) -> Iterator[Record]:
        """Yield nothing more."""
        yield from ()

    def _prompt(self, content: str | None, id: str, at: str | None) -> Iterator[Record]:
        if content is None:
            return
        requests = _REQUEST.findall(content)
        typed = "\n\n".join(one.strip() for one in requests) if requests else content
        beside = _REQUEST.sub("", content).strip() if requests else ""
        if model := _MODEL.search(beside):
            self._state["model"] = model[1]
        if beside:
            metadata = {"kind": "environment"}
            yield MessageRecord(self._session, "system", beside, f"{id}#context", at, metadata=metadata)
        if typed:
            yield MessageRecord(self._session, "user", typed, id, at)

    def _answer(self, line: dict[str, Any], content: str | None, id: str, at: str | None) -> Iterator[Record]:
        calls: list[ToolCallRecord] = []
        for number, call in enumerate(objects_of(line.get("tool_calls"))):
            tool = (text_or_none(call.get("name")) or "").removeprefix(_PREFIX) or None
            call_id = text_or_none(call.get("id")) or f"{id}#call{number}"
            calls.append(ToolCallRecord(call_id, tool, json_text(_arguments(call.get("args")))))
        self._waiting[:] = [[call.call_id or "", call.name or ""] for call in calls]
        reasoning = text_or_none(line.get("thinking"))
        if content or reasoning or calls:
            yield MessageRecord(
                self._session,
                "assistant",
                content,
                id,
                at,
                reasoning,
                model=text_or_none(self._state.get("model")),
                metadata=_cut(line),
                tool_calls=tuple(calls),
            )

    def _result(self, kind: str, status: Any, content: str | None, id: str, at: str | None) -> ToolResult:
        tools = (kind.lower(), *_TOOLS.get(kind, ()))
        call = next((one for one in self._waiting if one[1] in tools or kind == "GENERIC"), None)
        if call:
            self._waiting.remove(call)
        tool = call[1] if call else tools[0]
        is_error = status == "ERROR" if isinstance(status, str) else None
        return ToolResult(self._session, call[0] if call else None, content, is_error, at, tool or None, id)


def _id_of(path: Path) -> str:
    """Return the id of a conversation: the folder's in the brain that its transcript lies in, else the file's name."""
    parts = path.parts
    below = parts.index("brain") + 1 if "brain" in parts[:-2] else None
    return path.name.removesuffix(".jsonl") if below is None else parts[below]


def _arguments(value: Any) -> Any:
    """Return a call's arguments, of which each is JSON once more."""
    if not isinstance(value, dict):
        return value
    found = {}
    for key, item in value.items():
        found[key] = item
        if isinstance(item, str):
            try:
                found[key] = clean_json(json.loads(item))
            except (ValueError, RecursionError):
                continue
    return found


def _cut(line: dict[str, Any]) -> dict[str, Any] | None:
    fields = line.get("truncated_fields")
    named = [one for one in fields if isinstance(one, str)] if isinstance(fields, list) else []
    return {"truncated": named} if named else None
