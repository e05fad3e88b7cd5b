"""A database and its server, for the Datasette of today and the next one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.web import NEXT, Server, datasettes, fill, serving


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database with sessions of all kinds."""
    return fill(tmp_path_factory.mktemp("web") / "sessions.db")


@pytest.fixture(scope="module", params=datasettes(), ids=lambda found: str(found[0]))
def python(request: pytest.FixtureRequest) -> Path:
    """Return a Python with a Datasette; `SESSIONDB_REQUIRE` names what must not be skipped."""
    name, found = request.param
    if found is None:
        reason = f"needs Datasette's pre-release for this Python: scripts/test installs it ({name})"
        # It is there for one Python only.
        if "datasette1" in os.environ.get("SESSIONDB_REQUIRE", "") and not NEXT.is_dir():
            pytest.fail(reason)
        pytest.skip(reason)
    return Path(found)


@pytest.fixture(scope="module")
def site(python: Path, filled: Path) -> Iterator[Server]:
    """Serve the database as `sessiondb web` does."""
    with serving(python, filled) as server:
        yield server
