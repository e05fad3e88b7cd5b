"""Sort the parts of OpenCode's messages, and read its counts, which older versions wrote in several ways."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from sessiondb.chat.content import whole, without_payloads

# Parts that say nothing beyond what the message's own fields and its other parts say.
_MARKERS = frozenset(("step-start", "step-finish", "snapshot"))
_OF_THE_ROW = frozenset(("id", "sessionID", "messageID"))
_MOST = 1e15


class Sorted(NamedTuple):
    """The parts of one message, sorted by what they are."""

    said: list[str]
    injected: list[str]
    reasoning: list[str]
    tools: list[dict[str, Any]]
    steps: list[dict[str, Any]]
    rest: list[Any]

    @property
    def is_typed(self) -> bool:
        """Say whether a user message with these parts is a person's, as is one whose parts are lost."""
        given = [part for part in self.rest if field(part, "type") != "compaction"]
        return bool(self.said or given) or not (self.injected or self.rest)


def sort_parts(parts: Any) -> Sorted:
    """Sort parts. Text that the program added is `injected`; text for the screen alone stays a part."""
    found = Sorted([], [], [], [], [], [])
    for part in parts if isinstance(parts, list) else []:
        if not isinstance(part, dict):
            found.rest.append(part)
            continue
        kind, text = part.get("type"), part.get("text")
        if kind == "text" and isinstance(text, str) and not part.get("ignored"):
            (found.injected if part.get("synthetic") else found.said).append(text)
        elif kind == "reasoning" and isinstance(text, str):
            found.reasoning.append(text)
        elif kind == "tool":
            found.tools.append(part)
        elif kind == "step-finish":
            found.steps.append(part)
        elif not (isinstance(kind, str) and kind in _MARKERS):
            kept = {key: item for key, item in part.items() if key not in _OF_THE_ROW}
            found.rest.append(without_payloads(kept))
            if kind == "subtask" and isinstance(part.get("prompt"), str):
                found.said.append(part["prompt"])
    return found


def field(value: Any, *keys: str) -> Any:
    """Return what nested objects hold under the keys, None where they do not."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def number(value: Any) -> float:
    """Return a time or an amount as a float, 0 for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 <= value < _MOST else 0.0


def moment_of(message: dict[str, Any]) -> float:
    """Return a message's time of creation in milliseconds, 0 where it is unknown: the order of a session."""
    return number(field(message, "time", "created"))


def usage(message: dict[str, Any], steps: list[dict[str, Any]]) -> Counter[str]:
    """Return the tokens of a message: its own figures or the sum of its steps, whichever is more.

    Older versions wrote only the last step's figures into the message. What is not said is left out.
    """
    own, sum_of_steps = _buckets(message.get("tokens")), Counter[str]()
    for step in steps:
        sum_of_steps.update(_buckets(step.get("tokens")))
    return max(own, sum_of_steps, key=Counter.total)


def microdollars(message: dict[str, Any], steps: list[dict[str, Any]]) -> int | None:
    """Return what a message cost, None for OpenCode's 0, which may also mean that it knows no price."""
    dollars = max(number(message.get("cost")), sum(number(step.get("cost")) for step in steps))
    return whole(round(dollars * 1_000_000)) or None


def _buckets(tokens: Any) -> Counter[str]:
    """Return counts as OpenCode keeps them: input without cache, output without reasoning."""
    given = {
        "input": field(tokens, "input"),
        "output": field(tokens, "output"),
        "reasoning": field(tokens, "reasoning"),
        "cache_read": field(tokens, "cache", "read"),
        "cache_write": field(tokens, "cache", "write"),
    }
    counts = {bucket: whole(value) for bucket, value in given.items()}
    return Counter({bucket: count for bucket, count in counts.items() if count is not None and count >= 0})
