"""Write a turn, or any part of one, as a whole."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from sessiondb.dao.search.guard import Replay
from sessiondb.errors import Conflict
from sessiondb.records import Message
from sessiondb.storage.values import said_at

if TYPE_CHECKING:
    from sessiondb.dao.tables import Tables


T = TypeVar("T")


class Turn:
    """What is written to one session in one transaction. It is over when its `with` block ends."""

    def __init__(self, db: Tables, session_id: str, replay: Replay) -> None:
        self._db = db
        self._replay: Replay | None = replay
        self._uncounted: int | None = None
        self.session_id = session_id

    def append(self, /, role: str, content: Any = None, **fields: Any) -> Message:
        """Append a message and return it: `Messages.append`, with all its fields and errors.

        An error leaves nothing of this message, and nothing of the turn once it leaves the `with` block too.
        """
        # The same however often it is written.
        fields["created_at"] = said_at(fields.get("created_at"), fields.get("timestamp"))
        append = self._db.messages.append
        message = self._run(lambda: append(self.session_id, role, content, **fields))
        if message.role == "assistant":
            self._uncounted = message.id
        return message

    def add_tokens(self, **tokens: Any) -> bool:
        """Add the tokens of an API response: `TokenCounts.add`, with all its fields and errors.

        They are of the assistant message appended last, unless `message_id` names another or it was counted.
        """
        tokens.setdefault("message_id", self._uncounted)
        self._uncounted = None
        return self._run(lambda: self._db.tokens.add(self.session_id, **tokens))

    def set_tokens(self, request_key: str, **tokens: Any) -> None:
        """Set the tokens of a response in place of what was counted for it: `TokenCounts.set`."""
        self._run(lambda: self._db.tokens.set(self.session_id, request_key, **tokens))

    def end(self) -> None:
        """Let nothing more be written through this turn."""
        self._replay = None

    def _run(self, write: Callable[[], T]) -> T:
        if self._replay is None:
            raise Conflict(
                f"this turn of session {self.session_id} has ended: what it wrote is committed or undone; write more"
                " through db.messages or a new db.turn(...)"
            )
        if not self._db.connection.in_transaction:
            raise Conflict(
                f"this turn of session {self.session_id} belongs to another thread or task: write through it"
                " only where it was opened"
            )
        return self._replay.run(write)


@contextlib.contextmanager
def turn(db: Tables, session_id: str) -> Iterator[Turn]:
    """Open a write transaction, commit it when the block ends, and undo it when the block raises."""
    with db.connection.transaction(f"a turn of session {session_id}"):
        replay = Replay(db.connection)
        turn = Turn(db, session_id, replay)
        try:
            yield turn
            replay.finish()
        finally:
            turn.end()
