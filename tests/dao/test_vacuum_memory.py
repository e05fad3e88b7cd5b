"""A vacuum takes as little memory as the rest, however large the database."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sessiondb import SessionDB
from tests.helpers.building import ROOT

MEGABYTES = 150

VACUUM = """
import os, sys
from sessiondb import SessionDB
from sessiondb.dao.removal import Removals
from tests.helpers.memory import peak

with SessionDB(sys.argv[1]) as db:
    before = peak()
    Removals(db.connection).vacuum()
    print(peak() - before, os.environ.get("SQLITE_TMPDIR"))
"""


@pytest.mark.once
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a process")
def test_a_vacuum_does_not_take_as_much_memory_as_the_database(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    with SessionDB(path) as db, db.connection.transaction():
        db.connection.script("CREATE TABLE ballast (block BLOB)")
        db.connection.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO ballast SELECT zeroblob(1000000) FROM n",
            (MEGABYTES,),
        )

    environment = {key: value for key, value in os.environ.items() if key != "SQLITE_TMPDIR"}
    said = subprocess.run(
        [sys.executable, "-c", VACUUM, str(path)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert int(said[0]) < 40 * 2**20
    assert said[1] == "None"
    assert sorted(file.name for file in tmp_path.iterdir() if file.suffix != ".lock") == ["sessions.db"]
