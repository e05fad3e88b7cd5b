"""Following logs: what is told, what is looked at, and when it ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sessiondb.ingest import watch as module
from sessiondb.ingest.discovery import look
from sessiondb.ingest.watch import Watch

LONG_AGO = 1_700_000_000


def age(*paths: Path) -> None:
    """Let files and folders have been as they are for long."""
    for path in paths:
        os.utime(path, (LONG_AGO, LONG_AGO))


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Return a folder with two logs, one of them in a folder below."""
    folder = tmp_path / "logs"
    (folder / "2026" / "03").mkdir(parents=True)
    for path in (folder / "a.jsonl", folder / "2026" / "03" / "b.jsonl"):
        path.write_text("{}\n")
        age(path)
    age(folder, folder / "2026", folder / "2026" / "03")
    return folder


def add(path: Path, text: str = "{}\n") -> str:
    with open(path, "a") as file:
        file.write(text)
    return str(path)


def test_what_is_there_already_is_no_change(logs: Path) -> None:
    assert Watch([str(logs)]).changes() == []


def test_a_file_that_grew_is_told_once(logs: Path) -> None:
    watch = Watch([str(logs)])
    grown = add(logs / "2026" / "03" / "b.jsonl")

    assert (watch.changes(), watch.changes()) == ([grown], [])


def test_a_file_that_was_rewritten_at_its_old_size_is_told(logs: Path) -> None:
    watch = Watch([str(logs)])
    (logs / "a.jsonl").write_text("[]\n")

    assert watch.changes() == [str(logs / "a.jsonl")]


def test_new_files_and_folders_are_found(logs: Path) -> None:
    watch = Watch([str(logs)])
    (logs / "2026" / "04").mkdir()
    assert watch.changes() == []

    new = add(logs / "2026" / "04" / "c.jsonl")
    (logs / "2027" / "01").mkdir(parents=True)
    newer = add(logs / "2027" / "01" / "d.jsonl.gz")

    assert (sorted(watch.changes()), watch.changes()) == ([new, newer], [])


def test_a_file_that_comes_into_a_young_folder_is_not_missed(logs: Path) -> None:
    """The folder's time may stay as it is: it is no finer than a few milliseconds, on some disks than
    seconds.
    """
    watch = Watch([str(logs)])
    first = add(logs / "c.jsonl")
    before = logs.stat()
    assert watch.changes() == [first]

    second = add(logs / "d.jsonl")
    os.utime(logs, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert watch.changes() == [second]


def test_an_unchanged_folder_is_not_read_again(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch([str(logs)])
    read: list[str] = []
    scandir = os.scandir

    def remember(path: str) -> Any:
        read.append(str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", remember)

    watch.changes()
    assert read == []
    new = add(logs / "2026" / "c.jsonl")

    assert (watch.changes(), read) == ([new], [str(logs / "2026")])


def test_files_that_hold_no_sessions_and_folders_that_are_not_read_are_passed_over(logs: Path) -> None:
    watch = Watch([str(logs)])
    for name in ("notes.txt", "auth.json", "x.tmp", ".hidden.jsonl"):
        add(logs / name)
    (logs / "node_modules").mkdir()
    add(logs / "node_modules" / "c.jsonl")

    assert watch.changes() == []


def test_a_named_file_counts_whatever_it_is_called(tmp_path: Path) -> None:
    file = tmp_path / "talk.txt"
    add(file)
    watch = Watch([str(file)])
    add(file)

    assert watch.changes() == [str(file)]


def test_the_log_of_a_database_counts_with_it(tmp_path: Path) -> None:
    add(tmp_path / "state.db")
    watch = Watch([str(tmp_path)])
    add(tmp_path / "state.db-wal")

    assert watch.changes() == [str(tmp_path / "state.db")]


def test_a_place_that_comes_into_being_later_is_found(tmp_path: Path) -> None:
    place = tmp_path / "codex" / "sessions"
    watch = Watch([str(place)])
    assert watch.changes() == []

    place.mkdir(parents=True)
    new = add(place / "a.jsonl")

    assert watch.changes() == [new]


def test_what_goes_away_is_forgotten_and_comes_back_as_new(logs: Path) -> None:
    watch = Watch([str(logs)])
    (logs / "a.jsonl").unlink()
    (logs / "2026" / "03").rename(logs / "elsewhere")

    assert watch.changes() == [str(logs / "elsewhere" / "b.jsonl")]
    assert add(logs / "a.jsonl") in watch.changes()


def test_links_that_lead_back_do_not_go_round(logs: Path) -> None:
    (logs / "2026" / "back").symlink_to(logs)
    (logs / "2026" / "up").symlink_to(logs.parent)
    (logs / "broken.jsonl").symlink_to(logs / "nowhere")

    watch = Watch([str(logs)])
    add(logs / "a.jsonl")

    assert watch.changes() == [str(logs / "a.jsonl")]


def test_a_pipe_is_not_opened(logs: Path) -> None:
    os.mkfifo(logs / "pipe.jsonl")

    assert Watch([str(logs)]).changes() == []


def test_of_many_files_a_round_looks_at_a_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHARE", 10)
    monkeypatch.setattr(module, "ACTIVE", 2)
    files = [tmp_path / f"{number:02}.jsonl" for number in range(40)]
    for file in files:
        add(file)
    age(*files, tmp_path)
    watch = Watch([str(tmp_path)])
    looked: list[str] = []

    def remember(path: str, status: os.stat_result) -> Any:
        looked.append(path)
        return look(path, status)

    monkeypatch.setattr(module, "look", remember)
    for file in files:
        add(file)

    rounds = [watch.changes() for _ in range(5)]

    assert sorted(path for told in rounds for path in told) == [str(file) for file in files]
    assert len(looked) <= 5 * 12


def test_what_changed_last_is_looked_at_in_every_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SHARE", 1)
    files = [tmp_path / f"{number:02}.jsonl" for number in range(30)]
    for file in files:
        add(file)
    age(*files, tmp_path)
    monkeypatch.setattr(module, "ACTIVE", 1)
    watch = Watch([str(tmp_path)])
    while not watch.changes():
        add(files[20])

    for _ in range(3):
        add(files[20])
        assert watch.changes() == [str(files[20])]


class Clock:
    """A clock that stands still, but for what is waited and what an update takes."""

    def __init__(self, rounds: int) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        self.rounds = rounds

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        self.now += seconds
        return len(self.pauses) > self.rounds


def updates(logs: Path, clock: Clock, interval: float = 2.0) -> Iterator[list[str]]:
    return Watch([str(logs), "/nowhere/at/all"]).updates(interval, sleep=clock.sleep, clock=clock)


def test_the_first_update_is_of_all_places_that_are_there(logs: Path) -> None:
    assert list(updates(logs, Clock(rounds=2))) == [[str(logs)]]


def test_it_waits_the_interval_and_ends_when_told(logs: Path) -> None:
    clock = Clock(rounds=3)

    assert len(list(updates(logs, clock, 0.5))) == 1
    assert clock.pauses == [0.5, 0.5, 0.5, 0.5]


@pytest.mark.parametrize(("took", "pause"), [(0.1, 2.0), (3.0, 30.0), (300.0, 60.0)])
def test_after_an_update_that_took_long_the_pause_is_longer(logs: Path, took: float, pause: float) -> None:
    clock = Clock(rounds=2)
    found = updates(logs, clock)
    next(found)
    grown = add(logs / "a.jsonl")

    assert next(found) == [grown]
    clock.now += took
    assert list(found) == []

    assert clock.pauses == [2.0, pause, 2.0]


def test_files_that_could_not_be_imported_are_told_again(logs: Path) -> None:
    watch = Watch([str(logs)])
    grown = add(logs / "a.jsonl")
    assert watch.changes() == [grown]

    watch.again([grown, "/nowhere"])

    assert (watch.changes(), watch.changes()) == ([grown], [])
