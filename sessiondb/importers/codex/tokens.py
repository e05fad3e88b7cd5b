"""Count a Codex session's tokens, one API response at a time.

A `token_count` event gives the session's totals so far and the usage of the last response. It is written
again with nothing new (twice a response by some builds, and whenever rate limits change), so that a
response counts only where the totals differ from those before. Totals that go down begin a new segment.
Input includes what was read from and written to the cache; output includes reasoning.

Sources: codex-rs of github.com/openai/codex (up to August 2026); measured on real logs, where the sum
equals the last totals.
"""

from __future__ import annotations

from typing import Any

import msgspec

from sessiondb.chat.content import whole
from sessiondb.importers.base import TokenRecord

_INPUT, _CACHED, _WRITTEN, _OUTPUT, _REASONING = range(5)
_NAMES = (
    "input_tokens",
    "cached_input_tokens",
    "cache_write_input_tokens",
    "output_tokens",
    "reasoning_output_tokens",
)


class Usage(msgspec.Struct):
    """The totals of the last event that counted, and how often they have gone down."""

    totals: list[int] | None = None
    last: list[int] | None = None
    segment: int = 0

    def take(self, info: Any, session: str, native_id: str) -> TokenRecord | None:
        """Return the tokens of the response that an event's `info` tells of, None if it is no new one.

        The record's key holds the totals, so that a copy of the file, or the file read again, gives the
        same keys.
        """
        if not isinstance(info, dict):
            return None
        totals = _figures(info.get("total_token_usage"))
        if totals is not None and totals == self.totals:
            return None
        spent = self._spent(totals, _figures(info.get("last_token_usage")))
        if spent is None or self.totals is None or not any(spent):
            return None
        cached = min(spent[_CACHED], spent[_INPUT])
        written = min(spent[_WRITTEN], spent[_INPUT] - cached)
        return TokenRecord(
            session,
            f"{native_id}:{self.segment}:{'-'.join(map(str, self.totals))}",
            spent[_INPUT] - cached - written,
            cached,
            written if _tells_writes(info) else None,
            spent[_OUTPUT],
            min(spent[_REASONING], spent[_OUTPUT]),
        )

    def _spent(self, totals: list[int] | None, last: list[int] | None) -> list[int] | None:
        if totals is None:
            # Builds that give no totals: the same usage again is the same response again.
            if last is None or last == self.last:
                return None
            self.last = last
            self.totals = (
                last if self.totals is None else [a + b for a, b in zip(self.totals, last, strict=True)]
            )
            return last
        before, self.totals, self.last = self.totals, totals, last
        if before and totals[_INPUT] + totals[_OUTPUT] < before[_INPUT] + before[_OUTPUT]:
            self.segment += 1
            before = None
        if last is not None:
            return last
        return [max(0, a - b) for a, b in zip(totals, before, strict=True)] if before else totals


def _figures(usage: Any) -> list[int] | None:
    if not isinstance(usage, dict) or not any(name in usage for name in _NAMES):
        return None
    return [max(0, whole(usage.get(name)) or 0) for name in _NAMES]


def _tells_writes(info: dict[str, Any]) -> bool:
    usages = (info.get("last_token_usage"), info.get("total_token_usage"))
    return any(_NAMES[_WRITTEN] in usage for usage in usages if isinstance(usage, dict))
