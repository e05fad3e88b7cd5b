"""AgentLoop's sessions: one JSON document each, `<workspace>/<folder>/<workspace hash>_<start>.json`.

Messages are those of either chat API and have no times and no ids; tokens are one running total. The document
is written anew on each save, from a `.tmp` beside it, and older messages may be missing from a later one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sessiondb.chat.content import text_or_none
from sessiondb.errors import ImportFailed
from sessiondb.importers.base import Fingerprints, Record, SessionRecord, session_id
from sessiondb.importers.chat_api.messages import USAGE_KEYS, message_records, token_record
from sessiondb.importers.files.packed import plain_path
from sessiondb.timestamps import normalise

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample
    from sessiondb.importers.files.source import Source

name = "agentloop"
version = 2

_KNOWN_VERSION = 1
_KEYS = frozenset(("version", "session_id", "workspace_root", "token_usage", "messages"))
_TAKEN = _KEYS | {"created_at", "updated_at", "model"}


def sniff(sample: Sample) -> int:
    """Tell the document by its keys; a `.tmp` is what an interrupted save left behind."""
    document = sample.document
    if not isinstance(document, dict) or sample.path.suffix == ".tmp":
        return 0
    return 2 if document.keys() >= _KEYS else 0


def read(source: Source) -> Iterator[Record]:
    """Yield one session, its messages and its token total.

    Raises ImportFailed where the document is none of AgentLoop's.
    """
    document = source.document()
    if not isinstance(document, dict) or not isinstance(document.get("messages"), list):
        raise ImportFailed(f"{source.path} is not an AgentLoop session: it has no list of messages")
    if document.get("version") != _KNOWN_VERSION:
        source.problem(f"read as version {_KNOWN_VERSION}, but it is {document.get('version')!r}", whole=True)
    session = _session(source, document)
    yield session
    fingerprints = Fingerprints({})
    for number, message in enumerate(document["messages"], 1):
        if not isinstance(message, dict):
            source.problem(f"message {number} is no object", whole=True)
            continue
        try:
            yield from list(message_records(session.id, message, fingerprints))
        except RecursionError:
            source.problem(f"message {number} is nested too deeply", whole=True)
    # The key names the session too: it must tell this total from every other of AgentLoop's.
    tokens = token_record(session.id, f"session-total:{session.id}", document.get("token_usage"))
    if tokens:
        yield tokens._replace(model=session.model, counted_at=session.last_active_at)


def _session(source: Source, document: dict[str, Any]) -> SessionRecord:
    native_id = text_or_none(document.get("session_id")) or plain_path(source.path).stem
    usage = document.get("token_usage")
    further = {key: value for key, value in document.items() if key not in _TAKEN and value is not None}
    if isinstance(usage, dict) and not usage.keys() <= USAGE_KEYS:
        further["token_usage"] = usage
    return SessionRecord(
        session_id(name, native_id, str(source.path.resolve().parent)),
        name,
        native_id,
        project=text_or_none(document.get("workspace_root")),
        model=text_or_none(document.get("model")),
        started_at=normalise(document.get("created_at"), source.tz),
        last_active_at=normalise(document.get("updated_at"), source.tz),
        metadata=further or None,
    )
