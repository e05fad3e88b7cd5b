"""Forks whose messages are copies under fresh ids, and how such an id tells a copy from its original.

OpenCode, and what was made from it, forks by writing each message once more: the same in all but its ids (in OpenCode's
source, `fork` of session/session.ts). An id begins with the time at which it was made: for an original that is when
the message was, for a copy when the session was forked.

    msg_e6f9c1a2d001...    12 hexadecimal digits: milliseconds times 4096, and a counter; the upper bits are cut off
"""

from __future__ import annotations

import re
from datetime import datetime

RENAMING = frozenset(("opencode", "kilo", "mimocode", "icodemate"))
"""Agents whose forks hold copies under fresh ids."""

_TIMED = re.compile(r"msg_([0-9a-f]{12})[0-9A-Za-z]{14}(:meta)?")
_AROUND = 1 << 36  # milliseconds, after which the digits begin anew


def age(message_id: str, created_at: str | None) -> int | None:
    """Return how many milliseconds after its message an id was made, None where it does not say so."""
    timed = _TIMED.fullmatch(message_id)
    if timed is None or created_at is None:
        return None
    moment = datetime.fromisoformat(created_at.replace("Z", "+00:00"))
    return ((int(timed[1], 16) >> 12) - round(moment.timestamp() * 1000)) % _AROUND
