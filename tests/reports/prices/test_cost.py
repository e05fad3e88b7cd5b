"""Bills reckoned by hand from the providers' lists: dollars for a million tokens, and what changes them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sessiondb.reports.prices.cost import PICODOLLARS, Rates, Spent, Terms, rates
from sessiondb.reports.prices.table import Table, load

M = 1_000_000
DAY = "2026-11-01"
LONG: dict[str, Any] = {"context": 200_001}
FAST: dict[str, Any] = {"speed": "fast"}
US: dict[str, Any] = {"inference_geo": "us"}
BATCH: dict[str, Any] = {"service_tier": "batch"}
FLEX: dict[str, Any] = {"service_tier": "flex"}
PRIORITY: dict[str, Any] = {"service_tier": "priority"}

# Model, day, terms, what was used, dollars.
Bill = tuple[str, str, dict[str, Any], dict[str, int], str]
BILLS: list[Bill] = [
    # Anthropic: each bucket
    ("claude-opus-4-8", DAY, {}, {"input": M}, "5"),
    ("claude-opus-4-8", DAY, {}, {"cache_read": M}, "0.5"),
    ("claude-opus-4-8", DAY, {}, {"cache_write": M}, "6.25"),
    ("claude-opus-4-8", DAY, {}, {"cache_write": M, "cache_write_1h": M}, "10"),
    ("claude-opus-4-8", DAY, {}, {"cache_write": M, "cache_write_1h": 400_000}, "7.75"),
    ("claude-opus-4-8", DAY, {}, {"output": M}, "25"),
    ("claude-opus-4-8", DAY, {}, {"web_searches": 3}, "0.03"),
    ("claude-opus-4-8", DAY, {}, {"input": 1, "cache_read": 1, "cache_write": 1, "output": 1}, "0.00003675"),
    ("claude-opus-4-8", DAY, {}, {}, "0"),
    # Anthropic: tiers, speed, region, and all at once
    ("claude-opus-4-8", DAY, BATCH, {"input": M, "output": M}, "15"),
    ("claude-opus-4-8", DAY, PRIORITY, {"input": M}, "5"),
    ("claude-opus-4-8", DAY, FAST, {"input": M, "output": M}, "60"),
    ("claude-opus-4-8", DAY, US, {"input": M}, "5.5"),
    ("claude-opus-4-8", DAY, {"inference_geo": "global"}, {"input": M}, "5"),
    ("claude-opus-4-8", DAY, {**FAST, **US}, {"cache_write": M, "cache_write_1h": M}, "22"),
    ("claude-opus-4-8", DAY, {**FAST, **US}, {"cache_write": M, "cache_write_1h": M, "web_searches": 3}, "22.03"),
    ("claude-opus-4-8", DAY, {**BATCH, **US}, {"cache_read": M}, "0.275"),
    ("claude-opus-4-6", DAY, FAST, {"input": M, "output": M}, "180"),
    ("claude-opus-4-5", DAY, US, {"input": M}, "5"),
    # Anthropic: a long context, until it cost the same
    ("claude-opus-4-6", "2026-03-12", LONG, {"input": M, "output": M}, "47.5"),
    ("claude-opus-4-6", "2026-03-12", {"context": 200_000}, {"input": M, "output": M}, "30"),
    ("claude-opus-4-6", "2026-03-13", LONG, {"input": M, "output": M}, "30"),
    ("claude-sonnet-4-6", "2026-03-12", LONG, {"cache_write": M, "cache_write_1h": M}, "12"),
    ("claude-sonnet-4-6", "2026-03-13", LONG, {"cache_write": M, "cache_write_1h": M}, "6"),
    ("claude-sonnet-4-5", DAY, LONG, {"input": M, "cache_read": M, "output": M}, "29.1"),
    ("claude-sonnet-4-5", DAY, {**BATCH, **LONG}, {"input": M, "output": M}, "14.25"),
    ("claude-sonnet-4-20250514", "2025-09-01", LONG, {"output": M}, "22.5"),
    ("claude-haiku-5-5", DAY, {"context": 100_001}, {"input": M, "output": M}, "3"),
    ("claude-haiku-5-5", DAY, {}, {"input": M, "output": M}, "0.6"),
    # Anthropic: other models
    ("claude-haiku-4-5-20251001", DAY, {}, {"input": M, "cache_read": M, "cache_write": M, "output": M}, "7.35"),
    ("claude-opus-5-5", DAY, {}, {"input": M, "cache_read": M, "cache_write": M, "output": M}, "29.2"),
    ("claude-fable-5-1", DAY, {}, {"cache_read": M}, "0.25"),
    ("claude-3-opus-20240229", "2024-06-01", {}, {"input": M, "output": M}, "90"),
    ("claude-3-5-sonnet-20241022", "2025-01-01", {}, {"input": M, "output": M}, "18"),
    # Amazon Bedrock and Vertex
    ("us.anthropic.claude-opus-4-6-v1", DAY, {}, {"input": M}, "5.5"),
    ("global.anthropic.claude-opus-4-6-v1", DAY, {}, {"input": M}, "5"),
    ("us-gov.anthropic.claude-opus-4-8", DAY, {}, {"input": M}, "6"),
    ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", DAY, {}, {"output": M}, "16.5"),
    ("anthropic.claude-3-5-sonnet-20241022-v2:0", DAY, {}, {"output": M}, "15"),
    ("eu.anthropic.claude-3-5-sonnet-20241022-v2:0", DAY, {}, {"output": M}, "15"),
    ("claude-haiku-4-5@20251001", DAY, {}, {"output": M}, "5"),
    # OpenAI
    ("gpt-5", DAY, {}, {"input": M, "cache_read": M, "output": M}, "11.375"),
    ("gpt-5-codex", DAY, {}, {"input": M, "output": M}, "11.25"),
    ("gpt-5.2", DAY, FLEX, {"input": M, "cache_read": M, "output": M}, "7.9625"),
    ("gpt-5.2", DAY, PRIORITY, {"input": M, "output": M}, "31.5"),
    ("gpt-5.3-codex", DAY, {}, {"input": 31_013, "output": 431}, "0.06030675"),
    ("gpt-5.6-sol", "2026-08-20", {}, {"input": M, "cache_write": M, "output": M}, "41.25"),
    ("gpt-5.6-sol", "2026-08-21", {}, {"input": M, "cache_write": M, "output": M}, "29"),
    ("gpt-5.6-sol", DAY, {"context": 272_001}, {"input": M, "output": M}, "38"),
    ("gpt-5.6-sol", DAY, {"context": 272_000}, {"input": M, "output": M}, "24"),
    ("gpt-5.6-sol", DAY, {"context": 272_001, **PRIORITY}, {"input": M, "output": M}, "76"),
    ("gpt-5.6-luna", DAY, {}, {"cache_write": M, "cache_write_12h": M}, "0.5"),
    ("gpt-5.6-luna", DAY, BATCH, {"input": M, "output": M}, "0.7"),
    ("gpt-4o-mini", DAY, PRIORITY, {"input": M, "cache_read": M, "output": M}, "1.375"),
    ("gpt-4o-2024-05-13", DAY, {}, {"input": M, "output": M}, "20"),
    ("o3", DAY, {}, {"input": M, "cache_read": M, "output": M}, "10.5"),
    # A cache that has no price of its own costs what input does.
    ("gpt-5-pro", DAY, {}, {"input": M, "cache_read": M, "output": M}, "150"),
    # Google
    ("gemini-2.5-pro", DAY, {}, {"input": M, "cache_read": M, "output": M}, "11.375"),
    ("gemini-2.5-pro", DAY, LONG, {"input": M, "cache_read": M, "output": M}, "17.75"),
    ("gemini-2.5-flash", DAY, {}, {"input": M, "output": M}, "2.8"),
    ("gemini-2.5-flash", DAY, PRIORITY, {"input": M, "output": M}, "5.04"),
    ("gemini-3-pro-preview", DAY, LONG, {"input": M, "output": M}, "22"),
    ("google/gemini-3.1-flash-lite-preview", DAY, {}, {"input": 114_815, "output": 1_055}, "0.03028625"),
    ("gemini-3.6-flash", "2026-12-31", {}, {"input": M, "output": M}, "4.5"),
    ("gemini-3.6-flash", "2027-01-01", {}, {"input": M, "output": M}, "9"),
    ("gemini-3-flash-preview", DAY, {}, {"web_searches": 5}, "0.07"),
    # Others
    ("grok-4.5", DAY, LONG, {"input": M, "cache_read": M, "output": M}, "16.6"),
    ("deepseek-chat", "2025-09-28", {}, {"input": M, "cache_read": M, "output": M}, "1.44"),
    ("deepseek-chat", "2025-09-29", {}, {"input": M, "cache_read": M, "output": M}, "0.728"),
    ("kimi-k2.5", DAY, {}, {"input": M, "output": M}, "3.6"),
    ("GLM-5", DAY, {}, {"input": M, "output": M}, "4.2"),
]  # fmt: skip


@pytest.fixture(scope="module")
def table() -> Table:
    return load()


@pytest.mark.parametrize(("model", "day", "terms", "spent", "dollars"), BILLS)
def test_a_bill_is_what_it_is_by_hand(
    table: Table, model: str, day: str, terms: dict[str, Any], spent: dict[str, int], dollars: str
) -> None:
    found = rates(table, Terms(model, day, **terms))
    assert found is not None
    assert found.cost(Spent(**spent)) == Decimal(dollars) * PICODOLLARS * PICODOLLARS


@pytest.mark.parametrize(
    ("model", "terms", "spent"),
    [
        pytest.param("a-model-of-my-own", {}, {"input": 1}, id="an unknown model"),
        pytest.param(None, {}, {"input": 1}, id="no model"),
        pytest.param("", {}, {"input": 1}, id="an empty name"),
        pytest.param("claude-haiku-4-5", FAST, {"input": 1}, id="a speed without a price"),
        pytest.param("claude-opus-4-8", {"service_tier": "flex"}, {"input": 1}, id="a tier without a price"),
        pytest.param("claude-opus-4-8", {"service_tier": "next year's"}, {"input": 1}, id="an unknown tier"),
        pytest.param("claude-3-haiku", {}, {"web_searches": 1}, id="a search without a price"),
        pytest.param(
            "claude-opus-4-8", {}, {"cache_write": 9, "cache_write_12h": 9}, id="a lifetime without one"
        ),
    ],
)
def test_what_has_no_price_is_unpriced_and_not_free(
    table: Table, model: str | None, terms: dict[str, Any], spent: dict[str, int]
) -> None:
    found = rates(table, Terms(model, DAY, **terms))
    assert found is None or found.cost(Spent(**spent)) is None


def test_parts_that_exceed_what_the_cache_took_do_not_lower_the_bill() -> None:
    plain = Rates(1, 1, 5, 8, None, 1, None)
    assert plain.cost(Spent(cache_write=2, cache_write_1h=3)) == 24
