"""A home of its own for each test, in which agents may keep their settings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import HOMES


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what makes a write outlive a power cut: hundreds of files are written here."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty home, and let no variable lead elsewhere."""
    for name in HOMES:
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home of mira"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder
