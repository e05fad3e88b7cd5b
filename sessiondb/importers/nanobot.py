"""nanobot's sessions: one JSONL file a conversation, in the folder of a workspace.

Early builds write `<workspace>/sessions/<key>.jsonl`, with `_` for `:` and `/` in the key; since 0.3 it is
`~/.nanobot/sessions/<workspace id>/<base64url of the key>.jsonl`, beside a file `.workspace` that names the
workspace. A line is a message or, anywhere, metadata; times are local, without a zone; there are no tokens
and no models.

Sources: nanobot/session/manager.py and location.py of github.com/HKUDS/nanobot, up to 0.3.5 (November 2026).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sessiondb.chat.content import text_or_none
from sessiondb.chat.text import clean_json, clean_text
from sessiondb.importers.base import ChannelRecord, Fingerprints, Record, SessionRecord, session_id
from sessiondb.importers.chat_api.messages import message_records
from sessiondb.importers.files.packed import plain_path
from sessiondb.importers.files.source import Source
from sessiondb.timestamps import normalise

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample

name = "nanobot"
version = 2

_MOST_OF_A_PATH = 4096
_TYPED = b'"_type"'
# The copy of a turn that was being worked on when the file was written; its messages follow once it is done.
_IN_FLIGHT = "runtime_checkpoint"


def sniff(sample: Sample) -> int:
    """Look for a metadata line, which may be the first, the last, or any other."""
    if any(line.get("_type") == "metadata" for line in sample.lines):
        return 2
    if any("role" in line for line in sample.lines) and _TYPED in sample.tail:
        return 2 if any(map(_is_metadata, sample.tail.split(b"\n"))) else 0
    return 0


def read(source: Source) -> Iterator[Record]:
    """Yield one session: its metadata, its messages, and from when to when they go."""
    state = source.state
    # The whole file is written anew at each save, and the metadata may stand on any line, or several: the last one
    # counts.
    header = _last_metadata(source)
    if "last_consolidated" in header:
        state["consolidated"] = header["last_consolidated"]
    folder = source.path.resolve().parent
    # Everybody's sessions are called `cli:direct`: only the folder tells them apart.
    key = state.setdefault("key", text_or_none(header.get("key")) or _key_of_file(source.path))
    session = session_id(name, key, str(folder))
    yield _session(session, key, folder, header)
    fingerprints = Fingerprints(state)
    for line in source.json_lines(_decode, _unchanged, once=True):
        try:
            yield from list(_line_records(source, session, line, fingerprints))
        except RecursionError:
            source.problem("nested too deeply")
    yield SessionRecord(
        session,
        name,
        key,
        consolidated=_consolidated(state),
        started_at=state.get("first") or normalise(header.get("created_at"), source.tz),
        last_active_at=state.get("last") or normalise(header.get("updated_at"), source.tz),
    )


def _last_metadata(source: Source) -> dict[str, Any]:
    """Return the last metadata line from `source.start` on; it must be known before the first message is."""
    found: dict[str, Any] = {}
    for line in Source(source.path, start=source.start).json_lines(_decode_typed, _unchanged):
        if isinstance(line, dict) and line.get("_type") == "metadata":
            found = line
    return found


def _session(session: str, key: str, folder: Path, header: dict[str, Any]) -> SessionRecord:
    metadata = header.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    platform, _, chat_id = key.partition(":")
    return SessionRecord(
        session,
        name,
        key,
        key=key,
        project=_workspace(folder),
        channel=ChannelRecord(platform, chat_id=chat_id) if platform and chat_id else None,
        title=text_or_none(metadata.get("title")),
        metadata={key: value for key, value in metadata.items() if key not in ("title", _IN_FLIGHT)} or None,
    )


def _consolidated(state: dict[str, Any]) -> int | None:
    """Return how many messages are summed up elsewhere; what cannot be is 0: no message is hidden for it."""
    if "consolidated" not in state:
        return None
    value = state["consolidated"]
    return value if type(value) is int and 0 <= value <= state.get("messages", 0) else 0


def _line_records(source: Source, session: str, line: Any, fingerprints: Fingerprints) -> Iterator[Record]:
    if isinstance(line, dict) and line.get("_type") in ("metadata", "provider_state"):
        return
    if not isinstance(line, dict) or not isinstance(line.get("role"), str):
        source.problem("neither a message nor metadata")
        return
    source.state["messages"] = source.state.get("messages", 0) + 1
    moment = line.get("timestamp")
    created_at = normalise(moment, source.tz)
    if created_at:
        state = source.state
        state["first"] = min(created_at, state.get("first") or created_at)
        state["last"] = max(created_at, state.get("last") or created_at)
    yield from message_records(session, _as_shown(line), fingerprints, moment, created_at)


def _as_shown(line: dict[str, Any]) -> dict[str, Any]:
    """Return a message as nanobot shows it: without the context appended for the model, hidden turns marked.

    A hidden turn was not typed by a person, but it is the user's turn all the same: it keeps its role, so
    that roles alternate as they did for the model and the counts are those of the file.
    """
    message = {key: value for key, value in line.items() if key != "timestamp"}
    context = message.get("_runtime_context")
    if isinstance(context, dict):
        message["content"] = _without_context(message.get("content"), context)
    if message.get("_hidden_history") or message.get("_automation_turn"):
        message["kind"] = "hidden"
    return message


def _without_context(content: Any, context: dict[str, Any]) -> Any:
    suffix, blocks = context.get("suffix"), context.get("blocks")
    if suffix and isinstance(suffix, str) and isinstance(content, str):
        return "" if content == suffix else content.removesuffix(f"\n\n{suffix}")
    if blocks and isinstance(blocks, list) and isinstance(content, list):
        return content[: -len(blocks)] if content[-len(blocks) :] == blocks else content
    return content


def _key_of_file(path: Path) -> str:
    """Return the session's key as the file's name tells it: base64url, else the first `_` stands for `:`."""
    stem = clean_text(plain_path(path).name).removesuffix(".jsonl") or clean_text(path.name)
    try:
        key = base64.urlsafe_b64decode(stem + "=" * (-len(stem) % 4)).decode()
    except ValueError:
        key = ""
    # Many a plain name can be decoded as well: it is base64 only if encoding gives it back.
    if key and key.isprintable() and base64.urlsafe_b64encode(key.encode()).decode().rstrip("=") == stem:
        return key
    # Early builds wrote `_` for `:` and `/` alike. Which it was is lost; the first one ends the name of the channel.
    return stem.replace("_", ":", 1)


def _workspace(folder: Path) -> str | None:
    marker = folder / ".workspace"
    if marker.is_file():
        with open(marker, encoding="utf-8", errors="replace") as handle:
            return clean_text(handle.readline(_MOST_OF_A_PATH).strip()) or None
    # ~/.nanobot/sessions held the sessions of every workspace once.
    if folder.name == "sessions" and folder.parent.name != ".nanobot":
        return clean_text(str(folder.parent))
    return None


def _is_metadata(raw: bytes) -> bool:
    if _TYPED not in raw:
        return False
    try:
        value = json.loads(raw.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.get("_type") == "metadata"


def _decode(raw: bytes) -> Any:
    import msgspec

    value = msgspec.json.decode(raw)
    return clean_json(value) if b"\\u0000" in raw else value


def _decode_typed(raw: bytes) -> Any:
    return _decode(raw) if _TYPED in raw else None


def _unchanged(value: Any) -> Any:
    return value
