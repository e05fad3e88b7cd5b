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
from tests.dao.forks.test_fork_order_in_stores import codex_id, codex_line, codex_turn
from tests.helpers.conversations import MINUTE, write
from tests.helpers.fork_logs import content, random_forks

Logs = dict[str, Sequence[Any]]
"""Lines by the name of their file."""


def claude(dice: random.Random, *, marked: bool) -> Logs:
    logs = random_forks(dice, dice.randint(2, 4), marked=marked)
    return {f"p/{lines[-1]['sessionId']}.jsonl": lines for lines in logs}


def answered(turn: list[Any]) -> list[Any]:
    """Return a turn of Codex with its answer as an item of the response too, before the count."""
    *lines, count = turn
    text = [{"type": "output_text", "text": lines[-1]["payload"]["message"]}]
    said = codex_line(
        "response_item", count["timestamp"][11:-1], type="message", role="assistant", content=text
    )
    return [*lines, said, count]


def codex(dice: random.Random) -> Logs:
    """Return a session, its fork, and that one's: copies under other ids and times, and the headers of those above."""
    times = ["09:00", "09:10", "09:20"]
    said = ["One", "Three", "Eleven"]
    logs: Logs = {}
    for number, time in enumerate(times[: dice.choice((2, 3))]):
        at = f"{time}:00.001"
        lines: list[Any] = []
        for above in (number, number - 1)[: number + 1]:
            header = {"id": codex_id(times[above]), "timestamp": f"2026-03-12T{times[above]}:00Z"}
            header |= {"forked_from_id": codex_id(times[above - 1])} if above else {}
            lines.append(codex_line("session_meta", at, **header))
        for copied in range(number):
            lines += answered(codex_turn(times[copied], said[copied], at))
        logs[f"rollout-{codex_id(time)}.jsonl"] = [*lines, *answered(codex_turn(time, said[number]))]
    return logs


def qwen(dice: random.Random) -> Logs:
    """Return a session and its fork, whose lines say where they are from."""
    ids = [f"{letter * 8}-0000-4000-8000-000000000000" for letter in "ab"]

    def line(session: str, number: int, **more: Any) -> dict[str, Any]:
        role = "user" if number % 2 else "model"
        said = {"role": role, "parts": [{"text": f"Say {number}"}]}
        if role == "model":
            more["usageMetadata"] = {"promptTokenCount": 10, "candidatesTokenCount": number}
        return {
            "uuid": f"cccccccc-0000-4000-8000-{number:012}", "parentUuid": None, "sessionId": session,
            "timestamp": MINUTE.format(number), "type": "user" if number % 2 else "assistant", "version": "0.15",
            "cwd": "/home/mira/quill", "model": "qwen", "message": said, **more,
        }  # fmt: skip

    first = [line(ids[0], number) for number in range(1, 5)]
    copies = [
        copy | {"sessionId": ids[1], "forkedFrom": {"sessionId": ids[0], "messageUuid": copy["uuid"]}}
        for copy in first[: dice.choice((2, 4))]
    ]
    fork = [*copies, *(line(ids[1], number) for number in (5, 6))]
    return {f"chats/{id}.jsonl": lines for id, lines in zip(ids, (first, fork), strict=True)}


FORMATS: dict[str, Callable[[random.Random], Logs]] = {
    "claude code": lambda dice: claude(dice, marked=False),
    "claude code with marks": lambda dice: claude(dice, marked=True),
    "codex": codex,
    "qwen": qwen,
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
