"""Tell the logs of agents that sessiondb does not read yet, so that none is taken for another agent's.

Of agents that it does read, the indexes and copies beside their logs are told here.

Many agents write lines, documents and tables that look like those of Claude Code, of a chat API or of
OpenCode. A log that is read by the wrong importer loses its prompts, tokens and times in silence; one that is
refused by name can be read later. `detect` asks here first, then the importers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sessiondb.errors import ImportFailed
from sessiondb.importers.files.packed import plain_path

if TYPE_CHECKING:
    from pathlib import Path

    from sessiondb.importers.files.sample import Sample

Object = Mapping[str, Any]


# Files that hold nothing that the logs beside them do not: whose they are, and where those logs are.
_BESIDE = {
    "GitHub Copilot CLI": "an index of Copilot CLI's sessions: import the folder session-state beside it",
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
        return _first(_DATABASES, sample.tables)
    for line in sample.lines[first:]:
        if name := _first(_LINES, line):
            return _kin(name, sample.path)
    if first:
        return None
    # A document on one line is one of the lines: most logs are told without being decoded as a whole.
    document = sample.lines[0] if sample.lines else sample.document
    if document is not None:
        name = _first(_DOCUMENTS, document)
    elif isinstance(sample.first, dict):
        name = _first(_ELEMENTS, sample.first) or _by_name(sample.path, sample.first)
    else:
        name = "Aider" if sample.head.lstrip().startswith(b"# aider chat started at ") else None
    return _kin(name, sample.path) if name else None


def _first(tests: Iterable[tuple[str, Callable[[Any], bool]]], value: Any) -> str | None:
    return next((name for name, test in tests if test(value)), None)


def _object(value: Any) -> Object:
    return value if isinstance(value, dict) else {}


def _type(line: Object) -> str:
    kind = line.get("type")
    return kind if isinstance(kind, str) else ""


def _has(*keys: str) -> Callable[[Object], bool]:
    """Return a test for objects with all of these keys."""
    wanted = frozenset(keys)
    return lambda value: value.keys() >= wanted


# Lines.


def _is_cursor(line: Object) -> bool:
    message = line.get("message")
    return line.keys() == {"role", "message"} and isinstance(message, dict) and "content" in message


def _is_grok(line: Object) -> bool:
    kind = _type(line)
    return (kind == "user" and bool(line.keys() & {"prompt_index", "synthetic_reason"})) or (
        kind == "assistant" and "model_fingerprint" in line
    )


def _is_goose(line: Object) -> bool:
    is_header = "working_dir" in line and bool(
        line.keys() & {"message_count", "total_tokens", "extension_data"}
    )
    is_message = {"role", "created", "content"} <= line.keys() and isinstance(line["content"], list)
    return is_header or (is_message and isinstance(line["created"], int))


_LINES: tuple[tuple[str, Callable[[Object], bool]], ...] = (
    ("Droid", lambda line: _type(line) == "session_start" and "cwd" in line),
    ("Kimi Code", lambda line: _type(line) == "metadata" and "protocol_version" in line),
    ("Goose", _is_goose),
    ("Cursor", _is_cursor),
    ("Antigravity", _has("step_index", "source", "type")),
    ("Grok", _is_grok),
)


# Documents: one JSON object a file.


def _is_cline(document: Object) -> bool:
    messages = document.get("messages")
    if not isinstance(messages, list):
        return False
    return {"agent", "sessionId"} <= document.keys() or any(_is_clines(message) for message in messages[:10])


def _is_amp(document: Object) -> bool:
    native_id = document.get("id")
    return (
        isinstance(native_id, str)
        and native_id.startswith("T-")
        and isinstance(document.get("messages"), list)
    )


def _is_openhands(document: Object) -> bool:
    kind = document.get("kind")
    return (
        isinstance(kind, str) and kind.endswith("Event") and {"id", "source", "timestamp"} <= document.keys()
    )


_TASK = ("task", "tokensIn", "tokensOut", "ts")
_DOCUMENTS: tuple[tuple[str, Callable[[Object], bool]], ...] = (
    ("Cline", _is_cline),
    ("Cline", _has("session_id", "workspace_root", "messages_path")),
    ("Roo Code", _has(*_TASK)),
    ("Cline", _has("files_in_context", "model_usage")),
    ("Continue", _has("sessionId", "history", "workspaceDirectory")),
    ("Amp", _is_amp),
    ("OpenHands", _is_openhands),
    ("LibreChat", lambda document: "conversationId" in document and "messages" in document),
)


# Arrays, by their first element.


def _is_clines(message: Any) -> bool:
    """Say whether a message of a chat API has what Cline and its forks write beside it, or around a prompt."""
    message = _object(message)
    if not isinstance(message.get("role"), str):
        return False
    if isinstance(message.get("ts"), int | float):
        return True
    texts = [block.get("text") for block in message.get("content") or () if isinstance(block, dict)]
    said = "".join(text for text in texts if isinstance(text, str)).lstrip()
    return said.startswith("<user_input mode=") or (
        said.startswith(("<task>", "<user_message>", "<feedback>")) and "<environment_details>" in said
    )


_ELEMENTS: tuple[tuple[str, Callable[[Object], bool]], ...] = (
    ("Cline", _is_clines),
    ("Cline", lambda element: "ts" in element and _type(element) in ("ask", "say")),
    ("Cline", _has(*_TASK)),
    ("Continue", _has("sessionId", "dateCreated", "workspaceDirectory")),
)
_CLINES_FILES = frozenset(("api_conversation_history.json", "ui_messages.json"))


def _by_name(path: Path, element: Object) -> str | None:
    """Cline's oldest messages are a chat API's: only the file's name tells them."""
    return "Cline" if plain_path(path).name in _CLINES_FILES and "role" in element else None


# What a log's folders say of whose it is, where several agents write the same.
_KIN = {
    "Cline": {
        "rooveterinaryinc.roo-cline": "Roo Code",
        "roo": "Roo Code",
        "kilocode.kilo-code": "Kilo Code",
        "kilo": "Kilo Code",
    },
}


def _kin(name: str, path: Path) -> str:
    """Return whose log it is where an agent and its forks write the same: their folders tell."""
    if name == "Cline" and (path.parent / "history_item.json").exists():
        return _KIN[name].get(_folder(path, name), "Roo Code")
    return _KIN.get(name, {}).get(_folder(path, name), name)


def _folder(path: Path, name: str) -> str:
    known = _KIN.get(name, {})
    return next((part for part in reversed(path.absolute().parts) if part in known), "")


# Databases: table name -> its columns.


def _with(table: str, *columns: str) -> Callable[[Mapping[str, frozenset[str]]], bool]:
    """Return a test for databases that have a table with these columns."""
    wanted = frozenset(columns)
    return lambda tables: wanted <= tables.get(table, frozenset())


_DATABASES: tuple[tuple[str, Callable[[Any], bool]], ...] = (
    ("Goose", _with("messages", "content_json", "created_timestamp")),
    ("Zed", _with("threads", "data", "data_type", "summary")),
    ("LangGraph", _with("checkpoints", "thread_id", "checkpoint_ns", "checkpoint")),
    ("LangChain", _with("message_store", "session_id", "message")),
    ("Cursor", _with("cursorDiskKV", "key", "value")),
    ("Cursor", lambda tables: _with("blobs", "id", "data")(tables) and _with("meta", "key", "value")(tables)),
    ("VS Code", _with("ItemTable", "key", "value")),
    ("GitHub Copilot CLI", _with("turns", "session_id", "user_message", "assistant_response")),
    ("Cline", _with("sessions", "session_id", "messages_path", "is_subagent")),
    ("Open WebUI", _with("chat", "id", "user_id", "title", "chat")),
)

REFUSED = len({name for tests in (_LINES, _DOCUMENTS, _ELEMENTS, _DATABASES) for name, _ in tests})
"""How many agents' logs are refused by name."""
