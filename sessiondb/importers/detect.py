"""Tell a file's format by its content; the file's name is only a hint.

Many agents write lines, documents and tables that look like those of Claude Code, of a chat API or of OpenCode. A log
that is read by the wrong importer loses its prompts, tokens and times in silence; one that is refused by name can be
read later. So the logs of agents that sessiondb does not read yet are told first, and then the importers are asked. Of
agents that it does read, the indexes and copies beside their logs are refused by name too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sessiondb.errors import ImportFailed, SessionDBError
from sessiondb.importers import built_in, importers, warn
from sessiondb.importers.cursor.editor import holds_chats
from sessiondb.importers.files.sample import MAX_LINES, Sample

if TYPE_CHECKING:
    from sessiondb.importers.base import Importer

CERTAIN = 2
"""What `sniff` returns where nothing else known looks so."""

# Registered importers of whose `sniff` the log was told.
_blamed: set[str] = set()


def detect(sample: Sample) -> Importer | None:
    """Return the importer whose format the sample is, None where it is of none.

    Lines are shown to the importers a few at a time, so that most files are told by their first line; one
    that is certain wins at once, one that says "perhaps" only when no other is certain of the first 50
    lines.
    """
    perhaps = None
    shown = 0
    for count in (1, 3, 10, MAX_LINES):
        lines = sample.lines_up_to(count)
        owner = owner_of(sample, shown)
        shown = len(lines)
        for candidate in importers():
            if owner is not None and candidate in built_in():
                continue
            score = _score(candidate, sample)
            if score == CERTAIN:
                return candidate
            if score and perhaps is None:
                perhaps = candidate
        if owner is not None:
            raise NotReadYet(owner)
        if len(lines) < count:
            break
    return perhaps


def scores(sample: Sample) -> dict[str, int]:
    """Return what each importer says of the first 50 lines of a file, by its format: 0 no, 1 perhaps, 2 for certain."""
    sample.lines_up_to(MAX_LINES)
    return {candidate.name: _score(candidate, sample) for candidate in importers()}


def check_named(named: Importer, sample: Sample) -> None:
    """Raise ImportFailed where a file is rather of another format than the one that a person named.

    A format of another distribution is believed as it is named.
    """
    sample.lines_up_to(MAX_LINES)
    score = _score(named, sample)
    if named not in built_in() or score == CERTAIN:
        return
    owner = owner_of(sample)
    if owner is not None:
        raise NotReadYet(owner)
    told = scores(sample)
    other = max(told, key=lambda name: told[name])
    if told[other] > score:
        raise ImportFailed(f"is of the format {other}, not {named.name}: import it without a format")


def _score(candidate: Importer, sample: Sample) -> int:
    """Ask an importer. A mistake in a registered one is its own, and keeps no other from the file."""
    try:
        return candidate.sniff(sample)
    except (OSError, SessionDBError):
        raise
    except Exception as error:
        if candidate in built_in():
            raise
        if candidate.name not in _blamed:
            _blamed.add(candidate.name)
            warn(
                f"the importer {candidate.name!r} cannot tell whether a file is its own, and is passed over then:"
                f" {type(error).__name__}: {error}"
            )
        return 0


# Logs that are refused by name

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
        name = _first_of(_DATABASES, sample.tables)
        return None if name == "VS Code" and holds_chats(sample.path) else name
    if first:
        return None
    # A document on one line is one of the lines: most logs are told without being decoded as a whole.
    document = sample.lines[0] if sample.lines else sample.document
    if document is not None:
        name = _first_of(_DOCUMENTS, document)
    else:
        name = "Aider" if re.match(rb"\s*TO LLM \d{4}-", sample.head) else None
    return name


def _first_of(tests: Iterable[tuple[str, Callable[[Any], bool]]], value: Any) -> str | None:
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
