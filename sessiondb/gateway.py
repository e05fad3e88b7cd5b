"""Chats on many platforms, each with one current session: found, reset by rule or on request."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Any

from sessiondb import timestamps
from sessiondb.dao.search.guard import despite_search
from sessiondb.errors import InvalidInput, SessionDBError
from sessiondb.live.callbacks import Callback, FailureLogged
from sessiondb.live.context_prompt import context_prompt
from sessiondb.live.reset_policy import NEVER, ResetPolicy, ResetRules
from sessiondb.records import Channel, Session, SessionFilter
from sessiondb.storage.statements import pauses
from sessiondb.storage.values import named, span_of_time

if TYPE_CHECKING:
    from sessiondb.dao.tables import Tables

__all__ = [
    "NEVER",
    "Channel",
    "Gateway",
    "Notice",
    "ResetPolicy",
    "ResetRules",
    "context_prompt",
    "session_key",
]

# A reset by rule, where there is a callback: one process claims it, in the session's metadata, and others
# that ask meanwhile wait for what comes of it.
#
#   open, due -> open, claimed -> the callback runs -> ended, and the next one is begun
#     ^             |   it was stopped: the claim is given back
#     |             |   its process died: the claim lapses, and the next that asks takes it
#     +-------------+   someone ended the session, or spoke in it, before it was claimed: there is no need
CLAIM = timedelta(minutes=2)
"""How long others wait for the process that runs the callback before an auto-reset, should it die."""

_MOST_MINUTES = 1e9
"""Minutes that reach back before there were computers."""

_CLAIM = "reset_claimed_until"
_NOTICE = ("was_auto_reset", "auto_reset_reason")


@dataclass(frozen=True, slots=True)
class Notice:
    """Why a session was begun: the one before it was idle too long ("idle"), or the hour came ("daily")."""

    reason: str
    previous_id: str | None


def session_key(channel: Channel) -> str:
    """Return the key of the conversation in a channel.

    All direct messages of a platform are one conversation, on WhatsApp one a person; any other chat is
    its own. Raises InvalidInput for a chat without an id, which would share its session with strangers.
    """
    if not isinstance(channel, Channel):
        raise InvalidInput(f"channel must be a sessiondb.Channel, not {type(channel).__name__}")
    kind = channel.kind
    if kind == "dm" and channel.platform != "whatsapp":
        return f"agent:main:{channel.platform}:dm"
    ids = (channel.chat_id, channel.user_id) if kind == "dm" else (channel.chat_id,)
    found = next((chat for chat in ids if chat not in (None, "")), None)
    if found is None:
        raise InvalidInput(
            f"a {channel.platform} {kind} needs a chat_id for a session of its own: give one, or give the gateway a"
            " key function"
        )
    return f"agent:main:{channel.platform}:{kind}:{found}"


class Gateway:
    """The current session of each chat: one open session per key at any time, whatever processes ask.

    `reset` says when a conversation starts anew, for all channels or by rules. `key` makes a key of a
    channel. `is_busy(session)` True keeps a session from being reset by rule, say while its process
    runs. `before_reset(session, reason)` is called once before a reset by rule, outside of any
    transaction, while the session is still the current one; where it fails, that is logged and the
    reset goes on. Both may be async: then ask off the event loop, `await db.run(gateway.session, channel)`.
    `tz` is the zone of the daily hour, by name or as a tzinfo; None is the machine's.
    """

    def __init__(  # noqa: PLR0913
        self,
        db: Tables,
        agent: str,
        *,
        reset: ResetPolicy | ResetRules = NEVER,
        key: Callable[[Channel], str] = session_key,
        is_busy: Callable[[Session], bool | Awaitable[bool]] | None = None,
        before_reset: Callable[[Session, str], object] | None = None,
        tz: str | tzinfo | None = None,
    ) -> None:
        self._db = db
        self._agent = agent
        if not isinstance(reset, ResetPolicy | ResetRules):
            raise InvalidInput(f"reset must be a ResetPolicy or ResetRules, not {reset!r}")
        for name, function in (("key", key), ("is_busy", is_busy), ("before_reset", before_reset)):
            if function is not None and not callable(function):
                raise InvalidInput(f"{name} must be a function, not {function!r}")
        self._rules = reset if isinstance(reset, ResetRules) else ResetRules(reset)
        self._key = key
        self._is_busy = None if is_busy is None else Callback(is_busy, "is_busy")
        self._before_reset = None if before_reset is None else Callback(before_reset, "before_reset")
        self._tz = timestamps.zone(tz)

    def session(
        self, channel: Channel, *, force_new: bool = False, now: datetime | None = None, **fields: Any
    ) -> Session:
        """Return the current session of a channel: the open one, unless it is due for a reset, or a new one.

        `force_new` resets it in any case. `fields` are those of `Sessions.start`, for a new session. A
        session that is reset by rule has `end_reason` "idle" or "daily" and is the parent of the new one,
        which holds a notice (see take_notice).
        """
        for callback in filter(None, (self._is_busy, self._before_reset)):
            callback.check()
        if force_new:
            return self.reset(channel, now=now, **fields)
        key = self._key_of(channel)
        moment = timestamps.aware(now)
        fields = {"channel": channel, "started_at": moment, **fields}
        # Whatever is found here may have changed by the time it is acted on, for many processes ask: so each act looks
        # once more under the lock, and the loop asks again.
        for pause in pauses():
            open_id = self._db.sessions.open_id(key)
            if open_id is None:
                return self._db.sessions.get_or_start(key, self._agent, **fields)
            session = self._db.sessions.get(open_id)
            reason = self._due(session, channel, moment)
            if reason is None or (self._is_busy is not None and self._is_busy(session)):
                return session
            if self._before_reset is None:
                self._replace(session, channel, moment, fields)
            elif self._claim(session, channel, moment):
                with self._released_on_error(session):
                    with FailureLogged(f"the callback before the {reason} reset of {session.id} failed"):
                        self._before_reset(session, reason)
                    self._replace(session, channel, moment, fields, reason)
            else:
                time.sleep(pause)
        raise AssertionError("pauses() never ends")

    def reset(self, channel: Channel, *, now: datetime | None = None, **fields: Any) -> Session:
        """End the current session of a channel and return a new one, its child.

        The reason is "session_reset". `fields` are those of `Sessions.start`. Where the channel has no
        open session, one is begun.
        """
        key = self._key_of(channel)
        moment = timestamps.aware(now)
        fields = {"channel": channel, "started_at": moment, **fields}

        def write() -> Session:
            open_id = self._db.sessions.open_id(key)
            links = {} if open_id is None else {"parent": open_id, "relation": "reset"}
            if open_id is not None:
                self._db.sessions.end(open_id, "session_reset", at=moment)
            return self._db.sessions.start(self._agent, key=key, **{**fields, **links})

        return despite_search(self._db.connection, write)

    def take_notice(self, session_id: str) -> Notice | None:
        """Return the notice that a session was begun by an auto-reset; None for any other session.

        It is given once. It outlives restarts until someone takes it; of several that ask at once, one
        gets it. Raises NotFound.
        """
        taken = self._db.sessions.take_metadata(session_id, *_NOTICE)
        if not taken.get("was_auto_reset"):
            return None
        return Notice(taken.get("auto_reset_reason") or "idle", self._db.sessions.get(session_id).parent_id)

    def sessions(
        self,
        *,
        active_minutes: float | None = None,
        include_ended: bool = False,
        limit: int | None = None,
        now: datetime | None = None,
    ) -> list[Session]:
        """Return this agent's current sessions, all or those active in the last minutes, the newest first.

        `include_ended`: those that were reset, or ended otherwise, too.
        """
        since = None
        if active_minutes is not None:
            minutes = min(span_of_time(active_minutes, "active_minutes"), _MOST_MINUTES)
            since = timestamps.from_datetime(timestamps.aware(now) - timedelta(minutes=minutes))
        where = SessionFilter(agent=self._agent, since=since, is_open=None if include_ended else True)
        return self._db.sessions.page(where, limit=limit)

    def has_any(self) -> bool:
        """Say whether there has ever been a session, of any agent."""
        return self._db.sessions.has_any()

    def _key_of(self, channel: Channel) -> Any:
        """Return the key of a channel. Raises InvalidInput for none: each message would begin a session of its own."""
        return named(self._key(channel), "the key of a channel")

    def _due(self, session: Session, channel: Channel, now: datetime) -> str | None:
        return self._rules.of(channel).due(timestamps.to_datetime(session.last_active_at), now, self._tz)

    def _claim(self, session: Session, channel: Channel, now: datetime) -> bool:
        """Take it on to run the callback, or say that another process has, or that there is no need."""
        clock = datetime.now(timezone.utc)
        until = timestamps.from_datetime(clock + CLAIM)
        with self._db.connection.transaction():
            current = self._db.sessions.get(session.id)
            claimed = current.metadata.get(_CLAIM)
            # A claim from further ahead was made before the clock was set back.
            is_claimed = claimed is not None and timestamps.from_datetime(clock) < claimed <= until
            if is_claimed or not current.is_open or self._due(current, channel, now) is None:
                return False
            self._db.sessions.set_metadata(session.id, {_CLAIM: until})
        return True

    @contextlib.contextmanager
    def _released_on_error(self, session: Session) -> Iterator[None]:
        """Give a claim back where the block fails or is stopped, so that others need not wait for its end."""
        try:
            yield
        except BaseException:
            with contextlib.suppress(SessionDBError):
                self._db.sessions.set_metadata(session.id, {_CLAIM: None})
            raise

    def _replace(
        self,
        session: Session,
        channel: Channel,
        now: datetime,
        fields: dict[str, Any],
        claimed: str | None = None,
    ) -> None:
        """End a session and begin the next, unless another process has, or there is no need any more.

        Once it is claimed there is: what the callback writes to the session is no reason to keep it.
        """
        sessions = self._db.sessions

        def write() -> None:
            current = sessions.get(session.id)
            reason = claimed or self._due(current, channel, now)
            if not current.is_open or reason is None:
                return
            sessions.set_metadata(session.id, {_CLAIM: None})
            sessions.end(session.id, reason, at=now)
            notice = dict(zip(_NOTICE, (True, reason), strict=True))
            # In the new session's metadata, not in memory: whoever is asked next, after a restart too, can tell the
            # person.
            metadata = {**(fields.get("metadata") or {}), **notice}
            links = {"parent": session.id, "relation": "reset", "metadata": metadata}
            sessions.start(self._agent, key=session.key, **{**fields, **links})

        despite_search(self._db.connection, write)
