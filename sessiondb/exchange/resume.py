"""The command with which a session is gone on with in its agent, or in another one.

What an agent is told depends on what it has of the session:

    its own log                       the command
    a file that was written for it    the command; OpenCode imports the file first, Gemini CLI takes it by its name
    nothing                           the command, with a warning; `written_command` writes a file first
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sessiondb.chat.text import visible
from sessiondb.dao.ledger import Ledger
from sessiondb.dao.native_files import NativeFile, NativeFiles
from sessiondb.errors import Conflict, ImportFailed, InvalidInput, NotFound
from sessiondb.exchange.native import WRITERS, writer
from sessiondb.records import ResumeCommand, Session
from sessiondb.storage.values import one_text

if TYPE_CHECKING:
    from sessiondb.dao.tables import Tables

Places = Mapping[str, Sequence[Path]]
"""Where the agents keep their sessions, by their names."""


class _Agent(NamedTuple):
    """How an agent is told to go on with a session: its words, `{}` for the id that it gave the session.

    `first` and `by_file` are what it is told, `{}` for the path, where it was given the session in a file apart from
    its own.
    """

    words: tuple[str, ...]
    is_bound: bool = False
    """Whether it finds a session only in the folder where it was."""
    starts_anew: bool = False
    """Whether it begins a new session, without a word, where it does not find this one."""
    first: tuple[str, ...] = ()
    by_file: tuple[str, ...] = ()


# Claude Code, Codex, Copilot CLI, Gemini CLI and OpenCode were tried against a stub of a model, the others are as
# documented.
_AGENTS = {
    "claude-code": _Agent(("claude", "--resume", "{}"), is_bound=True),
    "codex": _Agent(("codex", "resume", "{}"), starts_anew=True),
    # It goes on in a copy: of its own sessions it opens only the last one.
    "continue": _Agent(("cn", "--fork", "{}")),
    "copilot-cli": _Agent(("copilot", "--resume={}")),
    "cursor": _Agent(("cursor-agent", "--resume={}")),
    "droid": _Agent(("droid", "--resume", "{}")),
    "gemini-cli": _Agent(
        ("gemini", "--resume", "{}"), is_bound=True, by_file=("gemini", "--session-file", "{}")
    ),
    "goose": _Agent(("goose", "session", "--resume", "--session-id", "{}")),
    "hermes": _Agent(("hermes", "--resume", "{}")),
    "kimi-code": _Agent(("kimi", "--session", "{}"), is_bound=True),
    "llm": _Agent(("llm", "chat", "--cid", "{}")),
    "nanobot": _Agent(("nanobot", "agent", "--session", "{}")),
    "opencode": _Agent(("opencode", "--session", "{}"), is_bound=True, first=("opencode", "import", "{}")),
    "openhands": _Agent(("openhands", "--resume", "{}")),
    "pi": _Agent(("pi", "--session", "{}"), is_bound=True),
    "qwen-code": _Agent(("qwen", "--resume", "{}"), is_bound=True),
}
_ALIASES = {"claude": "claude-code", "copilot": "copilot-cli", "gemini": "gemini-cli"}
_DATABASES = (".db", ".sqlite")

# An id comes from a log: it may be no option, and no text that drives a terminal.
_ID = re.compile(r"[A-Za-z0-9][\w.:@/+=-]*")


class _Known(NamedTuple):
    """What an agent has of a session: what it calls it, its log, and the file in which it was given it.

    A file that lies where the agent looks is its log.
    """

    native_id: str
    log: str | None = None
    given: str | None = None

    @property
    def path(self) -> str | None:
        """Return the file that there is."""
        return self.log or self.given


def resume_command(db: Tables, session_id: str, places: Places) -> ResumeCommand:
    """Return the command that goes on with a session; nothing is written.

    Raises NotFound, and InvalidInput where there is no command.
    """
    session, warnings = _main_session(db, db.sessions.get(session_id))
    agent = _agent(session)
    known = _known(db, session, places)
    paths = Ledger(db.connection).paths_of(session.id, histories=False)
    found = _command(session, session.agent, known)
    warnings += found.warnings
    if known.path is None and (paths or session.is_prompts_only):
        fate = "would begin a new session" if agent.starts_anew else "will not find the session"
        remedy = "; --write makes it anew" if session.agent in WRITERS else ", unless it has a copy elsewhere"
        which = paths[0] if paths else "only its prompts are known"
        warnings.append(f"its log is gone ({which}): {session.agent} {fate}{remedy}")
    return replace(found, warnings=tuple(warnings))


def written_command(
    db: Tables, session_id: str, places: Places, *, even_there: bool = False
) -> ResumeCommand:
    """Write a session's log for its agent, and return the command that goes on with it.

    Where the agent has a log of it, or none can be written, that is no error with `even_there`: the command is
    returned. Raises Conflict and InvalidInput otherwise, and NotFound.
    """
    session, warnings = _main_session(db, db.sessions.get(session_id))
    _agent(session)
    known = _known(db, session, places)
    if known.path is not None and not even_there:
        raise Conflict(f"its log exists, and is not overwritten: {known.path}; resume it without --write")
    cannot = session.agent not in WRITERS or not session.message_count
    if known.path is not None or (even_there and cannot):
        return resume_command(db, session_id, places)
    return _written(db, session, session.agent, places, warnings)


def handed_over_command(db: Tables, session_id: str, agent: str, places: Places) -> ResumeCommand:
    """Write a session for another agent, and return the command that goes on with it there.

    What the agent was given before serves again as long as the session has not gone on. Raises InvalidInput where the
    agent's format cannot be written, or nothing was said, and NotFound.
    """
    agent = _ALIASES.get(one_text(agent, "agent"), agent)
    session, warnings = _main_session(db, db.sessions.get(session_id))
    if agent == session.agent:
        return written_command(db, session_id, places, even_there=True)
    writer(agent)
    last = db.messages.last_seq(session.id)
    for file in NativeFiles(db.connection).from_source(session.id, agent):
        if file.last_seq == last and os.path.exists(file.path):
            found = _command(session, agent, _known_of(file, places))
            return replace(found, warnings=(*warnings, *found.warnings))
    return _written(db, session, agent, places, warnings)


def _written(db: Tables, session: Session, agent: str, places: Places, warnings: list[str]) -> ResumeCommand:
    from sessiondb.exchange.native.writing import write

    file = write(db, session, agent, places.get(agent, ()))
    found = _command(session, agent, _known_of(file, places))
    return replace(found, warnings=(*warnings, *found.warnings), is_written=True)


def _agent(session: Session) -> _Agent:
    agent = _AGENTS.get(session.agent)
    if agent is None:
        raise InvalidInput(
            f"sessiondb cannot resume sessions of {session.agent}, only of {', '.join(_AGENTS)}:"
            f" read this one with `sessiondb show {session.id}`, or continue it in another agent with --in"
        )
    return agent


def _known(db: Tables, session: Session, places: Places) -> _Known:
    """Return what a session's own agent has of it."""
    native = session.native_id or session.id
    if not _ID.fullmatch(native):
        raise InvalidInput(
            f"the id that {session.agent} gave the session cannot be typed in a shell: {visible(native)!r}"
        )
    paths = Ledger(db.connection).paths_of(session.id, histories=False)
    there = [path for path in paths if os.path.exists(path)]
    if session.agent not in WRITERS:
        return _Known(native, next(iter(there), None))
    # A database that a session was read from may not hold it any more, or only speak of it.
    log = next((path for path in there if not path.endswith(_DATABASES)), None)
    log = log or _log(session.agent, native, [*places.get(session.agent, ()), *map(Path, there)])
    if log is None:
        for file in NativeFiles(db.connection).from_source(session.id, session.agent):
            if os.path.exists(file.path):
                return _known_of(file, places)
    return _Known(native, log)


def _known_of(file: NativeFile, places: Places) -> _Known:
    """Return what an agent has of a session that was written for it."""
    log = _log(file.agent, file.native_id, places.get(file.agent, ()))
    return _Known(file.native_id, log, None if log else file.path)


def _log(agent: str, native_id: str, places: Sequence[Path]) -> str | None:
    format = writer(agent)
    try:
        found = format.find(native_id, places) if format.takes(native_id) else None
    except ImportFailed:
        # The agent's database is locked or damaged: that is no reason not to name the command.
        return None
    return None if found is None else str(found)


def _command(session: Session, name: str, known: _Known) -> ResumeCommand:
    """Return the command for an agent, with warnings about its folder."""
    agent = _AGENTS[name]
    folder = session.project if session.project and os.path.isdir(session.project) else None
    if folder is not None and visible(folder) != folder:
        raise InvalidInput(
            f"the name of the session's folder cannot be typed in a shell: {visible(folder)!r}"
        )
    warnings: list[str] = []
    words, argument, first = agent.words, known.native_id, tuple[list[str], ...]()
    if known.given is not None:
        first = (_filled(agent.first, known.given),) if agent.first else ()
        words, argument = (agent.by_file, known.given) if agent.by_file else (words, argument)
    if name == "claude-code" and known.log is not None and folder is None:
        # Claude Code takes a log by its path from whatever folder.
        argument = known.log
        warnings.append(
            f"its folder is gone ({session.project or 'unknown'}), so its log is named by its path"
        )
    elif agent.is_bound and known.given is None:
        warnings += _about_folder(session, name, folder)
    if name == "gemini-cli" and known.given is None:
        warnings.append("keep a copy of its log: Gemini CLI may delete a session that was resumed")
    return ResumeCommand(session.id, _filled(words, argument), folder, tuple(warnings), first, known.path)


def _filled(words: Sequence[str], argument: str) -> list[str]:
    return [word.replace("{}", argument) for word in words]


def _main_session(db: Tables, session: Session) -> tuple[Session, list[str]]:
    """Return the session itself, or of a sub-agent the one that began it, with a word about that."""
    seen, found = {session.id}, session
    while found.relation == "subagent" and found.parent_id and found.parent_id not in seen:
        seen.add(found.parent_id)
        try:
            found = db.sessions.get(found.parent_id)
        except NotFound:
            break
    if found.id != session.id:
        return found, [f"{session.id} is a sub-agent: it is resumed by its parent {found.id}"]
    if session.relation == "subagent":
        return found, [
            "this is a sub-agent whose parent is not in the database: its agent may refuse to resume it"
        ]
    return found, []


def _about_folder(session: Session, agent: str, folder: str | None) -> list[str]:
    if folder is not None:
        return []
    if not session.project:
        return [f"its folder is not known: {agent} finds a session only in the folder where it was"]
    return [
        f"its folder is gone ({session.project}): make it again, or change to where the project is now;"
        f" {agent} finds a session only in the folder where it was"
    ]
