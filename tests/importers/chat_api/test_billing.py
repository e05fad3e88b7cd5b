"""What a usage object says for the bill, in the words of each API."""

from __future__ import annotations

from typing import Any

import pytest

from sessiondb.importers.chat_api.billing import service_tier
from sessiondb.importers.chat_api.messages import token_record

NONE: dict[str, Any] = {}


@pytest.mark.parametrize(
    ("usage", "told"),
    [
        ({"service_tier": "default"}, {"service_tier": "standard"}),
        ({"service_tier": "flex"}, {"service_tier": "flex"}),
        ({"service_tier": "auto", "speed": "", "inference_geo": "not_available"}, NONE),
        ({"service_tier": 3, "speed": ["fast"], "server_tool_use": "many"}, {"service_tier": "3"}),
        ({"speed": "fast", "inference_geo": "us"}, {"speed": "fast", "inference_geo": "us"}),
        (
            {"cache_creation": {"ephemeral_5m_input_tokens": 7, "ephemeral_1h_input_tokens": 40}},
            {"cache_write_5m": 7, "cache_write_1h": 40},
        ),
        ({"cache_creation": {"ephemeral_12h_input_tokens": 9}}, {"cache_write_12h": 9}),
        ({"cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}}, NONE),
        (
            {"server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 1}},
            {"web_searches": 3, "server_tools": {"web_fetch": 1}},
        ),
        ({"server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0}}, {"web_searches": 0}),
        ({"server_tool_use": {"web_search_requests": -1, "web_fetch_requests": "x"}}, NONE),
    ],
)
def test_a_usage_object_is_read_for_the_bill(usage: dict[str, Any], told: dict[str, Any]) -> None:
    record = token_record("s", "r", {"input_tokens": 5, **usage})
    plain = token_record("s", "r", {"input_tokens": 5})
    assert plain is not None
    assert record == plain._replace(**told)


def test_codex_calls_the_priority_tier_fast() -> None:
    assert service_tier("fast") == "priority"
