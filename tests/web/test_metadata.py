"""What Datasette is told of our tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.dao.canned_queries import CANNED_QUERIES
from sessiondb.web.metadata import HIDDEN, _columns, _descriptions, columns, described, metadata
from sessiondb.web.serve import SETTINGS


@pytest.mark.parametrize("table", described())
def test_every_column_is_described(table: str) -> None:
    assert list(columns(table)) == _columns()[table], "sessiondb/web/columns.json says what columns mean"


def test_nothing_is_described_that_is_not_there() -> None:
    known = _columns()
    told = {(table, column) for table, found in _descriptions().items() for column in found if table != "*"}

    assert {(table, column) for table, column in told if column not in known.get(table, ())} == set()
    assert set(_descriptions()["*"]) <= {column for found in known.values() for column in found}
    assert set(HIDDEN) <= set(known)


def test_what_is_sorted_and_faceted_by_is_there() -> None:
    tables = metadata("sessions")["databases"]["sessions"]["tables"]

    for name, table in tables.items():
        named = {*table.get("facets", ()), table.get("sort_desc"), table.get("label_column")} - {None}
        assert named <= set(_columns()[name])


@pytest.mark.parametrize("name", CANNED_QUERIES)
def test_the_queries_run(db: SessionDB, name: str) -> None:
    assert db.connection.rows(CANNED_QUERIES[name].sql, {"path": "x"}) == []


def test_datasette_knows_the_settings(datasette_settings: Mapping[str, Any]) -> None:
    assert set(SETTINGS) <= set(datasette_settings)
