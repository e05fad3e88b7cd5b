"""Count a Codex session's tokens, one API response at a time.

A `token_count` event gives the session's totals so far and the usage of the last response. It is written
again with nothing new (twice a response by some builds, and whenever rate limits change), so that a
response counts only where the totals differ from those before. Totals that go down begin a new segment.
Input includes what was read from and written to the cache; output includes reasoning.

Since 0.171 a line `token_usage_record` tells the same beforehand, with the id of the response, by which it is
counted then; the event that follows is its echo.

Sources: codex-rs of github.com/openai/codex (up to August 2026); measured on real logs, where the sum
equals the last totals.
"""

from __future__ import annotations

from typing import Any

import msgspec

from sessiondb.chat.content import text_or_none, whole
from sessiondb.importers.base import TokenRecord
from sessiondb.importers.codex.lines import Payload

_INPUT, _CACHED, _WRITTEN, _OUTPUT, _REASONING = range(5)
_NAMES = (
    "input_tokens",
    "cached_input_tokens",
    "cache_write_input_tokens",
    "output_tokens",
    "reasoning_output_tokens",
)


class Usage(msgspec.Struct):
    """The totals of the last event that counted, and how often they have gone down.

    `told` is the usage of the last record with a response's id, until the event has said it once more.
    """

    totals: list[int] | None = None
    last: list[int] | None = None
    segment: int = 0
    told: list[int] | None = None

    def take_record(self, line: Payload, session: str, native_id: str) -> TokenRecord | None:
        """Return the tokens of a `token_usage_record`, None where it has no counts."""
        response, spent = text_or_none(line.response_id), _figures(line.usage)
        if response is None or spent is None or not any(spent):
            return None
        self.told = self.last = spent
        self.totals = _figures(line.thread_token_usage) or self.totals or spent
        thread = text_or_none(line.thread_id) or native_id
        return _record(session, f"{thread}:{response}", spent, _NAMES[_WRITTEN] in line.usage)

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
        last = _figures(info.get("last_token_usage"))
        if self.told is not None and last == self.told:
            self.told, self.totals = None, totals or self.totals
            return None
        spent = self._spent(totals, last)
        if spent is None or self.totals is None or not any(spent):
            return None
        key = f"{native_id}:{self.segment}:{'-'.join(map(str, self.totals))}"
        return _record(session, key, spent, _tells_writes(info))

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
        # Not by any one figure: what was read from the cache may well be less than before.
        if before and totals[_INPUT] + totals[_OUTPUT] < before[_INPUT] + before[_OUTPUT]:
            self.segment += 1
            before = None
        if last is not None:
            return last
        return [max(0, a - b) for a, b in zip(totals, before, strict=True)] if before else totals


def _record(session: str, key: str, spent: list[int], tells_writes: bool) -> TokenRecord:
    # Whatever a log says, no bucket may be less than nothing.
    cached = min(spent[_CACHED], spent[_INPUT])
    written = min(spent[_WRITTEN], spent[_INPUT] - cached)
    return TokenRecord(
        session,
        key,
        spent[_INPUT] - cached - written,
        cached,
        written if tells_writes else None,
        spent[_OUTPUT],
        min(spent[_REASONING], spent[_OUTPUT]),
    )


def _figures(usage: Any) -> list[int] | None:
    if not isinstance(usage, dict) or not any(name in usage for name in _NAMES):
        return None
    return [max(0, whole(usage.get(name)) or 0) for name in _NAMES]


def _tells_writes(info: dict[str, Any]) -> bool:
    usages = (info.get("last_token_usage"), info.get("total_token_usage"))
    return any(_NAMES[_WRITTEN] in usage for usage in usages if isinstance(usage, dict))
