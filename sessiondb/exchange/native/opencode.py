"""OpenCode: a session as `opencode export` writes it and `opencode import` takes it into the agent's database.

Ids sort by time, in the agent too: those that it makes later come after them. Tried with 1.18.33.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sessiondb.exchange.native.conversation import Call, Head, Turn
from sessiondb.exchange.native.places import own_file
from sessiondb.importers.opencode.db import holds, latest_model

AGENT = "opencode"
UNKNOWN = "unknown"
"""Stands for a model where none is known, which the format demands."""
_ID = re.compile(r"ses_[0-9A-Za-z]{20,}")
_VERSION = "1.18.33"
_NO_TOKENS = {"input": 0, "output": 0, "reasoning": 0, "cache": {"read": 0, "write": 0}}


def new_id() -> str:
    """Return an id for a session."""
    return f"ses_{secrets.token_hex(13)}"


def takes(native_id: str) -> bool:
    """Say whether the agent takes an id: one as it makes them."""
    return _ID.fullmatch(native_id) is not None


def find(native_id: str, places: Sequence[Path]) -> Path | None:
    """Return the agent's database that holds a session, or its file of the time before that."""
    for place in places:
        if place.suffix == ".db" and os.path.isfile(place) and holds(place, native_id):
            return place
        found = next(place.glob(f"session/*/{native_id}.json"), None)
        if found is not None:
            return found
    return None


def path_of(head: Head) -> Path:
    """Return where the file is put that is to be imported."""
    return own_file(AGENT, f"{head.native_id}.json")


def lines(head: Head, turns: Iterable[Turn]) -> Iterator[dict[str, Any]]:
    """Yield the one document of a session."""
    messages = _Messages(head)
    for turn in turns:
        messages.add(turn)
    began = _milliseconds(head.started_at)
    info: dict[str, Any] = {"id": head.native_id, "slug": head.metadata.get("slug") or head.native_id[-12:]}
    info |= {"version": head.metadata.get("version") or _VERSION, "directory": head.folder}
    info |= {"title": head.title or f"New session - {head.started_at}"}
    yield {
        "info": {**info, "time": {"created": began, "updated": messages.last or began}},
        "messages": messages.found,
    }


class _Messages:
    """The messages of a document, with ids in their order."""

    def __init__(self, head: Head) -> None:
        self.found: list[dict[str, Any]] = []
        self.last = 0
        self._head = head
        self._default = _latest_model(head.places)
        self._asked = ""
        self._stamp = 0

    def add(self, turn: Turn) -> None:
        """Add a turn: a message and its parts."""
        at = _milliseconds(turn.at)
        self.last = max(self.last, at)
        id = self._message_id(turn, at)
        info: dict[str, Any] = {
            "id": id,
            "sessionID": self._head.native_id,
            "role": turn.role,
            "agent": "build",
        }
        if turn.role == "user":
            self._asked = id
            info |= {"time": {"created": at}, "model": self._model(turn)}
        else:
            ended = max([at, *(_milliseconds(call.returned_at) for call in turn.calls)])
            self.last = max(self.last, ended)
            info |= {"time": {"created": at, "completed": ended}, "parentID": self._asked or id}
            info |= {
                **self._model(turn),
                "mode": "build",
                "path": {"cwd": self._head.folder, "root": self._head.folder},
            }
            info |= {"cost": 0, "tokens": _NO_TOKENS, "finish": "tool-calls" if turn.calls else "stop"}
        parts: list[dict[str, Any]] = [{"type": "text", "text": turn.text}] if turn.text else []
        parts += [_call(call) for call in turn.calls]
        named = {"sessionID": self._head.native_id, "messageID": id}
        self.found.append(
            {"info": info, "parts": [{"id": self._next("prt", at), **named, **part} for part in parts]}
        )

    def _model(self, turn: Turn) -> dict[str, str]:
        """Return who says it, or is asked: the agent goes on with the last one."""
        model, provider = self._default if turn.provider is None else (turn.model, turn.provider)
        return {"modelID": model or UNKNOWN, "providerID": provider or UNKNOWN}

    def _message_id(self, turn: Turn, at: int) -> str:
        own = turn.external_id or ""
        is_own = bool(self._head.metadata) and own.startswith("msg_") and own.isascii()
        return own if is_own else self._next("msg", at)

    def _next(self, kind: str, at: int) -> str:
        """Return an id as the agent makes them: the time, a number within the moment, and what is random."""
        self._stamp = max(self._stamp + 1, at * 0x1000)
        return f"{kind}_{self._stamp & 0xFFFFFFFFFFFF:012x}{secrets.token_hex(7)}"


def _latest_model(places: Iterable[Path]) -> tuple[str | None, str | None]:
    """Return the model that the agent was last used with, and its provider."""
    databases = (place for place in places if place.suffix == ".db" and os.path.isfile(place))
    return next((model for database in databases if (model := latest_model(database))), (None, None))


def _call(call: Call) -> dict[str, Any]:
    state: dict[str, Any] = {"status": "error" if call.is_error else "completed", "input": call.object}
    state |= {"time": {"start": _milliseconds(call.called_at), "end": _milliseconds(call.returned_at)}}
    state |= {"error": call.result} if call.is_error else {"output": call.result, "title": call.name}
    return {"type": "tool", "tool": call.name, "callID": call.id, "state": {**state, "metadata": {}}}


def _milliseconds(stamp: str) -> int:
    return round(datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp() * 1000)
