"""The conversations of OpenHands: of its command line, and of programs on its SDK.

`~/.openhands/conversations/<id>/`: `base_state.json` has the folder, the model and the tokens of each response,
`events/event-<number>-<id>.json` one event each, told by its `kind`; `subagents/<id>/` is built the same. The state is
the source, its events count with it, as the pieces of OpenCode's sessions do.

- Actions of one response are one answer with several calls, known by the first, whose id a fork of the conversation
  keeps; `finish` is how the model speaks.
- `extended_content` of a prompt was put there by skills and hooks. The program itself writes in the user's name where
  an answer has no call, or a critic wants more.
- `prompt_tokens` have in them what came from the cache. Times have no zone: they are local.

Not kept: definitions of tools, changes of the state, token ids. Keys of the model's provider are in the state; only
the fields that are named here are read.

Source: the package openhands-sdk 1.58.2, its events and their persistence (November 2026).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sessiondb.errors import ImportFailed
from sessiondb.importers.base import Record
from sessiondb.importers.files.json_lines import object_of
from sessiondb.importers.files.source import Source
from sessiondb.importers.openhands.conversation import Conversation

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample

name = "openhands"
version = 1

STATE, EVENTS = "base_state.json", "events"
_STATE = frozenset(("id", "workspace", "persistence_dir"))
_ENDINGS = ("Event", "Observation", "Condensation")


def sniff(sample: Sample) -> int:
    """Look for the state of a conversation, or for one of its events."""
    document = sample.lines[0] if sample.lines else sample.document
    if not isinstance(document, dict):
        return 0
    return 2 if _is_event(document) or _is_state(sample.path, document) else 0


def read(source: Source) -> Iterator[Record]:
    """Yield a conversation by its state; of an event that was named alone, what that says of it.

    Raises ImportFailed where the file is neither.
    """
    source.start = source.line = 0
    document = source.document()
    path = source.path.absolute()
    if isinstance(document, dict) and _is_event(document):
        folder = path.parent.parent if path.parent.name == EVENTS else path.parent
        conversation = Conversation(source, folder, object_of(_beside(folder / STATE)))
        yield conversation.session
        yield from conversation.records(document)
    elif isinstance(document, dict):
        conversation = Conversation(source, path.parent, document)
        events = sorted((path.parent / EVENTS).glob("event-*.json"), key=_place)
        if not events:
            return
        yield conversation.session
        for event in events:
            value = _beside(event)
            if isinstance(value, dict):
                yield from conversation.records(value)
            else:
                source.problem(f"{event.name} is not a JSON object", whole=True)
        yield from conversation.tokens()
    else:
        raise ImportFailed(f"{source.path} is neither a state nor an event of OpenHands")


def _is_state(path: Path, document: dict[str, Any]) -> bool:
    return document.keys() >= _STATE or (path.name == STATE and isinstance(document.get("agent"), dict))


def _is_event(document: dict[str, Any]) -> bool:
    kind = document.get("kind")
    return (
        isinstance(kind, str) and kind.endswith(_ENDINGS) and {"id", "timestamp", "source"} <= document.keys()
    )


def _place(event: Path) -> tuple[int, str]:
    number = event.name.split("-")[1]
    return int(number) if number.isdecimal() and len(number) < 16 else 0, event.name


def _beside(path: Path) -> Any:
    try:
        return Source(path).document()
    except (OSError, ImportFailed):
        return None
