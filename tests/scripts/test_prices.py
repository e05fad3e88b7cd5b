"""The maker of the table of prices, on two small tables of the shapes that the public ones have."""

from __future__ import annotations

import importlib
import json
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from sessiondb.reports.prices.cost import Spent, Terms, rates
from sessiondb.reports.prices.table import Table

pytestmark = pytest.mark.once

FOLDER = Path(__file__).parents[2] / "scripts"
M = 1_000_000


def prices(**given: Any) -> SimpleNamespace:
    return SimpleNamespace(**{name: Decimal(str(value)) for name, value in given.items()})


def from_day(day: str, **given: Any) -> SimpleNamespace:
    return SimpleNamespace(
        constraint=SimpleNamespace(start_date=date.fromisoformat(day)), prices=prices(**given)
    )


def tiered(base: float, start: int, price: float) -> SimpleNamespace:
    tier = SimpleNamespace(start=start, price=Decimal(str(price)))
    return SimpleNamespace(base=Decimal(str(base)), tiers=[tier])


def model(id: str, found: Any, *names: str, variants: Any = None) -> SimpleNamespace:
    match = SimpleNamespace(or_=[SimpleNamespace(equals=name) for name in (id, *names)])
    return SimpleNamespace(id=id, prices=found, match=match, price_variants=variants)


def variant(when: dict[str, str], found: Any) -> SimpleNamespace:
    return SimpleNamespace(when=when, constraint=None, prices=found)


OPUS = {"input_mtok": 5, "cache_read_mtok": 0.5, "cache_write_mtok": 6.25, "cache_write_1h_mtok": 10}
MODELS = {
    "anthropic": [
        model(
            "claude-opus-9",
            prices(**OPUS, output_mtok=25, web_searches_kcount=10),
            "claude-opus-9-20260101",
            "opus-nine",
            variants=[variant({"processing": "batch"}, prices(input_mtok=2.5, output_mtok=12.5))],
        ),
        model("claude-audio-1", prices(input_mtok=1, output_mtok=2)),
    ],
    "openai": [
        model(
            "gpt-9",
            [
                from_day("2026-01-01", input_mtok=3, output_mtok=9),
                from_day("2026-06-01", input_mtok=2, output_mtok=8),
            ],
        )
    ],
    "google": [
        model(
            "gemini-9", SimpleNamespace(input_mtok=tiered(1, 200_000, 2), output_mtok=tiered(4, 200_000, 6))
        )
    ],
    "openrouter": [
        model("qwen/qwen9", prices(input_mtok=0.1, output_mtok=0.4)),
        model("nobody/other", prices(input_mtok=7, output_mtok=7)),
    ],
}
LITELLM = {
    "claude-opus-9": {
        "input_cost_per_token": 5e-6,
        "output_cost_per_token": 2.6e-5,
        "cache_creation_input_token_cost": 6.25e-6,
        "cache_creation_input_token_cost_above_12hr": 1.25e-5,
        "provider_specific_entry": {"us": 1.1, "fast": 2},
    },
    "us.anthropic.claude-opus-9-20260101-v1:0": {"input_cost_per_token": 5.5e-6},
    "gpt-9": {
        "input_cost_per_token": 2e-6,
        "output_cost_per_token": 8e-6,
        "input_cost_per_token_priority": 4e-6,
        "output_cost_per_token_priority": 1.6e-5,
    },
}
DECISIONS = {
    "files": {"anthropic": {"priority": 1}},
    "models": {
        "claude-opus-9": {"why": "Its own page says so."},
        "claude-only-8": {"why": "Only here.", "prices": [{"input": 1, "output": 2}]},
    },
}


@pytest.fixture
def made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[Path, list[str]]:
    """Write the files into a folder; return it, and what was printed."""
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.delitem(sys.modules, "prices", raising=False)
    maker = importlib.import_module("prices")
    data = ModuleType("genai_prices.data")
    data.providers = [  # type: ignore[attr-defined]
        SimpleNamespace(id=id, models=MODELS.get(id, [])) for id in maker.PROVIDERS
    ]
    monkeypatch.setitem(sys.modules, "genai_prices", ModuleType("genai_prices"))
    monkeypatch.setitem(sys.modules, "genai_prices.data", data)
    monkeypatch.setattr(maker, "version", lambda name: "1.2.3")
    monkeypatch.setattr(maker, "TARGET", tmp_path)
    decisions, litellm = tmp_path / "decisions", tmp_path / "litellm"
    decisions.write_text(json.dumps(DECISIONS))
    litellm.write_text(json.dumps(LITELLM))
    monkeypatch.setattr(maker, "DECISIONS", decisions)
    maker.main(str(litellm))
    return tmp_path, capsys.readouterr().out.splitlines()


def table(folder: Path) -> Table:
    models: dict[str, Any] = {}
    for path in folder.glob("*.json"):
        models |= json.loads(path.read_text())["models"]
    return Table(models)


@pytest.mark.parametrize(
    ("terms", "spent", "dollars"),
    [
        (Terms("claude-opus-9-20260101", "2026-07-01"), Spent(input=M, output=M), 30),
        (Terms("opus-nine", "2026-07-01"), Spent(cache_write=M, cache_write_1h=M), 10),
        (Terms("claude-opus-9", "2026-07-01"), Spent(cache_write=M, cache_write_12h=M), 12.5),
        (Terms("claude-opus-9", "2026-07-01", service_tier="batch"), Spent(input=M), 2.5),
        (Terms("claude-opus-9", "2026-07-01", service_tier="priority"), Spent(input=M), 5),
        (Terms("claude-opus-9", "2026-07-01", speed="fast", inference_geo="us"), Spent(input=M), 11),
        (Terms("us.anthropic.claude-opus-9-20260101-v1:0", "2026-07-01"), Spent(input=M), 5.5),
        (Terms("claude-opus-9", "2026-07-01"), Spent(web_searches=3), 0.03),
        (Terms("gpt-9", "2026-05-31"), Spent(input=M), 3),
        (Terms("gpt-9", "2026-06-01"), Spent(input=M), 2),
        (Terms("gpt-9", "2026-06-01", service_tier="priority"), Spent(output=M), 16),
        (Terms("gemini-9", "2026-06-01", context=200_000), Spent(output=M), 4),
        (Terms("gemini-9", "2026-06-01", context=200_001), Spent(output=M), 6),
        (Terms("qwen9", "2026-06-01"), Spent(input=M), 0.1),
        (Terms("claude-only-8", "2026-06-01"), Spent(output=M), 2),
    ],
)
def test_what_it_makes_prices_as_its_sources_do(
    made: tuple[Path, list[str]], terms: Terms, spent: Spent, dollars: float
) -> None:
    found = rates(table(made[0]), terms)
    assert found is not None
    assert found.cost(spent) == round(dollars * M * M)


def test_models_for_other_uses_and_of_other_makers_are_left_out(made: tuple[Path, list[str]]) -> None:
    assert [table(made[0]).find(name) for name in ("claude-audio-1", "other")] == [None, None]


def test_differences_are_printed_with_what_was_decided(made: tuple[Path, list[str]]) -> None:
    assert made[1] == ["claude-opus-9: output 25, litellm 26 (decided: Its own page says so.)"]


def test_each_file_says_where_it_is_from(made: tuple[Path, list[str]]) -> None:
    for name in ("anthropic", "openai", "google", "others"):
        about = json.loads((made[0] / f"{name}.json").read_text())
        assert about["source"] == "genai-prices 1.2.3, completed from litellm"
        assert (about["licence"], about["date"]) == ("MIT", date.today().isoformat())
