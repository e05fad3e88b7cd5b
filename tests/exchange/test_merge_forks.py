"""Databases that hold a session and its forks come to the same, merged in any way."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from datetime import timezone
from itertools import permutations
from pathlib import Path

import pytest

import sessiondb.exchange.merge
from sessiondb import SessionDB
from sessiondb.dao.maintenance import Maintenance
from sessiondb.exchange.merge import merge
from sessiondb.ingest.run import Ingest
from tests.dao.forks.test_growing_files import codex
from tests.helpers.conversations import write
from tests.helpers.fork_logs import content, copied, id_of, random_forks, talk, transcript

A, B, C = map(id_of, (3, 2, 1))


def database(path: Path, files: Sequence[Path]) -> Path:
    with SessionDB(path) as db:
        Ingest(db.connection, tz=timezone.utc).run(list(map(str, files)))
    return path


def check(folder: Path, files: Sequence[Path]) -> None:
    """Find that the databases of single files, merged in any order, hold what one of all files does."""
    with SessionDB(database(folder / "all.db", files)) as db:
        whole = content(db)
    apart = [database(folder / f"{file.name}.db", [file]) for file in files]
    for number, order in enumerate(permutations(apart)):
        with SessionDB(folder / f"{number}.db") as db:
            for path in order:
                merge(db, path)
            assert content(db) == whole
            for path in order:
                again = merge(db, path)
                assert (again.added, again.updated, again.removed, again.messages) == ([], [], [], 0)
            assert content(db) == whole
            assert Maintenance(db.connection).check() == []


@pytest.mark.once
@pytest.mark.parametrize("marked", [False, True])
@pytest.mark.parametrize("large", [1, sessiondb.exchange.merge.LARGE])
def test_a_session_its_fork_and_the_forks_fork(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, marked: bool, large: int
) -> None:
    monkeypatch.setattr(sessiondb.exchange.merge, "LARGE", large)
    first = talk(A, 2, 3)
    second = copied(first, B, marked=marked) + talk(B, 4, 5)
    third = copied(second, C, marked=marked) + talk(C, 6)

    check(tmp_path, [transcript(tmp_path, log) for log in (first, second, third)])


@pytest.mark.once
@pytest.mark.parametrize("marked", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_any_forks(tmp_path: Path, marked: bool, seed: int) -> None:
    logs = random_forks(random.Random(seed), 3, marked=marked)

    check(tmp_path, [transcript(tmp_path, log) for log in logs])


def test_a_fork_that_goes_on_after_the_merge(tmp_path: Path) -> None:
    first = talk(A, 2, 3)
    fork = copied(first, B) + talk(B, 4)
    original, other = transcript(tmp_path, first), transcript(tmp_path, fork)
    here, there = (database(tmp_path / name, [file]) for name, file in (("a.db", original), ("b.db", other)))
    with SessionDB(here) as db:
        merge(db, there)
        transcript(tmp_path, fork + talk(B, 8))
        os.utime(other)
        database(there, [other])
        merge(db, there)
        found = content(db)
    with SessionDB(database(tmp_path / "all.db", [original, other])) as db:
        assert content(db) == found


@pytest.mark.parametrize("middle", [True, False])
def test_a_second_merge_of_codex_forks_changes_nothing(tmp_path: Path, middle: bool) -> None:
    """Copies under other ids that were left to their originals do not come again."""
    logs = next(logs for seed in range(9) if len(logs := codex(random.Random(seed))) == 3)
    for name, lines in logs.items():
        write(tmp_path / name, *lines)
    first, second, third = (tmp_path / name for name in sorted(logs))
    ours, theirs = ([second], [first, third]) if middle else ([first, third], [second])
    other = database(tmp_path / "other.db", theirs)
    with SessionDB(database(tmp_path / "ours.db", ours)) as db:
        merge(db, other)
        once = content(db)
        again = merge(db, other)
        assert (again.added, again.updated, again.removed, again.messages) == ([], [], [], 0)
        assert content(db) == once
