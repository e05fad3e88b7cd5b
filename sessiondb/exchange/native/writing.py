"""Write the conversation of a session for an agent to go on with, and note what was written."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sessiondb.dao.native_files import NativeFile, NativeFiles
from sessiondb.dao.union.written import name_of
from sessiondb.errors import Conflict, InvalidInput
from sessiondb.exchange.native.conversation import Head, Turn, turns
from sessiondb.exchange.native.writers import Writer, writer
from sessiondb.importers import detect
from sessiondb.importers.base import MessageRecord, Record, ToolResult
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Source
from sessiondb.records import Message, Session
from sessiondb.storage.files import private_folder

if TYPE_CHECKING:
    from sessiondb.dao.tables import Tables


def write(db: Tables, session: Session, agent: str, places: Sequence[Path]) -> NativeFile:
    """Write a session for an agent, its own or another one, and return the file.

    Where the agent cannot have it under the id that it has here, it becomes the continuation of the session. Raises
    Conflict where the agent has a file of it, InvalidInput where nothing was said or the file cannot be written.
    """
    format = writer(agent)
    if not places:
        raise InvalidInput(f"sessiondb does not know where {agent} keeps its sessions")
    native = session.native_id or session.id
    is_same = agent == session.agent and format.takes(native)
    head = Head(
        native if is_same else format.new_id(),
        session.project if session.project and os.path.isabs(session.project) else os.getcwd(),
        session.started_at,
        session.title if is_same else None,
        session.model if agent == session.agent else None,
        places,
        session.metadata if is_same else {},
    )
    messages = conversation(db, session.id)
    found = list(turns(messages, session.started_at))
    if not any(turn.role == "user" for turn in found):
        raise InvalidInput(f"{session.id} has nothing to continue from: no prompt is stored")
    path = format.path_of(head)
    text = _text(format, head, found)
    records = _read_back(text, path)
    ids = {record.session for record in records if isinstance(record, MessageRecord)}
    names = [name for record in records if (name := name_of_part(record))]
    prompts = (
        record.external_id
        for record in records
        if isinstance(record, MessageRecord) and record.role == "user"
    )
    last = max((message.seq for message in messages if message.session_id == session.id), default=0)
    first = next(prompts, None) if agent == "gemini-cli" else None
    file = NativeFile(ids.pop(), session.id, last, agent, head.native_id, str(path), first)
    with db.connection.transaction("writing a session for its agent"):
        NativeFiles(db.connection).add(file, names)
        _put(text, path)
    return file


def conversation(db: Tables, session_id: str, seen: frozenset[str] = frozenset()) -> list[Message]:
    """Return all that a session's agent had before it: what it forked from, or continues, and its own messages."""
    own = [*db.messages.inherited(session_id), *db.messages.transcript(session_id)]
    files = NativeFiles(db.connection).of_session(session_id)
    file = next((file for file in files if file.is_continuation), None)
    if file is None or file.source_id in seen:
        return own
    before = conversation(db, file.source_id, seen | {session_id})
    return [
        *(
            message
            for message in before
            if message.session_id != file.source_id or message.seq <= file.last_seq
        ),
        *own,
    ]


def name_of_part(record: Record) -> str | None:
    """Return under which name a message or an answer is noted, None for other records."""
    return name_of(record) if isinstance(record, MessageRecord | ToolResult) else None


def _text(format: Writer, head: Head, found: Iterable[Turn]) -> bytes:
    lines = (json.dumps(line, ensure_ascii=False) + "\n" for line in format.lines(head, found))
    return "".join(lines).encode("utf-8", "replace")


def _read_back(text: bytes, path: Path) -> list[Record]:
    """Return what an import of the file will find: as proof that it can be read, and to know it again."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.parent.name / path.name
        copy.parent.mkdir()
        copy.write_bytes(text)
        importer = detect.detect(Sample(copy))
        if importer is None:
            raise InvalidInput(
                f"what was written for {path} cannot be read by any importer: nothing of it was kept"
            )
        return list(importer.read(Source(copy)))


def _put(text: bytes, path: Path) -> None:
    """Make a file, whole or not at all. Raises Conflict where there is one."""
    try:
        private_folder(path.parent)
        handle, part = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            _name(part, path)
        finally:
            os.unlink(part)
    except FileExistsError as error:
        raise Conflict(f"{path} exists, and is not overwritten") from error
    except OSError as error:
        raise InvalidInput(f"cannot write {path}: {error.strerror or error}") from error


def _name(part: str, path: Path) -> None:
    """Give a file its name, unless that is taken, which a replacement would not ask."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:
        # Some file systems have no links.
        with open(path, "xb") as file:
            file.write(Path(part).read_bytes())
