"""One of several processes that write to a database at once: live_worker.py TASK DATABASE ARGUMENTS.

It prints a line of JSON for each thing done.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from sessiondb import SessionDB
from sessiondb.gateway import Channel, ResetPolicy
from sessiondb.records import Message

ANN = Channel("telegram", "dm", chat_id="42")
LAST_ACTIVE = datetime(2026, 3, 10, 12, tzinfo=timezone.utc)
POLICY = ResetPolicy(idle_minutes=30)


def say(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def write_turn(db: SessionDB, session_id: str, name: str) -> list[Message]:
    """Write a user's message, an answer with two tool calls, the answers to these, and a count for each."""
    with db.turn(session_id) as turn:
        calls = [
            {"id": f"{name}-{n}", "name": "read", "arguments": {"path": f"{name}/{n}.py"}} for n in (1, 2)
        ]
        written = [turn.append("user", f"Where is {name}?", model="m")]
        written.append(
            turn.append("assistant", f"Looking for {name} in two files.", tool_calls=calls, model="m")
        )
        written += [turn.append("tool", f"def {name}(): ...", tool_call_id=call["id"]) for call in calls]
        for number, message in enumerate(written):
            turn.add_tokens(
                request_key=f"{name}-{number}", message_id=message.id, input=100, output=10, model="m"
            )
    return written


def turns(db: SessionDB, worker: str, count: str) -> None:
    """Write turns, one to a session that all share, one to a session of its own, and so on."""
    own = db.sessions.start("worker", id=f"own-{worker}")
    shared = db.sessions.get_or_start("shared", "worker")
    for number in range(int(count)):
        write_turn(db, (shared, own)[number % 2].id, f"w{worker}_{number}")


def until_killed(db: SessionDB, session_id: str, begin: str) -> None:
    """Write turns without end, and acknowledge each when it is written."""
    number = int(begin)
    while True:
        name = f"t{number}"
        say({"turn": name, "last": write_turn(db, session_id, name)[-1].seq})
        number += 1


def ask(db: SessionDB, start: str) -> None:
    """Ask for Ann's session at the idle deadline, all processes at one time."""
    calls = []
    gateway = db.gateway("bot", reset=POLICY, before_reset=lambda session, reason: calls.append(reason))
    time.sleep(max(0.0, float(start) - time.time()))
    session = gateway.session(ANN, now=LAST_ACTIVE + timedelta(minutes=30))
    notice = gateway.take_notice(session.id)
    say({"session": session.id, "notice": notice and notice.reason, "callbacks": len(calls)})


def note(db: SessionDB, session_id: str, worker: str, count: str) -> None:
    """Take notes and complete follow-ups of one session that others take notes of too."""
    for number in range(int(count)):
        db.notes.add("decision", f"{worker}: {number}", session_id=session_id)
        db.notes.add("followup", f"{worker} must do {number}.", session_id=session_id)
        db.continuity.complete(f"{worker} must do {number}.", session_id=session_id)


if __name__ == "__main__":
    task, path, *arguments = sys.argv[1:]
    with SessionDB(path, time_budget=600) as database:
        tasks: dict[str, Callable[..., None]] = {
            "turns": turns,
            "until-killed": until_killed,
            "ask": ask,
            "note": note,
        }
        tasks[task](database, *arguments)
