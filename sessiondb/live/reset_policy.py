"""When a conversation starts anew by itself. Pure: times come in, a rule's name comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone, tzinfo

from sessiondb.errors import InvalidInput
from sessiondb.records import Channel
from sessiondb.storage.values import span_of_time, whole_number


@dataclass(frozen=True, slots=True)
class ResetPolicy:
    """After how many idle minutes, and at which local hour (0 to 23), a conversation starts anew.

    Either may be None, then that rule does not hold; both may be set, then the one that is due first
    decides. Where a clock change skips the hour, it is due at the change; where one repeats it, the first
    time.
    """

    idle_minutes: float | None = None
    daily_at: int | None = None

    def __post_init__(self) -> None:
        """Raise InvalidInput for what is no time."""
        if self.idle_minutes is not None and not span_of_time(self.idle_minutes, "idle_minutes") > 0:
            raise InvalidInput(
                f"a session cannot be idle for {self.idle_minutes} minutes: give more than 0, or None"
            )
        if self.daily_at is not None and whole_number(self.daily_at, "daily_at") not in range(24):
            raise InvalidInput(f"there is no hour {self.daily_at}: give 0 to 23, or None")

    def due(self, last_active: datetime, now: datetime, tz: tzinfo) -> str | None:
        """Return which rule says so, "idle" or "daily", where the session is to be reset; else None.

        A clock that was set back resets nothing: no deadline after the last activity has come then.
        """
        # idle 60, daily at 4, last active on Monday at 22:30:
        #
        #     idle     Monday    23:30       comes first, and decides
        #     daily    Tuesday   04:00
        #
        # Nothing runs at these moments: whoever asks next hears what has come due meanwhile.
        deadlines = []
        if self.idle_minutes is not None:
            deadlines.append((last_active + timedelta(minutes=self.idle_minutes), "idle"))
        if self.daily_at is not None:
            deadlines.append((_next_at(self.daily_at, last_active, tz), "daily"))
        deadline, rule = min(deadlines, default=(None, None))
        return rule if deadline is not None and deadline <= now else None


NEVER = ResetPolicy()
"""A conversation goes on until someone resets it."""


@dataclass(frozen=True, slots=True)
class ResetRules:
    """A policy for each platform or chat type that needs its own; a platform's goes before a chat type's."""

    default: ResetPolicy = NEVER
    platforms: Mapping[str, ResetPolicy] = field(default_factory=dict)
    chat_types: Mapping[str, ResetPolicy] = field(default_factory=dict)

    def of(self, channel: Channel) -> ResetPolicy:
        """Return the policy that holds for a channel."""
        return self.platforms.get(channel.platform, self.chat_types.get(channel.kind, self.default))


def _next_at(hour: int, after: datetime, tz: tzinfo) -> datetime:
    """Return the first moment after another at which a local clock strikes the hour."""
    day = after.astimezone(tz).date()
    while True:
        moment = datetime(day.year, day.month, day.day, hour, tzinfo=tz).astimezone(timezone.utc)
        if moment > after:
            return moment
        day += timedelta(days=1)
