"""Claude Code's transcripts: `<project>/<session>.jsonl`, sub-agents' files, the web's `{"loglines": [...]}`.

The format is internal to Claude Code and changes from release to release. A line is a message, or one block
of an API response, or one of dozens of other things. What is known of them:

- An answer is the lines of one `message.id`, between which other lines may stand. Each repeats the usage,
  which grows while the answer streams: the greatest output counts, once for an id. Forks and side questions
  repeat answers in files of their own, the latter under other request ids. What an advisor and a compaction
  took within an answer is not in its usage but in `usage.iterations`, and counts beside it.
- A user line holds tools' answers, or a prompt, or what was put in the user's place (prompts.py).
- A sub-agent has a file of its own, whose lines carry the parent's `sessionId` and its `agentId`. Releases
  before 2.0 wrote it into the parent's file as a sidechain.
- `claude -p --output-format stream-json` prints the same messages, without prompts and times, as `session_id`.
- Lines of another session may stray into a file: they belong to that one, which has a file of its own.
- A `summary` names the last line of the conversation that it sums up, which is often another one.
- Progress, hooks, snapshots, modes and the like are not kept. Since 2.1.332 requests are written out as well
  (`api-request-blob` and its like), which repeats the conversation; `cost-state` is the program's own bill, kept as
  metadata beside the counts.

Sources: transcripts of releases 1.0 to 2.1, code.claude.com/docs/en/sessions, and for `iterations`
platform.claude.com/docs/en/agents-and-tools/tool-use/advisor-tool and .../build-with-claude/compaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sessiondb.chat.text import clean_json
from sessiondb.importers.base import Record
from sessiondb.importers.claude_code.lines import Line, decode, lenient
from sessiondb.importers.claude_code.sessions import AGENT
from sessiondb.importers.claude_code.transcript import Transcript
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Source, open_bytes

name = AGENT
version = 6
wrong_before = 5

_TYPES = frozenset(("user", "assistant", "summary", "system", "progress", "attachment", "queue-operation"))
_TYPES |= {"custom-title", "ai-title", "agent-name", "last-prompt", "mode", "permission-mode"}
_TYPES |= {"file-history-snapshot"}
_IDS = ("uuid", "sessionId", "session_id", "leafUuid", "messageId")
# The web's document begins with its key; looking no further keeps small files cheap.
_LOGLINES = b'"loglines"'
_HEAD = 1024


def sniff(sample: Sample) -> int:
    """Look for lines of the format's types and ids, or for a web session's only key."""
    return max(map(_score, sample.lines), default=0) or (0 if _loglines(sample) is None else 2)


def read(source: Source) -> Iterator[Record]:
    """Yield the sessions of a file: the main one, and those of the sub-agents that are written into it."""
    with open_bytes(source.path) as handle:
        may_be_document = _LOGLINES in handle.read(_HEAD)
    loglines = _loglines(Sample(source.path)) if may_be_document else None
    if loglines is not None or source.state.get("whole"):
        source.start = source.line = 0
        source.state.clear()
    transcript = Transcript(source)
    ready = transcript.ready
    for line in _lines(source, loglines):
        try:
            transcript.add(line)
        except RecursionError:
            source.problem("nested too deeply")
        if ready:
            yield from ready
            ready.clear()
    transcript.finish()
    yield from ready


def _score(line: dict[str, Any]) -> int:
    message = line.get("message")
    has_id = any(isinstance(line.get(key), str) for key in _IDS)
    kind = line.get("type")
    if kind in ("user", "assistant") and isinstance(message, dict) and message and "content" not in message:
        return 0
    if isinstance(kind, str) and kind in _TYPES and has_id:
        # Other agents write notices under the same names, and messages that tell after them.
        return 1 if kind == "system" else 2
    if kind is None and "sessionId" in line and isinstance(message, dict) and "usage" in message:
        return 2
    return int(kind in ("user", "assistant") and isinstance(message, dict) and "content" in message)


def _lines(source: Source, loglines: list[Any] | None) -> Iterator[Line]:
    def read_leniently(value: Any) -> Line:
        if not isinstance(value, dict):
            source.problem("not a JSON object")
            return Line()
        try:
            return lenient(value)
        except RecursionError:
            source.problem("nested too deeply")
            return Line()

    if loglines is None:
        return source.json_lines(decode, read_leniently)
    document = source.document()
    return map(read_leniently, clean_json(document["loglines"]) if isinstance(document, dict) else ())


def _loglines(sample: Sample) -> list[Any] | None:
    """Return the lines of a web session, which is one JSON document; None for a file of JSON lines."""
    if _LOGLINES not in sample.head[:_HEAD] or not isinstance(sample.document, dict):
        return None
    lines = sample.document.get("loglines")
    return lines if isinstance(lines, list) else None
