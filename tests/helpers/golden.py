"""What every importer owes: one call checks a log of a new format as a whole."""

from __future__ import annotations

import json
from pathlib import Path

from sessiondb.importers.base import Importer, Record, SessionRecord, TokenRecord
from sessiondb.importers.detect import CERTAIN, detect, scores
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Source
from tests.helpers.odd_values import assert_storable


def assert_owed(importer: Importer, path: Path, *, in_parts: bool = True) -> None:
    """Fail where an importer does not do what all do with a log of its format.

    It alone is certain of the log. What it yields can be stored. A second reading gives the same, and so does one in
    two parts, cut anywhere: `in_parts` is False for formats that are read as a whole each time.
    """
    assert detect(Sample(path)) is importer
    told = scores(Sample(path))
    assert [name for name, score in told.items() if score == CERTAIN] == [importer.name]
    source = Source(path)
    at_once = list(importer.read(source))
    assert source.problems == []
    assert_storable(at_once)
    assert list(importer.read(Source(path))) == at_once
    if in_parts:
        assert_same_in_parts(importer, path)


def assert_same_in_parts(importer: Importer, path: Path) -> None:
    """Fail where a log that grew between two imports gives other messages than at once; lines may be torn."""
    at_once = _said(list(importer.read(Source(path))))
    data = path.read_bytes()
    lines = data.splitlines(keepends=True)
    for cut in range(1, len(lines)):
        end = len(b"".join(lines[:cut]))
        path.write_bytes(data[: end + 20])
        first = Source(path)
        parts = list(importer.read(first))
        path.write_bytes(data)
        state = json.loads(json.dumps(first.state))
        parts += importer.read(Source(path, start=first.end, line=first.line, state=state))
        assert _said(parts) == at_once, f"cut after line {cut}"


def _said(records: list[Record]) -> list[Record]:
    """Return what is said and counted; a count may have come before its message, and a session is told again."""
    counts = {one.request_key: one._replace(message=None) for one in records if isinstance(one, TokenRecord)}
    others = [one for one in records if not isinstance(one, TokenRecord | SessionRecord)]
    return [*others, *counts.values()]
