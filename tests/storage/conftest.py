"""Databases on a disk; those of tests about the migrations are made by them, as users get them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sessiondb.storage import migrations
from tests.helpers import memory, new_databases


@pytest.fixture
def migrated_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the migrations for each new database."""
    monkeypatch.setattr(migrations, "_upgrade", new_databases.upgrade)


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Return an empty folder on a disk: what is locked, synced and full differs in memory."""
    with memory.disk_folder() as folder:
        yield folder
