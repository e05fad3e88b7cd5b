"""Open a database file and hand out what works on it.

Each method is told in full where its flow is. None prints, each returns a record.

    Tables        dao/tables.py    sessions, messages, tokens, notes: one table each
    Logs          logs.py          what agents have written: imported, watched, explained
    Exchange      exchange.py      sessions as files, for agents, and from another database
    Reports       reports.py       what is in it: counts, costs, names
    Upkeep        upkeep.py        removal, repair, backups
    SessionDB     here             all of them, and what a running agent calls
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from sessiondb.database.exchange import Exchange
from sessiondb.database.reports import Reports
from sessiondb.database.upkeep import Upkeep

if TYPE_CHECKING:
    import sqlite_utils

    from sessiondb.dao.hook_log import HookLog
    from sessiondb.gateway import Gateway
    from sessiondb.live.continuity import Continuity
    from sessiondb.live.turn import Turn
    from sessiondb.live.workspace import State
    from sessiondb.search.engine import Search

P = ParamSpec("P")
T = TypeVar("T")


class SessionDB(Exchange, Reports, Upkeep):
    """One database file, as a context manager; safe to share between threads.

    It is made, readable by its owner alone, and brought up to date when it is opened. With `read_only` it
    is neither, and one that a later sessiondb wrote can be read as far as its schema is known; without `migrate` an
    older one is refused, which is for what runs unasked. ":memory:" is a new database that is gone when it is closed.
    A write waits up to `time_budget` seconds for other writers. Raises the errors of sessiondb.errors.
    """

    @cached_property
    def search(self) -> Search:
        """Search what was said: `db.search("where are the tests kept?").hits`."""
        from sessiondb.search.engine import Search

        return Search(self.connection)

    def add_tokens(self, session_id: str, **tokens: Any) -> bool:
        """Add the tokens of one API response; see TokenCounts.add."""
        return self.tokens.add(session_id, **tokens)

    def set_tokens(self, session_id: str, request_key: str, **tokens: Any) -> None:
        """Set the tokens of a response, in place of what was counted before; see TokenCounts.set."""
        self.tokens.set(session_id, request_key, **tokens)

    def turn(self, session_id: str) -> AbstractContextManager[Turn]:
        """Write a turn of a session as a whole: `with db.turn(session_id) as turn: turn.append(...)`.

        The block is one transaction: all of it is on disk when it ends, nothing of it when it raises. What
        is written through `db` in the block belongs to it. Other writers wait meanwhile, so call the model
        before it, not in it, and never `await` in it: put the turn into a function and hand that to `run`.
        """
        from sessiondb.live.turn import turn

        return turn(self, session_id)

    def history(
        self,
        session_id: str,
        *,
        limit: int | None = 500,
        max_tokens: int | None = None,
        format: str = "openai",
        extra_fields: bool = True,
    ) -> list[dict[str, Any]]:
        """Return what to send to the model next; see sessiondb.live.history.history."""
        from sessiondb.live.history import history

        return history(
            self, session_id, limit=limit, max_tokens=max_tokens, format=format, extra_fields=extra_fields
        )

    def gateway(self, agent: str, **options: Any) -> Gateway:
        """Return the current session of each chat, under a reset policy; see sessiondb.gateway.Gateway."""
        from sessiondb.gateway import Gateway

        return Gateway(self, agent, **options)

    @cached_property
    def continuity(self) -> Continuity:
        """What the next session must know: restore it, brief a model with it, complete what was open."""
        from sessiondb.live.continuity import Continuity

        return Continuity(self)

    def save(
        self,
        session_id: str,
        messages: Sequence[Mapping[str, Any]],
        *,
        tokens: Mapping[str, int | None] | None = None,
        on_conflict: str = "replace",
    ) -> int:
        """Bring a session to the whole state of an agent, and return how many messages that added.

        See sessiondb.live.workspace.save.
        """
        from sessiondb.live.workspace import save

        return save(self, session_id, messages, tokens, on_conflict)

    def restore(
        self,
        session_id: str | None = None,
        *,
        project: str | PathLike[str] | None = None,
        agent: str | None = None,
        format: str = "openai",
    ) -> State | None:
        """Return messages and token totals of a session, or of a project's newest; None where it has none.

        See sessiondb.live.workspace.restore.
        """
        from sessiondb.live.workspace import restore

        return restore(self, session_id, project, agent, format)

    @cached_property
    def hook_log(self) -> HookLog:
        """What hooks have told agents: `latest`."""
        from sessiondb.dao.hook_log import HookLog

        return HookLog(self.connection)

    async def run(self, function: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """Call a function off the event loop: `await db.run(db.messages.append, id, "user", "Hello")`.

        A transaction belongs to one thread: hand over a function that writes the whole turn. A call that has
        begun is finished, even where the task that waits for it is cancelled.
        """
        import asyncio

        return await asyncio.to_thread(function, *args, **options)

    @cached_property
    def sqlite_utils(self) -> sqlite_utils.Database:
        """The same connection as a sqlite-utils Database, for whatever sessiondb has no method for."""
        import sqlite_utils

        return sqlite_utils.Database(self.connection.sqlite, execute_plugins=False)
