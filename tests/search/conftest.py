"""What tests of searches share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sessiondb import SessionDB


@pytest.fixture
def say(db: SessionDB) -> Callable[..., str]:
    """Return a function that writes messages into a session of their own, the user first, and returns its id."""

    def write(*messages: str, agent: str = "codex", at: str = "2026-03-01", **fields: Any) -> str:
        session = db.sessions.start(agent, started_at=f"{at}T09:00:00.000Z", **fields)
        with db.turn(session.id) as turn:
            for number, text in enumerate(messages):
                role = "assistant" if number % 2 else "user"
                turn.append(role, text, created_at=f"{at}T09:{number % 60:02}:00.000Z")
        return session.id

    return write
