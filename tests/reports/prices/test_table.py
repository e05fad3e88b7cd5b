"""The table of prices: what is shipped, and a user's own over it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from sessiondb.errors import InvalidInput
from sessiondb.reports.prices.cost import Spent, Terms, rates
from sessiondb.reports.prices.table import RATES, load

DATA = Path(__file__).parents[3] / "sessiondb" / "reports" / "prices"
FILES = sorted(DATA.glob("*.json"))
M = 1_000_000


def own(tmp_path: Path, models: Any, name: str = "prices.json") -> Path:
    path = tmp_path / name
    path.write_text(json.dumps({"models": models}))
    return path


def dollars(path: Path | None, model: str, day: str = "2026-11-01", **spent: int) -> float | None:
    found = rates(load(path), Terms(model, day))
    cost = None if found is None else found.cost(Spent(**spent))
    return None if cost is None else cost / 1e12


def test_the_data_is_small_and_names_its_source() -> None:
    assert len(gzip.compress(b"".join(path.read_bytes() for path in FILES))) <= 20_000
    for path in FILES:
        about = json.loads(path.read_text())
        assert about["licence"] == "MIT"
        assert {"source", "date", "unit"} <= about.keys()


def test_every_entry_of_the_data_makes_sense() -> None:
    for path in FILES:
        for name, model in json.loads(path.read_text())["models"].items():
            rows = model["prices"]
            assert [row.get("from", "") for row in rows] == sorted({row.get("from", "") for row in rows}), (
                name
            )
            for row in rows:
                assert {"input", "output"} <= row.keys() <= {*RATES, "from", "above"}, name
                assert row.get("cache_read", 0) <= row["input"], name
                assert row.get("cache_write", 0) <= row.get("cache_write_1h", 1e9), name


def test_a_file_of_ones_own_adds_and_overrides(tmp_path: Path) -> None:
    later = {
        "prices": [{"from": "2026-06-01", "input": 3, "output": 1}, {"input": 2, "output": 1}],
        "names": ["mine-2"],
    }
    path = own(
        tmp_path,
        {
            "Mine": {"input": 0.5, "output": 2, "batch": 0.5},
            "mine-1": later,
            "gpt-5": {"input": 7, "output": 7},
        },
    )
    assert dollars(path, "mine", input=M, output=M) == 2.5
    assert dollars(path, "acme/mine-20260101", input=M) == 0.5
    assert [dollars(path, "mine-2", day, input=M) for day in ("2026-05-31", "2026-06-01")] == [2, 3]
    assert dollars(path, "gpt-5", input=M) == 7
    assert dollars(path, "claude-opus-4-8", input=M) == 5
    assert dollars(None, "mine", input=M) is None


def test_the_environment_names_a_file_and_the_option_goes_over_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "SESSIONDB_PRICES",
        str(own(tmp_path, {"a": {"input": 1, "output": 1}, "b": {"input": 1, "output": 1}})),
    )
    path = own(tmp_path, {"b": {"input": 2, "output": 2}}, "more.json")
    assert [dollars(path, name, input=M) for name in "ab"] == [1, 2]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "cannot read the prices in"),
        ("{", "are not JSON"),
        ("[]", 'lack "models"'),
        ('{"models": []}', 'lack "models"'),
        ('{"models": {"m": 3}}', "the prices of m in"),
        ('{"models": {"m": {}}}', "the prices of m in"),
        ('{"models": {"m": {"input": 1}}}', "give input and output"),
        ('{"models": {"m": {"input": -1, "output": 1}}}', "are not valid"),
        ('{"models": {"m": {"input": "1", "output": 1}}}', "are not valid"),
        ('{"models": {"m": {"input": 1, "output": 1, "batch": "half"}}}', "are not valid"),
        ('{"models": {"m": {"prices": {"input": 1}}}}', "are not valid"),
        ('{"models": {"m": {"prices": [3]}}}', "are not valid"),
        ('{"models": {"m": {"input": 1, "output": 1, "above": {"x": {}}}}}', "are not valid"),
        ('{"models": {"m": {"prices": [{"from": 3, "input": 1, "output": 1}]}}}', "are not valid"),
        ('{"models": {"m": {"prices": [{"from": "June\'", "input": 1, "output": 1}]}}}', "are not valid"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_in_words(
    tmp_path: Path, text: str | None, reason: str
) -> None:
    path = tmp_path / "prices.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InvalidInput, match=reason):
        load(path)
