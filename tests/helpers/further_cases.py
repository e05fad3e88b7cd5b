"""Which tests are left to one Python beside those that say so: further cases of a test, and real logs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

ALL_CASES = ("chat", "cli", "importers", "query", "redaction", "settings", "storage")
"""Folders, anywhere in the tree, whose cases take ways of their own: of formats, re, unicodedata, sqlite3, parsing."""


def leave_to_one_python(items: Iterable[pytest.Item], tests: Path) -> None:
    """Mark as `once` what takes a path through the code that another test takes on each Python.

    Below the folders of `tests`, but for `ALL_CASES`, these are the cases of a test between its first and its last.
    Tests that ask for real logs are it everywhere: each format has samples.
    """
    cases = defaultdict(list)
    for item in items:
        folders = item.path.relative_to(tests).parts[:-1]
        if {"corpus", "corpus_next"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("once")
        elif folders and not set(folders) & set(ALL_CASES):
            cases[item.nodeid.partition("[")[0]].append(item)
    for of_one_test in cases.values():
        for item in of_one_test[1:-1]:
            item.add_marker("once")
