"""Messages that stand in the logs of several sessions: as they are met in one, as they are held by another."""

from __future__ import annotations

from typing import NamedTuple


class Copy(NamedTuple):
    """A message that a session's log has and another session holds, or the answer to a call of such a message.

    `after` is the seq of the session's own message that comes before it. An answer has the id of its call, a message
    the external id.
    """

    after: int
    external_id: str | None = None
    call_id: str | None = None


class Line(NamedTuple):
    """A message of one session, and the place of its copy in another one's log: after the message with seq `after`.

    An answer to a tool call has no external id here.
    """

    id: int
    holder: str
    seq: int
    created_at: str | None
    after: int
    external_id: str | None
