"""The command with which a session is gone on with in its agent. Nothing is run or written here."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from sessiondb.chat.text import visible
from sessiondb.dao.ledger import Ledger
from sessiondb.errors import InvalidInput, NotFound
from sessiondb.records import ResumeCommand, Session

if TYPE_CHECKING:
    from sessiondb.dao.tables import Tables


class _Agent(NamedTuple):
    """How an agent is told to go on with a session: its words, `{}` for the id that it gave the session."""

    words: tuple[str, ...]
    is_bound: bool = False
    """Whether it finds a session only in the folder where it was."""
    starts_anew: bool = False
    """Whether it begins a new session, without a word, where it does not find this one."""


# Each was tried with the agent against a stub of a model, but for hermes, nanobot and llm, which are as documented.
_AGENTS = {
    "claude-code": _Agent(("claude", "--resume", "{}"), is_bound=True),
    "codex": _Agent(("codex", "resume", "{}"), starts_anew=True),
    "copilot-cli": _Agent(("copilot", "--resume={}")),
    "gemini-cli": _Agent(("gemini", "--resume", "{}"), is_bound=True),
    "hermes": _Agent(("hermes", "--resume", "{}")),
    "llm": _Agent(("llm", "chat", "--cid", "{}")),
    "nanobot": _Agent(("nanobot", "agent", "--session", "{}")),
    "opencode": _Agent(("opencode", "--session", "{}"), is_bound=True),
}

# An id comes from a log: it may be no option, and no text that drives a terminal.
_ID = re.compile(r"[A-Za-z0-9][\w.:@/+=-]*")


def resume_command(db: Tables, session_id: str) -> ResumeCommand:
    """Return the command that goes on with a session. Raises NotFound, InvalidInput where there is none."""
    asked = db.sessions.get(session_id)
    session, warnings = _main_session(db, asked)
    agent = _AGENTS.get(session.agent)
    if agent is None:
        raise InvalidInput(
            f"sessiondb does not know how {session.agent} resumes a session;"
            f" it does for {', '.join(_AGENTS)}: read this one with `sessiondb show {session.id}`"
        )
    native = session.native_id or session.id
    if not _ID.fullmatch(native):
        raise InvalidInput(
            f"the id that {session.agent} gave the session is none to type: {visible(native)!r}"
        )
    folder = session.project if session.project and os.path.isdir(session.project) else None
    if folder is not None and visible(folder) != folder:
        raise InvalidInput(f"the name of the session's folder cannot be typed: {visible(folder)!r}")
    paths = Ledger(db.connection).paths_of(session.id)
    log = next((path for path in paths if os.path.exists(path)), None)
    if log is not None and folder is None and session.agent == "claude-code":
        # Claude Code takes a log by its path from whatever folder.
        native = log
        warnings.append(
            f"its folder is gone ({session.project or 'unknown'}), so its log is named by its path"
        )
    elif agent.is_bound:
        warnings += _about_folder(session, folder)
    if paths and log is None:
        fate = "would begin a new session" if agent.starts_anew else "will not find the session"
        warnings.append(
            f"its log is gone ({paths[0]}): {session.agent} {fate}, unless it has a copy elsewhere"
        )
    if session.agent == "gemini-cli":
        warnings.append("keep a copy of its log: Gemini CLI may delete a session that was resumed")
    words = [word.replace("{}", native) for word in agent.words]
    return ResumeCommand(session.id, words, folder, tuple(warnings))


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


def _about_folder(session: Session, folder: str | None) -> list[str]:
    if folder is not None:
        return []
    if not session.project:
        return [f"its folder is not known: {session.agent} finds a session only in the folder where it was"]
    return [
        f"its folder is gone ({session.project}): make it again, or change to where the project is now;"
        f" {session.agent} finds a session only in the folder where it was"
    ]
