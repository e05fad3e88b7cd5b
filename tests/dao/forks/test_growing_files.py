"""Logs are imported while they grow: whenever they are read, the end is that of one import of the whole files."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import timezone
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.dao.maintenance import Maintenance
from sessiondb.ingest.run import Ingest
from tests.helpers.conversations import write
from tests.helpers.fork_logs import content, random_forks

Logs = dict[str, Sequence[Any]]
"""Lines by the name of their file."""


def claude(dice: random.Random, *, marked: bool) -> Logs:
    logs = random_forks(dice, dice.randint(2, 4), marked=marked)
    return {f"p/{lines[-1]['sessionId']}.jsonl": lines for lines in logs}


FORMATS: dict[str, Callable[[random.Random], Logs]] = {
    "claude code": lambda dice: claude(dice, marked=False),
    "claude code with marks": lambda dice: claude(dice, marked=True),
}


def read(db: SessionDB, folder: Path) -> None:
    assert Ingest(db.connection, tz=timezone.utc).run([str(folder)]).skipped == []


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("format", FORMATS)
def test_forks_that_are_read_piece_by_piece_come_to_what_the_whole_files_do(
    tmp_path: Path, format: str, seed: int
) -> None:
    dice = random.Random(seed)
    logs = FORMATS[format](dice)
    folder = tmp_path / "logs"
    written = dict.fromkeys(logs, 0)
    with SessionDB(tmp_path / "grown.db") as db:
        while waiting := [name for name, lines in logs.items() if written[name] < len(lines)]:
            name = dice.choice(waiting)
            written[name] += dice.choice((1, 2, 3, 5, 100))
            write(folder / name, *logs[name][: written[name]])
            read(db, folder)
        grown = content(db)
        assert Maintenance(db.connection).check() == []
    with SessionDB(tmp_path / "whole.db") as db:
        read(db, folder)
        assert content(db) == grown
