"""Following logs by events of the system and by stats alone: both tell the same."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.ingest import watch as watching
from sessiondb.ingest.events import Events, events_until
from sessiondb.ingest.rules import Rules
from sessiondb.ingest.watch import Watch
from tests.helpers.waiting import HANG, until
from tests.ingest.test_rules import ID, line


class Follower:
    """A watch in a thread of its own, and what it has told so far."""

    def __init__(self, watch: Watch, *, by_events: bool) -> None:
        self.told: list[str] = []
        self.stop = threading.Event()
        self._is_begun = threading.Event()
        self._events = Events(self.stop) if by_events else None
        self._thread = threading.Thread(target=self._run, args=(watch,))

    def _run(self, watch: Watch) -> None:
        with contextlib.closing(self._events) if self._events else contextlib.nullcontext():
            for paths in watch.updates(0.05, sleep=self.stop.wait, events=self._events):
                if self._is_begun.is_set():
                    self.told += paths
                self._is_begun.set()

    def __enter__(self) -> Follower:
        self._thread.start()
        assert self._is_begun.wait(HANG)
        return self

    def __exit__(self, *error: object) -> None:
        self.stop.set()
        self._thread.join()

    def waits_for(self, *paths: Path) -> None:
        """Wait until all of these were told, and forget what was."""
        wanted = {str(path) for path in paths}
        until(lambda: wanted <= set(self.told), f"{wanted} in {self.told}")
        self.told.clear()


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Return a folder with a log in a folder below."""
    folder = tmp_path / "logs"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "old.jsonl").write_text("{}\n")
    return folder


@pytest.fixture
def events_of_the_system(tmp_path: Path) -> None:
    """Skip a test where the system tells nothing: it lets each user follow so many folders, or none."""
    pytest.importorskip("watchfiles")
    with contextlib.closing(Events(threading.Event())) as events:
        events.follow([str(tmp_path)])
        if not events.is_on:
            pytest.skip("the system tells of no changes")


@pytest.fixture(params=["events", "stats"])
def follow(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Follower]:
    """Return a function that follows sources, once by events, so that no round by stats helps, and once by stats."""
    by_events = request.param == "events"
    if by_events:
        request.getfixturevalue("events_of_the_system")
        monkeypatch.setattr(watching, "ROUND", 3600.0)
    return lambda *sources, rules=None: Follower(Watch(map(str, sources), rules), by_events=by_events)


def grown(path: Path) -> Path:
    with path.open("a") as file:
        file.write("{}\n")
    return path


def grows(logs: Path) -> Path:
    return grown(logs / "a" / "old.jsonl")


def begins(logs: Path) -> Path:
    return grown(logs / "a" / "new.jsonl")


def begins_in_new_folders(logs: Path) -> Path:
    (logs / "b" / "c").mkdir(parents=True)
    return grown(logs / "b" / "c" / "new.jsonl")


def is_replaced(logs: Path) -> Path:
    (logs / "a" / "new.tmp").write_text("[]\n")
    os.replace(logs / "a" / "new.tmp", logs / "a" / "old.jsonl")
    return logs / "a" / "old.jsonl"


def is_rotated(logs: Path) -> Path:
    os.rename(logs / "a" / "old.jsonl", logs / "a" / "old.1.jsonl")
    return grown(logs / "a" / "old.jsonl")


def comes_by_a_moved_folder(logs: Path) -> Path:
    folder = logs.parent / "elsewhere"
    folder.mkdir()
    grown(folder / "new.jsonl")
    os.rename(folder, logs / "moved")
    return logs / "moved" / "new.jsonl"


def is_written_beside_a_database(logs: Path) -> Path:
    (logs / "state.db-wal").write_bytes(b"pages")
    return logs / "state.db"


HAPPENINGS = (
    grows, begins, begins_in_new_folders, is_replaced, is_rotated, comes_by_a_moved_folder,
    is_written_beside_a_database,
)  # fmt: skip


@pytest.mark.parametrize("happens", HAPPENINGS, ids=lambda happens: happens.__name__)
def test_a_log_is_told_when_it(
    logs: Path, follow: Callable[..., Follower], happens: Callable[[Path], Path]
) -> None:
    (logs / "state.db").write_bytes(b"")
    with follow(logs) as follower:
        follower.waits_for(happens(logs))


def test_a_log_that_goes_and_comes_is_told_again(logs: Path, follow: Callable[..., Follower]) -> None:
    with follow(logs) as follower:
        shutil.rmtree(logs / "a")
        (logs / "a").mkdir()
        follower.waits_for(grown(logs / "a" / "old.jsonl"))
        follower.waits_for(grown(logs / "a" / "old.jsonl"))


def test_a_file_that_is_a_source_is_followed_when_it_is_replaced(
    logs: Path, follow: Callable[..., Follower]
) -> None:
    path = logs / "a" / "old.jsonl"
    with follow(path) as follower:
        is_replaced(logs)
        follower.waits_for(path)
        follower.waits_for(grown(path))


def test_a_source_that_comes_later_is_followed(logs: Path, follow: Callable[..., Follower]) -> None:
    with follow(logs, logs.parent / "later") as follower:
        (logs.parent / "later").mkdir()
        follower.waits_for(grown(logs.parent / "later" / "new.jsonl"))


def test_what_holds_no_sessions_is_not_told(logs: Path, follow: Callable[..., Follower]) -> None:
    (logs / "kept-out").mkdir()
    with follow(logs, rules=Rules(folders=(str(logs / "kept-out"),))) as follower:
        for name in ("auth.json", "a/notes.txt", ".git/x.json", "kept-out/x.jsonl"):
            (logs / name).parent.mkdir(exist_ok=True)
            grown(logs / name)
        # What comes later is told later.
        last = grown(logs / "a" / "old.jsonl")
        until(lambda: follower.told, "the file that holds sessions")
        assert set(follower.told) == {str(last)}


def test_what_the_system_does_not_tell_is_found_by_a_round(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("watchfiles")
    monkeypatch.setattr(Events, "taken", lambda self: set())
    monkeypatch.setattr(watching, "ROUND", 0.2)
    with Follower(Watch([str(logs)]), by_events=True) as follower:
        follower.waits_for(grows(logs))


def test_where_the_system_refuses_events_stats_go_on(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main = pytest.importorskip("watchfiles._rust_notify")

    def refuse(*_: object, **how: object) -> None:
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr(main, "RustNotify", refuse)
    with Follower(Watch([str(logs)]), by_events=True) as follower:
        follower.waits_for(grows(logs))


def test_a_file_that_could_not_be_imported_is_told_again(logs: Path) -> None:
    watch = Watch([str(logs)])
    path = str(grows(logs))
    assert (watch.changes_at([path]), watch.changes_at([])) == ([path], [])
    watch.again([path])
    assert (watch.changes_at([]), watch.changes_at([])) == ([path], [])


def test_a_source_may_be_a_link_that_the_system_does_not_name(logs: Path) -> None:
    link = logs.parent / "link"
    link.symlink_to(logs)
    watch = Watch([str(link)])
    told = watch.changes_at([str(grows(logs)), str(begins(logs))])
    assert told == [str(link / "a" / "new.jsonl"), str(link / "a" / "old.jsonl")]


@pytest.mark.parametrize("is_there", [True, False])
def test_events_are_for_waits_that_can_be_cut_short(monkeypatch: pytest.MonkeyPatch, is_there: bool) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: is_there or None)
    found = [events_until(wait) is not None for wait in (None, threading.Event().wait, lambda seconds: True)]
    assert found == [is_there, is_there, False]


@pytest.mark.usefixtures("events_of_the_system")
def test_a_change_is_imported_long_before_the_interval_is_over(db: SessionDB, tmp_path: Path) -> None:
    log = tmp_path / "projects" / "-p" / f"{ID.format(0)}.jsonl"
    line(log, "/p", "first")
    stop = threading.Event()
    added = []
    for report in db.watch_logs(tmp_path / "projects", interval=3600, wait=stop.wait):
        added.append(report.talk_added)
        if len(added) == 3:
            stop.set()
        else:
            line(log, None, "more", len(added))
    assert added == [1, 1, 1]


@pytest.mark.usefixtures("events_of_the_system")
def test_a_wait_ends_when_it_is_time(logs: Path) -> None:
    stop = threading.Event()
    with contextlib.closing(Events(stop)) as events:
        events.follow([str(logs)])
        threading.Timer(0.1, stop.set).start()
        assert events.wait(3600) is True
