"""A database is what a plain model says, whatever is done to it in whatever order: sessions, texts, notes, tombstones.

The model knows what was said in each session and what was removed, and nothing of tables. Logs are Claude Code's, for
these have forks: a log that repeats the beginning of another one. The clock goes as it likes.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from sessiondb import SessionDB, timestamps
from tests.safety.soundness import faults

pytestmark = pytest.mark.safety

IS_SOAK = bool(os.environ.get("SESSIONDB_SOAK"))
EXAMPLES = int(os.environ.get("SESSIONDB_RUNS", "300" if IS_SOAK else "12"))
BEGIN = datetime(2026, 4, 1, tzinfo=timezone.utc)
TEXTS = st.text(min_size=1, max_size=12, alphabet="abc é船\n")
STATE = """
SELECT id, ended_at IS NULL, pinned, last_active_at FROM sessions
"""


class Refused(Exception):
    """What goes wrong in a turn."""


@dataclass
class Log:
    """A log on disk: its lines, and how many of them are a copy of another's."""

    path: Path
    lines: list[dict[str, Any]] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """Return what was said."""
        return [line["message"]["content"] for line in self.lines]

    def write(self) -> None:
        """Write the file."""
        self.path.write_text("".join(json.dumps(line) + "\n" for line in self.lines), encoding="utf-8")


class Database(RuleBasedStateMachine):
    """What can be done to a database, each with what the model makes of it."""

    live, logs, others = Bundle("live"), Bundle("logs"), Bundle("others")

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.now = BEGIN
        self.patch.setattr(timestamps, "now", lambda: timestamps.from_datetime(self.now))
        self.folder = tempfile.TemporaryDirectory()
        root = Path(self.folder.name)
        (root / "logs").mkdir()
        self.log_folder = root / "logs"
        self.path = root / "sessions.db"
        self.db = SessionDB(self.path)
        self.other = SessionDB(root / "other.db")
        self.count = 0
        self.files: dict[str, Log] = {}
        # The model
        self.said: dict[str, list[str]] = {}
        self.open: dict[str, bool] = {}
        self.removed: set[str] = set()
        self.elsewhere: dict[str, list[str]] = {}
        self.notes: dict[str, tuple[str, bool]] = {}

    def teardown(self) -> None:
        self.db.close()
        self.other.close()
        assert faults(self.path) == {}
        self.folder.cleanup()
        self.patch.undo()

    def number(self) -> int:
        self.count += 1
        return self.count

    # Live

    @rule(target=live)
    def start(self) -> str:
        id = f"live-{self.number()}"
        self.db.sessions.start("agent", id=id)
        self.said[id], self.open[id] = [], True
        return id

    @rule(id=live, text=TEXTS)
    def append(self, id: str, text: str) -> None:
        if self.open.get(id):
            self.db.messages.append(id, "user", text)
            self.said[id].append(text)

    @rule(id=live, texts=st.lists(TEXTS, min_size=1, max_size=4), is_refused=st.booleans())
    def write_turn(self, id: str, texts: list[str], is_refused: bool) -> None:
        if not self.open.get(id):
            return
        try:
            with self.db.turn(id) as turn:
                for text in texts:
                    turn.append("user", text)
                if is_refused:
                    raise Refused
            self.said[id] += texts
        except Refused:
            pass

    @rule(id=live)
    def end(self, id: str) -> None:
        if id in self.open:
            self.db.sessions.end(id)
            self.open[id] = False

    @rule(id=live)
    def reopen(self, id: str) -> None:
        if id in self.open:
            self.db.sessions.reopen(id)
            self.open[id] = True

    @rule(id=st.one_of(live, logs, others), is_pinned=st.booleans())
    def pin(self, id: str, is_pinned: bool) -> None:
        if id in self.said:
            self.db.sessions.set_pinned(id, is_pinned)

    @rule(id=st.one_of(live, logs), of_project=st.booleans())
    def note(self, id: str, of_project: bool) -> None:
        if id in self.said:
            body = f"note {self.number()}"
            made = self.db.notes.add(
                "decision", body, session_id=id, project="/garden" if of_project else None
            )
            has_project = self.db.connection.value("SELECT project_id FROM notes WHERE id = ?", (made.id,))
            self.notes[body] = (id, has_project is not None)

    # Logs

    @rule(target=logs, texts=st.lists(TEXTS, min_size=1, max_size=4))
    def new_log(self, texts: list[str]) -> str:
        return self._write_log([], texts)

    @rule(target=logs, parent=logs, share=st.integers(1, 4), texts=st.lists(TEXTS, min_size=1, max_size=3))
    def fork(self, parent: str, share: int, texts: list[str]) -> str:
        return self._write_log(self.files[parent].lines[:share], texts)

    @rule(id=logs, texts=st.lists(TEXTS, min_size=1, max_size=3))
    def grow(self, id: str, texts: list[str]) -> None:
        self._add_lines(id, texts)

    @rule()
    def import_logs(self) -> None:
        self.db.import_logs(self.log_folder)
        self._take_logs(but=self.removed)

    @precondition(lambda self: self.removed)
    @rule()
    def import_what_was_removed(self) -> None:
        self.db.import_logs(self.log_folder, restore=True)
        self.removed -= set(self.files)
        self._take_logs(but=self.removed)

    # Removals

    @rule(days=st.integers(-400, 400), include_open=st.booleans(), keep=st.sampled_from([0, 0, 1]))
    def prune(self, days: int, include_open: bool, keep: int) -> None:
        before = timestamps.from_datetime(BEGIN + timedelta(days=days))
        rows = self.db.connection.rows(STATE)
        newest = sorted(rows, key=lambda row: row[3], reverse=True)[:keep]
        wanted = {
            id
            for id, is_open, is_pinned, last_active_at in rows
            if last_active_at < before and not is_pinned and (include_open or not is_open)
        }
        options: dict[str, Any] = {"include_open": include_open, "keep": keep}
        planned = self.db.prune(before, dry_run=True, **options)
        done = self.db.prune(before, **options)
        assert set(planned.sessions) == set(done.sessions)
        if keep:
            # Where some are as old as others, it is any of them.
            assert set(done.sessions) <= wanted
            assert len(wanted - set(done.sessions)) <= len(newest)
        else:
            assert set(done.sessions) == wanted
        self._forget(done.sessions, keeps_notes_of_projects=True)

    @rule(id=st.one_of(live, logs, others))
    def remove(self, id: str) -> None:
        if id in self.said:
            self.db.remove(id)
            self._forget([id], keeps_notes_of_projects=False)

    # Merges

    @rule(target=others, texts=st.lists(TEXTS, min_size=1, max_size=3))
    def start_elsewhere(self, texts: list[str]) -> str:
        id = f"other-{self.number()}"
        self.other.sessions.start("agent", id=id)
        self.elsewhere[id] = []
        self.append_elsewhere(id, texts)
        return id

    @rule(id=others, texts=st.lists(TEXTS, min_size=1, max_size=3))
    def append_elsewhere(self, id: str, texts: list[str]) -> None:
        for text in texts:
            self.other.messages.append(id, "user", text)
        self.elsewhere[id] += texts

    @rule()
    def merge(self) -> None:
        deleted: dict[str, str] = dict(
            self.db.connection.rows("SELECT session_id, deleted_at FROM deletions")
        )
        active = {row[0]: row[3] for row in self.other.connection.rows(STATE)}
        before = len(self.said)
        report = self.db.merge(self.other.path)
        for id, texts in self.elsewhere.items():
            if id in self.removed and active[id] <= deleted[id]:
                continue
            self.removed.discard(id)
            self.said[id] = list(texts)
        assert len(report.added) == len(self.said) - before
        again = self.db.merge(self.other.path)
        assert (again.added, again.updated, again.removed, again.messages) == ([], [], [], 0)

    # The clock

    @rule(days=st.integers(-300, 300))
    def step(self, days: int) -> None:
        self.now += timedelta(days=days, milliseconds=1)

    @invariant()
    def it_holds_what_the_model_holds(self) -> None:
        db = self.db
        assert {row[0] for row in db.connection.rows(STATE)} == set(self.said)
        assert {row[0] for row in db.connection.rows("SELECT session_id FROM deletions")} == self.removed
        for id, texts in self.said.items():
            assert [message.content for message in db.transcript(id).messages] == texts, id
        states = {row[0]: bool(row[1]) for row in db.connection.rows(STATE)}
        assert {id: states[id] for id in self.open} == self.open
        assert {row[0] for row in db.connection.rows("SELECT body FROM notes")} == set(self.notes)

    def _write_log(self, shared: list[dict[str, Any]], texts: list[str]) -> str:
        id = f"{self.number():08}-0000-4000-8000-000000000000"
        self.files[id] = Log(self.log_folder / f"{id}.jsonl", [line | {"sessionId": id} for line in shared])
        self._add_lines(id, texts)
        return id

    def _add_lines(self, id: str, texts: list[str]) -> None:
        for text in texts:
            number = self.number()
            self.files[id].lines.append(
                {
                    "uuid": f"aaaaaaaa-0000-4000-8000-{number:012}",
                    "sessionId": id,
                    "type": "user",
                    "timestamp": timestamps.from_datetime(BEGIN + timedelta(minutes=number)),
                    "cwd": "/home/mira/quill",
                    "version": "2.0",
                    "isSidechain": False,
                    "message": {"role": "user", "content": f"{number} {text}".strip()},
                }
            )
        self.files[id].write()

    def _take_logs(self, but: set[str]) -> None:
        for id, log in self.files.items():
            if id not in but:
                self.said[id] = log.texts

    def _forget(self, ids: list[str], *, keeps_notes_of_projects: bool) -> None:
        for id in ids:
            del self.said[id]
            self.open.pop(id, None)
            self.removed.add(id)
        for body, (id, has_project) in list(self.notes.items()):
            if id in ids:
                del self.notes[body]
                if keeps_notes_of_projects and has_project:
                    # It is the project's alone from then on.
                    self.notes[body] = ("", has_project)


Database.TestCase.settings = settings(
    deadline=None,
    max_examples=EXAMPLES,
    stateful_step_count=60 if IS_SOAK else 30,
    suppress_health_check=list(HealthCheck),
)
TestDatabase = Database.TestCase
