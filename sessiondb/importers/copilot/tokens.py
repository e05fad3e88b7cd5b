"""Count the tokens of a Copilot CLI session: a record a response, and the sums of releases that had none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sessiondb.chat.content import text_or_none, whole
from sessiondb.importers.base import TokenRecord
from sessiondb.importers.files.json_lines import object_of

# Input, cache reads, cache writes, output, reasoning.
_NAMES = ("inputTokens", "cacheReadTokens", "cacheWriteTokens", "outputTokens", "reasoningTokens")


class Usage:
    """What was counted so far; a record comes before the message that it is of, and waits for it."""

    def __init__(self, state: dict[str, Any]) -> None:
        self._waiting: list[list[Any]] = state.setdefault("waiting", [])
        # The sums of what the records of each model told.
        self._told: dict[str, list[int]] = state.setdefault("told", {})

    def take(
        self, usage: dict[str, Any], session: str, native_id: str, at: str | None, git: tuple[Any, Any]
    ) -> Iterator[TokenRecord]:
        """Take the record of one response; yield those before it whose messages did not come."""
        counts = _counts(usage)
        if counts is None:
            return
        accounting, model = object_of(usage.get("accounting")), text_or_none(usage.get("model"))
        told = self._told.setdefault(model or "", [0] * len(_NAMES))
        self._told[model or ""] = [a + b for a, b in zip(told, counts, strict=True)]
        response = text_or_none(usage.get("apiCallId"))
        # A session that began as a copy of another repeats its records, which name that one.
        owner = text_or_none(accounting.get("sourceSessionId")) or native_id
        ids = (whole(accounting.get("sequence")), text_or_none(accounting.get("usageId")) or response)
        key = f"{owner}:{':'.join(str(id) for id in ids if id is not None) or at}"
        yield from self._give_up()
        self._waiting.append([response, session, key, counts, model, at, *git])

    def of_response(self, response: str | None, session: str, message: str) -> Iterator[TokenRecord]:
        """Yield the tokens of a response whose message is there now."""
        for one in [one for one in self._waiting if one[0] is not None and one[0] == response]:
            self._waiting.remove(one)
            yield _record(one)._replace(session=session, message=message)

    def rest(self) -> Iterator[TokenRecord]:
        """Yield the tokens of responses whose message has not come: they were paid for. It may come yet."""
        yield from map(_record, self._waiting)

    def _give_up(self) -> Iterator[TokenRecord]:
        waiting, self._waiting[:] = self._waiting[:], []
        yield from map(_record, waiting)

    def totals(
        self, metrics: dict[str, Any], session: str, native_id: str, at: str | None
    ) -> Iterator[TokenRecord]:
        """Yield what the sums of all models have beyond the records, as one count a model."""
        yield from self._give_up()
        for model, metric in metrics.items():
            counts = _counts(object_of(object_of(metric).get("usage")))
            if counts is None:
                continue
            told = self._told.get(model, [0] * len(_NAMES))
            left = [max(0, a - b) for a, b in zip(counts, told, strict=True)]
            if any(left):
                yield _record([None, session, f"{native_id}:total:{model}", left, model, at, None, None])


def _counts(usage: dict[str, Any]) -> list[int] | None:
    if not any(whole(usage.get(name)) for name in _NAMES):
        return None
    return [max(0, whole(usage.get(name)) or 0) for name in _NAMES]


def _record(waiting: list[Any]) -> TokenRecord:
    _, session, key, (asked, read, written, output, reasoning), model, at, branch, commit = waiting
    return TokenRecord(
        session,
        key,
        input=max(0, asked - read - written),
        cache_read=read,
        cache_write=written,
        output=output,
        reasoning=min(reasoning, output),
        model=model,
        counted_at=at,
        git_branch=branch,
        git_commit=commit,
    )
