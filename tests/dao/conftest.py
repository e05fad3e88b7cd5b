"""Two databases that hold the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.stores import copy_of, fill


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """Return a database with something of everything."""
    return fill(tmp_path / "ours.db")


@pytest.fixture
def theirs(tmp_path: Path, ours: Path) -> Path:
    """Return a copy of our database, as another machine has it."""
    return copy_of(ours, tmp_path / "theirs.db")
