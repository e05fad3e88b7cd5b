"""What tokens cost by the table, in whole picodollars (10^-12 dollars)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sessiondb.reports.prices.names import region
from sessiondb.reports.prices.table import Table

PICODOLLARS = 1_000_000
"""In a microdollar. One dollar for a million tokens is as many picodollars a token."""

_STANDARD = (None, "standard")


class Terms(NamedTuple):
    """On what the price of a response depends. `day` is its UTC day, `context` all its tokens but the output's."""

    model: str | None
    day: str
    context: int = 0
    service_tier: str | None = None
    speed: str | None = None
    inference_geo: str | None = None


class Spent(NamedTuple):
    """What was used, by one response or many on the same terms; `cache_write` contains the writes kept longer."""

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    cache_write_12h: int = 0
    output: int = 0
    web_searches: int = 0


class Rates(NamedTuple):
    """Picodollars for one token, and for one web search; None where the table has no price for it."""

    input: int
    cache_read: int
    cache_write: int
    cache_write_1h: int
    cache_write_12h: int | None
    output: int
    web_search: int | None

    def cost(self, spent: Spent) -> int | None:
        """Return picodollars, None where something has no price."""
        if (spent.cache_write_12h and self.cache_write_12h is None) or (
            spent.web_searches and self.web_search is None
        ):
            return None
        # Writes of which nothing else is known are those that the cache keeps for five minutes.
        five_minutes = max(0, spent.cache_write - spent.cache_write_1h - spent.cache_write_12h)
        return (
            spent.input * self.input
            + spent.cache_read * self.cache_read
            + five_minutes * self.cache_write
            + spent.cache_write_1h * self.cache_write_1h
            + spent.cache_write_12h * (self.cache_write_12h or 0)
            + spent.output * self.output
            + spent.web_searches * (self.web_search or 0)
        )


def rates(table: Table, terms: Terms) -> Rates | None:
    """Return the prices on these terms, None where the table has none: for the model, its tier or its speed.

    Where a model has no price of its own for what the cache gave or took, that costs what other input does.
    """
    model = table.find(terms.model) if terms.model else None
    if model is None:
        return None
    prices = _of_day(model["prices"], terms.day)
    factor = _regional(model, terms)
    # A tier is a table of its own prices, or a factor on the standard ones, as providers publish it.
    for choice in (terms.service_tier, terms.speed):
        if choice in _STANDARD:
            continue
        found = model.get(choice or "")
        if isinstance(found, Mapping):
            # A search costs the same on every tier.
            prices = {**found, "web_search": prices.get("web_search")}
        elif found is None:
            return None
        else:
            factor *= found
    # A longer context raises the price of the whole request, not of what is above the limit.
    sizes = [int(size) for size in prices.get("above", ()) if terms.context > int(size)]
    if sizes:
        prices = {**prices, **prices["above"][str(max(sizes))]}
    return _rates(prices, factor)


def _of_day(rows: list[Mapping[str, Any]], day: str) -> Mapping[str, Any]:
    """Return the prices of a day: those before the first change where it is earlier than any."""
    known = [row for row in rows if row.get("from", "") <= day]
    return known[-1] if known else rows[0]


def _regional(model: Mapping[str, Any], terms: Terms) -> float:
    """Return what the region multiplies prices by: the answer's, or that of a name of Amazon Bedrock."""
    factor = model.get("us", 1) if terms.inference_geo == "us" else 1
    place = region(terms.model or "")
    if place not in (None, "global"):
        factor *= model.get("us-gov" if place == "us-gov" else "regional", 1)
    return factor


def _rates(prices: Mapping[str, Any], factor: float) -> Rates:
    def rate(*names: str) -> int | None:
        # In whole numbers from here on: a sum of millions of responses must not depend on their order.
        found = next((prices[name] for name in names if prices.get(name) is not None), None)
        return None if found is None else round(found * factor * PICODOLLARS)

    search = prices.get("web_search")
    return Rates(
        rate("input") or 0,
        rate("cache_read", "input") or 0,
        rate("cache_write", "input") or 0,
        rate("cache_write_1h", "cache_write", "input") or 0,
        rate("cache_write_12h"),
        rate("output") or 0,
        None if search is None else round(search * PICODOLLARS * PICODOLLARS),
    )
