"""Answer a hook of an agent: import what has grown, and at the start of a session say what is known.

Agents call one command at their events, with JSON on its standard input: `session_id`, `transcript_path`, `cwd` and
`hook_event_name` of Claude Code, Codex and Gemini CLI, `sessionId` and `transcriptPath` of Copilot CLI, whose event is
an argument. What a hook prints reaches the model at some events and must be empty at others: a Stop that prints makes
Claude Code go on, a PreCompact that prints becomes part of the compaction's prompt (found with the agents themselves:
Claude Code 2.1.332, Codex 0.171.0, Gemini CLI 0.61.0, Copilot CLI 1.0.102). Events come late, three times or never,
so each is answered by itself, and the next start brings in what an end has missed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sessiondb.agents.loop import memory
from sessiondb.records.hooks import HookEntry
from sessiondb.settings import get
from sessiondb.settings.database import default_database
from sessiondb.settings.table import HOOK_ENABLED, HOOK_PROMPTS, HOOK_SECONDS, HOOK_TOKENS
from sessiondb.settings.time_zone import use_time_zone
from sessiondb.storage import debug

if TYPE_CHECKING:
    from sessiondb.database import SessionDB

AGENTS = ("claude-code", "codex", "gemini-cli", "copilot-cli", "cursor", "opencode")
"""Agents that have hooks."""

PROMPTS = "--prompts"
"""What in a hook's command line asks for answers to prompts."""

MAX_GROWTH = 16 * 1024 * 1024
"""Bytes that the start of a session reads at most: the agent waits for it. An end has time for more."""

MAX_STORE = 64 * 1024 * 1024
"""Bytes of an agent's database that the end of a turn reads at most: it reads the whole. `import auto` reads any."""

_START, _END, _PROMPT = "start", "end", "prompt"

# The events that mean something here, as the agents spell them, without case, dots and underscores.
_EVENTS = {
    "sessionstart": _START,
    "sessioncreated": _START,
    "stop": _END,
    "subagentstop": _END,
    "sessionend": _END,
    "afteragent": _END,
    "agentstop": _END,
    "sessionidle": _END,
    "userpromptsubmit": _PROMPT,
    "userpromptsubmitted": _PROMPT,
    "beforeagent": _PROMPT,
}
_LAST = re.compile(r"^(?:Session|Last update): .*\n", re.MULTILINE)
"""The lines of a brief that name the last session, and when."""
_AFTER_LOSS = ("compact", "clear")
"""Sources of a start at which the model has forgotten what it was told."""


def responded(arguments: Sequence[str]) -> bool:
    """Answer the hook that arguments ask for, AGENT [EVENT] [--prompts] [--db PATH], by stdin and stdout; False for
    others.

    Nothing that goes wrong reaches the agent: most drop the output of a hook that fails, some block a prompt, and all
    make people wait. The setting `hook.enabled`, as SESSIONDB_HOOK=off, turns hooks off. A prompt is answered only with
    `--prompts`, or the setting `hook.prompts`.
    """
    arguments, database = _database_of(arguments)
    asks_prompts = PROMPTS in arguments
    arguments = [argument for argument in arguments if argument != PROMPTS]
    if not arguments or arguments[0] not in AGENTS or len(arguments) > 2:
        return False
    try:
        # What a call costs the person who waits for the agent:
        #
        #     start     the logs of the project that have grown, up to 16 MiB; then a brief of what is known
        #     end       the session's own log, from where it was read before
        #     prompt    one search with a time limit, where that was asked for
        #     others    nothing: not even the database is opened
        if not get(HOOK_ENABLED):
            return True
        use_time_zone()
        given = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read()
        call = read_call(arguments[0], arguments[1] if len(arguments) > 1 else None, given)
        if call.kind == _PROMPT and not (asks_prompts or get(HOOK_PROMPTS)):
            return True
        if text := answer(call, database or default_database()):
            print(text, flush=True)
    except Exception as error:  # A hook promises to end well, whatever happens.
        if debug.is_on("hook"):
            debug.write("hook", f"{type(error).__name__}: {error}")
    return True


def _database_of(arguments: Sequence[str]) -> tuple[list[str], Path | None]:
    """Return arguments without the database that they name, and that database."""
    if "--db" not in arguments[:-1]:
        return list(arguments), None
    place = arguments.index("--db")
    return [*arguments[:place], *arguments[place + 2 :]], Path(arguments[place + 1]).expanduser()


class Call(NamedTuple):
    """A call of a hook: which agent, what happened to which session, and the files that tell of it."""

    agent: str
    event: str
    kind: str | None
    session_id: str | None
    folder: str | None
    source: str
    transcripts: tuple[str, ...]
    prompt: str = ""


def read_call(agent: str, event: str | None, text: str) -> Call:
    """Return what an agent handed to its hook. What cannot be read is an event that means nothing."""
    try:
        given = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        given = {}
    if not isinstance(given, dict):
        given = {}

    def first(*names: str) -> str | None:
        found = (given.get(name) for name in names)
        return next((value for value in found if isinstance(value, str) and value), None)

    name = event or first("hook_event_name", "hookEventName", "event") or ""
    paths = (
        first("transcript_path", "transcriptPath"),
        first("agent_transcript_path", "agentTranscriptPath"),
    )
    return Call(
        # Cursor runs the hooks of Claude Code too.
        "cursor" if "cursor_version" in given else agent,
        name,
        _EVENTS.get(re.sub(r"[^a-z]", "", name.lower())),
        first("session_id", "sessionId", "sessionID", "conversation_id"),
        first("cwd", "directory") or _first_root(given.get("workspace_roots")),
        first("source") or "",
        tuple(path for path in paths if path),
        # What a sub-agent is told, no person has typed.
        "" if "agent_id" in given else first("prompt") or "",
    )


def _first_root(roots: object) -> str | None:
    """Return the folder that Cursor works in: it lists those of its window."""
    root = roots[0] if isinstance(roots, list) and roots else None
    return root if isinstance(root, str) and root else None


def answer(call: Call, database: Path) -> str:
    """Do what a call asks for, and return what is to be printed, "" for nothing.

    The database is made where there is none; one of an older version is refused, for a hook migrates nothing. Raises
    the errors of sessiondb.errors.
    """
    if call.kind is None:
        return ""
    if call.kind == _PROMPT:
        return _pointed(call, database)
    from sessiondb.database import SessionDB

    # What a hook misses because another one writes is imported by the next.
    with SessionDB(database, time_budget=get(HOOK_SECONDS), migrate=False) as db:
        if call.kind == _END:
            grown = [path for path in call.transcripts or _stores(call) if os.path.exists(path)]
            if grown:
                db.import_logs(*grown)
            _log(db, call)
            return ""
        if grown := list(_grown(db, call)):
            db.import_logs(*grown)
        if call.folder is None:
            return ""
        text, tokens = memory.known(db, call.folder, get(HOOK_TOKENS), but=call.session_id)
        if text and _is_news(db, call, text):
            _log(db, call, text, tokens)
            return _framed(call.agent, call.event, text)
        return ""


def _pointed(call: Call, database: Path) -> str:
    """Point to an earlier session that is about a prompt, once for each in a session of the agent."""
    if not (call.prompt and call.session_id and call.folder and os.path.exists(database)):
        return ""
    from sessiondb.agents.loop import prompts
    from sessiondb.chat.token_estimate import text_tokens
    from sessiondb.database import SessionDB

    with SessionDB(database, time_budget=prompts.SECONDS, migrate=False) as db:
        found = prompts.pointer(db, call.prompt, call.folder, call.session_id)
        if found is None or db.hook_log.was_ever_said(call.session_id, _digest(found.session_id)):
            return ""
        _log(db, call, found.session_id, text_tokens(found.text))
        return _framed(call.agent, call.event, found.text)


def _grown(db: SessionDB, call: Call) -> Iterator[str]:
    """Yield the logs beside the session's own that have changed since they were read, up to MAX_GROWTH.

    Only names and sizes are looked at: an unchanged folder costs one stat a file.
    """
    found = {str(path): path.stat() for path in _logs(call) if os.path.isfile(path)}
    known = db.imported_sizes(found)
    # The newest first: where not all can be read in time, it is the oldest that waits.
    left = MAX_GROWTH
    for path, stat in sorted(found.items(), key=lambda item: -item[1].st_mtime_ns):
        growth = stat.st_size - known.get(path, (0, 0))[0]
        if (stat.st_size, stat.st_mtime_ns) != known.get(path):
            left -= max(growth, 0)
            if left < 0:
                return
            yield path


def _logs(call: Call) -> Iterable[Path]:
    """Return the logs of the project that a session starts in, where the agent keeps them by project or day."""
    if call.transcripts:
        folder = Path(call.transcripts[0]).parent
        if os.path.isdir(folder):
            return sorted(folder.glob("*.json*"))
    if call.agent == "codex":
        sessions = Path(os.environ.get("CODEX_HOME") or Path.home() / ".codex") / "sessions"
        days = sorted(sessions.glob("[0-9]*/[0-9]*/[0-9]*"))[-2:]
        return [log for day in days for log in sorted(day.glob("*.jsonl"))]
    return []


def _stores(call: Call) -> Iterable[str]:
    """Return the database of an agent that keeps all its sessions in one, where reading it takes no long time."""
    if call.agent != "opencode":
        return []
    from sessiondb.ingest.places import known_places

    stores = [path for path in known_places(["opencode"])["opencode"] if os.path.isfile(path)]
    return [str(path) for path in stores if path.stat().st_size <= MAX_STORE]


def _is_news(db: SessionDB, call: Call, text: str) -> bool:
    """Say whether a session does not know this yet, or has lost it."""
    if call.session_id is None or call.source in _AFTER_LOSS:
        return True
    # A start fires once more when a session is resumed, cleared or compacted; a model that knows a thing need not pay
    # for it again.
    return not db.hook_log.was_said(call.session_id, call.event, _digest(text))


def _digest(text: str) -> str:
    """Return what tells one thing told from another. The last session does not count: it may be the one that asks."""
    lasting = _LAST.sub("", text)
    return hashlib.sha256(lasting.encode()).hexdigest()[:16]


def _log(db: SessionDB, call: Call, text: str = "", tokens: int = 0) -> None:
    entry = HookEntry("", call.agent, call.event, call.session_id, call.folder, tokens)
    db.hook_log.add(entry, _digest(text) if text else None)


def _framed(agent: str, event: str, text: str) -> str:
    """Return what is known as data for the model, in the form that the agent hands on to it."""
    framed = memory.framed(
        text, 'To look further: `sessiondb search "words" --project .` and `sessiondb show ID`.'
    )
    if agent == "gemini-cli":
        return json.dumps({"hookSpecificOutput": {"hookEventName": event, "additionalContext": framed}})
    if agent == "copilot-cli":
        return json.dumps({"additionalContext": framed})
    if agent == "cursor":
        return json.dumps({"additional_context": framed})
    return framed
