"""The chats of VS Code and of the editors made from it: `chatSessions/<id>.json`, `.jsonl`, and Chat: Export.

A session is one object with an array of requests, each with its response. Since 1.109 a file holds the changes to
that object, one a line (chat.py); after some hundred of them it is replaced by one line with the whole. So a file is
read from its beginning each time. Where both files of a session are there, the one with the changes is newer.

- A request and its response are one message each. The response's text is its parts without a `kind`, joined.
- What a tool was asked stands in `result.metadata.toolCallRounds`; its part in the response has a sentence about it,
  and often another id. What it answered is in `toolCallResults`, as a tree of what was rendered, or in the part.
- `promptTokens` has all input, what came from the cache included; older releases count nothing.
- Requests with `isSystemInitiated` were not typed. The last response counts once it has ended.
- The folder is in `workspace.json` above `chatSessions`; exports tell neither that nor an id.

Not kept: what was rendered for the model, edits that a tool's arguments have, the user's own name and picture.

Sources: objectMutationLog.ts and chatModel.ts of github.com/microsoft/vscode (2026), an export of September 2025.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sessiondb.chat.content import text_or_none
from sessiondb.errors import ImportFailed
from sessiondb.importers.base import Record, SessionRecord, session_id
from sessiondb.importers.files.json_lines import json_objects, object_of
from sessiondb.importers.files.json_stream import form, members
from sessiondb.importers.files.packed import plain_path
from sessiondb.importers.files.source import Source, open_bytes
from sessiondb.importers.vscode.chat import Chat, is_change
from sessiondb.importers.vscode.requests import Conversation
from sessiondb.importers.vscode.workspace import folder_of
from sessiondb.timestamps import normalise

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample

name = "vscode-chat"
version = 1

# Editors that are products of their own, by the folder that they keep their files in.
_AGENTS = {"positron": "positron", "windsurf": "windsurf", "trae": "trae"}


def sniff(sample: Sample) -> int:
    """Look for a chat as a whole, be it the file or its first line."""
    if any(_is_log(line) for line in sample.lines):
        return 2
    document = sample.document
    return 2 if isinstance(document, dict) and (_is_chat(document) or _is_log(document)) else 0


def read(source: Source) -> Iterator[Record]:
    """Yield one session; nothing for one without requests, and for an older copy of a log beside it."""
    source.start = source.line = source.end = 0
    source.is_rewritten = True
    path = plain_path(source.path)
    if path.suffix == ".json" and path.with_suffix(".jsonl").exists():
        source.end = source.path.stat().st_size
        return
    with closing(Chat()) as chat:
        is_log = _play(source, chat)
        if not len(chat):
            if not chat.header:
                raise ImportFailed(f"{source.path} has no chat: it has no requests")
            return
        session = _session(source, chat)
        yield session
        yield from Conversation(session, source).records(chat, awaits_last=is_log)


def _is_log(line: dict[str, Any]) -> bool:
    """Say whether a line is a chat as a whole, or a change to its requests: the first may be too large to look at."""
    if line.get("kind") == 0:
        whole = object_of(line.get("v"))
        return "requests" in whole or "sessionId" in whole
    path = line.get("k")
    return is_change(line) and isinstance(path, list) and path[:1] == ["requests"]


def _is_chat(document: dict[str, Any]) -> bool:
    requests = document.get("requests")
    if not isinstance(requests, list):
        return False
    return "responderUsername" in document or any("requestId" in object_of(one) for one in requests[:1])


def _play(source: Source, chat: Chat) -> bool:
    """Read a chat to its end; say whether it is a log of changes."""
    if form(source.path) == "object":
        _read_document(source, chat)
        return False
    is_log = False
    for value in json_objects(source):
        if is_change(value):
            is_log = True
            try:
                chat.apply(value)
            except (LookupError, TypeError, ValueError) as error:
                source.problem(f"a change to what is not there ({type(error).__name__}: {error})")
        elif _is_chat(value):
            chat.set(value)
        else:
            source.problem("neither a chat nor a change to one")
    return is_log


def _read_document(source: Source, chat: Chat) -> None:
    with open_bytes(source.path) as handle:
        for key, value in members(handle, "requests", lambda reason: source.problem(reason, whole=True)):
            if key == "requests":
                chat.append(value)
            else:
                chat.header[key] = value
    source.end = source.path.stat().st_size


def _session(source: Source, chat: Chat) -> SessionRecord:
    path, header = source.path.absolute(), chat.header
    agent, editor = _editor_of(path)
    native_id = text_or_none(header.get("sessionId")) or _id_of_export(chat)
    project, remote = folder_of(path.parent.with_name("workspace.json"))
    times = [one for request in chat if (one := normalise(request.get("timestamp"), source.tz))]
    details = {"editor": editor, "remote": remote, "location": text_or_none(header.get("initialLocation"))}
    created, last = (normalise(header.get(key), source.tz) for key in ("creationDate", "lastMessageDate"))
    return SessionRecord(
        session_id(agent, native_id, str(path.parent)),
        agent,
        native_id,
        project=project,
        title=text_or_none(header.get("customTitle")),
        model=next(
            filter(None, (text_or_none(request.get("modelId")) for request in chat.backwards())), None
        ),
        started_at=created or min(times, default=None),
        last_active_at=max(times, default=last),
        metadata={key: value for key, value in details.items() if value} or None,
    )


def _id_of_export(chat: Chat) -> str:
    """Return the id that the assistant gave the conversation, else that of its first request."""
    first = next(iter(chat), {})
    known = object_of(object_of(first.get("result")).get("metadata")).get("sessionId")
    return text_or_none(known) or text_or_none(first.get("requestId")) or "export"


def _editor_of(path: Path) -> tuple[str, str | None]:
    """Return the agent, and the editor by the folder of its files: `<editor>/User/workspaceStorage/...`."""
    parts = path.parts
    editor = next((before for before, part in pairwise(parts) if part == "User"), None)
    return (_AGENTS.get((editor or "").partition(" ")[0].lower(), name), editor)
