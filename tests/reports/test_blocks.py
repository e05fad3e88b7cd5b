"""Windows of five hours: where they begin, where they end, and what the open one will come to."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from sessiondb import SessionDB
from sessiondb.dao.usage import UsageSums
from sessiondb.records import SessionFilter, Usage
from sessiondb.reports.blocks import blocks
from sessiondb.reports.prices.table import load
from sessiondb.reports.sums import Pricing, Report

M = 1_000_000
NOW = datetime(2026, 10, 2, 0, 0, tzinfo=timezone.utc)


def found(db: SessionDB, *hours: str, now: datetime = NOW) -> list[Usage]:
    db.sessions.start("a", id="s")
    for hour in hours:
        db.tokens.add("s", model="claude-opus-4-8", input=M, counted_at=f"2026-10-01T{hour}:00.000Z")
    pricing = Pricing(load(), ["claude-opus-4-8"])
    groups = UsageSums(db.connection).groups("blocks", SessionFilter(), steps=pricing.steps)
    return blocks(groups, Report(pricing), now)


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        (["08:20"], [("08", 1)]),
        (["08:20", "12:59"], [("08", 2)]),
        (["08:20", "13:00"], [("08", 1), ("13", 1)]),
        (["08:50", "09:10", "13:30", "14:40"], [("08", 2), ("13", 2)]),
        (["01:59", "09:00", "09:00"], [("01", 1), ("09", 2)]),
    ],
)
def test_a_window_begins_with_the_hour_of_its_first_response(
    db: SessionDB, hours: list[str], expected: list[tuple[str, int]]
) -> None:
    rows = found(db, *hours)
    assert [((row.name or "")[11:13], row.responses) for row in rows] == expected


def test_the_open_window_tells_its_pace(db: SessionDB) -> None:
    (row,) = found(db, "08:00", "09:00", now=datetime(2026, 10, 1, 10, 0, tzinfo=timezone.utc))
    block = row.block
    assert block is not None
    assert (block.is_open, block.ends_at) == (True, "2026-10-01T13:00:00.000Z")
    assert (block.picodollars_per_hour, block.projected) == (10 * M * M, 40 * M * M)


def test_a_window_that_is_over_has_no_pace(db: SessionDB) -> None:
    (row,) = found(db, "08:00", "09:00")
    assert row.block is not None
    assert (row.block.is_open, row.block.projected) == (False, None)
