"""The importer of one format is found by its name, without loading all of them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sessiondb.importers import find, importers

LOADED = """
import sys
from sessiondb.importers import find
print(find("claude-code").name, *(f"sessiondb.importers.{name}" in sys.modules for name in ("codex", "registered")))
"""


def test_each_importer_is_found_by_its_name() -> None:
    assert [find(one.name) for one in importers()] == list(importers())


@pytest.mark.parametrize("name", [None, "", "acme"])
def test_no_importer_is_found_by_another_name(name: str | None) -> None:
    assert find(name) is None


def test_others_are_not_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["claude-code", "False", "False"]
