"""Logs of sessions that copy each other, and what each order of reading them comes to."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from datetime import timezone
from itertools import permutations
from pathlib import Path
from typing import Any

from sessiondb import SessionDB
from sessiondb.dao.maintenance import Maintenance
from sessiondb.ingest.run import Ingest
from tests.helpers.conversations import MINUTE, write
from tests.helpers.stores import contents

Line = dict[str, Any]
FOUND = "SELECT session_id, seq FROM messages WHERE id IN (SELECT rowid FROM messages_fts WHERE messages_fts MATCH ?)"
ORIGIN = 27


def id_of(number: int) -> str:
    """Return the id of a session: those of smaller numbers are smaller."""
    return f"{number:08}-0000-4000-8000-000000000000"


def _line(session: str, minute: int, type: str, message: Line, **more: Any) -> Line:
    return {
        "uuid": f"aaaaaaaa-0000-4000-8000-{minute:012}", "sessionId": session, "timestamp": MINUTE.format(minute),
        "cwd": "/home/mira/quill", "version": "2.0", "isSidechain": False, "type": type, "message": message, **more,
    }  # fmt: skip


def said(session: str, minute: int, text: str = "", **more: Any) -> Line:
    """Return what a person says."""
    return _line(session, minute, "user", {"role": "user", "content": text or f"Say {minute}"}, **more)


def asked(session: str, minute: int, **more: Any) -> Line:
    """Return an answer of the model's, which calls a tool."""
    call = {"type": "tool_use", "id": f"toolu_{minute:020}", "name": "ls", "input": {"at": minute}}
    message = {
        "id": f"msg_{minute:024}", "role": "assistant", "model": "claude-x",
        "usage": {"input_tokens": 10, "output_tokens": minute},
        "content": [{"type": "text", "text": f"Text {minute}"}, call],
    }  # fmt: skip
    return _line(session, minute, "assistant", message, requestId=f"req_{minute}", **more)


def answered(session: str, minute: int, call: int, **more: Any) -> Line:
    """Return a tool's answer to the call of a minute."""
    block = {"type": "tool_result", "tool_use_id": f"toolu_{call:020}", "content": f"Result {call}"}
    return _line(session, minute, "user", {"role": "user", "content": [block]}, **more)


def talk(session: str, *minutes: int) -> list[Line]:
    """Return what is said in some minutes: at even ones by a person, at odd ones by the model, with a tool's answer.

    Each seventh minute a reminder stands before what a person says.
    """
    lines = []
    for minute in minutes:
        if minute % 2 == 0:
            reminder = "<system-reminder>Mind it.</system-reminder>\n" if minute % 7 == 0 else ""
            lines.append(said(session, minute, f"{reminder}Say {minute}"))
        else:
            lines += [asked(session, minute), answered(session, minute + 30, minute)]
    return lines


def copied(lines: Sequence[Line], session: str, *, marked: bool = False) -> list[Line]:
    """Return lines as a fork has them, which says where they are from in newer releases."""
    copies = [{key: value for key, value in line.items() if key != "forkedFrom"} for line in lines]
    for copy in copies if marked else ():
        copy["forkedFrom"] = {"sessionId": copy["sessionId"], "messageUuid": copy["uuid"]}
    return [copy | {"sessionId": session} for copy in copies]


def transcript(folder: Path, lines: Sequence[Line]) -> Path:
    """Write a session's file."""
    return write(folder / "p" / f"{lines[-1]['sessionId']}.jsonl", *lines)


def random_forks(dice: random.Random, number: int, *, marked: bool) -> list[list[Line]]:
    """Return logs of which each but the first copies the beginning of another, or all of it, and goes on."""
    ids = list(map(id_of, range(1, number + 1)))
    dice.shuffle(ids)
    minutes = iter(range(1, 30))
    logs = [talk(ids[0], *(next(minutes) for _ in range(dice.randint(2, 5))))]
    for session in ids[1:]:
        lines = dice.choice(logs)
        copies = copied(
            lines[: dice.choice((len(lines), dice.randint(1, len(lines))))], session, marked=marked
        )
        logs.append(copies + talk(session, *(next(minutes) for _ in range(dice.randint(1, 3)))))
        if marked and dice.random() < 0.5:
            # Where copies are marked, the original may go on later than its forks.
            log = dice.choice(logs)
            log += talk(log[-1]["sessionId"], next(minutes))
    return logs


def content(db: SessionDB) -> dict[str, list[Any]]:
    """Return what a database holds, and what a search in it finds, but not which database it is."""
    found = contents(db)
    found["sessions"] = [(*row[:ORIGIN], *row[ORIGIN + 1 :]) for row in found["sessions"]]
    found["found"] = sorted(db.connection.rows(FOUND, ("text OR say",)))
    return found


def read(database: Path, runs: Sequence[Sequence[Path]]) -> dict[str, list[Any]]:
    """Import files in some runs, all of them twice more in another, and return what there is."""
    with SessionDB(database) as db:
        for files in runs:
            assert Ingest(db.connection, tz=timezone.utc).run(list(map(str, files))).skipped == []
        found = content(db)
        files = [file for run in runs for file in run]
        for file in files:
            os.utime(file)
        again = Ingest(db.connection, tz=timezone.utc).run(list(map(str, files)))
        assert (again.sessions_added, again.sessions_updated, again.messages_added) == (set(), set(), 0)
        Ingest(db.connection, tz=timezone.utc, restore=True).run(list(map(str, files)))
        assert content(db) == found
        assert Maintenance(db.connection).check() == []
    return found


def same_in_any_order(files: Sequence[Path], folder: Path) -> dict[str, list[Any]]:
    """Return what files come to, which is the same in every order, in one run and in several."""
    found = []
    for number, order in enumerate(permutations(files)):
        found.append(read(folder / f"{number}-runs.db", [[file] for file in order]))
        for moment, file in enumerate(order):
            os.utime(file, (1_772_000_000 + moment,) * 2)
        found.append(read(folder / f"{number}-run.db", [order]))
    for other in found[1:]:
        assert other == found[0]
    return found[0]


def lineage(found: dict[str, list[Any]]) -> dict[str, tuple[str | None, str | None, str | None, int]]:
    """Return the parent, relation, title and message count of each session."""
    return {row[0]: (row[14], row[15], row[16], row[23]) for row in found["sessions"]}


def texts(found: dict[str, list[Any]], session: str) -> list[tuple[int, str | None]]:
    """Return seq and text of a session's messages."""
    return [(row[1], row[3]) for row in sorted(found["messages"]) if row[0] == session]
