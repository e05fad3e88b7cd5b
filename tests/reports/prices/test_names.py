"""Names of models as logs write them, and what they are in the table."""

from __future__ import annotations

from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.reports.prices.names import candidates, region
from sessiondb.reports.prices.table import load

UNPRICED = {"echo", "stub-model", "aide-gpt-5", "gpt-4-code-interpreter", "codex-auto-review"}
"""Names in real logs that nobody sells: of tests, of proxies, of tools that name no model."""


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("claude-opus-4-6", "claude-opus-4-6"),
        ("Claude-Opus-4-6", "claude-opus-4-6"),
        ("anthropic/claude-opus-4.6", "claude-opus-4-6"),
        ("openrouter/anthropic/claude-opus-4.6", "claude-opus-4-6"),
        ("claude-opus-4-6[1m]", "claude-opus-4-6"),
        ("claude-4.5-opus", "claude-opus-4-5"),
        ("claude-4.5-opus-high", "claude-opus-4-5"),
        ("claude-4-sonnet", "claude-sonnet-4-0"),
        ("claude-sonnet-4", "claude-sonnet-4-0"),
        ("claude-sonnet-4-20250514", "claude-sonnet-4-0"),
        ("claude-3-5-haiku-latest", "claude-3-5-haiku"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5-sonnet"),
        ("bedrock/eu.anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5"),
        ("vertex_ai/claude-haiku-4-5@20251001", "claude-haiku-4-5"),
        ("claude-opus-5@default", "claude-opus-5"),
        ("gpt-5.2-2025-12-11", "gpt-5.2"),
        ("openai/gpt-5.2-codex", "gpt-5.2"),
        ("gpt-5-codex-high", "gpt-5"),
        ("gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("gemini-2.5-pro-preview-06-05", "gemini-2.5-pro"),
        ("gemini-flash-latest", "gemini-3.8-flash"),
        ("GLM-5", "glm-5"),
        ("z-ai/glm-5", "glm-5"),
        ("qwen/qwen3.5-flash-02-23", "qwen3.5-flash-02-23"),
    ],
)
def test_a_name_is_found_by_the_rules(name: str, model: str) -> None:
    table = load()
    assert table.find(model) is not None
    assert table.find(name) is table.find(model)


@pytest.mark.parametrize(
    "name", [*sorted(UNPRICED), "claude", "gpt", "", "/", "claude-opus-9", "gpt-5-turbo-nova"]
)
def test_a_name_that_nobody_sells_is_not_taken_for_another(name: str) -> None:
    assert load().find(name) is None


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("us.anthropic.claude-opus-4-6-v1", "us"),
        ("bedrock/us-gov.anthropic.claude-opus-4-8", "us-gov"),
        ("anthropic.claude-opus-4-6-v1", None),
        ("claude-opus-4-6", None),
    ],
)
def test_the_region_of_a_bedrock_name_is_told(name: str, place: str | None) -> None:
    assert region(name) == place


def test_the_name_as_written_comes_first() -> None:
    assert next(candidates("X/gpt-5-2025-08-07")) == "x/gpt-5-2025-08-07"


def test_every_model_in_real_logs_has_a_price_or_is_known_to_have_none(corpus: Path, db: SessionDB) -> None:
    db.import_logs(corpus)
    table = load()
    names = [name for (name,) in db.connection.rows("SELECT name FROM models")]
    assert names
    assert {name for name in names if table.find(name) is None} <= UNPRICED
