"""The table of prices: what is shipped, and what a user's own file puts over it or beside it.

A file is JSON: `models` by name, each with `prices`, a list by the first day of each, in dollars for a million tokens:

    {"models": {"my-model": {"prices": [{"input": 1, "output": 4}, {"from": "2026-03-01", "input": 0.5, "output": 2}]}}}

One set of prices may stand without the list. Of the tokens: `input`, `cache_read`, `cache_write`, `cache_write_1h`,
`cache_write_12h` and `output`; beside them `web_search`, dollars for one, and `above`, what holds instead for a
response whose whole context is larger than a number of tokens. A model may have `names`, others for it, and what
multiplies its prices, or stands for them: `batch`, `flex`, `priority`, `fast`, `us` (the region of an answer),
`regional` and `us-gov` (regions of Amazon Bedrock).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sessiondb.errors import InvalidInput
from sessiondb.reports.prices.names import candidates
from sessiondb.settings import get
from sessiondb.settings.table import PRICES
from sessiondb.storage.paths import given_path

RATES = ("input", "cache_read", "cache_write", "cache_write_1h", "cache_write_12h", "output", "web_search")
FACTORS = ("batch", "flex", "priority", "fast", "us", "regional", "us-gov")
_HERE = Path(__file__).parent
_NO_DAY = "0000-00-00"

Model = Mapping[str, Any]


class Table:
    """Models by their names."""

    def __init__(self, models: Mapping[str, Model]) -> None:
        self._models = models
        self._names = {name: id for id, model in models.items() for name in model.get("names", ())}
        self._found: dict[str, Model | None] = {}

    def find(self, name: str) -> Model | None:
        """Return the entry of a model by a name as logs write it, None where there is none."""
        # A log has millions of answers and a dozen names.
        if name not in self._found:
            self._found[name] = next(filter(None, map(self._known, candidates(name))), None)
        return self._found[name]

    def _known(self, name: str) -> Model | None:
        return self._models.get(name) or self._models.get(self._names.get(name, ""))

    def sized(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return those of these models whose prices depend on the size of the context."""
        return tuple(name for name in names if self.sizes_of((name,)))

    def sizes_of(self, names: Iterable[str]) -> tuple[int, ...]:
        """Return the sizes of context above which one of these models has other prices."""
        return tuple(sorted({int(size) for row in self._rows(names) for size in row.get("above", ())}))

    def days_of(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the days on which a price of one of these models changes."""
        return tuple(sorted({row["from"] for row in self._rows(names) if "from" in row}))

    def _rows(self, names: Iterable[str]) -> Iterator[Mapping[str, Any]]:
        for model in filter(None, map(self.find, names)):
            yield from model["prices"]
            yield from (model[name] for name in FACTORS if isinstance(model.get(name), Mapping))


def load(own: str | os.PathLike[str] | None = None) -> Table:
    """Return the table, with the file of the settings ($SESSIONDB_PRICES) and then `own` put over it.

    Raises InvalidInput for a file that is not there or not as the top of this module says.
    """
    models: dict[str, Model] = {}
    # Ours first, then the setting's, then the one that was given: a model of a later file takes the place of an earlier
    # one.
    for path in sorted(_HERE.glob("*.json")):
        models |= json.loads(path.read_text(encoding="utf-8"))["models"]
    for source in (get(PRICES), own):
        if source:
            models |= _own(given_path(source, "a table of prices"))
    return Table(models)


def _own(path: Path) -> dict[str, Model]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"cannot read the prices in {path}: {error.strerror}") from error
    except ValueError as error:
        raise InvalidInput(f"the prices in {path} are not JSON: {error}") from error
    models = found.get("models") if isinstance(found, dict) else None
    if not isinstance(models, dict):
        raise InvalidInput(f'the prices in {path} lack "models": {{"NAME": {{"input": 1, "output": 4}}}}')
    return {name.lower(): _checked(path, name, model) for name, model in models.items()}


def _checked(path: Path, name: str, model: Any) -> Model:
    """Return an entry of a user's file in the shape of ours. Raises InvalidInput where it makes no sense."""
    entry = dict(model) if isinstance(model, dict) else {}
    if "prices" not in entry:
        rates = {key: entry.pop(key) for key in (*RATES, "above") if key in entry}
        entry["prices"] = [rates] if rates else []
    prices = entry["prices"]
    rows = prices if isinstance(prices, list) else []
    above = [tier for row in rows if isinstance(row, dict) for tier in _tiers(row)]
    numbers = [row[key] for row in (*rows, *above) if isinstance(row, dict) for key in RATES if key in row]
    factors = [entry[key] for key in FACTORS if key in entry]
    if (
        not rows
        or not all(isinstance(row, dict) and _is_day(row.get("from", _NO_DAY)) for row in (*rows, *above))
        or not all(isinstance(value, int | float) and value >= 0 for value in (*numbers, *factors))
        or not all("input" in row and "output" in row for row in rows)
    ):
        raise InvalidInput(
            f"the prices of {name} in {path} are not valid: give input and output in dollars for a million tokens"
        )
    return {**entry, "prices": sorted(rows, key=lambda row: str(row.get("from", "")))}


def _is_day(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"\d{4}-\d\d-\d\d", value))


def _tiers(row: Mapping[str, Any]) -> list[Any]:
    above = row.get("above", {})
    sizes = isinstance(above, dict) and all(size.isdigit() for size in above)
    return list(above.values()) if sizes else [None]
