"""What the usage of a chat API says for the bill, beside the tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sessiondb.chat.content import text_or_none, whole
from sessiondb.chat.text import clean_text

_UNKNOWN = ("", "auto", "not_available")
_TIERS = {"default": "standard", "fast": "priority"}
_WRITES = {
    "ephemeral_5m_input_tokens": "cache_write_5m",
    "ephemeral_1h_input_tokens": "cache_write_1h",
    "ephemeral_12h_input_tokens": "cache_write_12h",
}


class HowAnswered(NamedTuple):
    """What a bill needs of an answer beside its tokens, in the order of `TokenRecord`."""

    service_tier: str | None = None
    speed: str | None = None
    inference_geo: str | None = None
    web_searches: int | None = None
    server_tools: dict[str, int] | None = None


_UNTOLD = HowAnswered()


def microdollars(dollars: Any) -> int | None:
    """Return dollars in millionths; 0 may also mean that no price is known."""
    if isinstance(dollars, bool) or not isinstance(dollars, int | float) or not 0 < dollars < 1e9:
        return None
    return round(dollars * 1_000_000) or None


def dollars(cents: Any) -> float | None:
    """Return cents as dollars, None for what is no sum of money."""
    if isinstance(cents, bool) or not isinstance(cents, int | float) or not 0 < cents < 1e11:
        return None
    return cents / 100


def billing_details(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a `TokenRecord` that a usage object gives: how long the cache keeps what it took, tier,
    speed, region and the provider's own tools.
    """
    found: dict[str, Any] = {}
    writes = usage.get("cache_creation")
    if isinstance(writes, dict) and any(writes.values()):
        found = {field: _count(writes.get(name)) for name, field in _WRITES.items()}
    values = (usage.get(name) for name in ("service_tier", "speed", "inference_geo", "server_tool_use"))
    return {**found, **how_answered(*values)._asdict()}


def how_answered(tier: Any, speed: Any, geo: Any, tools: Any) -> HowAnswered:
    """Return tier, speed and region of an answer, and how often the provider used tools of its own."""
    if tier is speed is geo is tools is None:
        return _UNTOLD
    uses = {name: _count(uses) for name, uses in tools.items()} if isinstance(tools, dict) else {}
    other = {
        name.removesuffix("_requests"): count
        for name, count in uses.items()
        if count and name != "web_search_requests"
    }
    searches = uses.get("web_search_requests")
    return HowAnswered(service_tier(tier), _known(speed), _known(geo), searches, other or None)


def service_tier(value: Any) -> str | None:
    """Return a tier by one name for all: OpenAI calls the standard one default, Codex the priority one fast."""
    tier = _known(value)
    return _TIERS.get(tier, tier) if tier else None


def _known(value: Any) -> str | None:
    text = text_or_none(value)
    return None if text is None or text in _UNKNOWN else clean_text(text).lower()


def _count(value: Any) -> int | None:
    count = whole(value)
    return count if count is not None and count >= 0 else None
