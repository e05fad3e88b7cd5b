"""The threads of Zed's own agent: `threads/threads.db` in the folder of Zed's data, one row each.

A row has the thread's title, folders and times, and `data`: the thread as JSON, packed with zstd since 2025. It is
written anew with each step.

- Today (`version` 0.3.0) a message is `{"User": {id, content[]}}`, `{"Agent": {content[], tool_results{}}}` or
  "Resume"; before that it has a `role`, `segments[]`, `tool_uses[]` and `tool_results[]`, first of all a `text`. In
  0.1.0 the answers of tools were messages of the user.
- What was mentioned in a prompt stands there whole: its name stays in the prompt, its text is a message of its own.
- Messages have no times, answers no ids. `created_at` is younger than threads of before 2026; when the snapshot of
  their project was taken is closer.
- Tokens are known of the thread as a whole (`cumulative_token_usage`, disjoint); of a turn only its last request.
- Threads of other agents that run in Zed are not in it; they are in the logs of those.

Not kept: scroll positions, drafts, what is only shown, diffs of the project, encrypted reasoning.

Source: crates/agent/src/{db,legacy_thread,thread}.rs of github.com/zed-industries/zed, 2026.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sessiondb.chat.content import text_or_none, whole
from sessiondb.importers.base import Record, SessionRecord, TokenRecord, session_id
from sessiondb.importers.files.failures import Damaged
from sessiondb.importers.files.json_lines import object_of, objects_of
from sessiondb.importers.files.limits import MAX_DOCUMENT, has_too_many_values
from sessiondb.importers.files.packed import unpacked_value
from sessiondb.importers.files.source import Source
from sessiondb.importers.opencode.db import decode
from sessiondb.importers.zed.messages import Thread
from sessiondb.timestamps import normalise

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample

name = "zed"
version = 1

_COLUMNS = frozenset(("id", "summary", "updated_at", "data_type", "data"))
_COUNTS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")


def sniff(sample: Sample) -> int:
    """Look for the table of threads."""
    return 2 if sample.is_sqlite and sample.tables.get("threads", frozenset()) >= _COLUMNS else 0


def read(source: Source) -> Iterator[Record]:
    """Yield the threads that have messages, the oldest first.

    Raises Unreadable where threads are packed and nothing here unpacks them.
    """
    with source.sqlite() as connection:
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        columns = {row["name"] for row in connection.execute("SELECT name FROM pragma_table_info('threads')")}
        order = "created_at, updated_at, id" if "created_at" in columns else "updated_at, id"
        for (key,) in connection.execute(f"SELECT rowid FROM threads ORDER BY {order}").fetchall():
            row = connection.execute("SELECT * FROM threads WHERE rowid = ?", (key,)).fetchone()
            if row is None:
                continue
            document = _document(source, row)
            if document is not None and objects_of(document.get("messages")):
                yield from _records(source, dict(row), document)


def _document(source: Source, row: sqlite3.Row) -> dict[str, Any] | None:
    """Return a thread decoded; report what is none."""
    named = text_or_none(row["id"]) or "?"
    data = row["data"]
    if row["data_type"] == "zstd" and isinstance(data, bytes):
        try:
            data = unpacked_value(data, source.path, MAX_DOCUMENT)
        except Damaged as error:
            source.problem(f"thread {named} cannot be unpacked: {error}", whole=True)
            return None
    if isinstance(data, str | bytes) and has_too_many_values(data):
        source.problem(f"thread {named} holds too many values and is not read", whole=True)
        return None
    value = decode(data)
    if not isinstance(value, dict):
        source.problem(f"thread {named} is not a JSON object", whole=True)
        return None
    return value


def _records(source: Source, row: dict[str, Any], document: dict[str, Any]) -> Iterator[Record]:
    session = _session(source, row, document)
    yield session
    try:
        yield from list(Thread(session.id, session.model).records(document))
    except RecursionError:
        source.problem(f"thread {session.native_id} is nested too deeply", whole=True)
    usage = object_of(document.get("cumulative_token_usage"))
    # One sum for the whole thread, which grows: under one key, so that a later import does not count it once more.
    asked, read, written, said = (_count(usage.get(key)) for key in _COUNTS)
    if any((asked, read, written, said)):
        git = _git(document)
        yield TokenRecord(
            session.id,
            f"{session.id}:total",
            input=asked,
            cache_read=read,
            cache_write=written,
            output=said,
            model=session.model,
            counted_at=session.last_active_at,
            git_branch=text_or_none(git.get("current_branch")),
            git_commit=text_or_none(git.get("head_sha")),
        )


def _session(source: Source, row: dict[str, Any], document: dict[str, Any]) -> SessionRecord:
    native_id = text_or_none(row["id"]) or "unknown"
    scope = str(source.path.absolute().parent)
    parent = text_or_none(row.get("parent_id")) or text_or_none(
        object_of(document.get("subagent_context")).get("parent_thread_id")
    )
    folders = _folders(row, document)
    model = object_of(document.get("model"))
    snapshot = object_of(document.get("initial_project_snapshot"))
    begun = (row.get("created_at"), snapshot.get("timestamp"), row["updated_at"])
    times = [time for value in begun if (time := normalise(value, source.tz))]
    details = {
        "folders": folders[1:],
        "provider": text_or_none(model.get("provider")),
        "profile": text_or_none(document.get("profile")),
        "effort": text_or_none(document.get("thinking_effort")),
        "git_branch": text_or_none(_git(document).get("current_branch")),
    }
    return SessionRecord(
        session_id(name, native_id, scope),
        name,
        native_id,
        project=folders[0] if folders else None,
        parent_id=session_id(name, parent, scope) if parent else None,
        relation="subagent" if parent else None,
        title=text_or_none(row["summary"]) or text_or_none(document.get("title")),
        model=text_or_none(model.get("model")),
        started_at=min(times, default=None),
        last_active_at=normalise(row["updated_at"], source.tz),
        metadata={key: value for key, value in details.items() if value} or None,
    )


def _folders(row: dict[str, Any], document: dict[str, Any]) -> list[str]:
    """Return a thread's folders, in the order in which the window has them."""
    paths = (text_or_none(row.get("folder_paths")) or "").split("\n")
    order = (text_or_none(row.get("folder_paths_order")) or "").split(",")
    places = {index: int(place) for index, place in enumerate(order) if place.isdecimal() and len(place) < 9}
    numbered = sorted(range(len(paths)), key=lambda index: places.get(index, index))
    found = [paths[index] for index in numbered if paths[index]]
    if not found:
        trees = _worktrees(document)
        named = (
            text_or_none(tree.get("worktree_path")) or text_or_none(tree.get("abs_path")) for tree in trees
        )
        found = [path for path in named if path]
    return found


def _worktrees(document: dict[str, Any]) -> list[dict[str, Any]]:
    return objects_of(object_of(document.get("initial_project_snapshot")).get("worktree_snapshots"))


def _git(document: dict[str, Any]) -> dict[str, Any]:
    states = (object_of(tree.get("git_state")) for tree in _worktrees(document))
    return next((state for state in states if state), {})


def _count(value: Any) -> int | None:
    count = whole(value)
    return count if count is not None and count >= 0 else None
