"""Write sessiondb/reports/prices/*.json from two public tables, and print where these differ.

Run it as `scripts/prices`, which fetches both. genai-prices gives prices with their dates, tiers and names; litellm
gives what it lacks, and is compared with it. What price_decisions.json says of a model stands over both; each of its
entries says why.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "sessiondb" / "reports" / "prices"
DECISIONS = ROOT / "scripts" / "price_decisions.json"
PROVIDERS = {
    "anthropic": "anthropic",
    "openai": "openai",
    "google": "google",
    **dict.fromkeys(
        ("x-ai", "deepseek", "moonshotai", "zai", "minimax", "mistral", "meta", "cohere"), "others"
    ),
    "openrouter": "others",
}
"""Whose prices are taken, in this order, and into which file; the last one's only for the makers below."""
MAKERS = (
    "qwen",
    "xiaomi",
    "nvidia",
    "meta-llama",
    "stepfun",
    "z-ai",
    "tencent",
    "baidu",
    "amazon",
    "meituan",
    "inception",
)

_FAMILIES = {**dict.fromkeys(PROVIDERS, ""), "anthropic": "claude", "openai": "gpt", "google": "gemini"}
_OTHER_USE = re.compile(
    r"audio|realtime|tts|transcri|image|embed|moderation|whisper|live|ocr|voice|voxtral|banana|omni|robotics"
    r"|davinci|babbage|curie|^ada$|^ft:|\.ft-|:free|:extended|her$|gemma|pixtral|vision|guard"
)
_FIELDS = {
    "input_mtok": "input",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "output_mtok": "output",
}
_LITELLM = {
    "input": "input_cost_per_token",
    "cache_read": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "cache_write_1h": "cache_creation_input_token_cost_above_1hr",
    "cache_write_12h": "cache_creation_input_token_cost_above_12hr",
    "output": "output_cost_per_token",
}
_TIERS = {"batch": "_batches", "flex": "_flex", "priority": "_priority"}
_WHEN = {
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
}
_FAST = {"speed": "fast"}

Prices = dict[str, Any]


def number(value: Any) -> float | int:
    """Return a decimal as JSON writes it shortest."""
    exact = Decimal(str(value)).normalize()
    return int(exact) if exact == exact.to_integral_value() else float(exact)


def prices_of(found: Any) -> Prices:
    """Return a genai-prices price: dollars for a million tokens, and what holds above a size of the context."""
    prices: Prices = {}
    above: dict[str, Prices] = {}
    for theirs, ours in _FIELDS.items():
        value = getattr(found, theirs, None)
        if value is None:
            continue
        prices[ours] = number(getattr(value, "base", value))
        for tier in getattr(value, "tiers", ()):
            above.setdefault(str(tier.start), {})[ours] = number(tier.price)
    searches = getattr(found, "web_searches_kcount", None)
    if searches is not None:
        prices["web_search"] = number(Decimal(searches) / 1000)
    return {**prices, **({"above": above} if above else {})}


def dated(model: Any) -> list[Prices]:
    """Return the prices of a model by their first day, those that hold at any time of the day."""
    found = model.prices if isinstance(model.prices, list) else [model.prices]
    rows = []
    for entry in found:
        constraint = getattr(entry, "constraint", None)
        since = getattr(constraint, "start_date", None)
        if constraint is not None and since is None:
            continue
        prices = prices_of(getattr(entry, "prices", entry))
        rows.append({**({"from": since.isoformat()} if since else {}), **prices})
    return rows


def factor(of: Prices, base: Prices) -> float | int | None:
    """Return by what a tier multiplies all prices, None where it is not one number for all of them."""
    pairs = list(_pairs(of, base))
    ratios = {Fraction(str(a)) / Fraction(str(b)) for a, b in pairs if b}
    ratio = ratios.pop() if len(ratios) == 1 else Fraction(1, 3)
    return (
        number(Decimal(float(ratio)).quantize(Decimal("0.0001")))
        if (ratio * 10_000).denominator == 1
        else None
    )


def _pairs(of: Prices, base: Prices) -> Iterator[tuple[Any, Any]]:
    for name, value in of.items():
        if name in ("from", "web_search"):
            continue
        if name == "above":
            for size, prices in value.items():
                yield from _pairs(prices, base.get("above", {}).get(size, base))
        elif name in base:
            yield value, base[name]


def tier(model: Any, when: dict[str, str], rows: list[Prices]) -> Any:
    """Return what a tier costs, as a factor where that says all; None where it is not offered."""
    found = [variant for variant in model.price_variants or [] if variant.when == when]
    if not found:
        return None
    day = max((v.constraint.start_date for v in found if v.constraint), default=None)
    variant = min(found, key=lambda v: v.constraint.start_date if v.constraint else date.min)
    prices = prices_of(variant.prices)
    if not prices:
        return 1
    return (
        factor(prices, price_on(rows, variant.constraint.start_date if variant.constraint else day)) or prices
    )


def price_on(rows: list[Prices], day: date | None) -> Prices:
    """Return the prices of a day."""
    return [row for row in rows if day is None or row.get("from", "") <= day.isoformat()][-1]


def names(match: Any) -> Iterator[str]:
    """Yield the names that a match clause spells out."""
    for attribute in ("equals", "starts_with"):
        if value := getattr(match, attribute, None):
            yield value
    for attribute in ("or_", "and_"):
        for clause in getattr(match, attribute, None) or ():
            yield from names(clause)


def from_litellm(entry: dict[str, Any], suffix: str = "") -> Prices:
    """Return a litellm entry's prices in our words; `suffix` names a tier."""
    prices: Prices = {}
    for ours, theirs in _LITELLM.items():
        if (value := entry.get(theirs + suffix)) is not None:
            prices[ours] = number(Decimal(str(value)) * 1_000_000)
    above: dict[str, Prices] = {}
    for name, value in entry.items():
        for ours, theirs in _LITELLM.items():
            match = re.fullmatch(rf"{theirs}_above_(\d+)k_tokens{suffix}", name)
            if match:
                above.setdefault(f"{match[1]}000", {})[ours] = number(Decimal(str(value)) * 1_000_000)
    return {**prices, **({"above": above} if above else {})}


def complete(model: Prices, entry: dict[str, Any]) -> None:
    """Add what only litellm knows: factors of regions and of speed, tiers, and writes of twelve hours."""
    factors = entry.get("provider_specific_entry") or {}
    for name in ("us", "fast"):
        if isinstance(factors.get(name), int | float):
            model.setdefault(name, number(factors[name]))
    last = model["prices"][-1]
    base = from_litellm(entry)
    for name, suffix in _TIERS.items():
        if name not in model and (prices := from_litellm(entry, suffix)):
            model[name] = factor(prices, base) or prices
    if (hours := base.get("cache_write_12h")) is not None and "cache_write" in last:
        ratio = Decimal(str(hours)) / Decimal(str(base["cache_write"]))
        for row in model["prices"]:
            for prices in (row, *row.get("above", {}).values()):
                prices["cache_write_12h"] = number(Decimal(str(prices["cache_write"])) * ratio)


def regions(table: dict[str, Any], id: str, entry: dict[str, Any]) -> Prices:
    """Return by what the regions of Amazon Bedrock multiply a Claude model's prices."""
    found: Prices = {}
    for name, ours in (("us", "regional"), ("us-gov", "us-gov")):
        named = re.compile(rf"{name}\.anthropic\.{re.escape(id)}(-\d{{8}})?(-v\d.*)?")
        there = next((value for key, value in table.items() if named.fullmatch(key)), None)
        ratio = factor({"input": from_litellm(there)["input"]}, from_litellm(entry)) if there else None
        if ratio not in (None, 1):
            found[ours] = ratio
    return found


def differences(id: str, model: Prices, entry: dict[str, Any], today: date) -> Iterator[str]:
    """Yield where today's prices are not litellm's."""
    ours, theirs = price_on(model["prices"], today), from_litellm(entry)
    for name in _LITELLM:
        if name in ours and name in theirs and ours[name] != theirs[name]:
            yield f"{id}: {name} {ours[name]}, litellm {theirs[name]}"
    above, other = (
        {
            round(int(size), -3): {name: tier[name] for name in sorted(tier) if name != "cache_write_12h"}
            for size, tier in sizes
        }
        for sizes in (ours.get("above", {}).items(), theirs.get("above", {}).items())
    )
    if other and above != other:
        yield f"{id}: above {above}, litellm {other}"
    for name, suffix in _TIERS.items():
        prices = from_litellm(entry, suffix)
        if name in model and prices and model[name] not in (factor(prices, theirs), prices):
            yield f"{id}: {name} {model[name]}, litellm {factor(prices, theirs) or prices}"


def models(table: dict[str, Any]) -> Iterator[tuple[str, str, Prices]]:
    """Yield file, id and entry of each model."""
    seen: set[str] = set()
    providers = {provider.id: provider for provider in importlib.import_module("genai_prices.data").providers}
    for provider, file in PROVIDERS.items():
        for model in providers[provider].models:
            id = model.id.lower()
            maker, slash, base = id.partition("/")
            if provider == "openrouter" and not (slash and maker in MAKERS):
                continue
            id = base if slash else id
            id = id.removesuffix("-latest") if id.startswith("claude") else id
            rows = dated(model)
            if id in seen or _OTHER_USE.search(id) or not rows or "output" not in rows[-1]:
                continue
            if provider == "google" and id.startswith("claude"):
                continue
            seen.add(id)
            entry: Prices = {"prices": rows}
            for name, when in (*_WHEN.items(), ("fast", _FAST)):
                if (value := tier(model, when, rows)) is not None:
                    entry[name] = value
            spelled = sorted({name.lower().rpartition("/")[2] for name in names(model.match)} - {id})
            yield file, id, {**entry, "names": spelled}


def main(litellm: str) -> None:
    """Write the files."""
    table = json.loads(Path(litellm).read_text())
    decided = json.loads(DECISIONS.read_text())
    files: dict[str, dict[str, Prices]] = {}
    today = date.today()
    for file, id, model in models(table):
        entry = next((table[name] for name in (id, f"xai/{id}", f"gemini/{id}") if name in table), None)
        decision = {**decided["files"].get(file, {}), **decided["models"].pop(id, {})}
        if entry is not None:
            for line in differences(id, model, entry, today):
                print(line, f"(decided: {decision['why']})" if "why" in decision else "")
            complete(model, entry)
            model.update(regions(table, id, entry) if file == "anthropic" else {})
        model.update({name: value for name, value in decision.items() if name != "why"})
        files.setdefault(file, {})[id] = model
    for id, decision in decided["models"].items():
        file = next(file for maker, file in PROVIDERS.items() if id.startswith(_FAMILIES[maker]))
        added = {name: value for name, value in decision.items() if name != "why"}
        files[file][id] = {**decided["files"].get(file, {}), **added}
    clean(files)
    source = f"genai-prices {version('genai-prices')}, completed from litellm"
    for file, found in files.items():
        about = {
            "source": source,
            "licence": "MIT",
            "date": today.isoformat(),
            "unit": "dollars per million tokens",
        }
        rows = ",\n".join(f"{json.dumps(id)}: {json.dumps(model)}" for id, model in sorted(found.items()))
        head = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in about.items())
        (TARGET / f"{file}.json").write_text(f'{{\n{head},\n"models": {{\n{rows}\n}}\n}}\n')


def clean(files: dict[str, dict[str, Prices]]) -> None:
    """Leave out names that the rules find, or that another model has."""
    resolve = importlib.import_module("sessiondb.reports.prices.names").candidates
    ids = {id for found in files.values() for id in found}
    for found in files.values():
        for id, model in found.items():
            kept = set()
            for name in {name.rstrip("-@") for name in model.pop("names", ())}:
                known = next((candidate for candidate in resolve(name) if candidate in ids), None)
                if known != id and name not in ids and ":" not in name:
                    kept.add(name)
            if kept:
                model["names"] = sorted(kept)


if __name__ == "__main__":
    main(sys.argv[1])
