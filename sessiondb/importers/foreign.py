"""Tell the logs of agents that sessiondb does not read yet, so that none is taken for another agent's.

Of agents that it does read, the indexes and copies beside their logs are told here.

Many agents write lines, documents and tables that look like those of Claude Code, of a chat API or of
OpenCode. A log that is read by the wrong importer loses its prompts, tokens and times in silence; one that is
refused by name can be read later. `detect` asks here first, then the importers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sessiondb.errors import ImportFailed
from sessiondb.importers.cursor.editor import holds_chats

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample

Object = Mapping[str, Any]


# Files that hold nothing that the logs beside them do not: whose they are, and where those logs are.
_BESIDE = {
    "Aider": "what Aider sent to its model: import .aider.chat.history.md beside it",
    "Antigravity CLI": "a store of Antigravity CLI, whose transcripts are read: import the folder brain beside it",
    "Cline": "an index of Cline's sessions: import the folder sessions beside it",
    "GitHub Copilot CLI": "an index of Copilot CLI's sessions: import the folder session-state beside it",
    "VS Code": "a store of VS Code's own: its chats lie in folders chatSessions",
}


class NotReadYet(ImportFailed):
    """Report a log of an agent that there is no importer of, or what lies beside the logs of one that there is.

    `owner` is that agent's name as people write it.
    """

    def __init__(self, owner: str) -> None:
        reason = _BESIDE.get(owner) or f"a log of {owner}, which sessiondb does not read yet"
        super().__init__(f"is {reason}")
        self.owner = owner

    @property
    def agent(self) -> str:
        """Return the agent's name as sessions have it: `qwen-code`."""
        return self.owner.lower().replace(" ", "-")


def owner_of(sample: Sample, first: int = 0) -> str | None:
    """Return the name of the agent whose log the sample is, None where it is of none of these.

    `first`: the number of its lines that were looked at before.
    """
    if sample.is_sqlite:
        name = _first(_DATABASES, sample.tables)
        return None if name == "VS Code" and holds_chats(sample.path) else name
    if first:
        return None
    # A document on one line is one of the lines: most logs are told without being decoded as a whole.
    document = sample.lines[0] if sample.lines else sample.document
    if document is not None:
        name = _first(_DOCUMENTS, document)
    else:
        name = "Aider" if re.match(rb"\s*TO LLM \d{4}-", sample.head) else None
    return name


def _first(tests: Iterable[tuple[str, Callable[[Any], bool]]], value: Any) -> str | None:
    return next((name for name, test in tests if test(value)), None)


def _has(*keys: str) -> Callable[[Object], bool]:
    """Return a test for objects with all of these keys."""
    wanted = frozenset(keys)
    return lambda value: value.keys() >= wanted


# Documents: one JSON object a file.


def _is_amp(document: Object) -> bool:
    native_id = document.get("id")
    return (
        isinstance(native_id, str)
        and native_id.startswith("T-")
        and isinstance(document.get("messages"), list)
    )


_DOCUMENTS: tuple[tuple[str, Callable[[Object], bool]], ...] = (("Amp", _is_amp),)


# Databases: table name -> its columns.


def _with(table: str, *columns: str) -> Callable[[Mapping[str, frozenset[str]]], bool]:
    """Return a test for databases that have a table with these columns."""
    wanted = frozenset(columns)
    return lambda tables: wanted <= tables.get(table, frozenset())


_DATABASES: tuple[tuple[str, Callable[[Any], bool]], ...] = (
    ("VS Code", lambda tables: "cursorDiskKV" not in tables and _with("ItemTable", "key", "value")(tables)),
    ("GitHub Copilot CLI", _with("turns", "session_id", "user_message", "assistant_response")),
    ("Cline", _with("sessions", "session_id", "messages_path", "is_subagent")),
    ("Antigravity CLI", lambda tables: "gen_metadata" in tables),
)

REFUSED = len({name for tests in (_DOCUMENTS, _DATABASES) for name, _ in tests})
"""How many agents' logs are refused by name."""
