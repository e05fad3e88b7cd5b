"""Databases as users get them: each of them made by the migrations."""

from __future__ import annotations

import pytest

from sessiondb.storage import migrations
from tests.helpers import new_databases


@pytest.fixture(autouse=True)
def migrated_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the migrations for each new database."""
    monkeypatch.setattr(migrations, "_upgrade", new_databases.upgrade)
